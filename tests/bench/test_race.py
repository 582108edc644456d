"""The race of methods: its judge, its quartiles, its counting operator and its problems."""

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from bench.race import accuracy_per_matvec as race
from bench.race.methods import cut, ours, split
from bench.race.problems import Counted, Problem, turned


@pytest.fixture
def problem(rng):
    lam = np.repeat([0.0, 1.0, 2.0], [16, 32, 16])
    return Problem("two levels", "gallery", turned(lam, rng), 48, 2.0, 1.0, is_indefinite=False)


def test_counting_operator_counts_a_product_a_vector(problem, rng):
    operator = Counted(problem.matrix)
    x, X = rng.standard_normal(problem.n), rng.standard_normal((problem.n, 5))

    np.testing.assert_allclose(operator @ x, problem.matrix @ x)
    np.testing.assert_allclose(operator @ X, problem.matrix @ X)
    operator.rmatvec(x)

    assert operator.products == 7


@pytest.mark.parametrize("method", [symrank.Lanczos(), symrank.Chebyshev(), symrank.Langevin()])
def test_a_method_claims_the_products_that_the_operator_saw(problem, method):
    operator = Counted(problem.matrix)
    result = symrank.rank(operator, method, max_matvecs=300, rng=1, check=False)
    assert operator.products == result.num_matvecs <= 300


def test_turned_matrix_has_the_spectrum_and_no_diagonal_form(rng):
    lam = np.linspace(-1.0, 2.0, 64)
    A = turned(lam, rng)
    assert sp.issparse(A)
    np.testing.assert_allclose(np.linalg.eigvalsh(A.toarray()), lam, atol=1e-13)
    signs = rng.choice([-1.0, 1.0], 64)
    assert abs(signs @ (A @ signs) - lam.sum()) > 0.1


@pytest.mark.parametrize(
    ("value", "interval", "error", "covers"),
    [
        (99.0, (98.0, 100.0), 0.01, True),
        (99.0, (98.0, 99.0), 0.01, False),
        (101.5, (99.2, 103.0), 0.015, True),
        (100.0, (100.4, 103.0), 0.0, True),  # rounded outwards
        (90.0, None, 0.1, None),
    ],
)
def test_judge(value, interval, error, covers):
    found = race.judge(value, interval, 100)
    assert found["error"] == pytest.approx(error)
    assert found["covers"] is covers


def test_quartiles_and_counts_of_bars():
    head = {"problem": "p", "kind": "k", "n": 10, "rank": 5, "budget": 100, "seconds": 1.0}
    head |= {"products": 50, "interval": [0.0, 5.0]}
    rows = [
        head | {"method": "m", "error": error, "covers": error < 0.35}
        for error in (0.4, 0.1, 0.3, 0.0, 0.2)
    ]
    refused = {**head, "method": "other", "declined": "why"}

    first, second = race.summarise([*rows, refused])
    (bars,) = race.coverage([*rows, refused])

    quartiles = [first[f"error_{name}"] for name in ("lower", "median", "upper")]
    np.testing.assert_allclose(quartiles, [0.1, 0.2, 0.3])
    assert (first["covers"], first["bars"], first["runs"]) == (4, 5, 5)
    assert second["declined"] == "why"
    assert (bars["covers"], bars["half_width_over_n"], bars["unspent"]) == (4, 0.25, 0.5)


def test_a_contestant_of_symrank_answers(problem):
    answer = ours(symrank.Lanczos())(problem, Counted(problem.matrix), 400, 0)
    low, high = answer.interval
    assert low <= answer.value <= high


@pytest.mark.parametrize("budget", [500, 1500, 5000, 15_000])
def test_split_spends_the_budget_and_keeps_ten_vectors(budget):
    steps, vectors = split(budget, 10_000)
    assert vectors >= 10
    assert budget - steps < steps * vectors <= budget


def test_cut_is_half_the_gap_once_the_steps_resolve_it(problem):
    assert cut(problem, 1) == 2.0
    assert cut(problem, 100) == 0.5


def test_a_run_that_was_cut_off_goes_on_and_a_complete_one_starts_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(race.record, "RESULTS", tmp_path)
    agreed = {"units": [["p", 0]], "methods": ["m"]}
    state = {"rows": [], "finished": [["p", 0]], "seconds": 9.0}
    half = race.Race("race", agreed, state)

    half.save(complete=False)
    assert race.resume("race", agreed)["finished"] == [["p", 0]]
    assert race.resume("race", agreed | {"methods": ["other"]})["finished"] == []
    half.save(complete=True)
    assert race.resume("race", agreed)["finished"] == []
