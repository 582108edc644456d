r"""S A, a few rows that stand for all rows of a long matrix, by one pass over it.

    S = [S_1; S_2],   S_t has one entry in each column, +-w with w in [1/2, 1], drawn at random

(K. Clarkson and D. Woodruff, J. ACM 63, 2017; J. Nelson and H. Nguyen, FOCS 2013, with more than
one table). Row i goes to one row of either table. S_t S_t^T is diagonal, so that

    |S|^2 <= sum_t max_j sum of w_i^2 over the rows i that went to row j                        (1)

is known. What is random decides whether S A has the rank of A. That it has is not assumed: with
(1), singular values of S A bound those of A from below, whatever was drawn.

A matrix with few more rows than S is taken as it is, and so is a sparse one whose A^H A takes less.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.operators.scaling import power_of_two
from symrank.support.typing import FloatArray

__all__ = ["Compressed", "blocks", "compressed"]

TABLES = 2  # one lets two rows that matter meet, and n of them do so once there are n^2 places
SHARE, SPARE = 1.25, 64  # rows of a table: more than columns, so that the rows fit into two
LONGER = 2  # times the rows of S, from where on S A takes less than A^H A
NANOSECONDS = 14.0, 4.0, 0.06  # of a pair of entries in a row, of one of S A, of one of n^3


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """B = S A but for rounding.

    Attributes
    ----------
    matrix
        B, an ndarray or a CSR array.
    stretch
        An upper bound of |S|.
    num_terms
        Of a sum that was rounded, at most; 0 where B is A.
    squares
        Those of the lengths of the columns of A.
    """

    matrix: Any
    stretch: float
    num_terms: int
    squares: FloatArray


def compressed(tall: Any, unit: float, rng: np.random.Generator) -> Compressed:
    """Return S A of `unit` times a matrix with more rows than columns."""
    m, n = tall.shape
    height = math.ceil(SHARE * n) + SPARE
    if not isinstance(tall, np.ndarray):
        pairs = float(np.square(np.diff(tall.indptr), dtype=np.float64).sum())
        each, entry, cube = NANOSECONDS
        is_itself = each * pairs <= entry * m * n + cube * float(n) ** 3
    else:
        is_itself = m <= LONGER * TABLES * height
    if is_itself:
        whole = tall if unit == 1.0 else power_of_two(unit, tall)
        return Compressed(matrix=whole, stretch=1.0, num_terms=0, squares=_squares(whole))
    B = np.zeros((TABLES * height, n), tall.dtype)
    weights = rng.uniform(0.5, 1.0, (TABLES, m)) * rng.choice([-1.0, 1.0], (TABLES, m))
    places = np.zeros((TABLES, height))
    squares, part = np.zeros(n), np.empty((height, n), tall.dtype)
    for rows, entries in blocks(tall, unit, height):
        block = entries if isinstance(entries, np.ndarray) else entries.toarray()
        squares += _squares(block)
        size = len(block)
        for t in range(TABLES):
            turn = 0 if t == 0 else int(rng.integers(size))
            w = weights[t, rows]
            np.multiply(block, w[:, None], out=part[:size])
            for into, of in ((slice(turn, size), slice(size - turn)),
                             (slice(turn), slice(size - turn, size))):  # fmt: skip
                B[t * height : (t + 1) * height][into] += part[of]
                places[t, into] += w[of] ** 2
    stretch = math.sqrt(places.max(axis=1).sum()) * (1.0 + 1e-9)
    return Compressed(
        matrix=B, stretch=stretch, num_terms=1 + math.ceil(m / height), squares=squares
    )


def blocks(tall: Any, unit: float, height: int) -> Iterator[tuple[slice, Any]]:
    """Yield slices of `height` rows and what they hold, `unit` times the entries."""
    for start in range(0, tall.shape[0], height):
        rows = slice(start, min(start + height, tall.shape[0]))
        yield rows, tall[rows] if unit == 1.0 else power_of_two(unit, tall[rows])


def _squares(block: Any) -> FloatArray:
    """Return those of the lengths of columns."""
    if not isinstance(block, np.ndarray):
        size = np.square(np.abs(block.data)).astype(np.float64)
        total = np.bincount(block.indices, weights=size, minlength=block.shape[1])
        return total.astype(np.float64)
    if block.dtype.kind == "c":
        return _squares(block.real) + _squares(block.imag)
    return np.asarray(np.einsum("ij,ij->j", block, block))
