"""What a run of `Lanczos` says after every round."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.methods.base import Goal, Summary, bands
from symrank.methods.proved import within
from symrank.methods.quadrature.probe_bounds import ProbeBounds
from symrank.methods.summaries import sampled
from symrank.recurrences import lanczos
from symrank.recurrences.norm import norm_of
from symrank.spectrum import threshold
from symrank.spectrum.intervals import BetaInterval, Intersection
from symrank.spectrum.measure import LanczosRun, RitzMeasure
from symrank.spectrum.outcome import Band, Status
from symrank.spectrum.region import Region

__all__ = ["ENOUGH", "RESOLVED", "Memo", "is_resolved", "summarise"]

ENOUGH = 0.2  # slack below this share of the sampling width: probes narrow the interval more
RESOLVED = 0.05  # slack below this share is not worth more steps


@dataclass
class Memo:
    """What the next round and the next summary need to know."""

    region: Region
    probes: ProbeBounds
    looks: tuple[int, ...]  # numbers of probes at which the interval was looked at
    blocks: list[tuple[tuple[Any, ...], int]]
    num_steps: int
    num_products: int
    met_at: int  # products at which the precision was first met; 0 before
    slack_share: float = math.inf  # of the sampling width
    is_met: bool = False
    is_capped: bool = False  # the matrix proves one end, and the other alone would be too far
    excess: float = math.inf  # width over that asked for
    is_hopeless: bool = False  # more eigenvalues lie at the ends than the precision allows

    @property
    def num_probes(self) -> int:
        """Probes that have run."""
        return len(self.probes.bounds)


def is_resolved(summary: Summary) -> bool:
    """Tell whether more steps would add little to what the probes say."""
    return bool(summary.memo.slack_share <= RESOLVED)


def summarise(
    goal: Goal,
    states: Mapping[tuple[Any, ...], lanczos.LanczosState],
    previous: Summary | None,
    num_stages: int,
    runs: Sequence[LanczosRun] | None = None,
) -> Summary:
    """Pool the certified bounds of all probes at the cut; see `Lanczos`.

    `runs` are those of the states, where the caller has them.
    """
    keys = sorted(states)
    if runs is None:
        runs = [run for key in keys for run in lanczos.runs(states[key], goal.eps)]
    measure = RitzMeasure(
        runs=runs,
        n=goal.n,
        is_complex=goal.is_complex,
        num_looks=goal.spent_looks + num_stages,
    )
    old: Memo | None = previous.memo if previous else None
    num_steps = states[keys[0]].num_steps
    region = _region(goal, measure, num_steps, None if old is None else old.region)
    looks = () if old is None else old.looks
    memo = Memo(
        region=region,
        probes=(ProbeBounds() if old is None else old.probes).update(runs, region),
        looks=looks if len(runs) in looks else (*looks, len(runs)),
        blocks=[(key, states[key].U.shape[1]) for key in keys],
        num_steps=num_steps,
        num_products=sum(states[key].num_steps * states[key].U.shape[1] for key in keys),
        met_at=0 if old is None else old.met_at,
    )
    return _conclude(goal, measure, memo)


def _region(goal: Goal, measure: RitzMeasure, num_steps: int, old: Region | None) -> Region:
    """Return what does not count; fixed after the first round unless it is a share of |A|.

    More steps know |A| better. The noise floor is a matter of definition, and stays.
    """
    if old is not None and not goal.rtol:
        return old
    found = norm_of(measure.runs, goal.n, num_steps)
    return goal.region(found.low, found.proved_margin)


def _evidence(
    measure: RitzMeasure, bounds: Any, looks: Sequence[int]
) -> tuple[BetaInterval, BetaInterval | Intersection]:
    """Return the law of all probes, and that of all looks together."""
    laws = []
    for m in looks:
        part = dataclasses.replace(measure, runs=measure.runs[:m])
        laws.append(part.interval_from(*part.pool(bounds[:m])))
    return laws[-1], laws[-1] if len(laws) == 1 else Intersection(of=tuple(laws))


def _conclude(goal: Goal, measure: RitzMeasure, memo: Memo) -> Summary:
    """Turn pooled bounds into a count, its interval and a status."""
    n, region, bounds = goal.n, memo.region, memo.probes.bounds
    null_low, null_high = measure.pool(bounds)
    law, evidence = _evidence(measure, bounds, memo.looks)
    low, high = within(goal, evidence)[0](goal.confidence)
    null = measure.likely_mass(region, null_low, null_high)
    known = measure.interval_from(null, null)(goal.confidence)
    in_bands, at_ends = bands(measure, region, goal)
    slack = n * (null_high - null_low)
    open_slack = max(slack - n * in_bands, 0.0)  # what steps can still resolve
    memo.slack_share = 0.0 if measure.is_closed else open_slack / max(known[1] - known[0], 1)
    memo.is_hopeless = sum(band.least for band in at_ends) > 2.0 * goal.half_width
    wanted, wide = 2.0 * goal.half_width, evidence(goal.confidence)
    memo.is_met = high - low <= wanted and not memo.probes.num_void
    memo.is_capped = wide[1] - wide[0] > max(wanted, high - low)
    memo.excess = (high - low) / wanted
    memo.met_at = memo.met_at or (memo.num_products if memo.is_met else 0)
    crowd = _crowd(goal, measure, memo) if memo.is_met else 0
    estimate = n * (1.0 - null)
    share = (null - null_low) / (null_high - null_low) if null_high > null_low else 0.0
    magnitudes, counts = np.abs(measure.ritz_values), n * measure.weights
    unit = goal.scale
    return sampled(
        goal,
        evidence,
        estimate,
        stderr=law.stderr(estimate),
        bounds=(n * (1.0 - null_high), n * (1.0 - null_low)),
        threshold=region.cut * unit,
        status=_status(memo, crowd),
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
            "contradictions": [list(ends) for ends in memo.probes.contradictions],
        },
        at_ends=at_ends,
        notes=_notes(goal, crowd, memo, at_ends),
        memo=memo,
    )


def _crowd(goal: Goal, measure: RitzMeasure, memo: Memo) -> int:
    """Return how many eigenvalues are proved to lie just above the noise floor."""
    region = memo.region
    if not region.is_signed:
        return 0
    levels = region.floor, threshold.CROWD * region.floor
    return measure.least_between(*levels, goal.confidence, is_signed=region.counts_inside)


def _status(memo: Memo, crowd: int) -> Status:
    if memo.probes.num_void or crowd:
        return Status.NO_GAP_FOUND
    if memo.is_met:
        return Status.CONVERGED
    is_sampled = memo.slack_share <= ENOUGH or not memo.region.is_signed
    return Status.BUDGET_SPENT if is_sampled and not memo.is_hopeless else Status.NO_GAP_FOUND


def _notes(goal: Goal, crowd: int, memo: Memo, at_ends: Sequence[Band]) -> tuple[str, ...]:
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
