"""Benchmarks of many machines: the graph with a known spectrum, the model, and what was found."""

import numpy as np
import pytest

from bench import record
from bench.scaling import circulants
from bench.scaling.model import Constants, Problem, processor_seconds, seconds, together

UNIT = Constants(product=1.0, task=1.0, byte_out=1.0, byte_in=1.0, read=1.0, entry=1.0, row=1.0)


@pytest.mark.parametrize("is_local", [False, True])
def test_the_graph_has_the_spectrum_that_is_said(is_local):
    n, size, degree = 240, 60, 5
    L = circulants.rows(0, n, n, is_local=is_local, size=size, degree=degree)
    assert (L != L.T).nnz == 0
    assert not np.any(L.sum(axis=1))
    found, said = np.linalg.eigvalsh(L.toarray()), circulants.spectrum(n, size, degree)
    rounding = n * np.finfo(float).eps * said[-1]  # of LAPACK
    np.testing.assert_allclose(found, said, rtol=0, atol=rounding)
    assert (said <= rounding).sum() == n // size
    part = circulants.rows(50, 130, n, is_local=is_local, size=size, degree=degree)
    assert (part != L[50:130]).nnz == 0


def test_the_model_counts_bytes():
    few = Problem(n=10, entries=50, blocks=3, workers=2, vectors=4)
    assert few.block_bytes == 8 * 10 * 4
    assert (few.copies, few.stages) == (2, 2)
    assert few.matrix_bytes == 50 * 12 + 40
    parts = seconds(few, UNIT)
    assert parts["product"] == (1 + 3) + 2 * 320 + 320 + (1 + 4) * 50 / 2
    assert parts["driver"] == 40
    assert processor_seconds(few, UNIT) == (1 + 3) + 2 * 320 + 320 + (1 + 4) * 50
    many = Problem(n=10, entries=50, blocks=3, workers=64, vectors=4)
    assert (many.copies, many.stages) == (1, 7)  # on by doubling
    banded = Problem(n=10, entries=50, blocks=3, workers=64, vectors=4, reach=1 / 64)
    assert (banded.copies, banded.stages) == (1, 1)
    assert together(many, UNIT, 1.0)["dot bytes"] == 8 * 4 * 6


def test_a_matrix_larger_than_its_driver_had_its_rank():
    found = record.load("scaling/larger")
    assert found["n"] == 10**6
    assert found["driver_mib"] < found["matrix_mib"]
    assert found["low"] <= found["truth"] <= found["high"]


def test_the_model_was_checked_at_three_sizes_and_two_numbers_of_workers():
    found = record.load("scaling/sizes")
    cases = {(row["n"], row["workers"]) for row in found["rows"]}
    assert len(cases) == 6
    bar = next(iter(found["bars"].values()))
    assert bar["figure"] >= bar["at_least"]
    assert {row["n"] for row in found["alone"]} >= {10**4, 10**6}
