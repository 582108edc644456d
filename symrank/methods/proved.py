r"""A count inside the bounds that are proved without a product, from the pattern or the entries.

`proved` holds for every value of the entries, so an interval of a run may be cut at it. Where
the two do not meet at the confidence asked for, a sampling miss was *seen*, as it happens once in
twenty runs: the interval is then that at 1 - 1e-6, cut as well, and never exact. Where they do not
meet there either, or where the interval was a proof itself, two proofs contradict each other: one
of them is false, nothing tells which, and nothing is claimed (`symrank.spectrum.brackets`).
"""

import dataclasses

from symrank.methods.base import Goal, Summary
from symrank.spectrum.brackets import narrower
from symrank.spectrum.intervals import ExactInterval, Interval, Within
from symrank.spectrum.outcome import Status

__all__ = ["CERTAIN", "inside", "proved", "within"]

CERTAIN = 1.0 - 1e-6  # at this level a miss is no chance any more
SURE = (Status.EXACT, Status.CONVERGED)


def proved(goal: Goal) -> tuple[int, int]:
    """Return what `Goal.zeros` proves of the count.

    The most of them is that of a rank: eigenvalues that its cut does not count.
    """
    least, most = goal.zeros
    if goal.between is None:
        return goal.n - (goal.n if most is None else most), goal.n - least
    a, b = goal.between
    return (least, goal.n) if a < 0.0 <= b else (0, goal.n - least)


def within(goal: Goal, law: Interval) -> tuple[Interval, str]:
    """Return the law inside what is proved, and a sentence where the two did not meet."""
    low, high = proved(goal)
    if (low, high) == (0, goal.n):
        return law, ""
    ends = law(goal.confidence)
    if isinstance(law, ExactInterval):
        bounds, is_void = narrower(ends, (low, high), whole=(0.0, float(goal.n)))
        note = _contradiction(ends, (low, high)) if is_void else ""
        return ExactInterval(low=int(bounds[0]), high=int(bounds[1])), note
    if _meet(ends, (low, high)):
        return Within(low=low, high=high, level=goal.confidence, of=law), ""
    level = max(CERTAIN, goal.confidence)
    if _meet(law(level), (low, high)):
        cut = Within(low=low, high=high, level=level, of=law, is_missed=True)
        return cut, (
            f"The interval at {goal.confidence:.0%}, [{ends[0]}, {ends[1]}], misses what the "
            f"matrix itself proves, [{low}, {high}]: a sampling miss, and the interval is that at "
            "1 - 1e-6."
        )
    return ExactInterval(low=0, high=goal.n), _contradiction(law(level), (low, high))


def inside(goal: Goal, summary: Summary) -> Summary:
    """Return the summary with its count inside what is proved."""
    law, note = within(goal, summary.evidence)
    if law is summary.evidence:
        return summary
    low, high = law(goal.confidence)
    is_whole = isinstance(law, ExactInterval)
    is_void = is_whole and bool(note)
    is_cut = is_whole and (low, high) != summary.evidence(goal.confidence)
    return dataclasses.replace(
        summary,
        evidence=law,
        rank=min(max(summary.rank, low), high),
        bounds=(float(low), float(high)) if is_whole else summary.bounds,
        status=Status.NO_GAP_FOUND if is_void and summary.status in SURE else summary.status,
        inertia=None if is_cut else summary.inertia,  # signs that the run was not sure of
        notes=(*summary.notes, note) if note else summary.notes,
    )


def _meet(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] <= second[1] and second[0] <= first[1]


def _contradiction(found: tuple[int, int], known: tuple[int, int]) -> str:
    return (
        f"The run proves [{found[0]}, {found[1]}] and the matrix itself [{known[0]}, {known[1]}]:"
        " the products or their noise are not what they are said to be (see `noise`), and nothing "
        "is claimed."
    )
