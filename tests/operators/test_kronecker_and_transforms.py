"""Kronecker products of any number and size; scaling, squaring and congruence."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from symrank import Preconditioner
from symrank.errors import OperatorError, OptionError
from symrank.operators import (
    Congruent,
    Operator,
    Scaled,
    Squared,
    as_operator,
    augmented,
    gram,
    kron,
)
from symrank.operators.middle import multiply_middle

ROUNDING = 1e-12  # sums of at most 4^4 products of numbers of order one

FORMS = {
    "dense": np.asarray,
    "Fortran": np.asfortranarray,
    "sparse": sp.csr_array,
    "operator": lambda A: Scaled(as_operator(A), 1.0),
}


@given(
    sizes=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(sorted(FORMS))), min_size=2).filter(
        lambda sizes: len(sizes) <= 4
    ),
    k=st.integers(0, 3),
    is_complex=st.booleans(),
)
def test_kron_of_any_dimensions_is_numpys(sizes, k, is_complex):
    rng = np.random.default_rng(len(sizes))
    parts, twin = [], np.ones((1, 1))
    for i, (size, form) in enumerate(sizes):
        A = rng.standard_normal((size, size))
        if is_complex and i == 1:
            A = A + 1j * rng.standard_normal((size, size))
        A = A + A.conj().T
        twin = np.kron(twin, A)
        parts.append(FORMS[form](A))
    X = rng.standard_normal((len(twin), k))
    if is_complex:
        X = X + 1j * rng.standard_normal(X.shape)

    Y = kron(*parts).matmat(X)

    assert Y.flags.c_contiguous
    np.testing.assert_allclose(Y, twin @ X, rtol=ROUNDING, atol=1e3 * ROUNDING)


@given(st.tuples(*[st.integers(1, 4)] * 4))
def test_multiply_middle_is_an_einsum(dims):
    left, n, right, rows = dims
    rng = np.random.default_rng(0)
    M, T = rng.standard_normal((rows, n)), rng.standard_normal((left, n, right))
    product = multiply_middle(M, T)
    assert product.flags.c_contiguous
    np.testing.assert_allclose(product, np.einsum("ij,ljr->lir", M, T), atol=ROUNDING)


def test_mixed_precision_takes_the_lower():
    single, double = np.eye(2, dtype=np.float32), np.eye(3)
    assert kron(single, double).dtype == np.float32
    assert kron(double + 0j, single).dtype == np.complex64
    X = np.ones((6, 1), dtype=np.float32)
    for other in (double, sp.csr_array(double)):
        assert kron(single, other)._matmat(X).dtype == np.float32


def test_kron_hint_that_overflows_is_not_known():
    huge, tiny = np.eye(2) * 1e200, np.eye(2) * 1e-200
    assert kron(huge, huge).scale_hint() is None
    assert kron(tiny, tiny).scale_hint() is None
    assert kron(huge, tiny).scale_hint() == pytest.approx(1.0)
    assert kron(huge, np.zeros((2, 2))).scale_hint() == 0.0
    assert kron(np.eye(2), gram(np.eye(2))).scale_hint() is None


@pytest.mark.parametrize("factors", [(), (np.eye(2),)])
def test_kron_of_fewer_than_two_is_refused(factors):
    with pytest.raises(OperatorError, match=r"at least two.*kron\(A, B\)"):
        kron(*factors)


def test_kron_of_rectangles_is_refused():
    with pytest.raises(OperatorError, match=r"2x3.*symrank\.gram"):
        kron(np.eye(2), np.ones((2, 3)))


@pytest.mark.parametrize("exponent", [-1000, 1000])
def test_scaled_makes_extreme_products_ordinary_without_rounding(exponent):
    A = np.array([[2.0, 1.0], [1.0, -3.0]])
    X = np.random.default_rng(0).standard_normal((2, 3))
    X *= 2.0**30 if exponent > 0 else 1.0  # A X without the factor would overflow
    B = Scaled(as_operator(np.ldexp(A, exponent)), 2.0**-exponent)
    np.testing.assert_array_equal(B @ X, as_operator(A) @ X)
    np.testing.assert_array_equal(B.to_dense(), A)
    assert B.scale_hint() == 3.0
    assert B.is_explicit


@pytest.mark.parametrize("factor", [0.0, -2.0, 3.0, np.inf, np.nan])
def test_factors_that_would_round_are_refused(factor):
    with pytest.raises(OptionError, match=r"not a positive power of two.*Pass 2\.0\*\*k"):
        Scaled(as_operator(np.eye(2)), factor)


@pytest.mark.parametrize("factor", [2.0**-1000, 2.0**1000])
def test_factors_beyond_single_precision_are_refused(factor):
    with pytest.raises(OptionError, match="complex64 can hold"):
        Scaled(as_operator(np.eye(2, dtype=np.complex64)), factor)


class Counted(Operator):
    """The identity, which counts its products."""

    count = 0

    def _matmat(self, X):
        self.count += X.shape[1]
        return X.copy()


def test_products_are_counted_in_those_of_the_user():
    A = Counted((4, 4), float)
    S = Preconditioner.diagonal(np.ones(4)).factor
    for made in (
        Squared(A),
        Squared(Squared(A)),
        Scaled(Squared(A), 2.0),
        augmented(Squared(A)),
        Congruent(Squared(A), S),
    ):
        A.count = 0
        made.matmat(np.ones((made.n, 3)))
        # augmented multiplies by A and by its adjoint, which counts as one product
        adjoint_too = 2 if made.n > A.n else 1
        assert A.count == 3 * made.matvecs_per_product * adjoint_too
