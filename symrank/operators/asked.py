"""What a question is about: a symmetric operator, or a matrix by its singular values."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank.errors import NotSymmetricError, OperatorError
from symrank.operators.augmented import AugmentedOperator, augmented
from symrank.operators.base import Operator
from symrank.operators.coerce import as_operator, interpret
from symrank.operators.entries import allowed_asymmetry, check_entries, check_finite
from symrank.operators.matrix import MatrixOperator
from symrank.operators.on_device import COPY
from symrank.operators.padded import PaddedMatrix
from symrank.operators.tensors import lives_on_gpu

__all__ = ["Asked", "asked_of"]

CLEARLY = 1e-3  # |A - A^H| / |A| from where on a matrix was never meant to be symmetric
MATRICES = (np.ndarray, sp.sparray, sp.spmatrix, spla.LinearOperator, PaddedMatrix, Operator)


class Asked(NamedTuple):
    """A symmetric operator, the caller's, or that of a matrix whose singular values are meant."""

    operator: Operator
    shape: tuple[int, int] | None = None  # of that matrix
    why: str = ""
    is_checked: bool = False  # its entries are known to be right


def asked_of(A: Any, hermitian: bool | None, *, check: bool, is_open: bool) -> Asked:
    """Return what the caller asks about.

    Parameters
    ----------
    A
        As the caller passed it.
    hermitian
        What the caller says of it.
    check
        Whether entries that are known are looked at.
    is_open
        Whether what is asked suits a matrix that is not symmetric.

    Raises
    ------
    OperatorError
        Where it is none, or a rectangle that is said to be symmetric.
    NotSymmetricError
        Where it is a matrix that is nearly symmetric.
    NonFiniteError
        Where an entry is infinite or NaN.
    """
    _refuse_on_device(A)
    is_known = as_operator.dispatch(type(A)) is not as_operator.dispatch(object)
    A = A if is_known else interpret(A)
    shape = _shape_of(A)
    is_rectangle = isinstance(A, MATRICES) and len(shape) == 2 and shape[0] != shape[1]
    if is_rectangle and hermitian:
        raise OperatorError(
            f"hermitian=True, and the input is {shape[0]}x{shape[1]}: only a square matrix can be "
            "symmetric. Leave hermitian out, and its singular values are counted."
        )
    if is_rectangle:
        return _by_singular_values(A, f"the matrix is {shape[0]}x{shape[1]}", check=check)
    operator = as_operator(A)
    if hermitian is not None and not hermitian:
        return _by_singular_values(A, "hermitian=False", check=check)
    if not check or not isinstance(operator, MatrixOperator) or not operator.n:
        return Asked(operator)
    try:
        rtol = allowed_asymmetry(operator.n, operator.dtype)
        check_entries(operator.entries, operator.scale_hint(), rtol)
    except NotSymmetricError as error:
        if hermitian or not is_open or not error.asymmetry > CLEARLY:
            raise
        what = f"max|A - A^H| is {error.asymmetry:.2g} of max|A|: the matrix is not symmetric"
        return _by_singular_values(A, what, check=False)
    return Asked(operator, is_checked=True)


def _by_singular_values(A: Any, what: str, *, check: bool) -> Asked:
    """Return the symmetric twin of a matrix, both of whose products have the same entries."""
    twin = augmented(A)
    inner, _ = twin.occupied()
    assert isinstance(inner, AugmentedOperator)
    is_known = inner.factor.entries is not None
    if check and is_known:
        check_finite(inner.factor)
    m, n = int(A.shape[0]), int(A.shape[1])
    why = f"{what}, its singular values are counted"
    return Asked(twin, shape=(m, n), why=why, is_checked=is_known)


def _shape_of(A: Any) -> tuple[Any, ...]:
    """Return the shape; an empty one of what has none, which is refused where it is coerced."""
    shape = getattr(A, "shape", ())
    return shape if isinstance(shape, tuple) else ()


def _refuse_on_device(A: Any) -> None:
    """Raise for a rectangle that does not live on the host."""
    shape = _shape_of(A)
    if len(shape) == 2 and shape[0] != shape[1] and lives_on_gpu(A):
        raise OperatorError(
            f"the input is {shape[0]}x{shape[1]} and lives on a device: singular values are "
            f"counted on the host, by products with a matrix and its adjoint: {COPY}"
        )
