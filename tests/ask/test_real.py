"""Real matrices with a reference rank, where a folder of them is at hand."""

import csv

import pytest

import symrank
from bench.matrices.real import load

# one of each kind and operator, small enough for a test
SMALL = ["lap_karate", "illc1033", "bibd_13_6", "ash219", "adj_celegans_metabolic", "rbf_iris"]
LARGE = ["lap_airfoil1", "lap_hep-th", "adj_bfly", "Chem97Zt", "dcflow_case8387pegase"]
NO_GAP = ["zenios", "reorientation_1"]
SQUARED = ["lp_agg2", "lp_sierra"]  # A A^T of factors whose singular values have a gap


def rows(folder):
    with (folder / "manifest.csv").open() as file:
        return {row["name"]: row for row in csv.DictReader(file)}


@pytest.mark.real
@pytest.mark.parametrize("name", SMALL)
def test_small_matrices_are_exact(real_matrices, name):
    row = rows(real_matrices)[name]
    result = symrank.rank(load(real_matrices, row))
    assert result.rank == int(row["rank"])
    assert result.status is symrank.Status.EXACT


@pytest.mark.real
@pytest.mark.parametrize("name", LARGE)
def test_large_matrices_are_inside_a_narrow_interval(real_matrices, name):
    row = rows(real_matrices)[name]
    result = symrank.rank(load(real_matrices, row), "lanczos", rng=97)
    low, high = result.interval(1 - 1e-4)
    assert low <= int(row["rank"]) <= high
    assert high - low < 0.02 * result.n
    assert result.status is symrank.Status.CONVERGED


@pytest.mark.real
@pytest.mark.parametrize("name", NO_GAP)
def test_ill_posed_matrices_are_never_sure(real_matrices, name):
    result = symrank.rank(load(real_matrices, rows(real_matrices)[name]), "dense")
    assert result.status is symrank.Status.NO_GAP_FOUND


@pytest.mark.real
@pytest.mark.parametrize("name", SQUARED)
@pytest.mark.parametrize("method", [None, "dense", "inertia"])
def test_squares_are_counted_by_the_singular_values_of_their_factor(real_matrices, name, method):
    row = rows(real_matrices)[name]
    result = symrank.rank(load(real_matrices, row), method, rng=97)
    assert (result.rank, result.status) == (int(row["rank"]), symrank.Status.EXACT)


@pytest.mark.real
@pytest.mark.parametrize("name", SMALL + LARGE + NO_GAP)
def test_the_choice_is_never_sure_of_a_wrong_count(real_matrices, name):
    row = rows(real_matrices)[name]
    result = symrank.rank(load(real_matrices, row), rng=97)
    low, high = result.interval(1 - 1e-4)
    if name not in NO_GAP:
        assert result.status in (symrank.Status.EXACT, symrank.Status.CONVERGED)
        assert low <= int(row["rank"]) <= high
    elif result.status is not symrank.Status.NO_GAP_FOUND:
        assert low == int(row["rank"]) == high
