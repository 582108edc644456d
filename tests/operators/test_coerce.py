"""Coercion and the SciPy adapter: what users hand in."""

import numpy as np
import pytest
import scipy.sparse.linalg as spla

from symrank.errors import OperatorError, SymrankError
from symrank.operators import MatrixOperator, Operator, ScipyOperator, as_operator

D = np.array([3.0, 2.0, 0.0])
X = np.arange(6.0).reshape(3, 2)


class Duck:
    """Has shape and some of the products, like operators of other libraries."""

    shape = (3, 3)

    def __init__(self, **products):
        self.__dict__.update(products)


def test_lists_matrices_and_array_likes_become_matrices():
    class ArrayLike:
        def __array__(self, dtype=None, copy=None):
            return np.diag(D)

    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(np.diag(D))
    for given in (np.diag(D).tolist(), tuple(map(tuple, np.diag(D))), matrix, ArrayLike()):
        A = as_operator(given)
        assert isinstance(A, MatrixOperator)
        assert type(A.entries) is np.ndarray
        np.testing.assert_array_equal(A @ X, D[:, None] * X)


@pytest.mark.parametrize(
    "duck",
    [
        Duck(matvec=lambda x: D * x),
        Duck(matvec=lambda x: D * x, dtype=np.float32),
        Duck(matmat=lambda X: D[:, None] * X, dtype=np.float64),
        Duck(matvec=lambda x: D * x, matmat=lambda X: D[:, None] * X),
    ],
)
def test_ducks_become_scipy_operators(duck):
    A = as_operator(duck)
    assert isinstance(A, ScipyOperator)
    assert A.dtype == getattr(duck, "dtype", np.float64)
    np.testing.assert_array_equal(A @ X, D[:, None] * X)


def test_a_subclass_without_dtype_is_probed():
    class Diagonal(spla.LinearOperator):
        def __init__(self, d):
            self.d = d
            super().__init__(None, (d.size, d.size))

        def _matvec(self, x):
            return self.d * x.ravel()

    for dtype in (np.float32, np.float64, np.complex128):
        A = as_operator(Diagonal(D.astype(dtype)))
        # the probe is a float64 vector of ones, so single precision cannot be told from double
        assert A.dtype == np.promote_types(dtype, np.float64)
        np.testing.assert_array_equal(A @ X, D[:, None] * X)


def test_integer_dtype_found_by_scipy_means_float64():
    L = spla.LinearOperator((3, 3), matvec=lambda x: 2 * x)  # SciPy probes it with int8 zeros
    A = as_operator(L)
    assert A.dtype == np.float64
    np.testing.assert_array_equal(A @ (X + 0.5), 2 * X + 1)


def test_blocks_are_passed_as_blocks_where_the_user_can_take_them():
    widths = []

    def matmat(X):
        widths.append(X.shape[1])
        return D[:, None] * X

    L = spla.LinearOperator((3, 3), matvec=lambda x: D * x, matmat=matmat, dtype=float)
    for A in (L, 2 * L, L + L, L * L):
        as_operator(A).matmat(np.ones((3, 5)))
    assert set(widths) == {5}


def test_the_answer_is_fresh_although_the_user_returns_its_argument_or_a_buffer():
    buffer = np.empty((3, 2))

    def into_buffer(X):
        buffer[...] = D[:, None] * X
        return buffer

    identity = as_operator(spla.LinearOperator((3, 3), matvec=lambda x: x, matmat=lambda X: X))
    assert not np.shares_memory(identity.matmat(X), X)
    A = as_operator(spla.LinearOperator((3, 3), matvec=D.__mul__, matmat=into_buffer, dtype=float))
    first = A @ X
    A @ (2 * X)
    np.testing.assert_array_equal(first, D[:, None] * X)


def test_transposed_and_adjoint_of_vector_only_operators_multiply_columns():
    class Diagonal(spla.LinearOperator):
        def _matvec(self, x):
            assert x.ndim == 1
            return D * x

        _rmatvec = _matvec

    L = Diagonal(float, (3, 3))
    for A in (L, L.H, L.T, L.H + L):
        factor = 2 if A.__class__.__name__.startswith("_Sum") else 1
        np.testing.assert_array_equal(as_operator(A) @ X, factor * D[:, None] * X)


def test_an_adjoint_is_as_good_at_blocks_as_the_other_side_of_its_parent():
    class Mixed(spla.LinearOperator):
        def _matmat(self, X):
            return D[:, None] * X

        def _rmatvec(self, x):
            assert x.ndim == 1
            return D * x

    for A in (Mixed(float, (3, 3)), Mixed(float, (3, 3)).H, Mixed(float, (3, 3)).T):
        np.testing.assert_array_equal(as_operator(A) @ X, D[:, None] * X)


def test_to_scipy_passes_blocks_on_as_blocks():
    class Recorder(Operator):
        def _matmat(self, X):
            widths.append(X.shape[1])
            return X.copy()

    widths = []
    L = Recorder((3, 3), float).to_scipy()
    L.matmat(np.ones((3, 5)))
    L.rmatmat(np.ones((3, 5)))
    assert widths == [5, 5]


def test_a_complex_product_of_a_real_operator_is_refused():
    L = spla.LinearOperator((3, 3), matvec=lambda x: 1j * x, dtype=float)
    with pytest.raises(OperatorError, match=r"states dtype float64.*complex128.*dtype=complex"):
        as_operator(L).matvec(D)


def test_a_rectangular_linear_operator_names_both_remedies():
    L = spla.aslinearoperator(np.ones((2, 5)))
    with pytest.raises(OperatorError, match=r"2x5.*symrank\.augmented.*symrank\.gram"):
        as_operator(L)


@pytest.mark.parametrize("nothing", [None, "a matrix", 3.0, {"a": 1}, object(), np.sum])
def test_what_is_no_operator_is_refused_with_its_type(nothing):
    name = type(nothing).__name__
    with pytest.raises(OperatorError, match=rf"got \S*{name}.*not an operator.*Pass a NumPy array"):
        as_operator(nothing)


def test_ragged_lists_are_refused():
    with pytest.raises(OperatorError, match=r"cannot make an array.*rows of equal length"):
        as_operator([[1.0, 2.0], [3.0]])


def test_operator_errors_are_type_errors_too():
    with pytest.raises(TypeError, match="not an operator") as caught:
        as_operator(None)
    assert isinstance(caught.value, SymrankError)


def test_other_libraries_can_register_their_types():
    class Mine:
        pass

    as_operator.register(Mine, lambda A: as_operator(np.diag(D)))
    assert as_operator(Mine()).n == 3
