"""The stored matrix behind what is counted, where its structure is worth a look.

Eigenvalues of a sparse A are those of its entries. Those of |X|, and of [[0, X], [X^H, 0]] with
both signs, are the singular values of the entries X.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.methods import costs
from symrank.operators.facts import DenseForm, Facts
from symrank.operators.patterns import structural_rank, symmetric_rank

__all__ = ["CHEAP", "Seen", "seen", "structural_rank_of"]


CHEAP = 0.1  # seconds: all eigenvalues tell more, where they take no longer


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """The entries, and what their eigenvalues or singular values are to the count.

    Attributes
    ----------
    entries
        CSR array.
    is_rectangle
        Whether singular values are counted.
    copies
        Eigenvalues that each of them is: 2 where it counts with both signs.
    """

    entries: Any
    is_rectangle: bool = False
    copies: int = 1

    @property
    def order(self) -> int:
        """Of what is counted."""
        m, n = self.entries.shape
        return int(min(m, n) if self.copies == 1 else m + n)


def seen(facts: Facts, given: Facts) -> Seen | None:
    """Return the matrix whose structure tells of the count; None where it is not worth a look.

    It is not where all eigenvalues are cheap, nor where the common factor of the door has made
    zeros of small entries of what was given.
    """
    if _seconds(facts.dense) <= CHEAP:
        return None
    found = _stored(facts)
    if found is None:
        return None
    before = given.factor if found.is_rectangle else given.stored
    if before is not found.entries and _num_filled(before) != _num_filled(found.entries):
        return None
    return found


def structural_rank_of(found: Seen) -> tuple[int, int]:
    """Return what the pattern proves of the count in exact arithmetic, least and most."""
    low, high = (structural_rank if found.is_rectangle else symmetric_rank)(found.entries)
    return found.copies * low, found.copies * high


def _seconds(form: DenseForm) -> float:
    """Return what all eigenvalues take, or the singular values that they are."""
    if form.is_singular:
        return costs.singular_seconds(*form.shape)
    return costs.dense_seconds(max(form.shape))


def _stored(facts: Facts) -> Seen | None:
    """Return the sparse matrix that an operator is, or is made of."""
    found = Seen(entries=facts.stored)
    if facts.stored is None and facts.factor_copies:
        found = Seen(entries=facts.factor, is_rectangle=True, copies=facts.factor_copies)
    return None if found.entries is None or isinstance(found.entries, np.ndarray) else found


def _num_filled(entries: Any) -> int:
    return -1 if entries is None else int(np.count_nonzero(entries.data))
