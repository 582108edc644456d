"""How a rank is counted for who asks for signs or for vectors: by a factor, where one is to be had.

`symrank.rank` weighs an exact count against sampling, which is as good for a number. It leaves no
signs that are exact, and no factor to take null vectors from. So here pivots or all eigenvalues
come first wherever their predicted cost is within reason, and sampling only where it is not, or
where they proved too little.
"""

from dataclasses import replace

import scipy.sparse as sp

from symrank.answer.result import RankResult
from symrank.choice.auto import choose_and_run
from symrank.choice.policy import Menu, exact_offers
from symrank.choice.two_answers import both
from symrank.choice.units import count_in_both_units
from symrank.methods import Dense, Inertia, Lanczos, Method, Sketch
from symrank.operators import MatrixOperator
from symrank.operators.twins import Twins, twins_of
from symrank.run.budget import Budget
from symrank.run.job import Job
from symrank.spectrum.outcome import Status

__all__ = ["REASON", "SURE", "exact_method", "settled", "without_twins"]

MOST_ENTRIES = 10_000_000  # of a pattern whose equal rows are looked for
SECONDS = 120.0  # predicted: an exact count, and vectors, are worth these
SURE = (Status.EXACT, Status.CONVERGED)
WITH_SIGNS = Menu(exact=(Dense(),), once_seen=(Sketch(side="range"),))
REASON = "signs and null vectors come from a factor, or from all eigenvalues"


def exact_method(job: Job) -> Method | None:
    """Return the cheaper of all eigenvalues and pivots; None where both are dear."""
    facts, goal = job.operator.facts, job.goal
    offers = exact_offers((Dense(), Inertia().unasked()), facts, goal, SECONDS)
    fit = [one for one in offers if facts.is_explicit or one.products[1] <= goal.max_matvecs // 2]
    best = min(fit, key=lambda offer: offer.seconds[1], default=None)
    return best.method if best is not None and best.seconds[1] <= SECONDS else None


def without_twins(job: Job) -> tuple[Job, Twins | None]:
    """Return the job without the zeros that equal rows and rows of zeros show, and what they are.

    Without entries, or with a full matrix, it is the job itself.
    """
    facts, goal = job.operator.facts, job.goal
    is_sparse = facts.entries is not None and not (
        facts.is_full or facts.num_beside or facts.entry_power > 1
    )
    if goal.preconditioner is not None or not is_sparse or facts.num_entries > MOST_ENTRIES:
        return job, None
    half = job.operator.sparse_entries() * job.operator.dtype.type(0.5)
    entries = sp.csr_array(half + half.conj().T)
    twins = twins_of(entries)
    inner = MatrixOperator(twins.reduced(entries))
    return (
        replace(
            job,
            operator=inner,
            given=inner,
            goal=replace(goal, n=inner.n, zeros=(max(0, goal.zeros[0] - goal.n + inner.n), None)),
            num_zeros=job.num_zeros + twins.num_null,
        ),
        twins,
    )


def settled(job: Job, budget: Budget) -> RankResult:
    """Count exactly where that is within reason; else, and where it proves too little, sample."""
    facts = job.operator.facts
    if facts.entries is None and not facts.is_explicit:
        return choose_and_run(job, budget, WITH_SIGNS)
    job, _ = without_twins(job)
    method = exact_method(job)
    if method is None:
        return count_in_both_units(job, budget, Lanczos(), "no factor of it is cheap")
    result = count_in_both_units(job, budget, method, REASON)
    is_open = result.status not in SURE and result.status is not Status.INTERRUPTED
    is_by_pivots = method.name == Inertia.name
    if not (is_open and is_by_pivots and "equilibrated" not in result.diagnostics):
        return result
    reason = "the pivots proved too little: certified counting by products"
    budget.interval = None  # what is open is no answer to stop at
    try:
        return both(result, count_in_both_units(job, budget, Lanczos(), reason))
    except KeyboardInterrupt:
        return replace(result, status=Status.INTERRUPTED)
