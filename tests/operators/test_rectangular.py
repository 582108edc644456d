"""augmented and gram: spectra, extreme entries, refusals."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from hypothesis import given
from hypothesis import strategies as st

from symrank import gallery
from symrank.errors import OperatorError, OptionError
from symrank.operators import as_operator, augmented, gram
from tests.cases.operators import rectangular

ROUNDING = 1e-12  # a few hundred eps for matrices of norm about 3


@given(m=st.integers(0, 6), n=st.integers(0, 6), seed=st.integers(0, 99))
def test_spectra_follow_from_the_singular_values(m, n, seed):
    A = np.random.default_rng(seed).standard_normal((m, n))
    sigma = np.linalg.svd(A, compute_uv=False) if A.size else np.zeros(0)
    zeros = np.zeros(abs(m - n) if A.size else m + n)

    both = np.sort(np.concatenate([sigma, -sigma, zeros]))
    np.testing.assert_allclose(np.linalg.eigvalsh(augmented(A).to_dense()), both, atol=ROUNDING)
    for side, size in (("columns", n), ("rows", m)):
        squares = np.sort(np.concatenate([sigma**2, np.zeros(size)]))[-size:] if size else []
        eigenvalues = np.linalg.eigvalsh(gram(A, side).to_dense())
        np.testing.assert_allclose(eigenvalues, squares, atol=ROUNDING)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, spla.aslinearoperator])
@pytest.mark.parametrize("exponent", [-1000, -500, 500, 1000])
def test_gram_of_extreme_entries_keeps_the_rank(make, exponent):
    A = rectangular() * 2.0**exponent
    for side in ("columns", "rows"):
        G = gram(make(A), side)
        dense = G.to_dense()
        assert np.isfinite(dense).all()
        assert np.linalg.matrix_rank(dense, hermitian=True) == 3
        assert np.frexp(G.scale)[0] == 0.5
        scaled = A * G.scale
        expected = scaled.T @ scaled if side == "columns" else scaled @ scaled.T
        np.testing.assert_allclose(dense, expected, atol=ROUNDING * np.abs(expected).max())


def test_gram_multiplies_the_scale_into_the_block_before_a_product_can_overflow():
    A = np.full((3, 4), 2.0**1023)
    product = gram(A) @ np.full(4, 16.0)
    np.testing.assert_array_equal(product, 3 * 64 * (2.0**1023 * gram(A).scale) ** 2)


@pytest.mark.parametrize("exponent", [-100, 100])
def test_gram_of_extreme_single_precision_keeps_the_rank(exponent):
    A = (rectangular() * 2.0**exponent).astype(np.float32)
    dense = gram(A).to_dense()
    assert dense.dtype == np.float32
    assert np.linalg.matrix_rank(dense, hermitian=True) == 3


@pytest.mark.parametrize("exponent", [-390, 0, 390])
def test_gram_of_ordinary_entries_is_not_scaled(exponent):
    A = rectangular() * 2.0**exponent
    assert gram(A).scale == 1.0
    assert gram(spla.aslinearoperator(A)).scale == 1.0


def test_gram_of_zero_and_of_nan_is_not_scaled():
    assert gram(np.zeros((2, 3))).scale == 1.0
    assert gram(np.full((2, 3), np.nan)).scale == 1.0


def test_sparse_factors_multiply_row_by_row_and_are_not_densified():
    A = sp.random_array((30, 20), density=0.2, rng=np.random.default_rng(1), format="csc")
    factor = gram(A).factor
    assert factor.forward.matrix.format == "csr"
    assert factor.adjoint.matrix.format == "csr"


def test_a_dense_factor_is_not_copied():
    A = rectangular(complex)
    factor = augmented(A).factor
    assert factor.forward.matrix is A
    assert factor.adjoint.matrix is A


def test_lists_and_operators_are_factors():
    np.testing.assert_array_equal(gram([[1, 2, 3]], side="rows").to_dense(), [[14.0]])
    A = as_operator(gallery.dense([1.0, -2.0], 0))
    np.testing.assert_allclose(augmented(A).to_dense()[:2, 2:], A.to_dense(), atol=ROUNDING)


@pytest.mark.parametrize("make", [augmented, gram])
def test_a_linear_operator_without_adjoint_is_refused(make):
    L = spla.LinearOperator((2, 3), matvec=lambda x: x[:2])
    with pytest.raises(OperatorError, match=r"2x3 LinearOperator.*Give it rmatvec"):
        make(L)


@pytest.mark.parametrize("make", [augmented, gram])
def test_vectors_are_refused(make):
    with pytest.raises(OperatorError, match=r"shape \(3,\).*x\[:, None\]"):
        make(np.ones(3))


def test_an_unknown_side_is_refused():
    with pytest.raises(OptionError, match=r"side='left'.*\"columns\".*\"rows\""):
        gram(np.eye(2), side="left")


@pytest.mark.parametrize("size", [1.0, 1e-9, 1e9])
def test_the_other_side_has_the_same_eigenvalues_but_zeros(rng, size):
    """Also where squares of the entries leave the range, and the factor is scaled."""
    B = (size * rng.standard_normal((3, 7))).astype(np.float32)
    A = gram(B)
    other = A.other_side()
    assert (A.n, other.n, other.scale) == (7, 3, A.scale)
    lam, mu = np.linalg.eigvalsh(A.to_dense()), np.linalg.eigvalsh(other.to_dense())
    eps = np.finfo(np.float32).eps
    np.testing.assert_allclose(lam[4:], mu, atol=20 * eps * mu[-1])
    np.testing.assert_allclose(lam[:4], 0.0, atol=20 * eps * mu[-1])
