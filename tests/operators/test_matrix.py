"""Explicit matrices: what is copied, what is converted, what is refused."""

import numpy as np
import pytest
import scipy.sparse as sp

from symrank.errors import OperatorError
from symrank.operators import MatrixOperator, as_operator


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_a_dense_array_is_not_copied(dtype, order):
    A = np.eye(4, dtype=dtype, order=order)
    assert MatrixOperator(A).entries is A


def test_a_canonical_csr_shares_its_three_arrays():
    A = sp.csr_matrix(np.diag([1.0, 2.0, 3.0]))
    entries = MatrixOperator(A).entries
    for part in ("data", "indices", "indptr"):
        assert np.shares_memory(getattr(entries, part), getattr(A, part))


def test_an_untidy_csr_is_put_in_order_without_touching_the_original():
    indices, indptr = np.array([1, 0, 0, 0, 1]), np.array([0, 3, 5])
    A = sp.csr_array((np.array([1.0, 2.0, 3.0, 1.0, 4.0]), indices, indptr), shape=(2, 2))
    data_before, indices_before = A.data.copy(), A.indices.copy()

    entries = MatrixOperator(A).entries

    np.testing.assert_array_equal(entries.indices, [0, 1, 0, 1])
    np.testing.assert_array_equal(entries.toarray(), [[5.0, 1.0], [1.0, 4.0]])
    np.testing.assert_array_equal(A.data, data_before)
    np.testing.assert_array_equal(A.indices, indices_before)


def test_duplicates_of_a_coo_matrix_are_summed():
    A = sp.coo_array(([1.0, 2.0, -4.0], ([0, 0, 1], [0, 0, 1])), shape=(2, 2))
    B = as_operator(A)
    assert B.entries.nnz == 2
    assert B.scale_hint() == 4.0


def test_explicit_zeros_are_fine():
    A = as_operator(sp.csr_array(([0.0, 2.0], ([0, 1], [0, 1])), shape=(2, 2)))
    np.testing.assert_array_equal(A @ np.ones(2), [0.0, 2.0])


@pytest.mark.parametrize(
    ("given", "working"),
    [
        (bool, np.float64),
        (np.int8, np.float64),
        (np.uint64, np.float64),
        (np.float16, np.float32),
        (">f8", np.float64),
        (np.longdouble, np.float64),
        (np.clongdouble, np.complex128),
    ],
)
def test_other_numbers_are_converted(given, working):
    A = np.eye(3, dtype=given)
    B = MatrixOperator(A)
    assert B.dtype == working
    assert B.entries.dtype == working
    assert A.dtype == np.dtype(given)
    np.testing.assert_array_equal(B.to_dense(), np.eye(3))


def test_sparse_integers_are_converted():
    B = as_operator(sp.csr_array(np.array([[2, 1], [1, 0]], dtype=np.int32)))
    assert B.entries.dtype == np.float64
    np.testing.assert_array_equal(B.to_dense(), [[2, 1], [1, 0]])


def test_scale_hint_sees_both_signs_both_parts_and_nan():
    assert MatrixOperator(np.diag([1.0, -3.0])).scale_hint() == 3.0
    assert MatrixOperator(np.diag([1.0, 2.0])).scale_hint() == 2.0
    assert MatrixOperator(np.array([[0, -5j], [5j, 1]])).scale_hint() == 5.0
    assert MatrixOperator(np.full((1, 1), 1.5e308 * (1 + 1j))).scale_hint() == 1.5e308
    assert np.isnan(MatrixOperator(np.array([[np.nan, 1], [1, 2]])).scale_hint())
    assert MatrixOperator(sp.csr_array((3, 3))).scale_hint() == 0.0


@pytest.mark.parametrize(
    ("A", "message"),
    [
        (np.array([["a", "b"], ["c", "d"]]), r"dtype <U1 are not numbers.*A.astype"),
        (np.array([[1, None], [None, 1]]), r"dtype object are not numbers.*A.astype"),
        (np.zeros((2, 2), dtype="datetime64[s]"), r"are not numbers.*A.astype"),
        (np.ma.masked_array(np.eye(2), mask=np.eye(2)), r"masked array.*A.filled"),
        (np.zeros(3), r"two dimensions.*shape \(3,\).*numpy.diag"),
        (np.zeros((2, 2, 2)), r"two dimensions.*shape \(2, 2, 2\)"),
        (sp.coo_array([1.0, 2.0]), r"two dimensions.*shape \(2,\).*square"),
        (np.zeros((2, 3)), r"2x3.*symrank\.rank\(A\).*symrank\.augmented\(A\).*symrank\.gram"),
        (sp.csc_matrix((4, 1)), r"4x1.*symrank\.augmented.*symrank\.gram"),
    ],
)
def test_what_is_no_square_matrix_of_numbers_is_refused(A, message):
    with pytest.raises(OperatorError, match=message):
        as_operator(A)
