"""What a Langevin run on a loss says: after the pilot, the rungs, and every segment of chains."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from symrank.methods.base import Goal, Summary
from symrank.methods.chains import ladder
from symrank.methods.chains.ladder import Smoothness, Step
from symrank.methods.chains.summary import Z_DRIFT, Tuned
from symrank.methods.chains.tuning import predict
from symrank.methods.pilot import Pilot
from symrank.methods.summaries import sampled
from symrank.recurrences.loss_langevin import LOOKED_AT, LossChains, Sight
from symrank.spectrum import diagnostics
from symrank.spectrum.diagnostics import BatchMeans
from symrank.spectrum.filters import Baoab, Scheme
from symrank.spectrum.intervals import ChainInterval
from symrank.spectrum.outcome import Status
from symrank.support.typing import FloatArray

__all__ = ["A_LOOK", "LossMemo", "after_chains", "after_ladder", "most_negative"]

TO_BIAS = ladder.RATIO / (ladder.RATIO - 1.0)  # from D to a sigma^2
NEXT_ORDER = 1.0 / 3.0  # of |D|: what extrapolation leaves, where D falls as it should
A_LOOK = 2 * (LOOKED_AT + 1) + 1  # pairs: chains and products at the end of a segment, the door
SURE = 0.999  # of the number of negative eigenvalues
POINTS = 400  # of a curve
APART = 1e-3  # relative difference of loss and virial that is no matter of gradients


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
    goal: Goal, rungs: Mapping[float, LossChains | None], previous: Summary, *, given: bool
) -> Summary:
    """Judge the rung that was run last; what is known of the count is what the pilot saw."""
    memo: LossMemo = previous.memo
    tried = len(memo.steps)
    noise_var = memo.candidates[tried]
    chains = rungs[noise_var]
    step = ladder.judged(noise_var, chains, memo.allowed, APART)
    seen = () if chains is None else tuple(chains.sights)
    spent = memo.spent + 2 * memo.ladder_steps + 8
    steps = (*memo.steps, step)
    is_kinked = ladder.smoothness(seen, memo.smoothness(()).allowed, memo.noise).has_kinks
    memo = dataclasses.replace(memo, steps=steps, spent=spent)
    is_last = len(steps) == len(memo.candidates)
    accepted = [s for s in steps if s.is_accepted]
    status, notes = previous.status, tuple(previous.notes)
    if step.is_accepted and (not is_kinked or given):
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
    plan, pilot = memo.tuned.plan, memo.pilot
    lam, counts = pilot.spectrum
    losses = np.concatenate([block.losses[0] for block in blocks], axis=1)
    virials = np.concatenate([block.states[0].energies for block in blocks], axis=1)
    num_steps, k = losses.shape
    first = min(plan.burn_in, max(num_steps - 2, 0))

    def memory(steps: int) -> float:
        return float(counts @ plan.scheme.variance(lam, steps))

    found = diagnostics.batch_means(losses[first:], memory)
    D = (blocks[0].losses[0][:, :1] - blocks[0].losses[1])[first:]
    moved, error = ladder.difference(D)
    apart = float((virials - losses)[first:].mean())
    left = TO_BIAS * (abs(moved) + error)
    drift = min(0.0, TO_BIAS * moved - TO_BIAS * error), max(0.0, TO_BIAS * (moved + error))
    estimate = found.mean
    if extrapolate:
        estimate -= TO_BIAS * moved
        left = NEXT_ORDER * abs(moved) + TO_BIAS * error
        drift = -left, left
    low, high = pilot.bias(plan.scheme, first, num_steps)
    evidence = ChainInterval(
        n=goal.n,
        estimate=estimate,
        stderr=found.stderr,
        dof=found.dof,
        bias_low=low + drift[0] - memo.negative,
        bias_high=high + drift[1],
        num_looks=len(memo.tuned.looks),
    )
    steps_now = num_steps - memo.num_steps
    memo = dataclasses.replace(
        memo,
        num_steps=num_steps,
        spent=memo.spent + steps_now * (k + 1) + A_LOOK,
    )
    smooth = memo.smoothness(blocks[0].sights)
    is_quadratic = abs(moved) + error <= memo.allowed and abs(apart) <= memo.allowed + (
        APART * abs(found.mean)
    )
    ends = evidence(goal.confidence)
    status = _status(goal, found, ends, (low, high), is_quadratic, smooth)
    tail = 0.5 * (1.0 - goal.confidence) / len(memo.tuned.looks)
    half = float(-scipy.stats.t.ppf(tail, found.dof)) * found.stderr + left
    return sampled(
        goal,
        evidence,
        estimate,
        stderr=found.stderr,
        bounds=_within(estimate - high - drift[1], estimate - low - drift[0] + memo.negative, goal),
        threshold=pilot.tau * goal.scale,
        status=status,
        samples=losses[first:].mean(axis=0),
        measure=previous.measure,
        at_ends=previous.at_ends,
        notes=_notes(status, memo, smooth, plan.scheme),
        memo=memo,
        diagnostics={
            **_plan_of(memo, num_steps, first, k),
            "noise_var": memo.noise_var,
            "noise_var_floor": memo.floor,
            "ladder": [s.to_dict() for s in memo.steps],
            "filtered": [estimate - half, estimate + half],
            "moved": moved,
            "moved_error": error,
            "non_quadratic": left,
            "virial": float(virials[first:].mean()),
            "negative": memo.negative,
            "product_error": smooth.error,
            "product_error_at_half": smooth.at_half,
            "quadratic_form_ratio": smooth.ratio,
            "trace": _trace(virials, plan.scheme)[0],
            "trace_stderr": _trace(virials, plan.scheme)[1],
            "bias_low": low,
            "bias_high": high,
            "drift": found.drift,
            "drift_stderr": found.drift_stderr,
            "curve": _curve(losses, virials, plan.scheme, pilot, first),
            **diagnostics.convergence(losses[first:]),
        },
    )


def _plan_of(memo: LossMemo, num_steps: int, first: int, k: int) -> dict[str, Any]:
    """Return scheme, sizes and what was predicted of them."""
    assert memo.tuned is not None
    scheme = memo.tuned.plan.scheme
    said = predict(memo.pilot.spectrum, scheme, k, num_steps, first)
    step = scheme.step_size if isinstance(scheme, Baoab) else scheme.coefficients.step
    friction = {"friction": scheme.friction} if isinstance(scheme, Baoab) else {}
    return {
        "step_size": step,
        **friction,
        "num_chains": k,
        "num_steps": num_steps,
        "burn_in": first,
        "stderr_predicted": said.stderr,
        "bias_predicted": said.bias,
    }


def _status(
    goal: Goal,
    found: BatchMeans,
    ends: tuple[int, int],
    bias: tuple[float, float],
    is_quadratic: bool,
    smooth: Smoothness,
) -> Status:
    """Return what was found; what voids the interval comes first."""
    if smooth.has_kinks:
        return Status.NOT_SMOOTH
    if not is_quadratic:
        return Status.NOT_QUADRATIC
    if abs(found.drift) > Z_DRIFT * found.drift_stderr:
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


def _trace(virials: FloatArray, scheme: Scheme) -> tuple[float, float]:
    """Return tr(GA) by the slope at zero, and its standard error; see `losses`.

    Before the first force theta has the variance s: eta / 4 at step 0 (averaged noise), eta at
    step 1, or h^2 (1 + c) / 2 at step 1 (kinetic).
    """
    c = scheme.coefficients
    step = 0 if c.averaged else 1
    if len(virials) <= step:
        return 0.0, 0.0
    s = 0.5 * c.step**2 * (1.0 + c.decay) if scheme.is_kinetic else c.step
    s = 0.25 * c.step if c.averaged else s
    weight = s if scheme.is_kinetic else 2.0 * s
    samples = virials[step] / weight
    return float(samples.mean()), float(samples.std(ddof=1) / math.sqrt(samples.size))


def _curve(
    losses: FloatArray, virials: FloatArray, scheme: Scheme, pilot: Pilot, first: int
) -> dict[str, Any]:
    """Return Theorem 1's curve: what was measured, what the pilot predicts, and the window."""
    num_steps = len(losses)
    at = np.unique(np.linspace(0, num_steps - 1, min(POINTS, num_steps)).astype(int))
    lam, counts = pilot.spectrum
    mean = losses.mean(axis=1)
    running = np.cumsum(mean[first:]) / np.arange(1, num_steps - first + 1)
    inside = at[at >= first]
    return {
        "time": (scheme.coefficients.step * at).tolist(),
        "loss": mean[at].tolist(),
        "virial": virials.mean(axis=1)[at].tolist(),
        "predicted": [float(counts @ scheme.phi(lam, int(j))) for j in at],
        "window": [
            float(scheme.coefficients.step * first),
            float(scheme.coefficients.step * (num_steps - 1)),
        ],
        "running_time": (scheme.coefficients.step * inside).tolist(),
        "running": running[inside - first].tolist(),
    }


def _within(low: float, high: float, goal: Goal) -> tuple[float, float]:
    """Clip bounds on a count, which chains may leave by their scatter."""
    n = float(goal.n)
    return min(max(low, 0.0), n), min(max(high, 0.0), n)
