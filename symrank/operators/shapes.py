"""Sizes and dtypes of operators, and the matrix of a product."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from symrank.errors import OperatorError
from symrank.support.typing import Array

__all__ = ["columns_of", "common_dtype", "square_size", "working_dtype"]

DENSE_BLOCK = 256  # columns of the identity per product in `to_dense`: large enough for BLAS 3


def columns_of(
    product: Callable[[Array], Array],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    tick: Callable[[int], None] | None = None,
) -> Array:
    """Return the (m, n) matrix of a product as a fresh array, by multiplying the identity.

    `tick(k)` is called after the product with a block of k columns.
    """
    m, n = shape
    dense = np.empty((m, n), dtype=dtype)
    for start in range(0, n, DENSE_BLOCK):
        stop = min(start + DENSE_BLOCK, n)
        block = np.zeros((n, stop - start), dtype=dtype)
        block[np.arange(start, stop), np.arange(stop - start)] = 1
        dense[:, start:stop] = product(block)
        if tick is not None:
            tick(stop - start)
    return dense


def square_size(shape: tuple[int, ...]) -> int:
    """Return n of the shape (n, n), or raise with the two ways out for a rectangle."""
    if len(shape) != 2:
        raise OperatorError(
            f"an operator has two dimensions, and this input has shape {tuple(shape)}. "
            "Pass a square matrix, or numpy.diag(x) for the diagonal matrix of a vector x."
        )
    rows, columns = shape
    if rows != columns:
        raise OperatorError(
            f"the input is {rows}x{columns}, and a square symmetric operator is wanted. "
            "symrank.rank(A) counts the singular values of a rectangle; symrank.augmented(A) and "
            "symrank.gram(A) are operators made of one."
        )
    return int(rows)


def working_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return the float32, float64, complex64 or complex128 in which products are computed.

    Integers and booleans become float64, float16 becomes float32, and extended precision
    (``longdouble``, ``clongdouble``) is rounded to double.
    """
    given = np.dtype(dtype)
    if given.kind in "biu":
        return np.dtype(np.float64)
    if given.kind == "f":
        return np.dtype(np.float32 if given.itemsize <= 4 else np.float64)
    if given.kind == "c":
        return np.dtype(np.complex64 if given.itemsize <= 8 else np.complex128)
    raise OperatorError(
        f"entries of dtype {given} are not numbers that symrank can multiply. "
        "Convert them first, for example by A.astype(float)."
    )


def common_dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return complex if any of the working dtypes is, in the lowest precision among them."""
    single = any(dtype.char in "fF" for dtype in dtypes)
    if any(dtype.kind == "c" for dtype in dtypes):
        return np.dtype(np.complex64 if single else np.complex128)
    return np.dtype(np.float32 if single else np.float64)
