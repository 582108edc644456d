"""Checks of entries that are known: finite and symmetric, at no product."""

from typing import Any

import numpy as np

from symrank.errors import NonFiniteError, NotSymmetricError
from symrank.operators.facts import Rectangle
from symrank.support.typing import Array

__all__ = ["REMEDY", "allowed_asymmetry", "check_entries", "check_finite"]

ROUNDING = 100  # units of eps sqrt(n): a product by a dense n x n matrix stays below one
MAX_TOLERANCE = 0.01  # float32 at n > 7e5: an operator that differs by 1 % is another operator
TILE = 128  # rows and columns compared at a time: tiles and their difference stay in the cache
REMEDY = (
    "Pass (A + A.T)/2 (its conjugate transpose where A is complex) if the difference is noise, or "
    "hermitian=False to count its singular values if A is not symmetric by nature."
)


def allowed_asymmetry(n: int, dtype: np.dtype[Any]) -> float:
    """Return the relative difference that is still rounding."""
    return float(min(ROUNDING * np.finfo(dtype).eps * n**0.5, MAX_TOLERANCE))


def check_entries(entries: Any, largest: float, rtol: float) -> None:
    """Compare an explicit matrix, `largest` its largest modulus, with its conjugate transpose.

    Raises
    ------
    NonFiniteError
        Where an entry is infinite or NaN; the first one is named.
    NotSymmetricError
        Where they differ by more than ``rtol * largest``; it has the share as `asymmetry`.
    """
    if not np.isfinite(largest):
        raise NonFiniteError(_first_bad_entry(entries))
    compared = _dense_asymmetry if isinstance(entries, np.ndarray) else _sparse_asymmetry
    with np.errstate(over="ignore", invalid="ignore"):
        worst = compared(entries)
    if not worst <= rtol * largest:
        error = NotSymmetricError(
            f"the matrix is not symmetric (Hermitian): max|A - A^H| = {worst:.3g} is "
            f"{worst / largest:.3g} of max|A| = {largest:.3g}, and {rtol:.3g} is allowed for "
            f"rounding. {REMEDY}"
        )
        error.asymmetry = worst / largest
        raise error


def _dense_asymmetry(entries: Array) -> float:
    """Return max |A - A^H|, tile by tile: rows against columns would miss the cache."""
    n = entries.shape[0]
    worst = 0.0
    for i in range(0, n, TILE):
        for j in range(i, n, TILE):
            upper = entries[i : i + TILE, j : j + TILE]
            lower = entries[j : j + TILE, i : i + TILE]
            worst = max(worst, float(np.abs(upper - lower.conj().T).max()))
    return worst


def _sparse_asymmetry(entries: Any) -> float:
    """Return max |A - A^H| of a CSR array."""
    difference = entries - entries.conj().T.tocsr()
    return float(np.abs(difference.data).max(initial=0.0))


def check_finite(factor: Rectangle) -> None:
    """Raise where an entry of a matrix of any shape is infinite or NaN, and name the first."""
    if not np.isfinite(factor.largest_entry or 0.0):
        raise NonFiniteError(_first_bad_entry(factor.entries))


def _first_bad_entry(entries: Any) -> str:
    """Name the first entry, in row-major order, that is infinite or NaN."""
    if not isinstance(entries, np.ndarray):
        rows, columns = entries.tocoo().coords
        values = entries.data
        bad = np.flatnonzero(~np.isfinite(values))
        count, row, column, value = bad.size, rows[bad[0]], columns[bad[0]], values[bad[0]]
    else:
        where = np.argwhere(~np.isfinite(entries))
        count, (row, column) = len(where), where[0]
        value = entries[row, column]
    return (
        f"entries of the matrix that are not finite: {count}, the first is "
        f"A[{row}, {column}] = {value}. Remove or replace them: no rank is defined."
    )
