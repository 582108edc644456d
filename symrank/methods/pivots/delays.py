"""Delayed pivots, predicted from the elimination tree and the zeros of the diagonal.

A column with a zero on the diagonal and no child in the tree is still zero there when its turn
comes: it is no pivot, and waits. Its parent is its first neighbour, and the two together are a
pivot of order two; a parent takes up one such column, and the others wait in turn. So with the
number of columns that leave a node,

    w(p) = 1                                  at a leaf whose diagonal is zero,
    w(p) = max(0, sum of w(children) - 1)     elsewhere,

the front of p has c(p) + sum of w(children) rows in place of c(p), and p eliminates two columns
where any wait. Columns that still wait at a root have no partner: no matching of the pattern covers
them. Where the solver scales the matrix by a matching, such a column stands alone on its diagonal
and is a pivot at once, whatever its size: they are taken off again from the root down. Without
that scaling all of them, as many as the structural rank lacks, end in one dense front.

In a random graph whose diagonal is zero more columns wait, a shift being small beside the entries:
without the scaling a pair of rows is a stable pivot only where its entry is among their largest,
and what waits finds no separator to wait at. All of it ends in one dense front, of at most WAITING
times the numbers that L has otherwise: 3.7 to 4.7 times were measured for random rectangles of 1.7
to 2 entries a row, of 2500 to 20 000 rows, at shifts of 0.003 to 0.02 of the norm.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import structural_rank

from symrank.methods.pivots.matrices import core_of, reaches_all_soon
from symrank.support.typing import FloatArray

__all__ = ["Work", "with_delays", "without_scaling"]

WAITING = 5.0  # times the numbers of L
SOON = 1.5  # times log2 K steps: a cubic random graph takes some more than log2 K, a cube K^(1/3)

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a factorisation takes."""

    fill: float  # nonzeros of L
    flops: float


def with_delays(counts: FloatArray, parents: Any, is_zero: Any) -> Work:
    """Return the work of a factorisation that is scaled by a matching and delays pivots.

    Parameters
    ----------
    counts
        Nonzeros of the columns of L where no pivot is delayed, in the order of elimination.
    parents
        Of the elimination tree; negative at a root.
    is_zero
        Where the diagonal is zero, in the same order.
    """
    if not is_zero.any():  # nothing waits
        return Work(fill=float(counts.sum()), flops=float(counts @ counts))
    parent, zero = parents.tolist(), is_zero.tolist()
    n = len(parent)
    arriving, leaving, has_child = [0] * n, [0] * n, [False] * n
    for p, q in enumerate(parent):  # children come first
        waits = zero[p] and not has_child[p]
        leaving[p] = 1 if waits else max(arriving[p] - 1, 0)
        if q >= 0:
            arriving[q] += leaving[p]
            has_child[q] = True
    alone = _without_partner(parent, leaving)
    waiting = np.maximum(np.array(arriving) - alone, 0)
    is_none = (np.array(leaving) > np.array(arriving)) & (alone == 0)  # no pivot at this node
    columns = np.where(is_none, 0.0, np.where(waiting > 0, 2.0, 1.0))
    rows = counts + waiting
    return Work(fill=float(columns @ rows), flops=float(columns @ rows**2))


def without_scaling(matrix: Any, fill: float) -> Work:
    """Return the work that is added to `fill` where no matching scales the CSR `matrix`."""
    entries = matrix.copy()
    entries.eliminate_zeros()  # of the diagonal
    front = float(matrix.shape[0] - structural_rank(entries))
    if not entries.diagonal().any() and _is_random(entries):
        front = max(front, (2.0 * (WAITING - 1.0) * fill) ** 0.5)
    return Work(fill=0.5 * front**2, flops=front**3 / 3.0)


def _is_random(entries: Any) -> bool:
    """Tell whether a graph is one of trees and chains on a core that has no separators."""
    core = core_of(entries)
    steps = SOON * float(np.log2(max(core.shape[0], 1)))
    return reaches_all_soon(core, steps, 0.5 * core.shape[0])


def _without_partner(parent: list[int], leaving: list[int]) -> IntArray:
    """Return how many of the columns that leave a node wait for ever."""
    alone = [0] * len(parent)
    room = list(leaving)  # at a node: of those columns, not yet claimed by a child
    for p in range(len(parent) - 1, -1, -1):
        q = parent[p]
        alone[p] = leaving[p] if q < 0 else min(room[q], leaving[p])
        room[p] = alone[p]
        if q >= 0:
            room[q] -= alone[p]
    return np.array(alone, dtype=np.int64)
