"""What an operator says of itself: once, the same for every way to make it, and true."""

import dataclasses
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import gallery
from symrank.errors import OperatorError, OptionError
from symrank.methods.costs import product_seconds
from symrank.operators import (
    Congruent,
    MatrixOperator,
    Operator,
    Scaled,
    Squared,
    as_operator,
    augmented,
    gram,
    shift,
)
from symrank.operators.deflated import Deflated
from symrank.operators.factor import diagonal_factor
from symrank.operators.facts import Facts, Work
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import budget_of
from tests.cases.operators import CASES

RNG = np.random.default_rng(0)
B = RNG.standard_normal((7, 4))


@pytest.mark.parametrize("name", CASES)
def test_facts_are_true(name):
    case = CASES[name]()
    A, twin = case.operator, case.twin
    facts = A.facts
    assert facts is A.facts
    assert (facts.n, facts.matvecs_per_product) == (A.n, A.matvecs_per_product)
    assert product_seconds(facts.work) >= 0.0
    assert facts.entries is None or facts.num_entries >= np.count_nonzero(twin)
    if facts.diagonal is not None:
        np.testing.assert_array_equal(facts.diagonal(), twin.diagonal().astype(A.dtype))
        is_positive = bool((twin.diagonal().real > 0.0).all())
        assert facts.has_positive_diagonal is (is_positive and facts.stored is not None)
    form = facts.dense
    if not form.is_singular:
        assert form.shape[0] == form.shape[1] <= A.n
    else:
        singular = A.singular_form()
        assert singular.factor.shape == form.shape
        sigma = np.linalg.svd(singular.factor.to_dense(), compute_uv=False)
        size = singular.unit * (singular.scale * sigma) ** (2 if singular.is_squared else 1)
        lam = np.sort(np.abs(np.linalg.eigvalsh(twin)))[::-1]
        tolerance = 200 * np.finfo(A.dtype).eps * lam.max(initial=0.0)
        found = np.sort(size if singular.is_squared else np.repeat(size, 2))[::-1]
        np.testing.assert_allclose(found, lam[: found.size], rtol=0, atol=tolerance)
        np.testing.assert_allclose(lam[found.size :], 0.0, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_an_operator_that_has_told_its_facts_can_be_pickled(name):
    A = CASES[name]().operator
    if A.is_foreign:
        return  # holds functions of the test
    assert A.facts.n == A.n
    assert pickle.loads(pickle.dumps(A)).facts.num_entries == A.facts.num_entries


@pytest.mark.parametrize("name", CASES)
def test_scaling_rows_is_a_congruence(name):
    case = CASES[name]()
    root = 2.0 ** RNG.integers(-3, 4, case.operator.n)
    scaled = case.operator.scaled_rows(root)
    assert (scaled is None) == (case.operator.facts.rows is None)
    if scaled is not None:
        expected = root[:, None] * case.twin * root
        tolerance = 50 * np.finfo(scaled.dtype).eps * np.abs(expected).max(initial=0.0)
        np.testing.assert_allclose(scaled.to_dense(), expected, rtol=0, atol=tolerance)


def test_work_follows_the_entries():
    L = gallery.grid_laplacian((10, 12))
    known = as_operator(L).facts
    assert known.work == Work(by_index=L.nnz, rows=120)
    assert (known.num_entries, known.is_full, known.is_explicit) == (L.nnz, False, True)
    assert as_operator(L.toarray()).facts.work == Work(in_order=120**2, rows=120)
    assert as_operator(L.toarray()).facts.is_full
    hidden = as_operator(L).to_scipy()
    assert as_operator(hidden).facts.work == Work(unknown_rows=120)
    assert gram(B).facts.work == Work(in_order=2 * B.size, rows=4)
    assert Squared(as_operator(L)).facts.work == Work(by_index=2 * L.nnz, rows=3 * 120)
    assert shift(as_operator(hidden), 1.0).facts.work == Work(unknown_rows=120, rows=120)


def test_what_is_made_of_a_matrix_knows_no_pattern_but_its_scaled_self():
    A = as_operator(gallery.grid_laplacian((5, 5)))
    S = diagonal_factor(np.full(25, 2.0))
    for made in (Squared(A), Congruent(A, S), Deflated(A, np.ones(25))):
        assert (made.facts.num_entries, made.facts.entries) == (0.0, None)
        assert made.facts.dense.num_formed == made.n
    assert Scaled(A, 2.0).facts.num_entries == A.facts.num_entries
    assert Scaled(A, 2.0).facts.dense.num_formed == 0
    np.testing.assert_array_equal(Scaled(A, 2.0).sparse_entries().toarray(), 2.0 * A.to_dense())


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1000])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, augmented])
def test_an_explicit_matrix_is_scaled_at_the_door(make, scale):
    """It stays a matrix: kernels, pivots and patterns are those of any other."""
    options = Options(seed=1)
    A = make((B.T @ B) * scale)
    job = prepare(A, options, budget_of(options, None))
    assert type(job.operator) is type(as_operator(A))
    plain = as_operator(make(B.T @ B)).to_dense()
    exact = np.ldexp(plain, round(np.log2(scale / job.goal.scale)))
    np.testing.assert_array_equal(job.operator.to_dense(), exact)
    np.testing.assert_array_equal(job.given.to_dense(), as_operator(A).to_dense())


def test_a_matrix_of_subnormal_single_precision_is_scaled_too():
    """2^140 is no number of that precision: the exponents are added."""
    A = np.diag(np.float32([2.0**-140, 2.0**-141, 0.0]))
    result = symrank.rank(A, rng=1)
    assert (result.rank, result.dtype) == (2, "float32")


class Ring(Operator):
    def _matmat(self, X):
        return 2.0 * X - np.roll(X, 1, axis=0) - np.roll(X, -1, axis=0)


class KnownRing(Ring):
    def _facts(self):
        twin = sp.csr_array(self @ np.eye(self.n))
        return dataclasses.replace(
            super()._facts(), num_entries=3.0 * self.n, entries=lambda most: twin
        )


def test_an_operator_of_the_callers_says_what_it_knows():
    assert Ring((50, 50), float).facts.work == Work(unknown_rows=50)
    assert Ring((50, 50), float, work=150.0).facts.work == Work(by_index=150.0, rows=50)
    result = symrank.rank(KnownRing((50, 50), float), "inertia", rng=1)
    assert (result.rank, result.method) == (49, "inertia")


class WrongRing(Ring):
    """States the entries of another matrix."""

    def __init__(self, n, entries):
        super().__init__((n, n), float)
        self.stated = entries

    def _facts(self):
        return dataclasses.replace(
            super()._facts(), num_entries=3.0 * self.n, entries=lambda most: self.stated
        )


def test_entries_that_are_not_those_of_the_products_are_refused():
    """Pivots would count them, exactly and wrong."""
    ring = sp.csr_array(Ring((50, 50), float) @ np.eye(50))
    assert symrank.rank(WrongRing(50, ring), "inertia", rng=1).rank == 49
    one_off = ring.copy()
    one_off[7, 7] += 1e-6
    with pytest.raises(OperatorError, match="are not those of its products"):
        symrank.rank(WrongRing(50, one_off), "inertia", rng=1)
    for entries in (ring.toarray(), ring[:40, :40], None):
        with pytest.raises(OperatorError, match=r"a scipy\.sparse array of shape \(50, 50\)"):
            symrank.rank(WrongRing(50, entries), "inertia", rng=1)


class Silent(Ring):
    def _facts(self):
        return None


class Larger(Ring):
    def _facts(self):
        return Facts.of_products(self.n + 1)


@pytest.mark.parametrize("kind", [Silent, Larger])
def test_facts_of_another_operator_are_refused(kind):
    with pytest.raises(OperatorError, match="Facts of n = 50 are wanted"):
        symrank.rank(kind((50, 50), float), "lanczos", rng=1)


@pytest.mark.parametrize("work", [-1.0, np.inf, np.nan, "much", True])
def test_work_is_a_number_of_multiplications(work):
    with pytest.raises(OptionError, match="work="):
        Ring((50, 50), float, work=work)


class Broken(Ring):
    def _facts(self):
        raise RuntimeError("the file is gone")


def test_an_error_of_the_callers_facts_is_the_callers():
    with pytest.raises(RuntimeError, match="the file is gone"):
        symrank.rank(Broken((50, 50), float), "lanczos", rng=1)


def test_facts_need_no_matrix():
    facts = Facts.of_products(10**9)
    assert (facts.dense.shape, facts.dense.num_products) == ((10**9, 10**9), 10**9)
    assert isinstance(MatrixOperator(np.eye(2)).facts, Facts)
    assert as_operator(spla.aslinearoperator(np.eye(3))).facts.entries is None
