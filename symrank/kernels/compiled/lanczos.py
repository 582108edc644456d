"""The two compiled passes of a Lanczos step; no pass is spent on normalising.

A vector is held as u_j with a scale, v_j = s_j u_j. The first pass has the product and alpha, the
second subtracts and has the norm, which becomes the scale of the next vector.
"""

import numpy as np

from symrank.kernels.compiled.compiler import compiled
from symrank.kernels.compiled.products import product_row
from symrank.kernels.compiled.simd import convert, fma, load, splat, store
from symrank.kernels.compiled.sums import CHUNK

__all__ = ["multiply_and_project", "subtract"]

f64 = np.float64


@compiled
def _project(tag, product, u, previous, rows, col, scale, coupling):
    """Y = s A u - c u_previous, over u_previous; return <s u, y> of the rows."""
    k = u.shape[1]
    s, minus_c, none = load(tag, scale, col), load(tag, coupling, col), splat(tag, u.dtype.type(0))
    total = splat(tag, f64(0))
    for i in range(rows[0], rows[1]):
        at = i * k + col
        y = fma(s, product_row(tag, product, k, i, col), none)
        y = fma(minus_c, load(tag, previous, at), y)
        store(previous, at, y)
        v = fma(s, load(tag, u, at), none)
        total = fma(convert(v, f64(0)), convert(y, f64(0)), total)
    return total


@compiled
def _reduce(tag, y, u, rows, col, minus_alpha):
    """W = y - alpha s u, over y; return |w|^2 of the rows."""
    k = u.shape[1]
    factor = load(tag, minus_alpha, col)
    total = splat(tag, f64(0))
    for i in range(rows[0], rows[1]):
        at = i * k + col
        w = fma(factor, load(tag, u, at), load(tag, y, at))
        store(y, at, w)
        wide = convert(w, f64(0))
        total = fma(wide, wide, total)
    return total


@compiled
def multiply_and_project(tag, panels, chunks, product, u, previous, scale, minus_coupling, partial):
    """First pass over the columns of `panels` = (first, number) and the rows of `chunks`.

    `chunks` = (first, last); `partial` (chunks, k) is alpha.
    """
    n, k = u.shape
    for c in range(chunks[0], chunks[1]):
        rows = (c * CHUNK, min(n, (c + 1) * CHUNK))
        for p in range(panels[1]):
            col = panels[0] + p * len(tag)
            e = _project(tag, product, u, previous, rows, col, scale, minus_coupling)
            store(partial, c * k + col, e)


@compiled
def subtract(tag, panels, chunks, y, u, minus_alpha, partial):
    """Second pass; `partial` is the square of the norm."""
    n, k = u.shape
    for c in range(chunks[0], chunks[1]):
        rows = (c * CHUNK, min(n, (c + 1) * CHUNK))
        for p in range(panels[1]):
            col = panels[0] + p * len(tag)
            store(partial, c * k + col, _reduce(tag, y, u, rows, col, minus_alpha))
