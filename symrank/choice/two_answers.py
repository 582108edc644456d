"""Two answers to one question: which of them holds, and what is said where they disagree."""

import dataclasses

from symrank.answer.result import RankResult
from symrank.spectrum.intervals import ExactInterval, Hull, Interval
from symrank.spectrum.outcome import Status

__all__ = ["both", "instead", "narrower", "unless_contradicted"]

CERTAIN = 1 - 1e-9  # at this confidence two intervals that miss each other are no chance


def narrower(result: RankResult, other: RankResult, given_up: str) -> RankResult:
    """Return the narrower of two answers; one that a clock has ended is none to compare with."""
    return instead(result, given_up) if given_up else both(result, other)


def instead(result: RankResult, given_up: str) -> RankResult:
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


def both(first: RankResult, second: RankResult) -> RankResult:
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


def unless_contradicted(result: RankResult, sampled: RankResult) -> RankResult:
    """Return an exact result, unless sampling proves it wrong: then neither is trusted."""
    proved = sampled.interval(CERTAIN)
    if _meets(result.interval(), proved):
        return result
    low, high = result.interval()
    return _opened(
        result,
        ExactInterval(low=0, high=result.n),
        f"{result.method} finds [{low}, {high}] and certified sampling [{proved[0]}, {proved[1]}] "
        f"except with probability {1 - CERTAIN:.0g}: the products or their noise are not what "
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
