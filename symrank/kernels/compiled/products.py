"""Rows of a product A X, by what A is; every kernel that multiplies has it in its own pass.

A row is summed in double precision: see `symrank.operators.sums` for what float32 would lose.

A multiplicand comes as a plain tuple of its fields, which Numba recognises three microseconds
faster than a named one: the kinds are told apart by the number of their fields.
"""

import numpy as np
from numba.core.extending import overload

from symrank.kernels.compiled.compiler import compiled
from symrank.kernels.compiled.simd import convert, fma, load, prefetch, splat, store, zeros
from symrank.kernels.compiled.sums import CHUNK
from symrank.kernels.multiplicands import Csr, Diagonal, Given

__all__ = ["multiply", "product_row"]

AHEAD = 16  # non-zeros between the request for a row of X and its use

u64, f64 = np.uint64, np.float64


def product_row(tag, product, k, i, col):
    """Row i of A X, columns col.. of a panel."""


@overload(product_row)
def _product_row_by(tag, product, k, i, col):
    def csr(tag, product, k, i, col):
        indptr, indices, data, X = product
        y = splat(tag, f64(0))
        last = u64(indices.size - 1)
        for j in range(u64(indptr[i]), u64(indptr[i + 1])):  # unsigned: no wrap-around to test
            prefetch(tag, X, np.int64(indices[min(j + u64(AHEAD), last)]) * k + col)
            x = load(tag, X, np.int64(indices[j]) * k + col)
            y = fma(splat(tag, f64(data[j])), convert(x, f64(0)), y)
        return convert(y, X.dtype.type(0))

    def diagonal(tag, product, k, i, col):
        d, X = product
        return fma(splat(tag, d[i]), load(tag, X, i * k + col), zeros(tag, X))

    def given(tag, product, k, i, col):
        return load(tag, product[0], i * k + col)

    return {len(Csr._fields): csr, len(Diagonal._fields): diagonal, len(Given._fields): given}[
        len(product)
    ]


@compiled
def multiply(tag, panels, chunks, product, out):
    """Write the columns `panels` = (first, number) and rows of `chunks` = (first, last) of A X."""
    n, k = out.shape
    for c in range(chunks[0], chunks[1]):
        for p in range(panels[1]):
            col = panels[0] + p * len(tag)
            for i in range(c * CHUNK, min(n, (c + 1) * CHUNK)):
                store(out, i * k + col, product_row(tag, product, k, i, col))
