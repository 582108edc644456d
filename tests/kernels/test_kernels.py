"""Every kernel file does what the reference does, on every dtype and thread count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank import gallery, kernels
from symrank.errors import OptionError
from symrank.kernels.compiled import threads
from symrank.kernels.multiplicands import Csr, Diagonal, Given
from tests.device import plain_cupy

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]
REFERENCE = kernels.load("reference")
COMPILED = kernels.load("cpu_numba")


@pytest.fixture(params=[name for name in kernels.NAMES if name != "reference"])
def other(request):
    """Every kernel file but the reference."""
    return plain_cupy.load(request.param)


def test_a_kernel_file_has_the_functions_of_the_reference(other):
    is_gpu = other.__name__.rpartition(".")[2].startswith("gpu_")
    own = {"OUT_OF_MEMORY", "fitted", "free_bytes", "record"} if is_gpu else set()
    assert set(other.__all__) - own == set(REFERENCE.__all__)


def test_blocks_go_to_where_a_kernel_works_and_come_home(kernel):
    Z = np.arange(6.0).reshape(3, 2)
    there = kernel.block(Z)
    assert there is not Z
    np.testing.assert_array_equal(kernel.host(there), Z)
    assert kernel.empty(3, 2, np.float32).dtype == kernel.xp.float32


# Every width that a block is split into is compiled by itself: the splits are those of one dtype.
WIDTHS = [
    pytest.param(dtype, [1, 3, 16] if dtype is np.float64 else [1, 16], id=np.dtype(dtype).name)
    for dtype in DTYPES
]


def csr(A, X):
    return Csr(A.indptr, A.indices, A.data, X)


def blocks(n, k, dtype, count, seed=0):
    rng = np.random.default_rng(seed)
    real = rng.standard_normal((count, n, k))
    if np.issubdtype(dtype, np.complexfloating):
        real = real + 1j * rng.standard_normal((count, n, k))
    return list(real.astype(dtype))


def lanczos_inputs(n, k, dtype, seed=0):
    """Unnormalised u and u_prev with their scale and coupling, and a product for every kind."""
    Y, U, U_prev = blocks(n, k, dtype, 3, seed)
    norm = np.linalg.norm(U, axis=0)
    coupling = np.linspace(0.0, 2.0, k)
    return Y, U, U_prev, 1.0 / norm.astype(float), coupling


@pytest.mark.parametrize(("dtype", "widths"), WIDTHS)
@given(data=st.data(), n=st.integers(1, 3000), seed=st.integers(0, 1000))
def test_golub_kahan_step_agrees_with_the_reference(other, dtype, widths, data, n, seed):
    k = data.draw(st.sampled_from(widths))
    Y, _, W_prev, scale, coupling = lanczos_inputs(n, k, dtype, seed)
    expected, actual = W_prev.copy(), W_prev.copy()
    norm = REFERENCE.golub_kahan_step(Given(Y), expected, scale, coupling)
    found = other.golub_kahan_step(Given(Y), actual, scale, coupling)
    tolerance = 32 * np.finfo(dtype).eps
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * np.abs(Y).max())
    np.testing.assert_allclose(found, norm, rtol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_half_a_step_multiplies_a_rectangle_in_its_own_pass(other, dtype):
    X = gallery.grid_laplacian((40, 40)).astype(dtype).tocsr()[:1100]
    (U,) = blocks(1600, 3, dtype, 1)
    (W,) = blocks(1100, 3, dtype, 1, seed=1)
    expected, actual = W.copy(), W.copy()
    scale, coupling = np.array([1.0, 0.0, 0.5]), np.array([0.3, 0.0, 2.0])
    norm = REFERENCE.golub_kahan_step(csr(X, U), expected, scale, coupling)
    found = other.golub_kahan_step(csr(X, U), actual, scale, coupling)
    tolerance = 32 * np.finfo(dtype).eps
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=8 * tolerance)
    np.testing.assert_allclose(found, norm, rtol=tolerance)
    assert found[1] == 0.0


@pytest.mark.parametrize(("dtype", "widths"), WIDTHS)
@given(data=st.data(), n=st.integers(1, 3000), seed=st.integers(0, 1000))
def test_lanczos_step_agrees_with_the_reference(other, dtype, widths, data, n, seed):
    k = data.draw(st.sampled_from(widths))
    Y, U, U_prev, scale, coupling = lanczos_inputs(n, k, dtype, seed)
    expected, actual = U_prev.copy(), U_prev.copy()
    alpha, norm = REFERENCE.lanczos_step(Given(Y), U, expected, scale, coupling)
    alpha2, norm2 = other.lanczos_step(Given(Y), U, actual, scale, coupling)
    # entries of order 1, or more where few rows make a small |u|; a few roundings each
    tol = 50 * float(np.finfo(dtype).eps) * max(1.0, float(np.abs(scale * Y).max()))
    # alpha is a sum of n terms of size 1 / sqrt(n): its error grows like sqrt(n)
    np.testing.assert_allclose(alpha2, alpha, atol=tol * np.sqrt(n))
    np.testing.assert_allclose(norm2, norm, rtol=tol, atol=tol * np.sqrt(n))
    np.testing.assert_allclose(actual, expected, atol=tol * np.sqrt(n))


@pytest.mark.parametrize(("dtype", "k"), [(np.float32, 16), (np.float64, 5), (np.float64, 16)])
def test_lanczos_step_multiplies_in_its_pass(other, dtype, k):
    A = gallery.grid_laplacian((31, 40)).astype(dtype)
    _, U, U_prev, scale, coupling = lanczos_inputs(1240, k, dtype)
    d = np.linspace(-1.0, 2.0, 1240).astype(dtype)
    for product, dense in ((csr(A, U), A), (Diagonal(d, U), np.diag(d))):
        expected, actual = U_prev.copy(), U_prev.copy()
        alpha, norm = REFERENCE.lanczos_step(Given(dense @ U), U, expected, scale, coupling)
        alpha2, norm2 = other.lanczos_step(product, U, actual, scale, coupling)
        tol = 200 * float(np.finfo(dtype).eps)  # |A| = 8, five terms a row
        np.testing.assert_allclose(alpha2, alpha, atol=tol)
        np.testing.assert_allclose(norm2, norm, rtol=tol)
        np.testing.assert_allclose(actual, expected, atol=tol)


@pytest.mark.parametrize("dtype", DTYPES)
def test_lanczos_step_satisfies_the_recurrence(kernel, dtype):
    n, k = 1500, 3
    Y, U, U_prev, scale, coupling = lanczos_inputs(n, k, dtype)
    V = scale * U
    inner = np.einsum("ij,ij->j", V.conj(), scale * Y - coupling * U_prev)
    Y = (Y - (inner - inner.real) * V / scale).astype(dtype)  # <v, A v> is real: A is Hermitian
    W = U_prev.copy()
    alpha, norm = kernel.lanczos_step(Given(Y), U, W, scale, coupling)
    tol = 100 * np.finfo(dtype).eps * np.sqrt(n)
    # A v = coupling u_prev + alpha v + w, and w is orthogonal to v
    np.testing.assert_allclose(coupling * U_prev + alpha * V + W, scale * Y, atol=tol)
    np.testing.assert_allclose(np.linalg.norm(W, axis=0), norm, rtol=tol)
    assert np.abs(np.einsum("ij,ij->j", V.conj(), W)).max() < tol


def test_lanczos_step_leaves_a_finished_column_at_zero(kernel):
    U = np.eye(4, 2)
    Y = np.column_stack([2.0 * U[:, 0], [0.0, 1.0, 1.0, 0.0]])
    W = np.zeros((4, 2))
    alpha, norm = kernel.lanczos_step(Given(Y), U, W, np.ones(2), np.zeros(2))
    np.testing.assert_array_equal(alpha, [2.0, 1.0])
    np.testing.assert_array_equal(norm, [0.0, 1.0])
    np.testing.assert_array_equal(W, [[0, 0], [0, 0], [0, 1], [0, 0]])
    alpha, norm = kernel.lanczos_step(Given(Y), W, U.copy(), np.array([0.0, 1.0]), np.zeros(2))
    assert alpha[0] == norm[0] == 0.0


@pytest.mark.parametrize(("dtype", "widths"), WIDTHS)
@given(data=st.data(), n=st.integers(1, 3000), seed=st.integers(0, 1000))
def test_chebyshev_step_agrees_with_the_reference(other, dtype, widths, data, n, seed):
    k = data.draw(st.sampled_from(widths))
    Y, T, T_prev = blocks(n, k, dtype, 3, seed)
    expected, actual = T_prev.copy(), T_prev.copy()
    sums = REFERENCE.chebyshev_step(Given(Y), T, expected, 0.7, -0.3)
    sums2 = other.chebyshev_step(Given(Y), T, actual, 0.7, -0.3)
    tol = 50 * float(np.finfo(dtype).eps)  # entries up to 10; three roundings each
    np.testing.assert_allclose(actual, expected, atol=tol)
    np.testing.assert_allclose(sums2, sums, rtol=tol, atol=tol * n)


@pytest.mark.parametrize(("dtype", "k"), [(np.float32, 16), (np.float64, 5), (np.float64, 16)])
def test_chebyshev_step_multiplies_in_its_pass(other, dtype, k):
    A = gallery.grid_laplacian((31, 40)).astype(dtype)
    T, T_prev = blocks(1240, k, dtype, 2)
    d = np.linspace(-1.0, 2.0, 1240).astype(dtype)
    for product, dense in ((csr(A, T), A), (Diagonal(d, T), np.diag(d))):
        expected, actual = T_prev.copy(), T_prev.copy()
        sums = REFERENCE.chebyshev_step(Given(dense @ T), T, expected, 0.25, -1.0)
        sums2 = other.chebyshev_step(product, T, actual, 0.25, -1.0)
        tol = 200 * float(np.finfo(dtype).eps)  # |A| = 8, five terms a row
        np.testing.assert_allclose(actual, expected, atol=tol)
        np.testing.assert_allclose(sums2, sums, rtol=tol, atol=tol * 1240)


def test_chebyshev_step_satisfies_the_recurrence(kernel):
    A = gallery.grid_laplacian((20, 30))
    T, T_prev = blocks(600, 3, np.float64, 2)
    following = T_prev.copy()
    mixed, square = kernel.chebyshev_step(csr(A, T), T, following, 0.5, -2.0)
    np.testing.assert_allclose(following, 2.0 * (A @ T / 4.0 - T) - T_prev, atol=1e-13)
    np.testing.assert_allclose(mixed, np.einsum("ij,ij->j", T, following), atol=1e-10)
    np.testing.assert_allclose(square, np.einsum("ij,ij->j", following, following), rtol=1e-12)


def test_sums_do_not_depend_on_the_number_of_threads():
    A = gallery.grid_laplacian((600, 500))
    _, U, U_prev, scale, coupling = lanczos_inputs(300_000, 4, np.float64)
    results = []
    for count in (1, 2, 5):
        with threads.using(count):
            W = U_prev.copy()
            product = csr(A, U)
            sums = COMPILED.lanczos_step(product, U, W, scale, coupling)
            T = U_prev.copy()
            results.append((*sums, W, *COMPILED.chebyshev_step(product, U, T, 0.5, -2.0), T))
    for one, *many in zip(*results, strict=True):
        for other in many:
            np.testing.assert_array_equal(one, other)  # to the last bit


@given(k=st.integers(1, 120), seed=st.integers(0, 2**32), scale=st.sampled_from([1e-12, 1.0, 1e8]))
def test_golub_welsch_diagonalises(k, seed, scale):
    rng = np.random.default_rng(seed)
    alpha, beta = scale * rng.standard_normal(k), scale * np.abs(rng.standard_normal(k - 1))
    T = np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1)
    for name in kernels.NAMES:
        nodes, first, last = plain_cupy.load(name).golub_welsch(alpha, beta)
        assert (np.diff(nodes) >= 0).all()
        tol = 1e-13 * np.abs(T).max() * k  # backward error of a few eps |T| a sweep
        np.testing.assert_allclose(nodes, np.linalg.eigvalsh(T), atol=tol)
        # moments e_1' T^p e_1 and the corner of T^p tie first and last components together
        for p in range(3):
            power = np.linalg.matrix_power(T / scale, p)
            moments = (first**2, first * last, last**2)
            entries = (power[0, 0], power[0, -1], power[-1, -1])
            for weights, entry in zip(moments, entries, strict=True):
                assert weights @ (nodes / scale) ** p == pytest.approx(entry, abs=1e-11)


def test_unknown_kernel_is_named():
    with pytest.raises(OptionError, match=r"kernel='gpu' is unknown: choose one of reference"):
        kernels.load("gpu")
