"""X^H X or X X^H of a matrix whose entries are known, multiplied out."""

from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from symrank.errors import OptionError
from symrank.operators.sums import squared

__all__ = ["Side", "formed", "multiplications", "shorter_side"]

Side = Literal["columns", "rows"]  # of X^H X and of X X^H


def shorter_side(shape: tuple[int, int]) -> Side:
    """Return the side whose square is smaller."""
    return "rows" if shape[0] <= shape[1] else "columns"


def multiplications(entries: Any, side: Side) -> float:
    """Return how many form the square; it also bounds the number of its entries."""
    along_rows = side == "columns"
    if isinstance(entries, np.ndarray):
        lengths = np.count_nonzero(entries, axis=int(along_rows)).astype(np.float64)
    elif along_rows:
        lengths = np.diff(entries.indptr).astype(np.float64)
    else:
        lengths = np.bincount(entries.indices, minlength=entries.shape[1]).astype(np.float64)
    return float(lengths @ lengths)


def formed(entries: Any, side: Side, scale: float, max_entries: float) -> Any:
    """Multiply scale^2 times the square out as CSR, unless it may have too many entries."""
    n = entries.shape[1 if side == "columns" else 0]
    bound = min(multiplications(entries, side), float(n) ** 2)
    if bound > max_entries:
        raise OptionError(
            f"the Gram matrix may have {bound:.3g} entries, and {max_entries:.3g} are allowed. "
            "Raise max_fill, or use method='lanczos', which forms nothing."
        )
    factor: Any = sp.csr_array(entries)
    if side == "rows":
        factor = factor.conj().T
    return sp.csr_array(squared(factor, scale))
