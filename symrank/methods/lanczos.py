r"""Rank by stochastic Lanczos quadrature with certified bounds.

m Gaussian probes, k Lanczos steps each. For every probe the mass in [-tau, tau] lies inside
proved bounds (`symrank.measure`); pooled, they bracket a Beta variable whose law has the unknown
nullity as its only parameter (`symrank.intervals`). The interval covers both errors.

Policy. The first probes are advanced by doubling their steps, which costs no confidence: more
steps only tighten the bracket round the same random number. Once the bracket is narrow against
the sampling error, probes are added. Their numbers are a fixed sequence that ends where even rank
n/2 meets the precision; it depends on n and the precision alone, so a larger budget goes on with
the same rounds. alpha is split over it, and what one look has rejected stays rejected: within a run
the interval never widens. Once the precision is met, steps that still tell the null space from
small eigenvalues may cost EXTRA times what was spent, or what the goal allows for them.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symrank import probes, threshold
from symrank.intervals import BetaInterval, Intersection
from symrank.margins import lambda_max_margin
from symrank.measure import RitzMeasure
from symrank.methods._probe_bounds import ProbeBounds
from symrank.methods.base import Goal, Summary, Task, Tick, bands
from symrank.operators import Operator
from symrank.recurrences import lanczos
from symrank.region import Region
from symrank.result import Band, Status

__all__ = ["Lanczos", "is_resolved"]

FIRST_PROBES = 8  # a cache line of doubles
BLOCK = 16  # probes advanced together: one panel of the kernels
FACTOR = 8  # from look to look, where that takes few of them: each has its part of alpha
MOST_GROWTHS = 2
EXTRA = 4  # times the products at which the precision was met: what resolution may cost then
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
    counts_windows: ClassVar[bool] = True

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

    def plan(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Double the steps while resolution is the larger error, else add probes."""
        if summary is None:
            first = min(self.stages(goal)[0], goal.max_matvecs)
            return _blocks(0, first, max(1, min(FIRST_STEPS, goal.max_matvecs // first)))
        memo: _Memo = summary.memo
        if memo.probes.num_void:
            return []
        left = goal.max_matvecs - memo.num_products
        if memo.is_met:
            return self._resolve(goal, memo, left)
        more_probes = self._more_probes(goal, memo, left)
        if more_probes and memo.slack_share <= ENOUGH and not memo.is_hopeless:
            return more_probes
        return _more_steps(memo, left)

    def _resolve(self, goal: Goal, memo: "_Memo", left: int) -> list[Task]:
        """Double the steps of a count that is precise enough, where the caller asked for none."""
        allowed = memo.met_at + max(EXTRA * memo.met_at, goal.extra_products)
        if not goal.refine or 2 * memo.num_products > allowed:
            return []
        return _more_steps(memo, left)

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
        old: _Memo | None = previous.memo if previous else None
        num_steps = states[keys[0]].num_steps
        region = _region(goal, measure, num_steps, None if old is None else old.region)
        looks = () if old is None else old.looks
        memo = _Memo(
            region=region,
            probes=(ProbeBounds() if old is None else old.probes).update(runs, region),
            looks=looks if len(runs) in looks else (*looks, len(runs)),
            blocks=[(key, states[key].U.shape[1]) for key in keys],
            num_steps=num_steps,
            num_products=sum(states[key].num_steps * states[key].U.shape[1] for key in keys),
            met_at=0 if old is None else old.met_at,
        )
        return _conclude(goal, measure, memo)


def is_resolved(summary: Summary) -> bool:
    """Tell whether more steps would add little to what the probes say."""
    return bool(summary.memo.slack_share <= RESOLVED)


@dataclass
class _Memo:
    region: Region
    probes: ProbeBounds
    looks: tuple[int, ...]  # numbers of probes at which the interval was looked at
    blocks: list[tuple[tuple[Any, ...], int]]
    num_steps: int
    num_products: int
    met_at: int  # products at which the precision was first met; 0 before
    slack_share: float = math.inf  # of the sampling width
    is_met: bool = False
    is_hopeless: bool = False  # more eigenvalues lie at the ends than the precision allows

    @property
    def num_probes(self) -> int:
        return len(self.probes.bounds)


def _blocks(first: int, last: int, steps: int) -> list[Task]:
    """Split probes first..last-1 into blocks; the key holds the number of the first probe."""
    starts = range(first, last, BLOCK)
    return [Task(("probes", j), steps, min(BLOCK, last - j)) for j in starts]


def _more_steps(memo: _Memo, left: int) -> list[Task]:
    """Double the steps of all probes, or what the budget holds of that, while it pays."""
    steps = min(memo.num_steps, left // memo.num_probes)
    if memo.slack_share > RESOLVED and steps >= max(1, memo.num_steps // 8):
        return [Task(key, steps, k) for key, k in memo.blocks]
    return []


def _region(goal: Goal, measure: RitzMeasure, num_steps: int, old: Region | None) -> Region:
    """Return what does not count; fixed after the first round, but for a share of |A|.

    More steps know |A| better. The noise floor is a matter of definition, and stays.
    """
    if old is not None and not goal.rtol:
        return old
    norm = measure.spectral_norm
    if not all(run.is_exact for run in measure.runs):
        margin = lambda_max_margin(goal.n, num_steps, len(measure.runs), is_indefinite=True)
        return goal.region(norm, norm * (1.0 + margin))
    return goal.region(norm, norm)


def _evidence(
    measure: RitzMeasure, bounds: Any, looks: Sequence[int]
) -> tuple[BetaInterval, BetaInterval | Intersection]:
    """Return the law of all probes, and that of all looks together."""
    laws = []
    for m in looks:
        part = dataclasses.replace(measure, runs=measure.runs[:m])
        laws.append(part.interval_from(*part.pool(bounds[:m])))
    return laws[-1], laws[-1] if len(laws) == 1 else Intersection(of=tuple(laws))


def _conclude(goal: Goal, measure: RitzMeasure, memo: _Memo) -> Summary:
    """Turn pooled bounds into a count, its interval and a status."""
    n, region, bounds = goal.n, memo.region, memo.probes.bounds
    null_low, null_high = measure.pool(bounds)
    law, evidence = _evidence(measure, bounds, memo.looks)
    low, high = evidence(goal.confidence)
    null = measure.likely_mass(region, null_low, null_high)
    known = measure.interval_from(null, null)(goal.confidence)
    in_bands, at_ends = bands(measure, region, goal)
    slack = n * (null_high - null_low)
    open_slack = max(slack - n * in_bands, 0.0)  # what steps can still resolve
    is_closed = all(run.is_exact for run in measure.runs)
    memo.slack_share = 0.0 if is_closed else open_slack / max(known[1] - known[0], 1)
    memo.is_hopeless = sum(band.least for band in at_ends) > 2.0 * goal.half_width
    memo.is_met = high - low <= 2.0 * goal.half_width and not memo.probes.num_void
    memo.met_at = memo.met_at or (memo.num_products if memo.is_met else 0)
    crowd = _crowd(goal, measure, memo) if memo.is_met else 0
    estimate = n * (1.0 - null)
    share = (null - null_low) / (null_high - null_low) if null_high > null_low else 0.0
    magnitudes, counts = np.abs(measure.ritz_values), n * measure.weights
    unit = goal.scale
    return Summary(
        rank=min(max(round(estimate), low), high),
        estimate=estimate,
        stderr=law.stderr(estimate),
        bounds=(n * (1.0 - null_high), n * (1.0 - null_low)),
        threshold=region.cut * unit,
        status=_status(memo, crowd),
        evidence=evidence,
        samples=n * (1.0 - bounds @ [1.0 - share, share]),
        gaps=()
        if region.counts_inside
        else threshold.plateaus(magnitudes * unit, counts, region.cut * unit),
        measure=dataclasses.replace(measure, scale=unit),
        diagnostics={
            "num_probes": memo.num_probes,
            "num_steps": memo.num_steps,
            "slack": slack,
            "crowding": crowd,
            "num_void": memo.probes.num_void,
        },
        at_ends=at_ends,
        notes=_notes(goal, crowd, memo, at_ends),
        memo=memo,
    )


def _crowd(goal: Goal, measure: RitzMeasure, memo: _Memo) -> int:
    """Return how many eigenvalues are proved to lie just above the noise floor."""
    region = memo.region
    if not region.is_signed:
        return 0
    levels = region.floor, threshold.CROWD * region.floor
    return measure.least_between(*levels, goal.confidence, is_signed=region.counts_inside)


def _status(memo: _Memo, crowd: int) -> Status:
    if memo.probes.num_void or crowd:
        return Status.NO_GAP_FOUND
    if memo.is_met:
        return Status.CONVERGED
    is_sampled = memo.slack_share <= ENOUGH or not memo.region.is_signed
    return Status.BUDGET_SPENT if is_sampled and not memo.is_hopeless else Status.NO_GAP_FOUND


def _notes(goal: Goal, crowd: int, memo: _Memo, at_ends: Sequence[Band]) -> tuple[str, ...]:
    notes = () if memo.is_met else threshold.band_notes(at_ends, goal.half_width)
    if crowd:
        notes += (threshold.crowd_note(crowd),)
    if memo.probes.num_void:
        notes += (
            f"Two proved bounds contradict each other for {memo.probes.num_void} probes: the "
            "products or their noise are not what they are said to be (see `noise`), and nothing "
            "is claimed of them.",
        )
    return notes
