"""The two kinds of summary: a count that is proved up to its bounds, and one with a law."""

from typing import Any

from symrank.methods.base import Goal, Summary
from symrank.spectrum.intervals import ExactInterval, Interval

__all__ = ["exact", "sampled"]


def exact(low: int, high: int, guess: int, **fields: Any) -> Summary:
    """Return the summary of a count in ``low..high``, with no sampling error.

    Parameters
    ----------
    low, high
        Proved bounds.
    guess
        The best guess, which is moved between them.
    fields
        Others of `Summary`.
    """
    rank = min(max(guess, low), high)
    return Summary(
        rank=rank,
        estimate=float(rank),
        stderr=0.0,
        bounds=(float(low), float(high)),
        evidence=ExactInterval(low=low, high=high),
        **fields,
    )


def sampled(goal: Goal, law: Interval, estimate: float, **fields: Any) -> Summary:
    """Return the summary of an estimate with the law of its interval.

    Parameters
    ----------
    goal
        What is asked for.
    law
        Of the interval; the rank is the estimate, rounded and moved into it.
    estimate
        Unrounded.
    fields
        Others of `Summary`.
    """
    low, high = law(goal.confidence)
    rank = min(max(round(estimate), low), high)
    return Summary(rank=rank, estimate=estimate, evidence=law, **fields)
