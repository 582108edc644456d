"""A matrix with rows that are multiples of others is counted without them.

Their zeros are known, and what is left is smaller and has fewer of them
(`symrank.operators.merged`). A window that holds zero asks for these zeros too: it stays whole.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from symrank.choice.entries import Seen, structural_rank_of
from symrank.methods import Goal
from symrank.operators.merged import merged, merged_hermitian

__all__ = ["Left", "without_multiples"]

MOST_ENTRIES = 10_000_000  # of a matrix whose rows are compared: three seconds
SHARE = 0.01  # of the order: where less goes away, the comparison alone was worth it


class Left(NamedTuple):
    """What is left to count: its matrix and goal, its structural rank, and a sentence."""

    found: Seen
    goal: Goal
    structural_rank: tuple[int, int]
    what: str


def without_multiples(found: Seen, goal: Goal, known: tuple[int, int] | None) -> Left | None:
    """Return what is left, or None where that is most; `known` is the structural rank."""
    entries = found.entries
    holds_zero = goal.between is not None and goal.between[0] < 0.0 <= goal.between[1]
    if holds_zero or entries.nnz > MOST_ENTRIES or not np.isfinite(entries.data).all():
        return None
    if found.is_rectangle:
        inner = merged(entries)
    else:
        half = entries * entries.dtype.type(0.5)
        inner = merged_hermitian(sp.csr_array(half + half.conj().T))
    found = dataclasses.replace(found, entries=inner)
    num_gone = goal.n - found.order
    if num_gone < max(1.0, SHARE * goal.n):
        return None
    low, high = structural_rank_of(found)
    if known is not None:
        low, high = max(low, known[0]), min(high, known[1])
    least, most = goal.zeros
    zeros = (
        max(0, found.order - high, least - num_gone),
        None if most is None else max(0, most - num_gone),
    )
    goal = dataclasses.replace(goal, n=found.order, zeros=zeros)
    what = f"{num_gone} rows or columns are zero or multiples of others, and left out"
    return Left(found, goal, (low, high), what)
