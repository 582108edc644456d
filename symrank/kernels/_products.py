"""Rows of a product A X, by what A is; every kernel that multiplies has it in its own pass."""

from typing import Any

import numpy as np
from numba.core.extending import overload

from symrank.kernels._simd import fma, load, prefetch, splat, zeros

__all__ = ["CHUNK", "COMPILED", "product_row"]

CHUNK = 1024  # rows, the unit of the threads: sums do not depend on their number
AHEAD = 16  # non-zeros between the request for a row of X and its use
COMPILED: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}

u64 = np.uint64


def product_row(tag, product, k, i, col):
    """Row i of A X, columns col.. of a panel."""


@overload(product_row)
def _product_row_by(tag, product, k, i, col):
    """CSR matrix and X; diagonal and X; or the product itself."""

    def csr(tag, product, k, i, col):
        indptr, indices, data, X = product
        y = zeros(tag, X)
        last = u64(indices.size - 1)
        for j in range(u64(indptr[i]), u64(indptr[i + 1])):  # unsigned: no wrap-around to test
            prefetch(tag, X, np.int64(indices[min(j + u64(AHEAD), last)]) * k + col)
            y = fma(splat(tag, data[j]), load(tag, X, np.int64(indices[j]) * k + col), y)
        return y

    def diagonal(tag, product, k, i, col):
        d, X = product
        return fma(splat(tag, d[i]), load(tag, X, i * k + col), zeros(tag, X))

    def given(tag, product, k, i, col):
        return load(tag, product[0], i * k + col)

    return {4: csr, 2: diagonal, 1: given}[len(product)]
