"""Gram operators of a known factor are counted by its singular values, wherever that can be."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Status, gallery
from symrank.methods import costs
from symrank.methods.eigenvalues import dense
from symrank.methods.eigenvalues.singular import BLOCK, num_entries, singular_values
from symrank.operators import Congruent, Scaled, augmented, gram
from symrank.operators.deflated import Deflated
from symrank.operators.factor import as_factor, diagonal_factor

EPS = float(np.finfo(float).eps)


def with_singular_values(sigma, m, n, seed=0, dtype=float):
    """A dense m x n matrix with these singular values, and zeros."""
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((k, len(sigma))))[0] for k in (m, n))
    return ((U * sigma) @ V.T).astype(dtype)


def twin(n=120, r=70, hidden=(1.6e-7,)):
    """r singular values in [1e-3, 1], some below the root of the rounding of squares, zeros."""
    return with_singular_values([*np.geomspace(1.0, 1e-3, r), *hidden], n, n)


@pytest.mark.parametrize("method", [None, "dense"])
@pytest.mark.parametrize("shape", ["square", "tall", "wide", "scaled", "sparse"])
def test_a_singular_value_below_the_root_of_rounding_counts(method, shape):
    A = twin()
    if shape == "tall":
        A = with_singular_values([*np.geomspace(1.0, 1e-3, 70), 1.6e-7], 500, 120)
    elif shape == "wide":
        A = with_singular_values([*np.geomspace(1.0, 1e-3, 70), 1.6e-7], 120, 500)
    elif shape == "scaled":
        A = A * 1e-190
    elif shape == "sparse":
        A = sp.csr_array(A)
    for side in ("columns", "rows"):
        result = symrank.rank(gram(A, side), method, rng=1)
        assert (result.rank, result.status, result.notes) == (71, Status.EXACT, ())
        order, sigma = max(A.shape), np.linalg.norm(sp.csr_array(A).toarray() * gram(A).scale, 2)
        assert result.threshold == pytest.approx((order * EPS * sigma) ** 2)
    assert symrank.rank(A, method).rank == 71
    assert symrank.rank(augmented(A), "dense").rank == 2 * 71


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("shape", [(300, 40), (40, 300), (90, 90)])
def test_zeros_stay_exact(dtype, shape, rng):
    """Rounding of zero singular values is far below what is in doubt."""
    A = rng.standard_normal((shape[0], 20)) @ rng.standard_normal((20, shape[1]))
    result = symrank.rank(gram(A.astype(dtype)), rng=1)
    assert (result.rank, result.status) == (20, Status.EXACT)
    assert not result.notes


def test_a_cut_of_the_caller_is_about_squares():
    result = symrank.rank(gram(twin()), atol=1e-8, rng=1)
    assert (result.rank, result.status, result.notes) == (70, Status.EXACT, ())


def test_other_methods_say_what_squaring_hides():
    method = symrank.Sketch(side="range")
    A = sp.csr_array(twin(60, 20))
    result = symrank.rank(gram(A), method, rng=1)
    assert (result.rank, result.interval(), result.status) == (20, (20, 20), Status.CONVERGED)
    assert "singular values below 3.3e-07 of the largest" in result.notes[-1]
    assert "symrank.augmented(A)" in result.notes[-1]
    zero = symrank.rank(gram(0.0 * A), "sketch", rng=1)
    assert (zero.rank, zero.status) == (0, Status.EXACT)
    full = symrank.rank(gram(sp.diags_array(np.linspace(0.1, 1.0, 50)).tocsr()), method, rng=1)
    assert (full.rank, full.status, full.notes) == (50, Status.EXACT, ())
    tall = sp.vstack([sp.diags_array(np.linspace(0.1, 1.0, 50)), sp.eye_array(30, 50)]).tocsr()
    full = symrank.rank(gram(tall), method, rng=1)
    assert (full.rank, full.status, full.notes) == (50, Status.EXACT, ())
    squares = symrank.rank(gram(A), "inertia", atol=1e-8, rng=1)
    assert squares.status is Status.EXACT


def test_a_factor_known_by_products_keeps_its_exact_count():
    """What its singular values are nobody can tell: the operator is what was asked about."""
    network = gallery.linear_network(8, rng=1)
    result = symrank.rank(network.hessian(), symrank.Sketch(side="range"), rng=1)
    assert (result.rank, result.status) == (network.rank, Status.EXACT)
    hidden = gram(spla.aslinearoperator(twin(60, 20, (1e-9,))))
    assert symrank.rank(hidden, rng=1).status is Status.EXACT


def test_what_is_counted_as_squares():
    A = gram(np.eye(4))
    S = diagonal_factor(np.array([1.0, 2.0, 3.0, 4.0]))
    for operator in (A, Scaled(A, 2.0), Congruent(A, S), Deflated(A, np.eye(4, 1))):
        assert operator.facts.squared_shape == (4, 4)
    for operator in (
        augmented(np.eye(4)),
        gram(spla.aslinearoperator(np.eye(4))),
        gram(0.0 * np.eye(4)),
    ):
        assert operator.facts.squared_shape is None


def test_pivots_count_singular_values_and_no_squares():
    """A banded A: pivots of A* A would leave one singular value out."""
    n = 700
    d = np.ones(n)
    d[:1] = 2e-8
    d[1:4] = 0.0
    A = sp.diags_array([d, np.r_[np.zeros(10), np.full(n - 11, 0.1)]], offsets=[0, 1]).tocsr()
    plan = symrank.plan(gram(A))
    assert plan.choice.method.name == "inertia"
    rank = np.linalg.matrix_rank(A.toarray())
    for asked in (gram(A), A):
        result = symrank.rank(asked, rng=1)
        assert (result.method, result.status, result.rank) == ("inertia", Status.EXACT, rank)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_blocks_of_rows_have_the_singular_values_of_the_whole(dtype, make):
    rng = np.random.default_rng(1)
    m, n = 3 * BLOCK + 5, 7
    A = rng.standard_normal((m, n)) * np.geomspace(1.0, 1e-9, n)
    A = A.astype(dtype) * (1.0 + 1.0j if dtype is np.complex128 else 1.0)
    wide = A.astype(np.complex128)
    expected = np.linalg.svd(wide, compute_uv=False)
    tol = np.sqrt(m) * np.finfo(dtype).eps * expected[0]  # backward stable
    for B in (A, A.T):
        np.testing.assert_allclose(singular_values(as_factor(make(B))), expected, atol=tol)
    tol = np.sqrt(m) * EPS * expected[0]
    scaled = singular_values(as_factor(make(A.astype(complex) * 2.0**1000)), 2.0**-1000)
    np.testing.assert_allclose(scaled, expected, atol=tol)
    assert num_entries((m, n)) < BLOCK * n + 2 * n * n < m * n


def test_zero_singular_values_of_many_rows_are_below_the_noise():
    m = 300_000
    rng = np.random.default_rng(2)
    A = rng.random((m, 2)) @ np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    A[:, 2] = A[:, 0] + A[:, 1]
    sigma = singular_values(as_factor(A))
    assert sigma[2] <= 0.1 * dense.ROUNDING * np.sqrt(m) * EPS * sigma[0]


def test_the_prediction_knows_what_is_computed():
    """Neither products nor a Gram matrix; the memory of a block; time by the factor's shape."""
    tall = gram(sp.random_array((400_000, 50), density=1e-4, rng=np.random.default_rng(0)))
    form = tall.facts.dense
    assert (form.shape, form.is_singular, form.num_products) == ((400_000, 50), True, 0)
    assert dense.num_held(form) <= (BLOCK + 50) * 50
    assert dense.fits(form)
    assert gram(spla.aslinearoperator(np.ones((30, 20)))).facts.dense.num_products == 20
    assert costs.singular_seconds(400_000, 50) > 400_000 * 50 * costs.SECONDS.singular_entry


@pytest.mark.parametrize("window", [(0.0, np.inf), (-np.inf, 0.0)])
def test_a_count_of_signs_of_squares_is_one_of_singular_values(window):
    A = sp.csr_array(twin(60, 20))
    result = symrank.count(gram(A), *window, method="inertia", rng=1)
    assert result.rank == (21 if window[0] == 0.0 else 39)
    assert (result.n, result.status, result.notes) == (60, Status.EXACT, ())
    away = symrank.count(gram(A), 1e-8, np.inf, method="inertia", rng=1)  # squares were asked for
    assert away.status is Status.EXACT
