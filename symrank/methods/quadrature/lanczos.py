r"""Rank by stochastic Lanczos quadrature with certified bounds.

m Gaussian probes, k Lanczos steps each. For every probe the mass in [-tau, tau] lies inside
proved bounds (`symrank.spectrum.measure`); pooled, they bracket a Beta variable whose law has the
unknown nullity as its only parameter (`symrank.spectrum.intervals`). The interval covers both
errors.

Policy. The first probes are advanced by doubling their steps, which costs no confidence: more
steps only tighten the bracket round the same random number. Once the bracket is narrow against
the sampling error, probes are added. Their numbers are a fixed sequence that ends where even rank
n/2 meets the precision; it depends on n and the precision alone, so a larger budget goes on with
the same rounds. alpha is split over it, and what one look has rejected stays rejected: within a run
the interval never widens. Once the precision is met, steps that still tell the null space from
small eigenvalues may cost EXTRA times what was spent, or what the goal allows for them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from symrank import kernels
from symrank.methods import costs
from symrank.methods.base import Goal, Method, Offer, Summary, Task, Tick
from symrank.methods.quadrature.summary import ENOUGH, RESOLVED, Memo, is_resolved, summarise
from symrank.methods.seen import Seen
from symrank.operators import Operator
from symrank.operators.facts import Facts
from symrank.recurrences import lanczos
from symrank.spectrum.outcome import Status
from symrank.support import probes
from symrank.support.options import settle_counts

__all__ = ["Lanczos", "seen"]

FIRST_PROBES = 8  # a cache line of doubles
BLOCK = 16  # probes advanced together: one panel of the kernels
FACTOR = 8  # from look to look, where that takes few of them: each has its part of alpha
MOST_GROWTHS = 2  # each look takes its part of alpha
EXTRA = 4  # times the products at which the precision was met: what resolution may cost then
FIRST_STEPS = 64  # and doubled from there
DOUBLED = (
    2  # times FIRST_STEPS that a run takes where no precision is asked for, more often than not
)
SPARE = 1.05  # times the steps that would just do
WIDE = 8.0  # times the width asked for: no number of steps is known to settle it
MARGIN = 7.5  # z_(1 - alpha/6)^2 = 5.7 at alpha = 0.05, times 1.3: enough probes after the split


@dataclass(frozen=True, kw_only=True)
class Lanczos(Method):
    """Stochastic Lanczos quadrature with certified bounds.

    Parameters
    ----------
    num_probes
        Gaussian probes of the first rounds, 8 by default.
    kernel
        Name of a kernel file. Default: the compiled one.

    Examples
    --------
    >>> import symrank
    >>> from symrank import gallery
    >>> L = gallery.grid_laplacian((80, 80))
    >>> result = symrank.rank(L, method=Lanczos(), rng=3)
    >>> low, high = result.interval()
    >>> low <= 6399 <= high
    True
    """

    num_probes: int | None = None
    kernel: str | None = None

    name: ClassVar[str] = "lanczos"
    runs_on_kernels: ClassVar[bool] = True
    refines: ClassVar[bool] = True
    counts_between: ClassVar[bool] = True
    counts_moduli: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("seed", "n", "dtype")

    def __post_init__(self) -> None:
        settle_counts(self, num_probes=1)
        kernels.check_name(self.kernel)

    def offer(self, facts: Facts, goal: Goal, seen: Seen | None = None) -> Offer:  # noqa: ARG002
        """Offer the first round at least, the budget at most."""
        first = min(FIRST_PROBES * FIRST_STEPS, goal.max_matvecs)
        a_product = costs.product_seconds(facts.work)
        return Offer(
            method=self,
            products=(first, goal.max_matvecs),
            seconds=(first * a_product, goal.max_matvecs * a_product),
            num_bytes=3 * FIRST_PROBES * facts.n * goal.dtype.itemsize,
        )

    def whole(self, goal: Goal) -> int:
        """Return the products that a run is likely to take, before anything was seen of A.

        Those for rank n/2 where all is to be known, else those of a rank nearer to an end.
        """
        if not goal.n:
            return 0
        stages = self.stages(goal)
        if goal.open_ended:
            return min(goal.max_matvecs, stages[-1] * DOUBLED * FIRST_STEPS)
        return min(goal.max_matvecs, stages[min(1, len(stages) - 1)] * FIRST_STEPS)

    def stages(self, goal: Goal) -> list[int]:
        """Return the numbers of probes at which the Beta interval may be looked at, in advance."""
        share = max(goal.half_width, 0.5) / goal.n
        worst = MARGIN / (2.0 * share**2 * goal.n)  # probes for rank n/2
        first = FIRST_PROBES if self.num_probes is None else self.num_probes
        last = max(first, math.ceil(worst))
        growths = min(math.ceil(math.log(last / first, FACTOR)), MOST_GROWTHS)
        return [
            first,
            *(round(first * (last / first) ** (j / growths)) for j in range(1, growths + 1)),
        ]

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Double the steps while resolution is the larger error, else add probes."""
        if summary is None:
            first = min(self.stages(goal)[0], goal.max_matvecs)
            return _blocks(0, first, max(1, min(FIRST_STEPS, goal.max_matvecs // first)))
        memo: Memo = summary.memo
        if memo.probes.num_void:
            return []
        left = goal.max_matvecs - memo.num_products
        if memo.is_met:
            return self._resolve(goal, memo, left)
        more_probes = self._more_probes(goal, memo, left)
        if more_probes and memo.slack_share <= ENOUGH and not memo.is_hopeless:
            return more_probes
        return _more_steps(memo, left)

    def _resolve(self, goal: Goal, memo: "Memo", left: int) -> list[Task]:
        """Double the steps of a count that is precise enough, where the caller asked for none.

        Where the pattern has proved the upper end, the lower one is all that they would move.
        """
        allowed = memo.met_at + max(EXTRA * memo.met_at, goal.extra_products)
        if memo.is_capped or not goal.open_ended or 2 * memo.num_products > allowed:
            return []
        return _more_steps(memo, left)

    def _more_probes(self, goal: Goal, memo: "Memo", left: int) -> list[Task]:
        """Return the tasks of the next stage, or of as much of it as is worth while.

        Products for an eighth more steps are kept back: one new probe in a hundred has a Ritz value
        near the cut just then, and proves nothing by its own. Where they are all that is left,
        slack must stay the smaller error with the new probes: sampling shrinks with their root.
        """
        have, steps = memo.num_probes, memo.num_steps
        later = [size for size in self.stages(goal) if size > have]
        if not later:
            return []
        size = min(later[0], (have * steps + left) // (steps + -(-steps // 8)))
        is_last = left < (2 * size - have) * steps
        too_slack = is_last and memo.slack_share * math.sqrt(size / have) > ENOUGH
        too_few = size < min(later[0], 1.25 * have)
        return [] if too_slack or too_few else _blocks(have, size, steps)

    def has_columns(self, task: Task) -> bool:  # noqa: ARG002
        """Every task is a block of probes."""
        return True

    def run(
        self,
        operator: Operator,
        goal: Goal,
        task: Task,
        state: lanczos.LanczosState | None,
        tick: Tick,
    ) -> lanczos.LanczosState:
        """Advance one block of probes."""
        if state is None:
            state = lanczos.start(
                probes.gaussian(goal.seed, task.key[1], task.num_vectors, goal.n, goal.dtype)
            )
        return lanczos.extend(state, operator, task.num_steps, tick, self.kernel)

    def divides(self, task: Task) -> bool:  # noqa: ARG002
        """Divide any."""
        return True

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], lanczos.LanczosState],
        previous: Summary | None,
    ) -> Summary:
        """Pool the certified bounds of all probes at the cut."""
        return summarise(goal, states, previous, len(self.stages(goal)))


def seen(goal: Goal, summary: Summary, seconds: float) -> Seen:
    """Return what rounds have shown, for other methods to make an offer on."""
    low, high = summary.evidence(goal.confidence)
    length, gaps, measure = math.inf, summary.gaps, summary.measure
    if gaps and measure is not None and gaps[0].high > 0.0:
        kappa = measure.spectral_norm / gaps[0].high
        length = kappa if measure.ritz_values[0] < -gaps[0].high else math.sqrt(kappa)
    return Seen(
        low=low,
        high=high,
        likely=summary.estimate,
        is_met=summary.status is Status.CONVERGED,
        is_resolved=is_resolved(summary),
        solve_length=length,
        seconds=seconds,
        whole=_whole(goal, summary.memo, high - low),
    )


def _whole(goal: Goal, memo: Memo, width: int) -> int:
    """Return the products at the end of the run, as likely as not."""
    spent, wanted = memo.num_products, 2.0 * goal.half_width
    if memo.is_met:
        return spent if memo.slack_share <= RESOLVED else 2 * spent
    if memo.slack_share <= ENOUGH:
        return math.ceil(spent * max(width / wanted, 1.0) ** 2)
    return goal.max_matvecs if width > WIDE * wanted else 2 * DOUBLED * spent


def _blocks(first: int, last: int, steps: int) -> list[Task]:
    """Split probes first..last-1 into blocks; the key holds the number of the first probe."""
    return [Task(("probes", j), steps, m) for j, m in probes.blocks(first, last, BLOCK)]


def _more_steps(memo: Memo, left: int) -> list[Task]:
    """Double the steps of all probes, or what the budget holds of that, while it pays.

    Where the pattern has proved one end, the other is all that is open: a spectrum that is dense
    at the cut closes it with the inverse of the steps, and any other one sooner.
    """
    least = max(1, memo.num_steps // 8)
    steps = min(memo.num_steps, left // memo.num_probes)
    if memo.is_capped and not memo.is_met:
        steps = min(steps, max(least, math.ceil(memo.num_steps * (SPARE * memo.excess - 1.0))))
    if memo.slack_share > RESOLVED and steps >= least:
        return [Task(key, steps, k) for key, k in memo.blocks]
    return []
