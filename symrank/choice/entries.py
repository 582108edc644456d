"""The stored matrix behind what is counted, where its structure is worth a look.

Eigenvalues of a sparse A are those of its entries. Those of |X|, and of [[0, X], [X^H, 0]] with
both signs, are the singular values of the entries X.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.methods import costs
from symrank.operators import MatrixOperator, Operator, augmented
from symrank.operators.factor import as_factor
from symrank.operators.facts import DenseForm
from symrank.operators.modulus import Modulus
from symrank.operators.patterns import structural_rank, symmetric_rank
from symrank.run.job import Job

__all__ = ["CHEAP", "Seen", "operator_of", "seen", "structural_rank_of"]

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


def seen(job: Job) -> Seen | None:
    """Return the matrix whose structure tells of the count; None where it is not worth a look.

    Where a preconditioner or null vectors are given it is not, nor where all eigenvalues are cheap.
    """
    is_asked = job.preconditioner is not None or bool(job.num_deflated)
    if is_asked or _seconds(job.operator.facts.dense) <= CHEAP:
        return None
    found = _stored(job.operator)
    return None if found is None or _has_lost_entries(found, job.given) else found


def structural_rank_of(found: Seen, entries: Any) -> tuple[int, int]:
    """Return what the pattern of entries proves of the count of what is made of them, as `found`.

    Least and most.
    """
    low, high = (structural_rank if found.is_rectangle else symmetric_rank)(entries)
    return found.copies * low, found.copies * high


def operator_of(found: Seen, entries: Any) -> Operator:
    """Return what is counted of entries, as of those of `found`."""
    if not found.is_rectangle:
        return MatrixOperator(entries)
    return Modulus(as_factor(entries)) if found.copies == 1 else augmented(entries)


def _seconds(form: DenseForm) -> float:
    """Return what all eigenvalues take, or the singular values that they are."""
    if form.is_singular:
        return costs.singular_seconds(*form.shape)
    return costs.dense_seconds(max(form.shape))


def _stored(operator: Operator) -> Seen | None:
    """Return the sparse matrix that an operator is, or is made of."""
    stored, form = operator.facts.stored, operator.singular_form()
    if stored is not None:
        return None if isinstance(stored, np.ndarray) else Seen(entries=stored)
    if form is None or form.is_squared or form.unit != 1.0:
        return None
    entries = form.factor.entries
    if entries is None or isinstance(entries, np.ndarray):
        return None
    return Seen(entries=entries, is_rectangle=True, copies=1 if form.is_modulus else 2)


def _has_lost_entries(found: Seen, given: Operator) -> bool:
    """Tell whether the common factor of the door has made zeros of small entries."""
    form = given.singular_form()
    before = form.factor.entries if found.is_rectangle and form else given.facts.stored
    if before is found.entries:
        return False
    return before is None or np.count_nonzero(before.data) != np.count_nonzero(found.entries.data)
