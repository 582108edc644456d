"""`plan`: what `rank` would start with, what that would take, and why."""

import dataclasses
import time
from typing import Any

import numpy as np

from symrank.ask.rank import OF_METHODS
from symrank.choice import policy
from symrank.choice.structure import first_look
from symrank.choice.units import LIMIT, SHARE, uneven
from symrank.methods import costs
from symrank.preconditioners import Preconditioner
from symrank.preconditioners.equilibrate import describe
from symrank.run.budget import Budget, located
from symrank.run.job import Job, prepare
from symrank.run.options import Options, Rng, seed_of
from symrank.run.rounds import budget_of
from symrank.support import foreign
from symrank.support.options import checks_names
from symrank.support.typing import Array, FloatArray

__all__ = ["plan"]

TIMED_COLUMNS = 8
IN_PLAN = {
    "method": "it says which one rank would choose",
    "progress": "no method runs",
    "executor": "no method runs",
    "checkpoint": "no method runs",
}
TWICE = (
    "a second count, on a quarter of the budget, puts every row in a unit of its own "
    '(preconditioner="equilibrate")'
)


@checks_names({**OF_METHODS, **IN_PLAN})
def plan(
    A: Any,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    preconditioner: Preconditioner | FloatArray | str | None = None,
    deflate: Array | None = None,
    noise: float | None = None,
    hermitian: bool | None = None,
    rng: Rng = None,
    check: bool = True,
) -> policy.Plan:
    """Say which method `symrank.rank` would start with, what it would take, and why.

    No method runs. An operator without entries is checked, as in `rank`, and multiplies one more
    block of eight vectors for the time of a product.

    Parameters
    ----------
    A, atol, rtol, precision, confidence, max_matvecs, max_seconds, preconditioner, deflate, noise
        As for `symrank.rank`.
    hermitian, rng, check
        As for `symrank.rank`.

    Returns
    -------
    Plan
        With the predicted products, seconds and memory; ``print`` it. Where the sizes of the rows
        of an explicit matrix make a second count, in other units, its `notes` say so.

    Examples
    --------
    >>> import symrank
    >>> from symrank import gallery
    >>> plan = symrank.plan(gallery.grid_laplacian((100, 100)))
    >>> plan.choice.method.name
    'inertia'
    """
    options = Options(
        atol=atol,
        rtol=rtol,
        precision=precision,
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        noise=noise,
        deflate=deflate,
        preconditioner=preconditioner,
        hermitian=hermitian,
        seed=seed_of(rng),
        check=check,
    )
    budget = budget_of(options, None)
    with foreign.own_arithmetic():
        job = prepare(A, options, budget, is_chosen=True)
        told, job = first_look(job, budget)
        job, note = _first_of_two(job, budget)
        if told is not None:
            note = f"none of this will run: {told.reason}"
        with located(budget):
            return _planned(job, (note,) if note else ())


def _planned(job: Job, notes: tuple[str, ...]) -> policy.Plan:
    """Weigh the candidates; time a product where nothing tells what it takes."""
    facts, goal = job.operator.facts, job.goal
    proposal = policy.propose(facts, goal)
    first = policy.long_first(proposal, facts, goal)
    if first is not None:
        notes = (*notes, f"before that, {first}: {first.why}")
    proposal = dataclasses.replace(proposal, notes=notes)
    if job.operator.facts.is_explicit or not job.operator.facts.n:
        return proposal
    timed = job.operator if job.operator.facts.halves is None else job.given
    X = np.ones((timed.n, TIMED_COLUMNS), timed.dtype)
    start = time.perf_counter()
    timed.matmat(X)
    seconds = (time.perf_counter() - start) / TIMED_COLUMNS
    return proposal.with_product_seconds(seconds - costs.product_seconds(job.operator.facts.work))


def _first_of_two(job: Job, budget: Budget) -> tuple[Job, str]:
    """Return the job of the first count, and a note where there will be a second one."""
    scales = uneven(job)
    if scales is None:
        return job, ""
    left = budget.left - int(SHARE * budget.left)
    goal = dataclasses.replace(job.goal, max_matvecs=job.goal.products_in(left))
    return dataclasses.replace(job, goal=goal), f"{describe(scales, LIMIT)}: {TWICE}"
