"""Multiplying the middle axis of a row-major block, without transposing it for dense matrices."""

import numpy as np

from symrank._typing import Array

__all__ = ["multiply_middle"]


def multiply_middle(M: Array, T: Array) -> Array:
    """Return sum_j M[i, j] T[l, j, r] for a C-ordered T (left, n, right), fresh and C-ordered.

    With row-major vec, eq. (26) reads vec(M_1 M_2 M_3) = (M_1 (x) M_3^T) vec(M_2): the left factor
    of a Kronecker product acts on the first axis of a reshaped block, the right one on the middle.
    """
    left, n, right = T.shape
    if right == 1:  # one product for all rows instead of one small product each
        return (T.reshape(left, n) @ M.T).reshape(left, M.shape[0], 1)
    product: Array = np.matmul(M, T)
    return product
