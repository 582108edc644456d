"""What the count of A and that of D A D say together."""

import dataclasses

import pytest

from symrank import RankResult, Status
from symrank.choice import units
from symrank.spectrum.intervals import BetaInterval, ExactInterval

SURE = (Status.EXACT, Status.CONVERGED)
LEVEL = 1 - 1e-6


def answer(status, low, high, slack=0):
    return RankResult(
        rank=low,
        estimate=low,
        stderr=0.0,
        bounds=(low, low + slack),
        threshold=0.0,
        status=status,
        n=100,
        dtype="float64",
        method="dense",
        confidence=0.95,
        evidence=ExactInterval(low=low, high=high),
    )


def test_intervals_that_miss_by_chance_do_not_differ():
    """500 and 455 of 1000, with a standard deviation of 7 each: apart at 95 %, not at 1 - 1e-6."""
    first, second, other = (
        dataclasses.replace(
            answer(Status.CONVERGED, count, count),
            n=1000,
            evidence=BetaInterval(n=1000, num_probes=10, null_low=null, null_high=null),
        )
        for count, null in ((500, 0.5), (455, 0.545), (380, 0.62))
    )
    assert first.interval()[0] > second.interval()[1]
    for theirs, is_news in ((second, False), (other, True)):
        pair = units._Pair(
            first=first,
            second=theirs,
            failure="",
            rows="1 of 1000 rows (7)",
            num_filled=1000,
            half_width=15.0,
            num_matvecs=0,
            seconds=0.0,
        )
        result = pair.result()
        assert len(result.notes) == is_news
        assert (result.status is Status.CONVERGED) != is_news
        low, high = result.interval(LEVEL)
        assert low <= (380 if is_news else 500) <= high


EXACT, CONVERGED = Status.EXACT, Status.CONVERGED
OPEN, SPENT, STOPPED = Status.NO_GAP_FOUND, Status.BUDGET_SPENT, Status.INTERRUPTED


@pytest.mark.parametrize(
    ("first", "second", "status", "interval"),
    [
        # confirmed: nothing changes
        (answer(EXACT, 50, 50), answer(EXACT, 50, 50), EXACT, (50, 50)),
        (answer(CONVERGED, 48, 52), answer(CONVERGED, 50, 54, slack=4), CONVERGED, (48, 52)),
        (answer(CONVERGED, 48, 52), answer(EXACT, 52, 52), CONVERGED, (48, 52)),
        (answer(CONVERGED, 48, 52), answer(SPENT, 40, 60, slack=2), CONVERGED, (48, 52)),
        # settled by no number of products
        (answer(EXACT, 50, 50), answer(EXACT, 51, 51), OPEN, (50, 51)),
        (answer(CONVERGED, 48, 52), answer(CONVERGED, 53, 55), OPEN, (48, 55)),
        (answer(SPENT, 48, 60), answer(SPENT, 30, 47), OPEN, (30, 60)),
        (answer(OPEN, 48, 60), answer(EXACT, 47, 47), OPEN, (47, 60)),
        # not confirmed
        (answer(EXACT, 50, 50), answer(CONVERGED, 50, 51), SPENT, (50, 51)),
        (answer(EXACT, 50, 50), answer(OPEN, 50, 52, slack=2), OPEN, (50, 52)),
        (answer(CONVERGED, 48, 52), answer(OPEN, 40, 100, slack=3), OPEN, (40, 100)),
        (answer(CONVERGED, 48, 52), answer(SPENT, 40, 100, slack=3), SPENT, (40, 100)),
        (answer(CONVERGED, 48, 52), None, SPENT, (0, 90)),
        (answer(STOPPED, 48, 52), None, STOPPED, (0, 90)),
        (answer(OPEN, 48, 60), answer(EXACT, 50, 50), OPEN, (48, 60)),
    ],
)
def test_what_two_counts_say_together(first, second, status, interval):
    pair = units._Pair(
        first=first,
        second=second,
        failure="" if second else "no time was left",
        rows="1 of 100 rows (7)",
        num_filled=90,
        half_width=1.0,
        num_matvecs=0,
        seconds=0.0,
    )
    result = pair.result()
    assert (result.status, result.interval(), result.rank) == (status, interval, first.rank)
    assert result.bounds[0] <= result.interval()[0]
    changed = (status, interval) != (first.status, first.interval())
    is_sure = second is not None and second.status in SURE and first.status not in SURE
    assert len(result.notes) == (changed or is_sure or first.status is STOPPED)
    if second is not None and result.status in SURE:
        halted = dataclasses.replace(pair, failure="no time was left").result()
        assert halted.status not in SURE


def test_a_pair_goes_on_where_both_counts_can():
    def pair(second):
        first = dataclasses.replace(answer(CONVERGED, 48, 52), resume=lambda *_: None)
        return units._Pair(
            first=first, second=second, failure="", rows="", num_filled=90, half_width=1.0,
            num_matvecs=0, seconds=0.0,
        ).result()  # fmt: skip

    going = dataclasses.replace(answer(CONVERGED, 48, 52), resume=lambda *_: None)
    assert pair(going).resume is not None
    assert pair(answer(EXACT, 50, 50)).resume is not None  # nothing is left to do
    assert pair(answer(CONVERGED, 48, 52)).resume is None
    assert pair(None).resume is None
