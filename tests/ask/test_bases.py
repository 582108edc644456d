"""null_space and range_space: against SciPy, at the floor, with bad factors, and refusals."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Basis, Inertia, Preconditioner, Status, gallery, null_space, range_space
from symrank.ask import spaces
from symrank.errors import OptionError
from symrank.methods.pivots import inverse_iteration as iteration
from symrank.methods.pivots.ldl import Factorisation
from symrank.methods.pivots.null_vectors import NullVectors
from symrank.operators import PaddedMatrix
from tests.adversary.builders import pairs

ORTHONORMAL = 1e-12
ROUNDING = 1e-13  # |A v| / |A| of eigenvectors by LAPACK and of refined vectors: some n eps


@pytest.fixture
def by_factor(monkeypatch):
    """Let small matrices take the road of large ones."""
    monkeypatch.setattr(spaces, "exact_method", lambda job: Inertia())


@pytest.fixture
def by_sketch(monkeypatch):
    monkeypatch.setattr(spaces, "exact_method", lambda job: None)


def check(basis, A, k):
    """Look at the law of a whole null basis."""
    Q = basis.vectors
    A = A.toarray() if sp.issparse(A) else np.asarray(A)
    assert Q.shape == (A.shape[0], k)
    assert (basis.dimension, basis.status, basis.is_whole) == ((k, k), Status.EXACT, True)
    assert np.abs(Q.conj().T @ Q - np.eye(k)).max(initial=0.0) <= ORTHONORMAL
    norm = np.linalg.norm(A, 2) if A.size else 1.0
    sizes = np.linalg.norm(A @ Q, axis=0) / (norm or 1.0)
    assert sizes.max(initial=0.0) <= ROUNDING
    assert basis.residuals.max(initial=0.0) <= ROUNDING


def angle(Q, N):
    """Return the sine of the largest angle between two spaces."""
    return np.linalg.norm(N - Q @ (Q.conj().T @ N), 2)


def of_rank(rng, n, r, dtype=float):
    X = rng.standard_normal((n, r))
    X = X + 1j * rng.standard_normal((n, r)) if dtype is complex else X
    A = (X * np.where(np.arange(r) % 2, 1.0, -1.0)) @ X.conj().T
    return (A + A.conj().T) / 2


@pytest.mark.parametrize("dtype", [float, complex])
def test_both_spaces_are_those_of_scipy(rng, dtype):
    A = of_rank(rng, 40, 25, dtype)
    basis = null_space(A)
    check(basis, A, 15)
    N = scipy.linalg.null_space(A)
    assert angle(basis.vectors, N) <= 1e-12  # rounding over a gap of about 0.1
    whole = range_space(A)
    assert (whole.dimension, whole.vectors.shape) == ((25, 25), (40, 25))
    assert np.abs(whole.vectors.conj().T @ N).max() <= 1e-12
    R = whole.vectors
    assert np.linalg.norm(A - R @ (R.conj().T @ A), 2) <= whole.residual


def kkt(rng, n=60, m=20, copies=10, empty=5):
    """Return [[H, B'], [B, 0]] with rows of B that are there again, and rows of zeros."""
    B = np.where(rng.random((m, n)) < 0.1, rng.standard_normal((m, n)), 0.0) + np.eye(m, n)
    B = np.vstack([B, B[rng.integers(0, m, copies)], np.zeros((empty, n))])
    H = gallery.grid_laplacian((n,)) + sp.eye_array(n)
    return sp.csr_array(sp.block_array([[H, sp.csr_array(B.T)], [sp.csr_array(B), None]]))


@pytest.mark.parametrize("dtype", [float, complex])
def test_the_null_vectors_of_a_kkt_matrix(rng, by_factor, dtype):
    A = kkt(rng)
    if dtype is complex:
        turn = sp.diags_array(np.exp(1j * rng.uniform(0, 6, A.shape[0])))
        A = sp.csr_array(turn @ A @ turn.conj())
    basis = null_space(A, rng=1)
    check(basis, A, 15)
    shown = 15 if dtype is float else 5  # rows of another phase are not compared
    assert basis.reason.startswith(f"{shown} from equal rows")
    whole = range_space(A, rng=1)
    assert whole.is_whole
    assert np.abs(basis.vectors.conj().T @ whole.vectors).max() <= ORTHONORMAL


def test_dependent_rows_that_are_not_equal_take_inverse_iteration(rng, by_factor):
    A = kkt(rng, copies=0, empty=0).toarray()
    mix = np.eye(80, 90)
    mix[60:80, 80:] = rng.standard_normal((20, 10))  # ten more rows of B, sums of others
    A = sp.csr_array(mix.T @ A @ mix)
    basis = null_space(A, rng=1)
    check(basis, A, 10)
    assert basis.reason.startswith("inverse iteration")


@pytest.mark.parametrize("floors", [0.1, 0.7, 1.5, 30.0, 300.0])
def test_a_cluster_at_the_floor_is_never_passed_off_as_null(by_factor, floors):
    floor = 500 * np.finfo(float).eps
    lam = np.concatenate([np.linspace(-1.0, -0.5, 80), np.zeros(9), np.full(11, floors * floor)])
    A = pairs(lam, 0.25, np.random.default_rng(4)).A
    basis = null_space(A, rng=1)
    low, high = symrank.rank(A, "inertia", rng=1).interval()
    assert basis.dimension == (100 - high, 100 - low)
    assert np.linalg.norm(A @ basis.vectors, axis=0).max() <= 1.01 * basis.threshold
    assert basis.dimension[0] <= basis.vectors.shape[1] <= basis.dimension[1]
    assert (basis.status is Status.EXACT) == (floors in (0.1, 300.0))
    assert basis.vectors.shape[1] == (20 if floors < 1.0 else 9)


@pytest.mark.parametrize("exponent", [-960, 0, 900])
def test_units_are_of_no_matter(rng, by_factor, exponent):
    A = kkt(rng) * 2.0**exponent
    basis = null_space(A, rng=1)
    assert (basis.vectors.shape, basis.status) == ((95, 15), Status.EXACT)
    assert basis.residuals.max() <= ROUNDING


def test_a_step_keeps_null_vectors_and_shrinks_the_rest(rng):
    """Eq. (1): z - F^-1 A z for F = A - s I + E is F^-1 (E - s I) z."""
    A = of_rank(rng, 30, 20) / 30.0
    s = 1e-3
    E = rng.standard_normal((30, 30))
    E = 0.5 * s * (E + E.T) / np.linalg.norm(E + E.T, 2)
    F = A - s * np.eye(30) + E
    factor = Factorisation(
        n_plus=0, n_zero=0, n_minus=0, fill=0, num_flagged=0,
        solve=lambda B: np.linalg.solve(F, B),
    )  # fmt: skip
    norm = float(np.linalg.norm(A, 2))
    start, least = rng.standard_normal((30, 10)), 4.0 * np.finfo(float).eps * norm
    found = iteration.iterated(factor, start, lambda X: A @ X, lambda X: X, least)
    assert np.linalg.norm(A @ found.vectors, 2) <= 1e-15 * norm * 30  # rounding, not E
    assert angle(found.vectors, scipy.linalg.null_space(A)) <= 1e-12


def test_solves_that_are_not_finite_are_given_up(rng, by_factor, monkeypatch):
    monkeypatch.setattr(iteration, "_solved", lambda F, B: np.full_like(B, np.nan))
    A = gallery.grid_laplacian((15, 15))
    basis = null_space(A, rng=1)
    check(basis, A, 1)
    assert basis.reason == "null vectors by solves"


def test_vectors_that_never_converge_are_left_out(rng, by_factor, monkeypatch):
    def wrong(F, B):
        return rng.standard_normal(B.shape)

    monkeypatch.setattr(iteration, "_solved", wrong)
    basis = null_space(gallery.grid_laplacian((15, 15)), rng=1)
    assert basis.vectors.shape == (225, 0)
    assert (basis.dimension, basis.status) == ((1, 1), Status.BUDGET_SPENT)
    assert "were found" in basis.notes[-1]


def test_ctrl_c_returns_the_count_without_vectors(by_factor, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    L = gallery.grid_laplacian((15, 15))
    monkeypatch.setattr(spaces, "null_vectors", stopped)
    basis = null_space(L, rng=1)
    assert (basis.vectors.shape, basis.dimension) == ((225, 0), (1, 1))
    assert basis.status is Status.INTERRUPTED
    assert "interrupted" in basis.notes[-1]


def test_time_that_is_up_leaves_what_was_counted(by_factor, monkeypatch):
    L = gallery.grid_laplacian((15, 15))
    late = NullVectors(vectors=None, failure="max_seconds was up")
    monkeypatch.setattr(spaces, "null_vectors", lambda *_: late)
    basis = null_space(L, rng=1, max_seconds=1e-9)
    assert basis.dimension == (1, 1)
    assert basis.vectors.shape[1] <= 1


def test_by_products(by_sketch):
    L = gallery.grid_laplacian((15, 15))
    A = spla.aslinearoperator(L)
    check(null_space(A, rng=1), L, 1)
    whole = range_space(A, rng=1)
    assert (whole.vectors.shape, whole.status) == ((225, 224), Status.EXACT)
    low = gallery.spiked_covariance(150, 6, rng=0)
    assert range_space(low, rng=1).vectors.shape == (150, 6)
    far = null_space(low, rng=1)
    assert (far.vectors.shape, far.status) == ((150, 144), Status.EXACT)
    assert far.residuals.max() <= ROUNDING


def test_n_products_form_a_small_operator():
    L = gallery.grid_laplacian((6, 6))
    basis = null_space(spla.aslinearoperator(L), rng=1)
    check(basis, L, 1)
    assert basis.num_matvecs >= 36


def test_a_multigrid_cycle_helps_the_solves():
    pytest.importorskip("pyamg")
    L = gallery.grid_laplacian((20, 20))
    basis = null_space(L, preconditioner="amg", rng=1)
    check(basis, L, 1)


def test_a_factored_preconditioner_is_refused():
    with pytest.raises(OptionError, match=r"factor S.*amg"):
        null_space(gallery.grid_laplacian((5, 5)), preconditioner="jacobi")


def test_empty_rows_are_unit_vectors():
    whole = sp.coo_array(([2.0, 1.0], ([0, 4], [0, 4])), shape=(7, 7))
    check(null_space(PaddedMatrix.from_coo(whole)), whole, 5)
    huge = PaddedMatrix.from_coo(sp.coo_array(([2.0], ([0], [0])), shape=(2**40, 2**40)))
    with pytest.raises(OptionError, match=r"the basis of the block"):
        null_space(huge)


def test_vectors_beyond_memory_are_refused_with_the_count(by_factor, monkeypatch):
    monkeypatch.setattr(spaces, "MEMORY", 1000)
    with pytest.raises(OptionError, match=r"range_space\(A\)\.vectors") as caught:
        null_space(gallery.grid_laplacian((15, 15)))
    assert caught.value.result.rank == 224


@pytest.mark.parametrize("door", [null_space, range_space])
@pytest.mark.parametrize("A", [np.zeros((0, 0)), np.zeros((2, 2)), [[5.0]], sp.csr_array((3, 3))])
def test_the_least_matrices(door, A):
    n = np.shape(A)[0]
    rank = int(np.any(np.asarray(A.toarray() if sp.issparse(A) else A)))
    basis = door(A)
    assert basis.vectors.shape == (n, n - rank if door is null_space else rank)
    assert basis.is_whole
    again = Basis.from_dict(basis.to_dict())
    assert again.vectors.shape == basis.vectors.shape


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_a_record_of_a_basis(rng, dtype):
    basis = null_space(
        of_rank(rng, 12, 7, complex if dtype is np.complex128 else float).astype(dtype)
    )
    again = Basis.from_dict(basis.to_dict())
    for name, value in vars(basis).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert again.vectors.dtype == dtype
    assert "null space of dimension [5, 5]" in repr(again)


def test_the_same_seed_gives_the_same_bits(by_factor):
    A = gallery.grid_laplacian((15, 15))
    first, second = (null_space(A, rng=3).vectors for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_loss_has_no_null_space_here():
    class Loss:
        theta0 = np.zeros(2)

        def loss_and_grad(self, Theta):
            return (Theta**2).sum(axis=0), 2 * Theta

    with pytest.raises(OptionError, match="hessian"):
        null_space(Loss())


def test_a_preconditioner_of_products_solves_with_A():
    L = gallery.grid_laplacian((12, 12))
    G = Preconditioner.from_products(lambda R: R / 4.0, 144)
    check(null_space(L, preconditioner=G, rng=1), L, 1)
