r"""Rank by stochastic Lanczos quadrature with certified bounds.

m Gaussian probes, k Lanczos steps each. For every probe the mass in [-tau, tau] lies inside
proved bounds (`symrank.measure`); pooled, they bracket a Beta variable whose law has the unknown
nullity as its only parameter (`symrank.intervals`). The interval covers both errors.

Policy. The first probes are advanced by doubling their steps, which costs no confidence: more
steps only tighten the bracket round the same random number. Once the bracket is narrow against
the sampling error, probes are added. Their numbers are a fixed sequence that ends where even
rank n/2 meets the precision, each up to FACTOR times the one before; alpha is split over it.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symrank import probes, threshold
from symrank._typing import FloatArray
from symrank.measure import LanczosRun, RitzMeasure
from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.operators import Operator
from symrank.recurrences import lanczos
from symrank.result import Status

__all__ = ["Lanczos", "is_resolved"]

FIRST_PROBES = 8  # a cache line of doubles
BLOCK = 16  # probes advanced together: one panel of the kernels
FACTOR = 8  # at most: few looks, as each takes its part of alpha
FIRST_STEPS = 64
ENOUGH = 0.2  # slack below this share of the sampling width: probes narrow the interval more
RESOLVED = 0.05  # slack below this share is not worth more steps
MARGIN = 7.5  # z^2 at alpha/3 with 30 % to spare: enough probes also after the split


@dataclass(frozen=True, kw_only=True)
class Lanczos:
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

    def stages(self, goal: Goal) -> list[int]:
        """Return the numbers of probes at which the Beta interval may be looked at, in advance."""
        share = max(goal.half_width, 0.5) / goal.n
        worst = MARGIN / (2.0 * share**2 * goal.n)  # probes for rank n/2
        last = max(FIRST_PROBES, min(math.ceil(worst), goal.max_matvecs // FIRST_STEPS))
        first = FIRST_PROBES if self.num_probes is None else self.num_probes
        growths = math.ceil(math.log(max(last / first, 1.0), FACTOR))
        sizes = [round(first * (last / first) ** (j / growths)) for j in range(1, growths + 1)]
        return [min(size, goal.max_matvecs) for size in (first, *sizes)]

    def plan(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Double the steps while resolution is the larger error, else add probes."""
        if summary is None:
            first = self.stages(goal)[0]
            steps = max(1, min(FIRST_STEPS, goal.max_matvecs // first))
            return _blocks(0, first, steps)
        memo: _Memo = summary.memo
        met = summary.status is Status.CONVERGED
        if met and (memo.slack_share <= RESOLVED or not goal.refine):
            return []
        left = goal.max_matvecs - memo.num_products
        more_probes = self._more_probes(goal, memo, left)
        if more_probes and not met and memo.slack_share <= ENOUGH:
            return more_probes
        steps = min(memo.num_steps, left // memo.num_probes)
        if memo.slack_share > RESOLVED and steps >= max(1, memo.num_steps // 8):
            return [Task(key, steps, k) for key, k in memo.blocks]
        return []

    def _more_probes(self, goal: Goal, memo: "_Memo", left: int) -> list[Task]:
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

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], lanczos.LanczosState],
        previous: Summary | None,
    ) -> Summary:
        """Pool the certified bounds of all probes at the cut."""
        keys = sorted(states)
        runs = [run for key in keys for run in lanczos.runs(states[key], goal.eps)]
        measure = RitzMeasure(
            runs=runs,
            n=goal.n,
            is_complex=goal.is_complex,
            num_looks=goal.spent_looks + len(self.stages(goal)),
        )
        norm = measure.spectral_norm
        old: _Memo | None = previous.memo if previous else None
        tau = old.tau if old else threshold.cut(norm, goal.eps, goal.atol, goal.rtol)
        bounds = _best_bounds(runs, tau, old)
        memo = _Memo(
            tau=tau,
            bounds=bounds,
            blocks=[(key, states[key].U.shape[1]) for key in keys],
            num_steps=states[keys[0]].num_steps,
            num_products=sum(states[key].num_steps * states[key].U.shape[1] for key in keys),
        )
        return _conclude(goal, measure, memo)


def is_resolved(summary: Summary) -> bool:
    """Tell whether more steps would add little to what the probes say."""
    return bool(summary.memo.slack_share <= RESOLVED)


@dataclass
class _Memo:
    tau: float
    bounds: FloatArray  # (m, 2), the best null mass bounds of every probe so far
    blocks: list[tuple[tuple[Any, ...], int]]
    num_steps: int
    num_products: int
    slack_share: float = math.inf  # of the sampling width

    @property
    def num_probes(self) -> int:
        return len(self.bounds)


def _blocks(first: int, last: int, steps: int) -> list[Task]:
    """Split probes first..last-1 into blocks; the key holds the number of the first probe."""
    starts = range(first, last, BLOCK)
    return [Task(("probes", j), steps, min(BLOCK, last - j)) for j in starts]


def _best_bounds(runs: Sequence[LanczosRun], tau: float, old: _Memo | None) -> FloatArray:
    """Return bounds at the fixed cut; the best of all rounds, as single ones are not monotone."""
    bounds = np.array([run.null_mass(tau) for run in runs])
    if old is not None:
        m = old.num_probes
        bounds[:m, 0] = np.maximum(bounds[:m, 0], old.bounds[:, 0])
        bounds[:m, 1] = np.minimum(bounds[:m, 1], old.bounds[:, 1])
    return bounds


def _conclude(goal: Goal, measure: RitzMeasure, memo: _Memo) -> Summary:
    """Turn pooled bounds into a count, its interval and a status."""
    n, tau = goal.n, memo.tau
    null_low, null_high = measure.pool(memo.bounds)
    evidence = measure.interval_from(null_low, null_high)
    low, high = evidence(goal.confidence)
    null = measure.likely_null_mass(tau, null_low, null_high)
    known = measure.interval_from(null, null)(goal.confidence)
    slack = n * (null_high - null_low)
    magnitudes, counts = np.abs(measure.ritz_values), n * measure.weights
    crowd = 0.0 if goal.has_cut else threshold.crowding(magnitudes, counts, tau)
    crowded = crowd >= threshold.MIN_COUNT
    met = high - low <= 2.0 * goal.half_width and not crowded
    is_closed = all(run.is_exact for run in measure.runs)
    if is_closed:
        memo.slack_share = 0.0
    elif not crowded:
        memo.slack_share = slack / max(known[1] - known[0], 1)
    estimate = n * (1.0 - null)
    share = (null - null_low) / (null_high - null_low) if null_high > null_low else 0.0
    if met:
        status = Status.CONVERGED
    elif memo.slack_share <= ENOUGH or goal.has_cut:
        status = Status.BUDGET_SPENT
    else:
        status = Status.NO_GAP_FOUND
    return Summary(
        rank=min(max(round(estimate), low), high),
        estimate=estimate,
        stderr=evidence.stderr(estimate),
        bounds=(n * (1.0 - null_high), n * (1.0 - null_low)),
        threshold=tau * goal.scale,
        status=status,
        evidence=evidence,
        samples=n * (1.0 - memo.bounds @ [1.0 - share, share]),
        gaps=threshold.plateaus(magnitudes * goal.scale, counts, tau * goal.scale),
        measure=dataclasses.replace(measure, scale=goal.scale),
        diagnostics={
            "num_probes": memo.num_probes,
            "num_steps": memo.num_steps,
            "slack": slack,
            "crowding": crowd,
        },
        memo=memo,
    )
