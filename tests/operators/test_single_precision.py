"""Products in single precision keep |error| <= 10 eps |A||x|, however long their sums.

Terms of one sign and one size are the worst for sums taken one after the other: every addition
errs to the same side. With sums in double what is left is the rounding of each result to single
precision, eps/2 of it, and once more for every product in between.
"""

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import Status, kernels
from symrank.kernels.multiplicands import Csr
from symrank.operators import MatrixOperator, augmented, gram, kron
from symrank.operators.deflated import Deflated
from symrank.operators.sums import TILE, multiply, squared
from tests.device import plain_cupy

EPS = float(np.finfo(np.float32).eps)
ALLOWED = 2.0  # units of eps |A||x|: the law allows 10, and four roundings take two
VALUES = [1.0, 1.3, 1.9999]  # where in a binade a term lies decides how sums of it are rounded


def constant(shape, value, dtype=np.float32):
    """A matrix of one number, its entries exact also in single precision."""
    return np.full(shape, np.float32(value), dtype)


def error(product, exact, norm, X):
    """Largest column error in units of eps |A||x|."""
    difference = np.linalg.norm(np.asarray(product, np.complex128) - exact, axis=0)
    return float((difference / (EPS * norm * np.linalg.norm(X, axis=0))).max())


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("k", [1, 8])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_dense_matrix(value, k, order):
    n = 2000
    A = MatrixOperator(np.asarray(constant((n, n), value), order=order))
    X = np.ones((n, k), np.float32)
    exact = np.full((n, k), n * float(np.float32(value)))
    assert error(A.matmat(X), exact, n * value, X) <= ALLOWED


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("value", VALUES)
def test_a_sparse_matrix_with_a_dense_row(value, dtype):
    n = 40_000
    row = sp.csr_array(constant((1, n), value, dtype))
    corner = sp.csr_array(([dtype(value)], ([0], [0])), shape=(n, n))
    first = sp.vstack([row, sp.csr_array((n - 1, n), dtype=dtype)])
    A = MatrixOperator(sp.csr_array(first + first.T - corner))
    assert A.dtype == dtype
    X = np.ones((n, 2), dtype)
    exact = np.full((n, 2), float(np.float32(value)))
    exact[0] *= n
    assert error(A.matmat(X), exact, value * np.sqrt(n), X) <= ALLOWED


@pytest.mark.parametrize("shape", [(200_000, 3), (3, 200_000)], ids=["tall", "wide"])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_gram_and_augmented_of_long_factors(shape, make, dtype):
    (m, n), value = shape, 1.3
    B = constant(shape, value, dtype)
    exact = float(np.float32(value))
    norm = value * np.sqrt(m * n)
    for side, size, other in (("columns", n, m), ("rows", m, n)):
        X = np.ones((size, 2), dtype)
        product = gram(make(B), side).matmat(X)
        assert error(product, size * other * exact**2, norm**2, X) <= ALLOWED
    X = np.ones((m + n, 2), dtype)
    expected = np.repeat([n * exact, m * exact], [m, n])[:, None]
    assert error(augmented(make(B)).matmat(X), expected, norm, X) <= ALLOWED


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csr_array])
def test_a_gram_matrix_that_is_formed(make):
    """max |F* F - exact| is one rounding of entries that are all the same here."""
    m, value = 300_000, 1.3
    G = gram(make(constant((m, 2), value))).to_dense()
    assert G.dtype == np.float32
    exact = m * float(np.float32(value)) ** 2
    assert np.abs(G - exact).max() <= EPS * exact
    pivots = gram(sp.csr_array(constant((m, 2), value))).sparse_entries()
    assert np.abs(pivots.toarray() - exact).max() <= EPS * exact


def test_tiles_of_rows_and_columns_agree_with_double(rng):
    """Every way through: one tile, rows, columns, real and complex, both memory orders."""
    for m, n in ((3, 5), (700, 90), (90, 700), (2, TILE + 3), (TILE + 3, 2), (400, 1200)):
        for dtype in (np.float32, np.complex64):
            A = rng.standard_normal((m, n)) + (1j if dtype is np.complex64 else 0.0)
            A, X = A.astype(dtype), rng.standard_normal((n, 3)).astype(dtype)
            wide = np.complex128 if dtype is np.complex64 else np.float64
            exact = A.astype(wide) @ X.astype(wide)
            for order in "CF":
                product = multiply(np.asarray(A, order=order), X)
                assert product.dtype == dtype
                np.testing.assert_allclose(product, exact, rtol=EPS, atol=EPS * np.abs(exact).max())
        F = A.astype(np.complex64)
        G = F.astype(np.complex128).conj().T @ F.astype(np.complex128) if n < 1000 else None
        if G is not None:
            np.testing.assert_allclose(squared(F, 0.5), G / 4, atol=EPS * np.abs(G).max())


@pytest.mark.parametrize("value", VALUES)
def test_a_kronecker_product(value):
    n = 1500
    A = kron(constant((n, n), value), np.eye(2, dtype=np.float32))
    X = np.ones((2 * n, 3), np.float32)
    exact = n * float(np.float32(value))
    assert error(A.matmat(X), exact, n * value, X) <= ALLOWED


def test_the_complement_of_long_null_vectors():
    """A vector orthogonal to the null vector ones is not moved by the identity less ones."""
    n = 100_000
    A = MatrixOperator(sp.eye_array(n, dtype=np.float32, format="csr"))
    B = Deflated(A, np.ones(n))
    X = np.full((n - 1, 1), np.float32(1.3))
    assert error(B.matmat(X), X, 1.0, X) <= ALLOWED


@pytest.mark.parametrize("name", kernels.NAMES)
def test_kernels_sum_rows_in_double(name):
    """The first step of a Lanczos run on a matrix with a long row: alpha = <v, A v>."""
    n, value = 40_000, 1.3
    dense = sp.csr_array(constant((1, n), value))
    A = sp.csr_array(sp.vstack([dense, sp.csr_array((n - 1, n), dtype=np.float32)]))
    kernel = plain_cupy.load(name)
    U, before = np.ones((n, 4), np.float32), np.zeros((n, 4), np.float32)
    product = Csr(A.indptr, A.indices, A.data, U)
    alpha, _ = kernel.lanczos_step(product, U, before, np.full(4, n**-0.5), np.zeros(4))
    exact = float(np.float32(value))
    assert np.abs(alpha - exact).max() <= ALLOWED * EPS * value * np.sqrt(n)
    rows = kernel.multiply(Csr(A.indptr[:3], A.indices, A.data, U))
    assert rows.shape == (2, 4)
    np.testing.assert_allclose(rows[0], n * exact, rtol=EPS)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_a_dependent_column_of_three_million_rows_is_seen(make):
    """The third column is the sum of the others to the last bit: the rank is 2."""
    rng = np.random.default_rng(0)
    y, z = (np.round(rng.random(3_000_000) * 1000 + 500).astype(np.float32) / 1024 for _ in "yz")
    B = make(np.stack([y, z, y + z], axis=1))
    result = symrank.rank(gram(B), rng=1)
    assert (result.rank, result.interval(), result.status) == (2, (2, 2), Status.EXACT)
    result = symrank.rank(gram(B), "sketch", rng=1)  # by products, and no check refuses them
    assert 2 in range(result.interval()[0], result.interval()[1] + 1)
