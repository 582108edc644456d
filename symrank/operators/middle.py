"""Multiplying the middle axis of a row-major block, without transposing it for dense matrices."""

import numpy as np

from symrank.operators.gemm import gemm, gemm_each
from symrank.operators.sums import TILE, is_single, widened
from symrank.support.typing import Array

__all__ = ["multiply_middle"]


def multiply_middle(M: Array, T: Array) -> Array:
    """Return sum_j M[i, j] T[l, j, r] for a C-ordered T (left, n, right), fresh and C-ordered.

    With row-major vec, eq. (26) reads vec(M_1 M_2 M_3) = (M_1 (x) M_3^T) vec(M_2): the left factor
    of a Kronecker product acts on the first axis of a reshaped block, the right one on the middle.
    """
    if is_single(T.dtype):
        return _in_double(M, T)
    left, n, right = T.shape
    if right == 1:  # one product for all rows instead of one small product each
        return gemm(T.reshape(left, n), M.T).reshape(left, M.shape[0], 1)
    return gemm_each(M, T)


def _in_double(M: Array, T: Array) -> Array:
    """Do the same in tiles of single precision: its sums are taken in double."""
    left, n, right = T.shape
    wide = widened(T.dtype)
    product = np.empty((left, M.shape[0], right), T.dtype)
    M = M.astype(wide)
    columns = max(1, TILE // max(n, 1))
    rows = max(1, TILE // max(n * right, 1))
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(0, left, rows):
            for j in range(0, right, columns):
                tile = T[i : i + rows, :, j : j + columns].astype(wide)
                product[i : i + rows, :, j : j + columns] = multiply_middle(M, tile)
    return product
