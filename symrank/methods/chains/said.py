"""What a Langevin run on a loss says: after the pilot, the rungs, and every segment of chains."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.methods.base import Goal, Summary
from symrank.methods.chains import curve, ladder
from symrank.methods.chains.ladder import Smoothness, Step
from symrank.methods.chains.summary import Z_DRIFT, Tuned
from symrank.methods.chains.window import APART, Window
from symrank.methods.pilot import Pilot
from symrank.methods.summaries import sampled
from symrank.recurrences.loss_langevin import LOOKED_AT, LossChains, Sight
from symrank.spectrum import diagnostics
from symrank.spectrum.filters import Scheme
from symrank.spectrum.intervals import ChainInterval
from symrank.spectrum.outcome import Status

__all__ = ["A_LOOK", "A_RUNG", "LossMemo", "after_chains", "after_ladder", "most_negative"]

A_RUNG = 9  # pairs: two looks at two chains and their products, and the door
A_LOOK = 2 * (LOOKED_AT + 1) + 1  # pairs: chains and products at the end of a segment, the door
SURE = 0.999  # of the number of negative eigenvalues


@dataclass(frozen=True, kw_only=True)
class LossMemo:
    """What the next round needs to know."""

    pilot: Pilot
    tuned: Tuned | None = None
    candidates: tuple[float, ...] = ()
    ladder_steps: int = 0
    allowed: float = 0.0  # in eigenvalues: what leaving the quadratic may move
    floor: float = 0.0  # noise variance below which rounding plays a part
    negative: float = 0.0  # what negative curvature takes from the estimate at most
    noise: float = 0.0  # of Hessian products
    steps: tuple[Step, ...] = ()  # rungs tried
    sights: tuple[Sight, ...] = ()  # of the rung accepted
    noise_var: float | None = None  # the one accepted
    spent: int = 0  # pairs of gradients
    num_steps: int = 0

    def smoothness(self, sights: Sequence[Sight]) -> Smoothness:
        """Return what was seen of kinks."""
        size = max(float(self.pilot.settled[1].sum()), 1.0)
        return ladder.smoothness([*self.sights, *sights], self.allowed / size, self.noise)


def most_negative(pilot: Pilot, cost: float) -> float:
    """Bound what negative eigenvalues take from an estimate: 1 each, and what they grow by."""
    if not pilot.is_indefinite:
        return 0.0
    return pilot.measure.inertia(pilot.region.floor, SURE)[2][1] + cost


def after_ladder(
    rungs: Mapping[float, LossChains | None], previous: Summary, *, given: bool
) -> Summary:
    """Judge the rung that was run last; what is known of the count is what the pilot saw."""
    memo: LossMemo = previous.memo
    tried = len(memo.steps)
    noise_var = memo.candidates[tried]
    chains = rungs[noise_var]
    assert memo.tuned is not None
    num_steps = memo.tuned.setting.num_steps
    step = ladder.judged(noise_var, chains, memo.allowed, APART, num_steps)
    seen = () if chains is None else tuple(chains.sights)
    spent = memo.spent + 2 * memo.ladder_steps + A_RUNG
    steps = (*memo.steps, step)
    is_kinked = ladder.smoothness(seen, memo.smoothness(()).allowed, memo.noise).has_kinks
    memo = dataclasses.replace(memo, steps=steps, spent=spent)
    is_last = len(steps) == len(memo.candidates)
    accepted = [s for s in steps if s.is_accepted]
    status, notes = previous.status, tuple(previous.notes)
    if step.is_accepted and (given or (step.is_safe and not is_kinked)):
        memo = dataclasses.replace(memo, noise_var=noise_var, sights=seen)
    elif is_last and accepted:
        memo = dataclasses.replace(memo, noise_var=accepted[0].noise_var)
    elif is_last:
        status, notes = Status.NOT_QUADRATIC, (_not_quadratic(steps, memo),)
    return dataclasses.replace(
        previous,
        memo=memo,
        status=status,
        notes=notes,
        diagnostics={"ladder": [s.to_dict() for s in steps], "noise_var_floor": memo.floor},
    )


def after_chains(
    goal: Goal, blocks: Sequence[LossChains], previous: Summary, *, extrapolate: bool
) -> Summary:
    """Turn the energies of all steps into a count, its interval and a status."""
    memo: LossMemo = previous.memo
    assert memo.tuned is not None
    setting, pilot, num_looks = memo.tuned.setting, memo.pilot, len(memo.tuned.looks)
    lam, counts = pilot.spectrum
    losses = np.concatenate([block.losses[0] for block in blocks], axis=1)
    white = [block.forms for block in blocks if block.forms is not None]
    forms = np.concatenate(white) if white else None
    virials = np.concatenate([block.states[0].energies for block in blocks], axis=1)

    def memory(steps: int) -> float:
        return float(counts @ setting.scheme.variance(lam, steps))

    seen = Window.of(losses, virials, blocks[0].losses[1], memory, setting.burn_in, extrapolate)
    low, high = pilot.bias(setting.scheme, seen.first, seen.num_steps)
    evidence = ChainInterval(
        n=goal.n,
        estimate=seen.estimate,
        stderr=seen.found.stderr,
        dof=seen.found.dof,
        bias_low=low + seen.drift[0] - memo.negative,
        bias_high=high + seen.drift[1],
        num_looks=num_looks,
    )
    done = (seen.num_steps - memo.num_steps) * (seen.num_chains + 1)
    memo = dataclasses.replace(memo, num_steps=seen.num_steps, spent=memo.spent + done + A_LOOK)
    smooth = memo.smoothness(blocks[0].sights)
    status = _status(goal, seen, evidence(goal.confidence), (low, high), memo, smooth)
    ends = seen.estimate - evidence.bias_high, seen.estimate - evidence.bias_low
    return sampled(
        goal,
        evidence,
        seen.estimate,
        stderr=seen.found.stderr,
        bounds=_within(*ends, goal),
        threshold=pilot.tau * goal.scale,
        status=status,
        samples=seen.samples,
        measure=previous.measure,
        at_ends=previous.at_ends,
        notes=_notes(status, memo, smooth, setting.scheme),
        memo=memo,
        diagnostics={
            **curve.plan_of(pilot, setting.scheme, seen.num_steps, seen.first, seen.num_chains),
            **_measured(goal, seen, memo, smooth, num_looks),
            "bias_low": low,
            "bias_high": high,
            **curve.trace(forms, setting.scheme),
            "curve": curve.curve(losses, virials, setting.scheme, pilot, seen.first),
            **diagnostics.convergence(losses[seen.first :]),
        },
    )


def _measured(
    goal: Goal, seen: Window, memo: LossMemo, smooth: Smoothness, num_looks: int
) -> dict[str, Any]:
    """Return what was measured of the loss."""
    half = seen.half_width(goal.confidence, num_looks)
    return {
        "noise_var": memo.noise_var,
        "noise_var_floor": memo.floor,
        "ladder": [s.to_dict() for s in memo.steps],
        "filtered": [seen.estimate - half, seen.estimate + half],
        "moved": seen.moved,
        "moved_error": seen.moved_error,
        "moved_allowed": memo.allowed,
        "non_quadratic": seen.left,
        "virial": seen.virial,
        "negative": memo.negative,
        "product_error": smooth.error,
        "product_error_at_half": smooth.at_half,
        "product_error_allowed": smooth.allowed,
        "quadratic_form_ratio": smooth.ratio,
        "drift": seen.found.drift,
        "drift_stderr": seen.found.drift_stderr,
    }


def _status(
    goal: Goal,
    seen: Window,
    ends: tuple[int, int],
    bias: tuple[float, float],
    memo: LossMemo,
    smooth: Smoothness,
) -> Status:
    """Return what was found; what voids the interval comes first."""
    if smooth.has_kinks:
        return Status.NOT_SMOOTH
    if not seen.is_quadratic(memo.allowed):
        return Status.NOT_QUADRATIC
    if abs(seen.found.drift) > Z_DRIFT * seen.found.drift_stderr:
        return Status.BURN_IN_TOO_SHORT
    low, high = ends
    if high - low <= 2.0 * goal.half_width:
        return Status.CONVERGED
    if 2.0 * (bias[1] - bias[0]) > high - low and not goal.has_cut:
        return Status.NO_GAP_FOUND
    return Status.BUDGET_SPENT


def _notes(status: Status, memo: LossMemo, smooth: Smoothness, scheme: Scheme) -> tuple[str, ...]:
    """Say whose rank it is, and what the interval leaves out."""
    if status is Status.NOT_SMOOTH:
        reach = math.sqrt(memo.noise_var or 0.0) * scheme.coefficients.noise
        return (
            f"the count is that of the Hessian smoothed over steps of {reach:.2g} in every "
            f"parameter: differences of gradients at that scale differ by {smooth.error:.2g} from "
            f"Hessian products, and by {smooth.at_half:.2g} at half of it.",
        )
    if status is Status.NOT_QUADRATIC:
        return (_not_quadratic(memo.steps, memo),)
    if memo.negative:
        return (
            f"up to {memo.negative:.3g} eigenvalues are negative: they are eigenvalues that count, "
            "and chains do not see them; the interval spans them.",
        )
    return ()


def _not_quadratic(steps: Sequence[Step], memo: LossMemo) -> str:
    """Tell the rungs in one sentence."""

    def one(step: Step) -> str:
        if step.moved is None:
            return f"{step.noise_var:.2g}: left the minimum"
        gap = step.apart or 0.0
        return f"{step.noise_var:.2g}: moved by {step.moved:.3g}, loss and virial {gap:.3g} apart"

    return (
        "at a quarter of noise_var the estimate may move by "
        f"{memo.allowed:.3g}, half of the precision; tried were " + "; ".join(map(one, steps)) + "."
    )


def _within(low: float, high: float, goal: Goal) -> tuple[float, float]:
    """Clip bounds on a count, which chains may leave by their scatter."""
    n = float(goal.n)
    return min(max(low, 0.0), n), min(max(high, 0.0), n)
