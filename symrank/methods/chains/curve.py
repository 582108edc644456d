"""What chains on a loss leave to look at: Theorem 1's curve, its slope at zero, and the plan."""

import math
from typing import Any

import numpy as np

from symrank.methods.chains.tuning import predict
from symrank.methods.pilot import Pilot
from symrank.spectrum.filters import Baoab, Scheme
from symrank.support.typing import FloatArray

__all__ = ["curve", "plan_of", "trace"]

POINTS = 400  # of a curve


def plan_of(pilot: Pilot, scheme: Scheme, num_steps: int, first: int, k: int) -> dict[str, Any]:
    """Return scheme, sizes and what was predicted of them."""
    said = predict(pilot.spectrum, scheme, k, num_steps, first)
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


def trace(forms: FloatArray | None, scheme: Scheme) -> dict[str, float]:
    """Return tr(GA) by the slope at zero, and its standard error; see `losses`.

    `forms` are <theta, y> while theta is white, of variance eta / 4 at step 0 (averaged noise), eta
    at step 1, or h^2 (1 + c) / 2 at step 1 (kinetic).
    """
    if forms is None:
        return {"trace": 0.0, "trace_stderr": 0.0}
    c = scheme.coefficients
    variance = 0.25 * c.step if c.averaged else c.step
    if scheme.is_kinetic:
        variance = 0.5 * c.step**2 * (1.0 + c.decay)
    samples = forms / variance
    error = float(samples.std(ddof=1) / math.sqrt(samples.size))
    return {"trace": float(samples.mean()), "trace_stderr": error}


def curve(
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
        "is_kinetic": scheme.is_kinetic,
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
