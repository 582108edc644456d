"""A run without a method given: decision 009 as a program, its numbers at the lines."""

import dataclasses

import numpy as np

from symrank import preconditioners
from symrank.answer.result import RankResult
from symrank.choice import direct_sum
from symrank.choice.entries import CHEAP, Seen, seen, structural_rank_of
from symrank.choice.merging import without_multiples
from symrank.choice.policy import (
    MENU,
    Menu,
    affords_all_eigenvalues,
    affords_singular_values,
    long_at_once,
    long_first,
    narrow_first,
    propose,
    reconsider,
)
from symrank.choice.triangular import by_triangle
from symrank.choice.two_answers import both, instead, narrower, unless_contradicted
from symrank.methods import Dense, Lanczos, Method, Offer, Summary, costs
from symrank.methods.quadrature import lanczos
from symrank.operators import MatrixOperator, Operator, augmented
from symrank.operators.factor import as_factor
from symrank.operators.modulus import Modulus
from symrank.preconditioners.equilibrate import Scales
from symrank.run.budget import Budget, located
from symrank.run.job import Job
from symrank.run.rounds import Rounds, run, start
from symrank.spectrum.outcome import Status
from symrank.support import probes
from symrank.support.probes import Streams

__all__ = ["choose_and_run", "count", "count_twin"]

SURE = (Status.EXACT, Status.CONVERGED)
FEW = "products show that few eigenvalues carry the matrix"
NARROW = 0.8  # times the columns of a sketch: a rank of more needs all of them to be seen
LOOKED_AT = 8  # columns that show how many eigenvalues carry a matrix


def count(
    job: Job, method: Method | None, reason: str, budget: Budget, *, is_whole: bool = False
) -> RankResult:
    """Run the method asked for, or one of choice; `is_whole` forbids to take the matrix apart."""
    if method is not None:
        return run(job, method, reason, budget).result(budget)
    at_once = long_at_once(job.operator.facts, job.goal, CHEAP)
    told = None if at_once is None else _attempted(job, at_once.method, at_once.why, budget)
    if told is not None:
        return told
    is_asked = job.preconditioner is not None or bool(job.num_deflated)
    matrix = None if is_whole or is_asked else seen(job.operator.facts, job.given.facts)
    is_open = at_once is not None  # another attempt would leave it so
    if matrix is None:
        return choose_and_run(job, budget, is_open=is_open)
    left = without_multiples(matrix, job.goal, job.structural_rank)
    if left is None:
        return _as_sum(job, matrix, budget) or choose_and_run(job, budget, is_open=is_open)
    operator = _operator(left.found)
    part = dataclasses.replace(
        job,
        operator=operator,
        given=operator,
        goal=left.goal,
        num_zeros=job.num_zeros + job.goal.n - left.goal.n,
        structural_rank=left.structural_rank,
    )
    told, part = _by_triangle(part, left.found, budget)
    counted = told or _as_sum(part, left.found, budget) or choose_and_run(part, budget)
    return dataclasses.replace(counted, reason=f"{left.what}; {counted.reason}")


def _operator(matrix: Seen) -> Operator:
    """Return what is counted of the entries."""
    if not matrix.is_rectangle:
        return MatrixOperator(matrix.entries)
    return Modulus(as_factor(matrix.entries)) if matrix.copies == 1 else augmented(matrix.entries)


def _by_triangle(job: Job, matrix: Seen, budget: Budget) -> tuple[RankResult | None, Job]:
    """Return the count where a triangle settles it, and the job with what that proves."""
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


def _as_sum(job: Job, matrix: Seen, budget: Budget) -> RankResult | None:
    """Return the sum of the counts of components; None where that is not worth it."""
    goal, n = job.goal, job.goal.n + job.num_zeros
    found = direct_sum.split(matrix, goal)
    if found is None:
        return None
    if found.rest is None:
        return direct_sum.all_known(
            found,
            goal,
            n=n,
            between=job.between,
            structural_rank=job.structural_rank,
            num_matvecs=budget.num_matvecs,
            seconds=budget.seconds,
        )
    whole = n, job.structural_rank

    def together(result: RankResult) -> RankResult:
        return direct_sum.together(result, found, goal, matrix.entries, whole)

    rest = dataclasses.replace(matrix, entries=found.rest)
    operator, known = _operator(rest), structural_rank_of(rest)
    part = dataclasses.replace(
        job,
        operator=operator,
        given=operator,
        num_zeros=0,
        goal=dataclasses.replace(goal, n=operator.n, zeros=(operator.n - known[1], None)),
        structural_rank=known,
        as_asked=lambda result: job.as_asked(together(result)),
    )
    told, part = _by_triangle(part, rest, budget)
    return together(told or choose_and_run(part, budget))


def count_twin(
    job: Job, scales: Scales, method: Method, is_chosen: bool, budget: Budget
) -> RankResult | None:
    """Count D A D by the method of the first count, or by products where it gave pivots up.

    None where the time was up before the first round was at its end.
    """
    reason = "to see whether units decide"
    twin = _equilibrated(job, scales)
    found = run(twin, method, reason, budget)
    if is_chosen and _given_up(found.summary):
        found = run(twin, Lanczos(), reason, budget)
    return None if found.summary is None else found.result(budget)


def _equilibrated(job: Job, scales: Scales) -> Job:
    """Return the job of counting D A D, D the scales, on the same side as the job."""
    G = preconditioners.of_scales(scales)
    operator = preconditioners.apply(job.given, G)
    found = None if job.operator.facts.halves is None else operator.modulus()
    if found is not None:
        operator = found.operator
    elif job.operator.n < job.given.n:
        operator = operator.shorter_side()
    return dataclasses.replace(
        job,
        operator=operator,
        goal=dataclasses.replace(job.goal, scale=1.0, atol=None, zeros=(job.goal.zeros[0], None)),
        preconditioner=G,
    )


def choose_and_run(
    job: Job, budget: Budget, menu: Menu = MENU, *, is_open: bool = False
) -> RankResult:
    """Count exactly where that is cheap, at once or once it is seen to be; else sample.

    With `is_open` the count of a long matrix without its singular values has been tried.
    """
    plan = propose(job.operator.facts, job.goal, menu, budget.seconds_left)  # 1
    long = None if is_open else long_first(plan, job.operator.facts, job.goal)
    told = None if long is None else _attempted(job, long.method, long.why, budget)
    if told is not None:
        return told
    narrow = narrow_first(plan, job.operator.facts, job.goal)
    if narrow is not None and not _is_wide(job, NARROW * narrow.columns_limit(job.goal), budget):
        told = _attempted(job, narrow, FEW, budget)
        if told is not None:
            return told
        plan = propose(job.operator.facts, job.goal, menu, budget.seconds_left)
    if plan.choice.method.is_exact:
        tried = run(job, plan.choice.method, plan.reason, budget)
        if _is_final(tried.summary) or tried.is_squared_away:
            return _settled(tried, budget)
        if affords_all_eigenvalues(job.operator.facts, job.goal, budget.seconds_left):  # 3
            return _all_eigenvalues(tried, budget)
        return _sampled_instead(tried, budget, menu)
    return _sampled(job, plan.reason, budget, menu)  # 2


def _attempted(job: Job, method: Method, reason: str, budget: Budget) -> RankResult | None:
    """Return the count of a method that settles it, or that a key has ended; else None."""
    tried = run(job, method, reason, budget)
    if tried.summary is not None and tried.summary.status in (Status.EXACT, Status.INTERRUPTED):
        return tried.result(budget)
    budget.interval = None  # what is open is no answer to stop at
    return None


def _is_wide(job: Job, num_columns: float, budget: Budget) -> bool:
    """Tell whether the rank is above `num_columns`, as likely as not.

    It is at least (tr A^2)^2 / tr A^4, by Cauchy and Schwarz, which two products estimate.
    """
    operator, goal = job.operator, job.goal
    Z = probes.gaussian(goal.seed, Streams.WIDTH.start, LOOKED_AT, goal.n, goal.dtype)
    Y = operator.matmat(Z)
    X = operator.matmat(Y)
    budget.spend(2 * LOOKED_AT * operator.matvecs_per_product)
    # in double: of single precision |A|^4 may overflow
    second, fourth = (np.square(np.abs(B), dtype=float).sum() / LOOKED_AT for B in (Y, X))
    return bool(second * second > num_columns * fourth)


def _sampled_instead(tried: Rounds, budget: Budget, menu: Menu) -> RankResult:
    """Sample where pivots proved too little; both answers hold, unless a clock ended one."""
    left_open = tried.result(budget)
    reason = _why_not_final(tried.summary) + "certified counting by products"
    budget.interval = None  # what is open is no answer to stop at
    try:
        answer = _sampled(tried.job, reason, budget, dataclasses.replace(menu, exact=()))
    except KeyboardInterrupt:
        if _given_up(tried.summary):
            raise
        return dataclasses.replace(left_open, status=Status.INTERRUPTED)
    return narrower(answer, left_open, _given_up(tried.summary))


def _sampled(job: Job, reason: str, budget: Budget, menu: Menu) -> RankResult:
    """Sample, and go over to an exact count that is seen to be cheap."""
    sampling = start(job, Lanczos(), reason, budget)
    offer = _seen_to_be_cheap(sampling, budget, menu)
    if offer is None:
        return sampling.result(budget)
    return _gone_over(sampling, offer, budget)


def _seen_to_be_cheap(sampling: Rounds, budget: Budget, menu: Menu) -> Offer | None:
    """Sample until an exact count is seen to be cheap; None: to the end."""
    job, offer = sampling.job, None
    with sampling.guarded(budget):
        for summary in sampling.each(budget):
            spent = budget.num_matvecs // job.operator.facts.matvecs_per_product
            seconds = spent * costs.product_seconds(job.operator.facts.work)
            seen = lanczos.seen(job.goal, summary, seconds)
            left = job.goal.products_in(budget.left), budget.seconds_left
            offer = reconsider(job.operator.facts, job.goal, seen, spent, left, menu)
            if offer is not None:
                break
    return offer if sampling.is_whole else None


def _gone_over(sampling: Rounds, offer: Offer, budget: Budget) -> RankResult:
    """Count exactly after sampling, and go back to it where that tells too little."""
    sampled = sampling.result(budget)
    stopped = dataclasses.replace(sampled, status=Status.INTERRUPTED)
    try:
        with located(budget, lambda: stopped):
            exact = run(sampling.job, offer.method, offer.why, budget)
    except KeyboardInterrupt:
        return stopped
    if exact.summary is None:  # the time was up
        return sampling.result(budget)
    if exact.is_squared_away:
        return _settled(exact, budget)
    result = exact.result(budget)
    if result.status in SURE or _is_final(exact.summary):
        return unless_contradicted(result, sampled)
    if result.status is Status.INTERRUPTED:
        return dataclasses.replace(both(sampled, result), status=Status.INTERRUPTED)
    sampling.advance(budget, is_resumed=True)
    return narrower(sampling.result(budget), result, _given_up(exact.summary))


def _settled(exact: Rounds, budget: Budget) -> RankResult:
    """Return an exact count; of squares, that of the singular values where it is cheap."""
    job, result = exact.job, exact.result(budget)
    if not (exact.is_squared_away and affords_singular_values(job.operator.facts, job.goal)):
        return result
    reason = f"{result.method} counted {result.rank} squares; the singular values tell the rest"
    return run(job, Dense(), reason, budget).result(budget)


def _all_eigenvalues(tried: Rounds, budget: Budget) -> RankResult:
    """Compute all eigenvalues in place of what was no count."""
    reason = _why_not_final(tried.summary) + "all eigenvalues instead"
    result = run(tried.job, Dense(), reason, budget).result(budget)
    return instead(result, _given_up(tried.summary)) if _given_up(tried.summary) else result


def _is_final(summary: Summary | None) -> bool:
    return summary is not None and summary.is_final


def _given_up(summary: Summary | None) -> str:
    return "" if summary is None else summary.given_up


def _why_not_final(summary: Summary | None) -> str:
    if _given_up(summary):
        return "the factorisation was given up: "
    return "the pivots proved too little (rounding): "
