r"""Does the count depend on the units of the variables? Where it may, it is made in both.

The floor is a multiple of |A|, so a row in a large unit hides rows in a small one: the answer to
"how many eigenvalues are not zero" changes with the unit of a variable, and inertia does not. D A D
with every row in a unit of its own (`symrank.preconditioners.equilibrate`) answers the same
question with a floor relative to each row. Which of the two is right only the caller knows: a small
row may be a variable in Pascal, or what an elimination left of zeros.

So where no cut was given and the scales span more than 1e6, A is counted on three quarters of
the budget, D A D on a quarter, by the same method. With I and J their intervals,

    both settled, and I meets J at 1 - 1e-6:   the answer is that of A, as it was;
    else:                                      the interval is the hull of I and J, never sure.

The level 1 - 1e-6 belongs to the comparison alone: two intervals at 95 % miss each other by chance.
An exact count is settled by an exact count; a sampled one where resolution leaves no more open than
the precision asked for, as fewer probes leave the second interval the wider one.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symrank.answer.result import RankResult
from symrank.choice.auto import count, count_twin
from symrank.errors import SymrankError
from symrank.methods import BY_NAME, Goal, Method
from symrank.operators.facts import Facts
from symrank.preconditioners.equilibrate import Scales, describe, uneven_scales
from symrank.run import rounds
from symrank.run.budget import Budget
from symrank.run.job import Job
from symrank.spectrum import threshold
from symrank.spectrum.intervals import ExactInterval, Hull, Interval
from symrank.spectrum.outcome import Progress, Status

__all__ = ["LIMIT", "SHARE", "count_in_both_units", "uneven"]

LIMIT = math.log2(1e6)  # of the spread of d: 1 beside a row of 1e12, whose rounding is 1e-4
SHARE = 0.25  # of the budget is for the count of D A D
CERTAIN = 1.0 - 1e-6  # level at which two intervals that miss each other differ
SURE = (Status.EXACT, Status.CONVERGED)
INTERRUPTED, LATE = "the run was interrupted", "the budget had ended"
HOW = (
    'pass preconditioner="equilibrate" to count what is not zero relative to its own row, or atol '
    "above the noise floor to say what is zero."
)


def count_in_both_units(job: Job, budget: Budget, method: Method | None, reason: str) -> RankResult:
    """Return the count of the job, or of A and D A D where units may decide.

    Parameters
    ----------
    job
        What is counted.
    budget
        Of what both counts spend.
    method, reason
        That was asked for; None: the one that is chosen counts D A D too.
    """
    scales = uneven(job)
    if scales is None:
        return count(job, method, reason, budget)
    quarter = int(SHARE * budget.left)
    with budget.reserve(quarter, SHARE * budget.seconds_left):
        goal = dataclasses.replace(job.goal, max_matvecs=job.goal.products_in(budget.left))
        part = dataclasses.replace(job, goal=goal)
        first = count(part, method, reason, budget, is_whole=True)
    if first.status is Status.NOT_CERTIFIED:  # it counts above a cut of its own
        return first
    again = BY_NAME[first.method]().unasked() if method is None else method
    second, failure = None, INTERRUPTED
    if first.status is not Status.INTERRUPTED:
        with budget.reserve(max(0, budget.left - quarter), 0.0):
            is_free = again.is_free(job.operator.facts)
            second, failure = _attempted(
                lambda: count_twin(job, scales, again, method is None, budget),
                is_late=budget.seconds_left < 0.0 or not (is_free or budget.left),
            )
    return _Pair(
        first=first,
        second=second,
        failure=failure,
        rows=describe(scales, LIMIT),
        num_filled=int(scales.is_filled.sum()),
        half_width=job.goal.half_width,
        num_matvecs=budget.num_matvecs,
        seconds=budget.seconds,
    ).result()


def uneven(job: Job) -> Scales | None:
    """Return the scales where no cut was given, rounding is the only noise, and they span much."""
    goal = job.goal
    is_asked = _has_cut(goal, job.given.facts) or goal.noise or job.num_deflated
    if is_asked or job.preconditioner is not None:
        return None
    return uneven_scales(job.given.facts, LIMIT)


def _has_cut(goal: Goal, facts: Facts) -> bool:
    """Tell whether the caller's cut decides, and not the floor, below which no cut reaches."""
    if goal.between or goal.rtol or facts.largest is None:
        return goal.has_cut
    unit = goal.eps * facts.largest / goal.scale
    return bool(goal.atol and goal.atol >= min(facts.n, threshold.FLOOR) * unit)


def _attempted(
    counted: Callable[[], RankResult | None], *, is_late: bool
) -> tuple[RankResult | None, str]:
    """Return a count; without an answer, say why there is none."""
    if is_late:
        return None, LATE
    try:
        found = counted()
    except KeyboardInterrupt:
        return None, INTERRUPTED
    except SymrankError as error:
        return None, str(error).rstrip(".")
    return found, LATE if found is None else ""


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """The counts of A and of D A D, and what both have cost."""

    first: RankResult
    second: RankResult | None
    failure: str  # why the second count is missing, or was not gone on with
    rows: str  # which are of another size, in words
    num_filled: int
    half_width: float
    num_matvecs: int
    seconds: float

    @property
    def differ(self) -> bool:
        """Whether the two intervals miss each other at the level `CERTAIN`."""
        if self.second is None:
            return False
        (a, b), (c, d) = self.first.interval(CERTAIN), self.second.interval(CERTAIN)
        return b < c or d < a

    @property
    def is_confirmed(self) -> bool:
        """Whether the count of A is sure, and that of D A D is settled and may be the same."""
        first, second = self.first.status, self.second
        if second is None or self.failure or self.differ or first not in SURE:
            return False
        low, high = second.bounds
        is_settled = second.status in SURE or high - low <= 2.0 * self.half_width
        return second.status is Status.EXACT if first is Status.EXACT else is_settled

    @property
    def status(self) -> Status:
        """The status of a hull: BUDGET_SPENT is for what more products could settle."""
        first, second = self.first.status, self.second
        if first not in (*SURE, Status.BUDGET_SPENT):
            return first
        if self.differ:
            return Status.NO_GAP_FOUND
        if first is Status.BUDGET_SPENT:
            return first
        if second is None:
            return Status.INTERRUPTED if self.failure == INTERRUPTED else Status.BUDGET_SPENT
        return Status.BUDGET_SPENT if second.status in SURE else second.status

    @property
    def hull(self) -> Interval:
        """What holds both counts; without a second one, all rows that have entries."""
        mine, theirs = self.first.evidence, ExactInterval(low=0, high=self.num_filled)
        other = theirs if self.second is None else self.second.evidence
        if isinstance(mine, ExactInterval) and isinstance(other, ExactInterval):
            return ExactInterval(low=min(mine.low, other.low), high=max(mine.high, other.high))
        return Hull(of=mine, other=other)

    def result(self) -> RankResult:
        """Return the first result with the interval, status and sentence that both leave it."""
        first, second = self.first, self.second
        seen = {} if second is None else {"equilibrated": _record(second)}
        answer = dataclasses.replace(
            first,
            num_matvecs=self.num_matvecs,
            seconds=self.seconds,
            resume=self._resume(),
            diagnostics={**first.diagnostics, **seen},
        )
        if self.is_confirmed:
            return answer
        hull = self.hull
        low, high = (0.0, float(self.num_filled)) if second is None else second.bounds
        is_sure = first.status in SURE or (second is not None and second.status in SURE)
        is_news = self.differ or is_sure or hull(first.confidence) != first.interval()
        return dataclasses.replace(
            answer,
            evidence=hull,
            bounds=(min(first.bounds[0], low), max(first.bounds[1], high)),
            status=self.status,
            notes=(*first.notes, self._sentence()) if is_news else first.notes,
        )

    def _sentence(self) -> str:
        """Say which rows, which sizes, and how to choose."""
        floor = f"by the noise floor of the operator the count {_place(self.first)}"
        other = f"nothing was counted ({self.failure})"
        if self.second is not None:
            other = f"it {_place(self.second)}"
        return f"{self.rows}: {floor}, with every row in a unit of its own {other}; {HOW}"

    def _resume(self) -> Callable[..., RankResult] | None:
        """Return what `RankResult.refine` calls, where both counts can go on."""
        second = self.second
        if second is None or self.first.resume is None:
            return None
        return None if second.status is not Status.EXACT and second.resume is None else self._go_on

    def _go_on(
        self,
        precision: float,
        max_matvecs: int | None,
        max_seconds: float | None,
        progress: Callable[[Progress], None] | None,
    ) -> RankResult:
        """Go on with both counts, and compare them again."""
        second, spent = self.second, self.num_matvecs
        assert second is not None
        assert self.first.resume is not None
        more = rounds.MAX_MATVECS if max_matvecs is None else max_matvecs
        quarter = int(SHARE * more) if second.resume else 0
        observe = _observer(progress, spent - self.first.num_matvecs, spent + more)
        first = self.first.resume(precision, more - quarter, max_seconds, observe)
        spent += first.num_matvecs - self.first.num_matvecs
        seconds = first.seconds - self.first.seconds
        failure = ""
        if second.resume is not None:
            left = None if max_seconds is None else max_seconds - seconds
            if quarter == 0 or (left is not None and left <= 0.0):
                failure = LATE
            else:
                observe = _observer(progress, spent - second.num_matvecs, self.num_matvecs + more)
                second = second.resume(precision, quarter, left, observe)
        assert self.second is not None
        return dataclasses.replace(
            self,
            first=first,
            second=second,
            failure=failure,
            half_width=precision if precision >= 1.0 else precision * first.n,
            num_matvecs=spent + second.num_matvecs - self.second.num_matvecs,
            seconds=self.seconds + seconds + second.seconds - self.second.seconds,
        ).result()


def _observer(
    progress: Callable[[Progress], None] | None, before: int, limit: int
) -> Callable[[Progress], None] | None:
    """Return what tells `progress` of both counts together."""
    if progress is None:
        return None
    return lambda told: progress(Progress(told.num_matvecs + before, limit, told.interval))


def _place(result: RankResult) -> str:
    low, high = result.interval()
    return f"is {result.rank}" if low == high else f"lies in [{low}, {high}]"


def _record(result: RankResult) -> dict[str, Any]:
    """Return the count of D A D as plain values."""
    return {
        "rank": result.rank,
        "interval": list(result.interval()),
        "status": result.status.name,
        "inertia": None if result.inertia is None else list(result.inertia),
    }
