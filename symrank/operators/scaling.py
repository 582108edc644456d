"""Entries of a matrix times powers of two and positive diagonals, without a rounding too many."""

import math
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.support.typing import Array, FloatArray

__all__ = ["power_of_two", "scaled_rows"]

BLOCK = 1 << 20  # entries of a dense matrix scaled at a time: megabytes of temporaries, not n^2


def power_of_two(factor: float, entries: Any) -> Any:
    """Return ``factor * entries`` for an ndarray or a CSR array, and a power of two.

    The exponent is added, so that the dtype need not hold the factor.
    """
    if not isinstance(entries, np.ndarray):
        data = power_of_two(factor, entries.data)
        return sp.csr_array((data, entries.indices, entries.indptr), shape=entries.shape)
    scaled = np.array(entries)
    parts = (scaled.real, scaled.imag) if scaled.dtype.kind == "c" else (scaled,)
    with np.errstate(over="ignore", under="ignore"):
        for part in parts:
            np.ldexp(part, math.frexp(factor)[1] - 1, out=part)
    return scaled


def scaled_rows(entries: Any, left: FloatArray, right: FloatArray) -> Any:
    """Return ``diag(left) A diag(right)``, an ndarray or a CSR array as A is."""
    if not isinstance(entries, np.ndarray):
        by_entry = np.repeat(left, np.diff(entries.indptr))
        data = _scaled_entries(entries.data, by_entry, right[entries.indices])
        return sp.csr_array((data, entries.indices, entries.indptr), shape=entries.shape)
    scaled = np.empty_like(entries)
    step = max(1, BLOCK // max(entries.shape[1], 1))
    for start in range(0, len(entries), step):
        rows = slice(start, start + step)
        scaled[rows] = _scaled_entries(entries[rows], left[rows, None], right)
    return scaled


def _scaled_entries(values: Array, left: FloatArray, right: FloatArray) -> Array:
    """Return values * left * right in the dtype of `values`; what overflows is infinite."""
    (left, left_exponent), (right, right_exponent) = np.frexp(left), np.frexp(right)
    mantissa, exponent = left * right, left_exponent + right_exponent
    scaled = np.empty(np.broadcast_shapes(values.shape, mantissa.shape), values.dtype)
    parts = [(values, scaled)]
    if values.dtype.kind == "c":
        parts = [(values.real, scaled.real), (values.imag, scaled.imag)]
    with np.errstate(over="ignore", under="ignore"):
        for part, out in parts:
            size, own_exponent = np.frexp(part)
            out[...] = np.ldexp(size * mantissa, exponent + own_exponent)
    return scaled
