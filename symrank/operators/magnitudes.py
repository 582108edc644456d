"""Logarithms of the entries of a matrix, row by row: the largest, and the largest of a sum."""

from typing import Any

import numpy as np

from symrank.support.typing import Array, FloatArray

__all__ = ["Dense", "Sparse", "table"]

SHORT = np.float32  # of logarithms up to 1100: they err by 1e-4 at most, and cost half as much
BLOCK = 1 << 20  # entries of a dense matrix looked at a time


def table(entries: Any) -> "Sparse | Dense":
    """Return the table of an ndarray or any sparse array."""
    return Dense(entries) if isinstance(entries, np.ndarray) else Sparse(entries.tocsr())


class Sparse:
    """Rows of a CSR array: ``table(x)`` is ``max_j (log2 |a_ij| + x_j)`` for every row i."""

    def __init__(self, csr: Any) -> None:
        self.csr = csr
        self.rows = np.flatnonzero(np.diff(csr.indptr))
        self.starts = csr.indptr[self.rows]
        self.sizes: Array | None = None

    def largest(self) -> FloatArray:
        """Return ``max_j log2 |a_ij|``; -inf for an empty row."""
        return self._spread(_log2(self._row_max(_magnitude(self.csr.data))))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return ``max_j (log2 |a_ij| + x_j)``."""
        if self.sizes is None:
            self.sizes = _log2(_magnitude(self.csr.data)).astype(SHORT)
        sums = x.astype(SHORT).take(self.csr.indices)
        sums += self.sizes
        return self._spread(self._row_max(sums))

    def _row_max(self, values: Array) -> Array:
        return np.maximum.reduceat(values, self.starts) if self.rows.size else values[:0]

    def _spread(self, values: Array) -> FloatArray:
        whole = np.full(self.csr.shape[0], -np.inf)
        whole[self.rows] = values
        return whole


class Dense:
    """The same for an ndarray, a block of rows at a time."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.step = max(1, BLOCK // max(array.shape[1], 1))
        self.sizes: list[Array] = []

    def largest(self) -> FloatArray:
        """Return ``max_j log2 |a_ij|``; -inf for an empty row."""
        if not self.array.size:
            return np.full(self.array.shape[0], -np.inf)
        return _log2(np.concatenate([_magnitude(rows).max(axis=1) for rows in self._blocks()]))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return ``max_j (log2 |a_ij| + x_j)``."""
        if not self.array.size:
            return np.full(self.array.shape[0], -np.inf)
        if not self.sizes:
            self.sizes = [_log2(_magnitude(rows)).astype(SHORT) for rows in self._blocks()]
        short = x.astype(SHORT)
        largest = [(sizes + short).max(axis=1) for sizes in self.sizes]
        return np.concatenate(largest).astype(np.float64)

    def _blocks(self) -> list[Array]:
        return [self.array[i : i + self.step] for i in range(0, len(self.array), self.step)]


def _magnitude(values: Array) -> Array:
    """Return |a|; for complex entries the larger part, which is right within sqrt(2)."""
    if values.dtype.kind == "c":
        larger: Array = np.maximum(np.abs(values.real), np.abs(values.imag))
        return larger
    return np.abs(values)


def _log2(values: Array) -> FloatArray:
    with np.errstate(divide="ignore"):
        logs: FloatArray = np.log2(values, dtype=np.float64)
    return logs
