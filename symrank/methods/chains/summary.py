"""What a Langevin run says after every segment of its chains."""

import math
from dataclasses import dataclass

from symrank.methods.base import Goal, Summary
from symrank.methods.chains.tuning import Setting, predict
from symrank.methods.pilot import Pilot
from symrank.methods.summaries import sampled
from symrank.spectrum import diagnostics
from symrank.spectrum.filters import Baoab, Scheme
from symrank.spectrum.intervals import ChainInterval
from symrank.spectrum.outcome import Status
from symrank.support.typing import FloatArray

__all__ = ["Memo", "Tuned", "after_chains", "units_of"]

LEAST_WINDOW = 8  # steps
Z_DRIFT = 4.0  # the halves of the window may differ by this many standard errors


@dataclass(frozen=True)
class Tuned:
    """What the pilot has decided: a setting, and after how many steps its count is looked at.

    It is in the key of the chains' segments, so that what they say depends on nothing else.
    """

    setting: Setting
    looks: tuple[int, ...]

    def next_milestone(self, num_steps: int, *, is_converged: bool) -> int:
        """Return the steps to be done next: between looks nothing is decided, only told."""
        if num_steps >= self.looks[-1] or (is_converged and num_steps in self.looks):
            return num_steps
        look = next(steps for steps in self.looks if steps > num_steps)
        burn_in = self.setting.burn_in
        if look - burn_in < 4 * LEAST_WINDOW:
            return look
        parts = (burn_in + (look - burn_in) // part for part in (4, 2))
        return next((steps for steps in parts if steps > num_steps), look)


@dataclass(frozen=True)
class Memo:
    """What the next round needs to know."""

    pilot: Pilot
    tuned: Tuned | None = None  # once there are chains
    num_steps: int = 0


def after_chains(goal: Goal, energies: FloatArray, tuned: Tuned, previous: Summary) -> Summary:
    """Turn the energies of all steps (num_steps, k) into a count, its interval and a status."""
    pilot: Pilot = previous.memo.pilot
    setting = tuned.setting
    num_steps, k = energies.shape
    window = energies[setting.burn_in :]
    lam, counts = pilot.spectrum
    found = diagnostics.batch_means(
        window, lambda steps: float(counts @ setting.scheme.variance(lam, steps))
    )
    bias_low, bias_high = pilot.bias(setting.scheme, setting.burn_in, num_steps)
    evidence = ChainInterval(
        n=goal.n,
        estimate=found.mean,
        stderr=found.stderr,
        dof=found.dof,
        bias_low=bias_low,
        bias_high=bias_high,
        num_looks=len(tuned.looks),
    )
    low, high = evidence(goal.confidence)
    status = Status.BUDGET_SPENT
    if abs(found.drift) > Z_DRIFT * found.drift_stderr:
        status = Status.BURN_IN_TOO_SHORT
    elif high - low <= 2.0 * goal.half_width:
        status = Status.CONVERGED
    elif 2.0 * (bias_high - bias_low) > high - low and not goal.has_cut:
        status = Status.NO_GAP_FOUND  # resolution is the larger part of the interval
    scheme = _in_units_of_the_caller(setting.scheme, pilot.power, goal.scale)
    is_complex = pilot.measure.is_complex
    predicted = predict(pilot.spectrum, setting.scheme, k, num_steps, setting.burn_in, is_complex)
    return sampled(
        goal,
        evidence,
        found.mean,
        stderr=found.stderr,
        bounds=_within(found.mean - bias_high, found.mean - bias_low, goal.n),
        threshold=previous.threshold,
        status=status,
        samples=window.mean(axis=0),
        measure=previous.measure,
        at_ends=previous.at_ends,
        memo=Memo(pilot, tuned, num_steps),
        diagnostics={
            **scheme,
            "num_chains": k,
            "num_steps": num_steps,
            "burn_in": setting.burn_in,
            "squared": pilot.is_indefinite,
            "stderr_predicted": predicted.stderr,
            "bias_predicted": predicted.bias,
            "bias_low": bias_low,
            "bias_high": bias_high,
            "drift": found.drift,
            "drift_stderr": found.drift_stderr,
            **diagnostics.convergence(window),
        },
    )


def _within(low: float, high: float, n: int) -> tuple[float, float]:
    """Clip bounds on a count, which chains may leave by their scatter."""
    return min(max(low, 0.0), float(n)), min(max(high, 0.0), float(n))


def units_of(is_kinetic: bool, power: int, scale: float) -> list[float]:
    """Return the factors of a step size between the scaled operator and the caller's, one by one.

    lambda^power is scale^power times as large for the caller, which may leave the range.
    """
    if is_kinetic:
        return [math.sqrt(scale)] if power == 1 else [scale]
    return [scale] * power


def _in_units_of_the_caller(scheme: Scheme, power: int, scale: float) -> dict[str, float | None]:
    """Return step size and friction for the caller's eigenvalues; None beyond the range."""
    units = units_of(isinstance(scheme, Baoab), power, scale)
    step = scheme.step_size if isinstance(scheme, Baoab) else scheme.coefficients.step
    for unit in units:
        step /= unit
    found = {"step_size": step}
    if isinstance(scheme, Baoab):
        found["friction"] = math.prod((scheme.friction, *units))
    return {name: x if 0.0 < x < math.inf else None for name, x in found.items()}
