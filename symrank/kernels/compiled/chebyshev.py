"""The compiled pass of a Chebyshev step: product, update and both inner products at once."""

import numpy as np

from symrank.kernels.compiled.compiler import compiled
from symrank.kernels.compiled.products import product_row
from symrank.kernels.compiled.simd import convert, fma, load, splat, store
from symrank.kernels.compiled.sums import CHUNK

__all__ = ["step"]

f64 = np.float64


@compiled
def _rows(tag, product, t, previous, rows, col, numbers):
    """Y = slope A t + offset t - t_previous, over t_previous; return <t, y> and |y|^2."""
    k = t.shape[1]
    slope, offset, minus = (
        splat(tag, numbers[0]), splat(tag, numbers[1]), splat(tag, t.dtype.type(-1)),
    )  # fmt: skip
    mixed = splat(tag, f64(0))
    square = splat(tag, f64(0))
    for i in range(rows[0], rows[1]):
        at = i * k + col
        own = load(tag, t, at)
        y = fma(offset, own, splat(tag, t.dtype.type(0)))
        y = fma(minus, load(tag, previous, at), y)
        y = fma(slope, product_row(tag, product, k, i, col), y)
        store(previous, at, y)
        wide = convert(y, f64(0))
        mixed = fma(convert(own, f64(0)), wide, mixed)
        square = fma(wide, wide, square)
    return mixed, square


@compiled
def step(tag, panels, chunks, product, t, previous, numbers, mixed, square):
    """One step over the columns of `panels` = (first, number) and the rows of `chunks`.

    `chunks` = (first, last); partial sums are (chunks, k).
    """
    n, k = t.shape
    for c in range(chunks[0], chunks[1]):
        rows = (c * CHUNK, min(n, (c + 1) * CHUNK))
        for p in range(panels[1]):
            col = panels[0] + p * len(tag)
            m, s = _rows(tag, product, t, previous, rows, col, numbers)
            store(mixed, c * k + col, m)
            store(square, c * k + col, s)
