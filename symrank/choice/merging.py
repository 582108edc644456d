"""A matrix with rows that are multiples of others is counted without them.

Their zeros are known, and what is left is smaller, with fewer of them or none
(`symrank.operators.merged`). A window that holds zero asks for these zeros too: it stays whole.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from symrank.choice.entries import Seen, structural_rank_of
from symrank.methods import Goal
from symrank.operators.merged import merged, merged_hermitian
from symrank.operators.patterns import is_symmetric

__all__ = ["Left", "without_multiples"]

MOST_ENTRIES = 10_000_000  # of a matrix whose rows are compared: three seconds
SHARE = 0.01  # of the rows and columns: where fewer go away, to copy the others is not worth it


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
        inner = merged(entries, max(1.0, SHARE * sum(entries.shape)))
    else:
        inner = merged_hermitian(_hermitian(entries), max(1.0, SHARE * goal.n))
    if inner is None:
        return None
    found = dataclasses.replace(found, entries=inner)
    num_gone = goal.n - found.order
    low, high = structural_rank_of(found)
    if known is not None:
        low, high = max(low, known[0]), min(high, known[1])
    least, most = goal.zeros
    zeros = (
        max(0, found.order - high, least - num_gone),
        None if most is None else max(0, most - num_gone),
    )
    goal = dataclasses.replace(goal, n=found.order, zeros=zeros)
    lines = sum(entries.shape) - sum(inner.shape) if found.is_rectangle else num_gone
    what = f"{lines} rows or columns are zero or multiples of others, and left out"
    return Left(found, goal, (low, high), what)


def _hermitian(entries: Any) -> Any:
    """Return the Hermitian part of a matrix that is Hermitian up to rounding."""
    if entries.dtype.kind != "c" and is_symmetric(entries, with_values=True):
        return entries
    half = entries * entries.dtype.type(0.5)
    return sp.csr_array(half + half.conj().T)
