"""From what a user has to an operator: one function, open to other libraries."""

import importlib
import operator
from functools import singledispatch
from os import PathLike
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank.errors import OperatorError
from symrank.operators.base import Operator
from symrank.operators.matrix import MatrixOperator
from symrank.operators.scipy_adapter import ScipyOperator
from symrank.operators.tensors import (
    array_of,
    is_module,
    is_tensor,
    lives_on_dask,
    lives_on_gpu,
)
from symrank.support import foreign

__all__ = ["as_operator", "interpret"]


@singledispatch
def as_operator(A: Any) -> Operator:
    """Return `A` as an operator.

    Takes ndarrays, ``numpy.matrix``, nested lists, every scipy.sparse format, SciPy
    ``LinearOperator``, any object with ``shape`` and ``matvec`` or ``matmat``, any object with
    ``__array__`` or ``to_scipy()`` (curvlinops), tensors of PyTorch, dense or sparse, by their
    values, and symrank operators, which come back unchanged. Arrays and ``LinearOperator`` of CuPy,
    its sparse matrices, and tensors of PyTorch on a GPU stay there, as does the work of the kernels
    (`symrank.operators.on_cupy`), and an array of Dask stays in its chunks
    (`symrank.operators.on_dask`). Other libraries add their types by ``as_operator.register``.

    Parameters
    ----------
    A
        A symmetric (Hermitian) n x n operator. Symmetry is not looked at here; see
        `check_operator`.

    Returns
    -------
    Operator

    Raises
    ------
    OperatorError
        Where `A` is none of these, is not square, or does not hold numbers.

    Examples
    --------
    >>> from symrank.operators import as_operator
    >>> as_operator([[2, 1], [1, 2]])
    <MatrixOperator 2x2 float64: dense matrix>
    """
    return as_operator(interpret(A))


@as_operator.register
def _(A: Operator) -> Operator:
    return A


@as_operator.register(np.ndarray)
@as_operator.register(sp.sparray)
@as_operator.register(sp.spmatrix)
def _(A: Any) -> Operator:
    return MatrixOperator(A)


@as_operator.register(spla.LinearOperator)
def _(A: Any) -> Operator:
    return ScipyOperator(A)


def interpret(A: Any) -> Any:
    """Return an object of no known type as one of a known type, or as an operator elsewhere."""
    if lives_on_gpu(A):
        return importlib.import_module("symrank.operators.on_cupy").operator_of(A)
    if lives_on_dask(A):
        return importlib.import_module("symrank.operators.on_dask").on_dask(A)
    if is_tensor(A):
        return array_of(A)
    if callable(getattr(A, "to_scipy", None)):
        return _scipy_form(A)
    if hasattr(A, "shape") and (hasattr(A, "matvec") or hasattr(A, "matmat")):
        return _linear_operator(A)
    if isinstance(A, list | tuple) or hasattr(A, "__array__"):
        try:
            return np.asarray(A)
        except Exception as error:  # what another library raises is not to be foreseen
            raise OperatorError(
                f"NumPy cannot make an array of this {type(A).__name__}: {error}. "
                "Pass rows of equal length, or a NumPy array."
            ) from error
    raise OperatorError(
        f"got {type(A).__module__}.{type(A).__name__}, which is not an operator. Pass a NumPy "
        "array, a scipy.sparse matrix, a scipy.sparse.linalg.LinearOperator, or an object with "
        "shape, dtype and matvec."
        + (" A file is read by symrank.files.load_matrix." * isinstance(A, str | PathLike))
        + (" The Hessian of a model is symrank.torch.from_model(model, ...)." * is_module(A))
    )


def _scipy_form(A: Any) -> "spla.LinearOperator[Any]":
    """Return what another library's operator is in SciPy."""
    with foreign.callers_code():
        form = A.to_scipy()
    if isinstance(form, spla.LinearOperator):
        return form
    raise OperatorError(
        f"to_scipy() of this {type(A).__name__} returned a {type(form).__name__}, and a "
        "scipy.sparse.linalg.LinearOperator is wanted. Pass an object with shape, dtype and matvec."
    )


def _linear_operator(A: Any) -> "spla.LinearOperator[Any]":
    """Wrap an object with ``shape`` and ``matvec`` or ``matmat``, as far as it goes."""
    matvec = getattr(A, "matvec", None) or (lambda x: A.matmat(x.reshape(-1, 1)))
    optional = {name: getattr(A, name, None) for name in ("rmatvec", "matmat", "rmatmat", "dtype")}
    try:
        m, n = (operator.index(size) for size in A.shape)
    except (TypeError, ValueError):
        m, n = -1, -1
    if min(m, n) < 0:
        raise OperatorError(
            f"this {type(A).__name__} has shape {A.shape!r}, and an operator has two sizes, whole "
            "numbers from 0 on: (n, n)."
        )
    return spla.LinearOperator(shape=(m, n), matvec=matvec, **optional)
