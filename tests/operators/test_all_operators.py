"""Laws that every operator keeps: each one against its dense twin."""

import pickle

import numpy as np
import pytest

from symrank.errors import OperatorError
from symrank.operators import as_operator, check_operator
from tests.cases.operators import CASES

ROUNDING = 100  # units of eps |A| for sums of at most a few dozen terms, two products deep


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]()


def block(A, k, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((A.n, k))
    if A.dtype.kind == "c":
        X = X + 1j * rng.standard_normal((A.n, k))
    return X.astype(A.dtype)


def assert_close(actual, expected, case):
    tolerance = ROUNDING * np.finfo(case.operator.dtype).eps * np.abs(case.twin).max(initial=1.0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("order", ["C", "F"])
def test_matmat_is_the_product_with_the_twin(case, k, order):
    X = np.asarray(block(case.operator, k), order=order)
    before = X.copy()

    Y = case.operator.matmat(X)

    assert_close(Y, case.twin @ X, case)
    assert Y.dtype == case.operator.dtype == case.twin.dtype
    assert Y.flags.c_contiguous
    assert Y.flags.writeable
    assert not np.shares_memory(X, Y)
    np.testing.assert_array_equal(X, before)


def test_the_bare_product_is_c_ordered_too(case):
    for k in (1, 3):
        Y = case.operator._matmat(block(case.operator, k))
        assert Y.flags.c_contiguous
        assert Y.dtype == case.operator.dtype
        assert Y.shape == (case.operator.n, k)


def test_matvec_is_a_column_of_matmat(case):
    A, X = case.operator, block(case.operator, 2)
    assert_close(A.matvec(X[:, 1]), A.matmat(X)[:, 1], case)
    assert_close(A @ X[:, 1], A @ X[:, 1:].copy()[:, 0], case)


def test_real_blocks_are_taken_by_complex_operators(case):
    X = block(case.operator, 3).real
    Y = case.operator.matmat(X)
    assert_close(Y, case.twin @ X, case)
    assert Y.dtype == case.operator.dtype


def test_operator_is_hermitian(case):
    A, X, Y = case.operator, block(case.operator, 3, 1), block(case.operator, 3, 2)
    assert_close(X.conj().T @ A.matmat(Y) / max(A.n, 1), (A @ X).conj().T @ Y / max(A.n, 1), case)
    check_operator(A, 0)


def test_to_dense_is_the_twin_and_fresh(case):
    dense = case.operator.to_dense()
    assert_close(dense, case.twin, case)
    dense[...] = 7.0
    assert_close(case.operator.to_dense(), case.twin, case)


def test_rank_is_exact(case):
    if case.operator.n:
        tolerance = 1e3 * np.finfo(case.operator.dtype).eps * np.abs(case.twin).max()
        assert np.linalg.matrix_rank(case.twin, tol=tolerance, hermitian=True) == case.rank


def test_to_scipy_has_the_same_products_and_adjoint(case):
    L, X = case.operator.to_scipy(), block(case.operator, 2)
    assert L.dtype == case.operator.dtype
    if case.operator.n == 0:
        return
    assert_close(L.matmat(X), case.twin @ X, case)
    assert_close(L.rmatmat(X), case.twin @ X, case)
    assert_close(L.matvec(X[:, :1]), case.twin @ X[:, :1], case)
    assert_close(L.rmatvec(X[:, 0]), case.twin @ X[:, 0], case)


def test_scale_hint_is_the_largest_entry(case):
    hint = case.operator.scale_hint()
    if case.operator.is_explicit:
        assert hint is not None
    if hint is not None:
        largest = np.abs(case.twin).max(initial=0.0)
        assert hint <= largest * (1 + 1e-6)
        assert hint * np.sqrt(2) ** (3 * (case.twin.dtype.kind == "c")) >= largest * (1 - 1e-6)


def test_repr_and_coercion(case):
    A = case.operator
    assert f"{A.n}x{A.n} {A.dtype}: {A.name}" in repr(A)
    assert as_operator(A) is A
    assert A.shape == (A.n, A.n)


@pytest.mark.parametrize(
    "name", [name for name in CASES if "of vectors" not in name and "Operator" not in name]
)
def test_operators_can_be_pickled(name):
    case = CASES[name]()
    X = block(case.operator, 2)
    copy = pickle.loads(pickle.dumps(case.operator))
    np.testing.assert_array_equal(copy.matmat(X), case.operator.matmat(X))


def test_wrong_shapes_and_types_are_named(case):
    A = case.operator
    with pytest.raises(OperatorError, match=rf"shape \({A.n + 1}, 2\).*Pass X.T"):
        A.matmat(np.ones((A.n + 1, 2)))
    with pytest.raises(OperatorError, match=r"matmat got .*Pass X.T"):
        A.matmat(np.ones(A.n))
    with pytest.raises(OperatorError, match=r"matvec got .*Use matmat"):
        A.matvec(np.ones((A.n, 1)))
    with pytest.raises(TypeError, match="unsupported operand"):
        np.ones((1, A.n)) @ A
    if A.dtype.kind != "c":
        with pytest.raises(OperatorError, match=r"complex128 block.*Multiply X.real and X.imag"):
            A.matmat(np.ones((A.n, 1), dtype=complex))
