"""A run without a method given: the proposal, what sampling shows, and the ways back."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

from symrank import choose
from symrank._candidates import Choice, exact_candidates, fits_densely
from symrank._counter import Counter, located
from symrank._rounds import run
from symrank._setup import Job
from symrank.intervals import ExactInterval, Hull, Interval
from symrank.methods import Dense, Inertia, Lanczos, Method, Summary
from symrank.result import RankResult, Status

__all__ = ["choose_and_run"]

SURE = (Status.EXACT, Status.CONVERGED)
ROUNDED = "the pivots proved too little (rounding): "
CERTAIN = 1 - 1e-9  # at this confidence two intervals that miss each other are no chance


def choose_and_run(job: Job, counter: Counter) -> RankResult:
    """Run the proposal; fall back where pivots prove nothing, and settle what squares hide."""
    job = job.on_shorter_side()
    proposal = choose.propose(job.facts, job.goal)
    method, reason = proposal.choice.method, proposal.reason
    if isinstance(method, Lanczos):
        weigh = partial(exact_candidates, job.facts, job.goal)
        return _sample_and_switch(job, reason, counter, weigh)
    answer = run(job, method, reason, counter)
    result = answer.result(counter)
    if answer.is_squared_away:
        return _settled(job, result, counter)
    if not (isinstance(method, Inertia) and choose.proves_too_little(answer.summary)):
        return result
    given_up = choose.why_given_up(answer.summary)
    reason = "the factorisation was given up: " if given_up else ROUNDED
    if fits_densely(job.facts):
        other = run(job, Dense(), reason + "all eigenvalues instead", counter).result(counter)
        return _instead(other, given_up) if given_up else other
    counter.interval = None  # what the pivots left open is no answer to stop at
    reason += "certified counting by products"
    try:
        other = _sample_and_switch(job, reason, counter, lambda _: ())
    except KeyboardInterrupt:
        if given_up:
            raise
        return dataclasses.replace(result, status=Status.INTERRUPTED)
    return _instead(other, given_up) if given_up else _both(other, result)


def _settled(job: Job, squared: RankResult, counter: Counter) -> RankResult:
    """Count the singular values themselves where that is cheap; else keep the count of squares."""
    if not choose.affords_singular_values(job.facts, job.goal):
        return squared
    reason = f"{squared.method} counted {squared.rank} squares; the singular values tell the rest"
    return run(job, Dense(), reason, counter).result(counter)


def _sample_and_switch(
    job: Job, reason: str, counter: Counter, weigh: Callable[[float], Sequence[Choice]]
) -> RankResult:
    """Sample; go over to an exact method once it is seen to be cheap, and back if it fails."""
    found: list[tuple[Method, str]] = []

    def pause(summary: Summary) -> bool:
        spent = counter.num_matvecs // job.operator.matvecs_per_product
        left = job.budget(counter.left), counter.seconds_left
        exact = choose.reconsider(job.facts, job.goal, summary, weigh, spent, left)
        if exact is not None:
            found.append(exact)
        return exact is not None

    sampling = run(job, Lanczos(), reason, counter, pause)
    sampled = sampling.result(counter)
    if not found or not sampling.is_whole:
        return sampled
    stopped = dataclasses.replace(sampled, status=Status.INTERRUPTED)
    try:
        with located(counter, lambda: stopped):
            exact = run(job, *found[0], counter)
    except KeyboardInterrupt:
        return stopped
    if exact.summary is None:  # the time was up
        return sampling.result(counter)
    result = exact.result(counter)
    if exact.is_squared_away:
        return _settled(job, result, counter)
    if result.status in SURE or _knows_all(found[0][0], exact.summary):
        return _unless_contradicted(result, sampled)
    if result.status is Status.INTERRUPTED:
        return dataclasses.replace(_both(sampled, result), status=Status.INTERRUPTED)
    sampling.keep_within(counter)
    sampling.advance(counter)
    given_up = choose.why_given_up(exact.summary)
    sampled = sampling.result(counter)
    return _instead(sampled, given_up) if given_up else _both(sampled, result)


def _instead(result: RankResult, given_up: str) -> RankResult:
    """Record that a clock or a death has decided the road, and how to take the same again."""
    note = (
        f"the exact count by pivots was given up: {given_up}. method={result.method!r} gives this "
        "answer again, whatever the machine; method='inertia' has no limit but max_seconds."
    )
    return dataclasses.replace(
        result,
        notes=(*result.notes, note),
        diagnostics={**result.diagnostics, "given_up": given_up},
    )


def _knows_all(method: Method, summary: Summary) -> bool:
    """Tell whether sampling could add nothing: what is open then is the spectrum's own doing."""
    by_pivots = isinstance(method, Inertia) and not choose.proves_too_little(summary)
    return isinstance(method, Dense) or by_pivots


def _both(first: RankResult, second: RankResult) -> RankResult:
    """Return the narrower of two results, or with the hull of both where they miss each other.

    At their confidence that is a sampling miss, and tells nothing of which one missed.
    """
    best, other = sorted((first, second), key=_width)
    if _meets(best.interval(), other.interval()):
        return best
    return _opened(
        best,
        Hull(of=best.evidence, other=other.evidence),
        f"{best.method} and {other.method} miss each other at {best.confidence:.0%} confidence: "
        "the interval spans both. Another seed tells which one missed.",
    )


def _unless_contradicted(result: RankResult, sampled: RankResult) -> RankResult:
    """Return an exact result, unless sampling proves it wrong: then neither is trusted."""
    proved = sampled.interval(CERTAIN)
    if _meets(result.interval(), proved):
        return result
    low, high = result.interval()
    return _opened(
        result,
        ExactInterval(low=0, high=result.n),
        f"{result.method} finds [{low}, {high}] and certified sampling [{proved[0]}, {proved[1]}] "
        f"but for a probability of {1 - CERTAIN:.0g}: the products or their noise are not what "
        "they are said to be (see `noise`), and nothing is claimed.",
    )


def _opened(result: RankResult, evidence: Interval, note: str) -> RankResult:
    """Return the result with a wider interval, and with the reason."""
    ends = evidence(result.confidence)
    return dataclasses.replace(
        result,
        bounds=(float(ends[0]), float(ends[1])),
        evidence=evidence,
        status=Status.NO_GAP_FOUND,
        notes=(*result.notes, note),
        resume=None,
    )


def _meets(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] <= second[1] and second[0] <= first[1]


def _width(result: RankResult) -> int:
    low, high = result.interval()
    return high - low
