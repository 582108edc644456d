"""Delayed pivots, predicted from the elimination tree and the zeros of the diagonal.

A column with a zero on the diagonal and no child in the tree is still zero there when its turn
comes: it is no pivot, and waits. Its parent is its first neighbour, and the two together are a
pivot of order two; a parent takes up one such column, and the others wait in turn. So with the
number of columns that leave a node,

    w(p) = 1                                  at a leaf whose diagonal is zero,
    w(p) = max(0, sum of w(children) - 1)     elsewhere,

the front of p has c(p) + sum of w(children) rows in place of c(p), and p eliminates two columns
where any wait. Columns that still wait at a root have no partner: no matching of the pattern covers
them. The solver scales the matrix by a matching, in which such a column stands alone on its
diagonal, so that it is a pivot at once; they are taken off again from the root down.
"""

from dataclasses import dataclass

import numpy as np

from symrank._typing import FloatArray

__all__ = ["Work", "with_delays"]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a factorisation takes."""

    fill: float  # nonzeros of L
    flops: float


def with_delays(counts: FloatArray, parents: FloatArray, is_zero: FloatArray) -> Work:
    """Return the work of a factorisation that delays pivots.

    Parameters
    ----------
    counts
        Nonzeros of the columns of L where no pivot is delayed, in the order of elimination.
    parents
        Of the elimination tree; negative at a root.
    is_zero
        Where the diagonal is zero, in the same order.
    """
    parent, zero = parents.tolist(), is_zero.tolist()
    n = len(parent)
    arriving, leaving, has_child = [0] * n, [0] * n, [False] * n
    for p, q in enumerate(parent):  # children come first
        waits = zero[p] and not has_child[p]
        leaving[p] = 1 if waits else max(arriving[p] - 1, 0)
        if q >= 0:
            arriving[q] += leaving[p]
            has_child[q] = True
    columns, rows = np.ones(n), np.array(counts, dtype=np.float64)
    alone = [0] * n  # of those that leave p: without a partner; then what its children may claim
    for p in range(n - 1, -1, -1):
        q = parent[p]
        alone[p] = leaving[p] if q < 0 else min(alone[q], leaving[p])
        if q >= 0:
            alone[q] -= alone[p]
        if has_child[p]:
            waiting = arriving[p] - min(alone[p], arriving[p])
            columns[p] = 2.0 if waiting else 1.0
            rows[p] += waiting
        elif zero[p] and not alone[p]:
            columns[p] = 0.0
    return Work(fill=float(columns @ rows), flops=float(columns @ rows**2))
