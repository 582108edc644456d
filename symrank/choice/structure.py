r"""What a matrix tells before the first product: a Laplacian is counted by walking its graph.

With c the zeros of the graph, c' >= c the eigenvalues that may lie below the cut, and s = 1, or -1
where A is minus a Laplacian (`symrank.operators.laplacians`),

    #{|lambda| > tau}     in  [n - c', n - c],
    #{0 < s lambda}       in  [n - c', n - c],      #{s lambda <= 0}  in  [c, c'].

The zeros of the graph are eigenvalues of A up to delta, which must not exceed the cut. Where c' > c
a method may know better, if one is exact and cheap: its count is taken where it is n - c. Where it
is not, the eigenvalues between are those of a weak link, which the rule of the floor does not count
and the graph does: the interval holds both, and a sentence names the link.

The incidence matrix of a graph (`symrank.operators.incidence`) has n - c singular values, n its
vertices, that are not zero, whatever its shape; each is an eigenvalue of [[0, X], [X^H, 0]] twice.

Of any other sparse matrix, and of a rectangle, a triangular piece may settle the rank that the
pattern allows (`symrank.choice.triangular`).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from symrank.answer.result import RankResult
from symrank.choice.entries import Seen, seen
from symrank.choice.policy import propose
from symrank.choice.triangular import NAME, by_triangle
from symrank.choice.units import count_in_both_units
from symrank.methods.base import Goal
from symrank.operators.graphs import Zeros
from symrank.operators.incidence import incidence
from symrank.operators.laplacians import Laplacian, laplacian
from symrank.run.budget import Budget
from symrank.run.job import Job
from symrank.spectrum.intervals import ExactInterval
from symrank.spectrum.outcome import Status
from symrank.spectrum.region import FLOOR

__all__ = ["NAME", "count_by_structure", "first_look"]


def count_by_structure(job: Job, budget: Budget, reason: str) -> RankResult:
    """Return the count that the entries tell, or that of the methods inside what is proved."""
    told, job = first_look(job, budget)
    if told is None:
        return count_in_both_units(job, budget, None, reason)
    if told.status is Status.EXACT:
        return told
    if not propose(job.operator.facts, job.goal).choice.method.is_exact:
        return told
    counted = count_in_both_units(job, budget, None, reason)
    low, high = counted.interval()
    least, most = told.interval()
    if low <= told.rank <= high and high - low < most - least:
        return counted
    return dataclasses.replace(told, num_matvecs=counted.num_matvecs, seconds=counted.seconds)


def first_look(job: Job, budget: Budget) -> tuple[RankResult | None, Job]:
    """Return the count where the entries tell it, and the job with what they prove of it."""
    is_asked = job.preconditioner is not None or bool(job.num_deflated)
    matrix = None if is_asked else seen(job.operator.facts, job.given.facts)
    if matrix is None:
        return None, job
    found = (incidence if matrix.is_rectangle else laplacian)(matrix.entries)
    if found is None or found.delta > _cuts(found, job.goal)[0]:
        told, goal = by_triangle(
            matrix,
            job.goal,
            job.structural_rank,
            n=job.goal.n + job.num_zeros,
            between=job.between,
            num_matvecs=budget.num_matvecs,
            seconds=budget.seconds,
        )
        return told, dataclasses.replace(job, goal=goal)
    zeros = found.zeros(_cuts(found, job.goal)[1], is_split=not job.goal.has_cut)
    zeros = _counted(zeros, found, matrix, job.goal)
    found = found if matrix.copies == 1 else dataclasses.replace(found, sign=0)
    ends = _ends(job.goal, found, zeros)
    told = None
    if ends is not None and ends[1] - ends[0] <= 2.0 * job.goal.half_width:
        told = _result(job, found, zeros, ends, budget)
    if job.goal.between is not None:
        return told, job
    known = max(job.goal.zeros[0], zeros.least), zeros.most
    return told, dataclasses.replace(job, goal=dataclasses.replace(job.goal, zeros=known))


def _cuts(found: Laplacian, goal: Goal) -> tuple[float, float]:
    """Return levels that the cut lies between, as |A| does."""
    least, most = (
        max(goal.atol or 0.0, (goal.rtol or 0.0) * norm, FLOOR * goal.eps * norm)
        for norm in found.norm
    )
    return least, most


def _counted(zeros: Zeros, found: Laplacian, matrix: Seen, goal: Goal) -> Zeros:
    """Return the zeros of what is counted, from those of the graph."""
    more = goal.n - matrix.copies * found.graph.n
    least, most = (more + matrix.copies * end for end in (zeros.least, zeros.most))
    return Zeros(least=least, most=min(most, goal.n), link=zeros.link)


def _ends(goal: Goal, found: Laplacian, zeros: Zeros) -> tuple[int, int] | None:
    """Return what is proved of the count; None where its ends are not those of signs."""
    n, filled = goal.n, (goal.n - zeros.most, goal.n - zeros.least)
    if goal.between is None:
        return filled
    if found.sign == 0:
        return None
    a, b = goal.between
    near, far = found.delta + _cuts(found, goal)[1], 2.0 * found.norm[1]
    below, above = (near, far) if found.sign > 0 else (far, near)  # no eigenvalue lies beyond
    if a == 0.0 and b > above:
        return filled if found.sign > 0 else (0, 0)
    if a < -below and b == 0.0:
        return (zeros.least, zeros.most) if found.sign > 0 else (n, n)
    return None


def _result(
    job: Job, found: Laplacian, zeros: Zeros, ends: tuple[int, int], budget: Budget
) -> RankResult:
    """Put what is proved as a result."""
    goal, (low, high) = job.goal, ends
    n = goal.n + job.num_zeros
    is_exact = low == high
    notes: tuple[str, ...] = ()
    if not is_exact:
        values = "eigenvalues" if found.power == 1 or found.sign == 0 else "singular values"
        notes = (
            f"{zeros.least} {values} are zero and {zeros.most - zeros.least} more may be below "
            f"the cut: {zeros.link}.",
        )
    cut = _cuts(found, goal)[0] * goal.scale
    rank = low if goal.between is not None and goal.between[1] == 0.0 else high  # of the graph
    return RankResult(
        rank=rank,
        estimate=float(rank),
        stderr=0.0,
        bounds=(float(low), float(high)),
        threshold=cut,
        status=Status.EXACT if is_exact else Status.CONVERGED,
        n=n,
        dtype=str(goal.dtype),
        method=NAME,
        confidence=goal.confidence,
        evidence=ExactInterval(low=low, high=high),
        num_matvecs=budget.num_matvecs,
        seconds=budget.seconds,
        reason=(
            f"the matrix is {'minus ' if found.sign < 0 else ''}{found.name}: its zeros are "
            "counted by walking the graph"
        ),
        seed=goal.seed,
        inertia=_inertia(found, zeros, n, job.num_zeros) if goal.between is None else None,
        structural_rank=job.structural_rank,
        between=job.between,
        notes=notes,
        diagnostics=_diagnostics(found, zeros, goal),
        history=[(budget.num_matvecs, low, high)],
    )


def _inertia(found: Laplacian, zeros: Zeros, n: int, num_zeros: int) -> tuple[int, int, int] | None:
    """Return the signs of all eigenvalues, where the zeros are known."""
    if zeros.least != zeros.most:
        return None
    null = zeros.least + num_zeros
    plus = (n - null) * (1 + found.sign) // 2
    return plus, null, n - null - plus


def _diagnostics(found: Laplacian, zeros: Zeros, goal: Goal) -> Mapping[str, Any]:
    return {
        "num_zeros": [zeros.least, zeros.most],
        "zeros_below": found.delta * goal.scale,
        "norm": [norm * goal.scale for norm in found.norm],
    }
