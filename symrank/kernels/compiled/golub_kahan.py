"""The one compiled pass of half a Golub-Kahan step: product, subtraction and the norm at once."""

import numpy as np

from symrank.kernels.compiled.compiler import compiled
from symrank.kernels.compiled.products import product_row
from symrank.kernels.compiled.simd import convert, fma, load, splat, store
from symrank.kernels.compiled.sums import CHUNK

__all__ = ["step"]

f64 = np.float64


@compiled
def _rows(tag, product, previous, rows, col, scale, coupling):
    """W = s X u - c w_previous, over w_previous; return |w|^2 of the rows."""
    k = previous.shape[1]
    none = splat(tag, previous.dtype.type(0))
    s, minus_c = load(tag, scale, col), load(tag, coupling, col)
    total = splat(tag, f64(0))
    for i in range(rows[0], rows[1]):
        at = i * k + col
        w = fma(s, product_row(tag, product, k, i, col), none)
        w = fma(minus_c, load(tag, previous, at), w)
        store(previous, at, w)
        wide = convert(w, f64(0))
        total = fma(wide, wide, total)
    return total


@compiled
def step(tag, panels, chunks, product, previous, scale, minus_coupling, partial):
    """Half a step over the columns of `panels` = (first, number) and the rows of `chunks`.

    `chunks` = (first, last); `partial` (chunks, k) is the square of the norm.
    """
    n, k = previous.shape
    for c in range(chunks[0], chunks[1]):
        rows = (c * CHUNK, min(n, (c + 1) * CHUNK))
        for p in range(panels[1]):
            col = panels[0] + p * len(tag)
            square = _rows(tag, product, previous, rows, col, scale, minus_coupling)
            store(partial, c * k + col, square)
