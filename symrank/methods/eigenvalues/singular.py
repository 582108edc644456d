r"""All singular values of a matrix whose entries are known, by row blocks where it is long.

With A = [A_1; A_2; ..], R_1 = qr(A_1), R_j = qr([R_(j-1); A_j]), the last triangle has the singular
values of A (G. Golub, 1965; J. Demmel et al., SIAM J. Sci. Comput. 34, 2012): 2 m n^2 flops, and
memory for one block, sparse or dense. A step is LAPACK's tpqrt, which knows that R_(j-1) is a
triangle and puts reflectors over it and the block (E. Elmroth and F. Gustavson, 2000). The numbers
keep their precision. The error of each value is that of any backward stable way, some sqrt(m) eps
sigma_1.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from symrank.operators.facts import Rectangle
from symrank.operators.scaling import power_of_two
from symrank.support.foreign import refuse_non_finite
from symrank.support.typing import Array, FloatArray

__all__ = ["is_long", "num_entries", "singular_values", "unit_of"]

BLOCK = 1024  # rows of a block: sums over more are less accurate, and leave the cache
WIDE = 512  # columns from which half of that, and larger panels, are faster
PANEL = 16  # columns whose reflectors are applied together; twice as many of a wide matrix
LONG = 2  # times the shorter side, from where on a QR factorisation comes first
SAFE = {"f": 20, "d": 200}  # |log2| of entries whose squares reflectors can take as they are


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
    unit = unit_of(factor)
    reduced = _triangle(tall, unit) if is_long(m, n) else _dense(tall, unit)
    values = scipy.linalg.svdvals(reduced, overwrite_a=True, check_finite=False)
    return np.asarray(values.astype(np.float64) * (scale / unit))


def num_entries(shape: tuple[int, int]) -> int:
    """Return how many entries `singular_values` holds at a time, where they are known."""
    short, long = sorted(shape)
    return short * (_rows(short) + short if is_long(short, long) else long)


def is_long(m: int, n: int) -> bool:
    """Tell whether a matrix is taken by blocks of rows, or of columns."""
    return max(m, n) > LONG * min(m, n) + BLOCK


def _rows(columns: int) -> int:
    """Return the rows of a block."""
    return BLOCK if columns <= WIDE else BLOCK // 2


def _triangle(tall: Any, unit: float) -> Array:
    """Return R of the QR factorisation of `unit` times a tall matrix."""
    m, n = tall.shape
    tall = tall if isinstance(tall, np.ndarray) else tall.tocsr()
    panel, rows = min(n, PANEL if n <= WIDE else 2 * PANEL), _rows(n)
    R = np.zeros((n, n), tall.dtype, order="F")
    tpqrt: Any = scipy.linalg.get_lapack_funcs("tpqrt", (R,))
    for start in range(0, m, rows):
        tile = _dense(tall[start : start + rows], unit)
        R, *_ = tpqrt(0, panel, R, tile, overwrite_a=True, overwrite_b=True)
    return np.asarray(R)  # nothing was ever written below its diagonal


def unit_of(factor: Rectangle) -> float:
    """Return 1, or the power of two that brings extreme entries near one."""
    largest = factor.largest_entry or 0.0
    exponent = math.frexp(largest)[1] if math.isfinite(largest) else 0
    if abs(exponent) <= SAFE[factor.dtype.char.lower()]:
        return 1.0
    return math.ldexp(1.0, max(-1000, min(1000, -exponent)))


def _dense(rows: Any, unit: float) -> Array:
    """Return rows as a fresh array in column order, scaled."""
    if not isinstance(rows, np.ndarray):
        rows = rows.toarray()
    fresh = np.array(rows, order="F")
    return fresh if unit == 1.0 else np.asfortranarray(power_of_two(unit, fresh))
