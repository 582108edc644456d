"""count of a pencil K x = lambda M x: against LAPACK, at eigenvalues, in units, and refusals."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Preconditioner, Status, count
from symrank.errors import NonFiniteError, NotSymmetricError, OperatorError, OptionError
from symrank.methods.pivots import ldl_far
from symrank.methods.pivots.pencil import on_one_pattern

INF = np.inf


def rod(n=120, *, is_complex=False):
    """Return stiffness and consistent mass of linear elements, and the eigenvalues."""
    side = np.ones(n - 1)
    K = sp.diags_array([-side, 2 * np.ones(n), -side], offsets=[-1, 0, 1])
    M = sp.diags_array([side, 4 * np.ones(n), side], offsets=[-1, 0, 1]) / 6.0
    K, M = sp.csr_array(K), sp.csr_array(M)
    if is_complex:
        K = sp.csr_array(K + 0.3j * sp.diags_array([side, -side], offsets=[1, -1]))
    return K, M, scipy.linalg.eigh(K.toarray(), M.toarray(), eigvals_only=True)


def within(lam, a, b):
    return int(((lam > a) & (lam <= b)).sum())


@pytest.mark.parametrize("form", ["sparse", "dense", "Hermitian", "Hermitian mass", "float32"])
def test_counts_are_those_of_lapack(rng, form):
    K, M, lam = rod(is_complex=form == "Hermitian")
    if form == "Hermitian mass":
        M = sp.csr_array(M + 0.1j * sp.diags_array([np.ones(119), -np.ones(119)], offsets=[1, -1]))
        lam = scipy.linalg.eigh(K.toarray(), M.toarray(), eigvals_only=True)
    if form == "dense":
        K, M = K.toarray(), M.toarray()
    if form == "float32":
        K = K.astype(np.float32)  # its entries are whole numbers
    for _ in range(4):
        a, b = np.sort(rng.uniform(-1.0, 13.0, 2))
        if np.abs(np.subtract.outer([a, b], lam)).min() < 1e-3:
            continue
        result = count(K, a, b, M=M, rng=1)
        truth = within(lam, a, b)
        assert (result.rank, result.interval(), result.status) == (
            truth, (truth, truth), Status.EXACT,
        )  # fmt: skip
        assert (result.method, result.between, result.n) == ("inertia", (a, b), 120)


def test_an_end_on_an_eigenvalue_is_open_on_both_sides():
    K, M, lam = rod()
    result = count(K, lam[5], lam[50], M=M, rng=1)
    low, high = result.interval()
    assert low <= 44 < 46 <= high
    assert [(band.low < x < band.high, band.most) for band, x in zip(
        result.at_ends, (lam[5], lam[50]), strict=True
    )] == [(True, 1), (True, 1)]  # fmt: skip
    fine = count(K, lam[5], lam[50], M=M, rng=1, precision=1e-9)
    assert fine.status is Status.NO_GAP_FOUND
    assert "Move the cut or the end into a gap" in fine.notes[0]


def test_a_cluster_on_an_end(rng):
    lam = np.repeat([0.25, 0.5, 1.0], [10, 20, 30])
    Q = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    C = Q.T + 3.0 * np.eye(60)  # M = C' C
    K, M = C.T @ (lam[:, None] * C), C.T @ C
    K, M = (K + K.T) / 2, (M + M.T) / 2
    low, high = count(K, 0.5, 2.0, M=M).interval()
    assert (low, high) == (30, 50)
    assert count(K, 0.4, 0.6, M=M).interval() == (20, 20)


def test_zero_asks_for_signs():
    K, M, _ = rod()
    free = K.copy()
    free[0, 0] = free[-1, -1] = 1.0  # both ends free: one rigid motion
    assert count(free, 0.0, INF, M=M, rng=1).rank == 119
    below = count(free, -INF, 0.0, M=M, rng=1)
    assert (below.rank, below.status) == (1, Status.EXACT)
    assert count(sp.csr_array((120, 120)), 0.0, INF, M=M, rng=1).interval() == (0, 0)
    assert count(sp.csr_array((120, 120)), -1.0, 1.0, M=M, rng=1).interval() == (120, 120)


def test_a_table_adds_up():
    K, M, lam = rod()
    edges = [-INF, 0.0, 0.3, 2.0, 7.0, INF]
    table = count(K, edges, M=M, rng=1)
    expected = [within(lam, a, b) for a, b in pairwise(edges)]
    assert table.counts.tolist() == expected
    assert (table.total.rank, table.status) == (120, Status.EXACT)


UNITS = (
    (1e-290, 1.0), (1e270, 1.0), (1.0, 1e-290), (1.0, 1e270), (1e-200, 1e90), (1e270, 1e270),
    (1e-290, 1e-290),
)  # fmt: skip


@pytest.mark.parametrize(("s", "t"), UNITS)
def test_units_are_of_no_matter(s, t):
    K, M, lam = rod()
    result = count(K * s, 0.5 * (s / t), 2.0 * (s / t), M=M * t, rng=1)
    assert (result.rank, result.status) == (within(lam, 0.5, 2.0), Status.EXACT)


@pytest.mark.parametrize("method", [None, "lanczos", "dense", "inertia"])
@pytest.mark.parametrize("form", ["array", "diagonal matrix", "factor"])
def test_a_mass_with_a_factor_serves_every_method(method, form):
    K, M, lam = rod()
    mass = np.where(np.arange(120) % 3, 1.0, 0.25)
    if form == "factor":
        S = np.linalg.inv(np.linalg.cholesky(M.toarray())).T  # M^-1 = S S'
        mass = Preconditioner.from_factor(S)
    else:
        lam = scipy.linalg.eigh(K.toarray(), np.diag(mass), eigvals_only=True)
        mass = mass if form == "array" else sp.diags_array(mass)
    A = K if method == "inertia" else spla.aslinearoperator(K)
    if form == "factor" and method == "inertia":
        with pytest.raises(OptionError, match="known by"):
            count(A, 0.5, 2.0, method, M=mass, rng=1)
        return
    low, high = count(A, 0.5, 2.0, method, M=mass, rng=1, max_matvecs=4000).interval(1 - 1e-9)
    assert low <= within(lam, 0.5, 2.0) <= high


K, M, _ = rod(12)
REFUSED = {
    "negative": (-M, OptionError, r"diagonal is -0\.667.*swapped"),
    "indefinite": (M - 0.4 * sp.eye_array(12), OptionError, r"\d of its 12 eigenvalues or more"),
    "indefinite, a diagonal": (np.where(np.arange(12) == 3, -1.0, 1.0), OptionError, "swapped"),
    "no mass at one": (np.where(np.arange(12) == 3, 0.0, 1.0), OptionError, "condensation"),
    "singular": (np.ones((12, 12)), OptionError, "could not be proved"),
    "nearly singular": (np.ones((12, 12)) + 1e-14 * np.eye(12), OptionError, "could not"),
    "zero": (sp.csr_array((12, 12)), OptionError, "condensation"),
    "another size": (M[:5, :5], OptionError, "12x12 and M 5x5"),
    "a short diagonal": (np.ones(3), OptionError, "12x12 and M 3x3"),
    "no matrix": ("mass", OperatorError, "not numbers"),
    "a rectangle": (np.ones((12, 3)), OperatorError, "square"),
    "NaN": (M * np.nan, NonFiniteError, "not finite"),
    "unsymmetric": (sp.csr_array(np.triu(M.toarray())), NotSymmetricError, "not symmetric"),
    "products": (spla.aslinearoperator(M), OptionError, "products alone"),
    "a G of products": (Preconditioner.from_products(lambda R: R, 12), OptionError, "no factor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mass_that_is_none_is_refused(name):
    mass, error, match = REFUSED[name]
    with pytest.raises(error, match=match):
        count(K, 0.5, 2.0, M=mass)


def test_what_only_entries_can_do_is_refused_by_products():
    A = spla.aslinearoperator(K)
    with pytest.raises(OptionError, match=r"from_factor\(S\)"):
        count(A, 0.5, 2.0, M=M)
    with pytest.raises(OptionError, match="must be positive"):
        count(A, 0.5, 2.0, M=np.where(np.arange(12) == 3, 0.0, 1.0))
    with pytest.raises(OptionError, match="no diagonal matrix"):
        count(K, 0.5, 2.0, "lanczos", M=M)
    with pytest.raises(OptionError, match="a < b"):
        count(K, 2.0, 1.0, M=M)
    with pytest.raises(OptionError, match=r"count\(K, a, b, M=M\)"):
        symrank.rank(K, M=M)


def test_factors_that_are_wrong_prove_nothing(wrong_factors):
    """Without factors nothing is known but for M, which is diagonal and looked at by itself."""
    result = count(K, 0.5, 2.0, M=np.ones(12), rng=1)
    assert result.interval() == (0, 12)
    assert result.status is Status.NO_GAP_FOUND
    with pytest.raises(OptionError, match="could not be proved"):
        count(K, 0.5, 2.0, M=M, rng=1)


def test_signs_that_a_bad_factor_gets_wrong_are_not_believed(monkeypatch):
    """The factor of another matrix is seen by its solves."""
    from symrank.methods.pivots.ldl import Solver

    class Moved(Solver):
        def factorise(self, matrix):
            moved = matrix.copy()
            moved.setdiag(moved.diagonal() + 0.1)
            return super().factorise(moved)

    monkeypatch.setattr(ldl_far, "Solver", Moved)
    low, high = count(K, 0.5, 2.0, M=np.ones(12), rng=1).interval()
    assert (low, high) == (0, 12)


def test_both_matrices_come_on_one_pattern(rng):
    left, right = (sp.random_array((20, 20), density=0.1, rng=rng, format="csr") for _ in range(2))
    one, other = on_one_pattern(left, right)
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_array_equal(one.toarray(), left.toarray())
    np.testing.assert_array_equal(other.toarray(), right.toarray())


def test_the_least_pencils():
    assert count(np.zeros((0, 0)), 0.0, 1.0, M=np.zeros((0, 0))).interval() == (0, 0)
    assert count([[2.0]], 1.0, 3.0, M=[[1.0]]).interval() == (1, 1)
    assert count([[2.0]], 1.0, 3.0, M=[4.0]).interval() == (0, 0)
