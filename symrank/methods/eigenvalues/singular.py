r"""All singular values of a matrix whose entries are known, by row blocks where it is long.

With A = [A_1; A_2; ..], R_1 = qr(A_1), R_j = qr([R_(j-1); A_j]), the last triangle has the singular
values of A (G. Golub, 1965; J. Demmel et al., SIAM J. Sci. Comput. 34, 2012): 2 m n^2 flops, and
memory for one block, sparse or dense. Single precision is computed in double. The error of each
value is that of any backward stable way, some sqrt(m) eps sigma_1.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from symrank.operators.facts import Rectangle
from symrank.operators.sums import widened
from symrank.support.foreign import refuse_non_finite
from symrank.support.typing import Array, FloatArray

__all__ = ["num_entries", "singular_values"]

BLOCK = 4096  # rows of a block at least: sums over more are less accurate, and gain no time


def singular_values(
    factor: Rectangle, scale: float = 1.0, tick: Callable[[int], None] | None = None
) -> FloatArray:
    """Return those of `scale` times the matrix, min(m, n) of them, descending."""
    m, n = factor.shape
    if not min(m, n):
        return np.empty(0)
    entries = factor.to_dense(tick) if factor.entries is None else factor.entries
    refuse_non_finite(entries if isinstance(entries, np.ndarray) else entries.data)
    tall = entries if m >= n else entries.T  # the conjugate has the same singular values
    if not isinstance(tall, np.ndarray):
        tall = tall.tocsr()
    unit = _unit(factor)
    block = _rows(*sorted((m, n)))
    if max(m, n) <= block + min(m, n):
        R = _dense(tall, unit)
    else:
        R = np.empty((0, min(m, n)), widened(factor.dtype))
        for start in range(0, max(m, n), block):
            tile = _dense(tall[start : start + block], unit)
            R = np.asarray(np.linalg.qr(np.vstack([R, tile]), mode="r"))
    values = scipy.linalg.svdvals(R, overwrite_a=True, check_finite=False)
    return np.asarray(values * (scale / unit), np.float64)


def num_entries(shape: tuple[int, int]) -> int:
    """Return how many entries `singular_values` holds at a time, where they are known."""
    short, long = sorted(shape)
    return short * min(long, _rows(short, long) + short)


def _rows(short: int, long: int) -> int:
    """Return the rows of a block."""
    return min(long, max(BLOCK, 2 * short))


def _unit(factor: Rectangle) -> float:
    """Return the power of two that brings the largest entry near one: reflectors have squares."""
    largest = factor.largest_entry or 0.0
    exponent = math.frexp(largest)[1] if math.isfinite(largest) else 0
    return math.ldexp(1.0, max(-1000, min(1000, -exponent)))


def _dense(rows: Any, unit: float) -> Array:
    """Return rows as a fresh double-precision array, scaled."""
    dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
    scaled: Array = dense.astype(widened(dense.dtype), copy=False) * unit
    return scaled
