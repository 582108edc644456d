"""A matrix with rows that are multiples of others is counted without them.

Their zeros are known, and what is left is smaller and has fewer of them
(`symrank.operators.merged`). A window that holds zero asks for these zeros too: it stays whole.
"""

import dataclasses

import numpy as np
import scipy.sparse as sp

from symrank.choice.entries import Seen, operator_of, structural_rank_of
from symrank.operators.merged import merged, merged_hermitian
from symrank.run.job import Job

__all__ = ["without_multiples"]

MOST_ENTRIES = 10_000_000  # of a matrix whose rows are compared: three seconds
SHARE = 0.01  # of the order: where less goes away, the comparison alone was worth it


def without_multiples(job: Job, found: Seen) -> tuple[Job, Seen, str]:
    """Return the job of what is left, its matrix, and a sentence; the same where that is most."""
    goal, entries = job.goal, found.entries
    holds_zero = goal.between is not None and goal.between[0] < 0.0 <= goal.between[1]
    if holds_zero or entries.nnz > MOST_ENTRIES or not np.isfinite(entries.data).all():
        return job, found, ""
    if found.is_rectangle:
        inner = merged(entries)
    else:
        half = entries * entries.dtype.type(0.5)
        inner = merged_hermitian(sp.csr_array(half + half.conj().T))
    operator = operator_of(found, inner)
    num_gone = goal.n - operator.n
    if num_gone < max(1.0, SHARE * goal.n):
        return job, found, ""
    low, high = structural_rank_of(found, inner)
    if job.structural_rank is not None:
        low, high = max(low, job.structural_rank[0]), min(high, job.structural_rank[1])
    least, most = goal.zeros
    zeros = (
        max(0, operator.n - high, least - num_gone),
        None if most is None else max(0, most - num_gone),
    )
    left = dataclasses.replace(
        job,
        operator=operator,
        given=operator,
        goal=dataclasses.replace(goal, n=operator.n, zeros=zeros),
        num_zeros=job.num_zeros + num_gone,
        structural_rank=(low, high),
    )
    what = f"{num_gone} rows or columns are zero or multiples of others, and left out"
    return left, dataclasses.replace(found, entries=inner), what
