r"""Polynomials that are 1 at zero and small above: the null space as moments see it.

Eigenvalues are x = lambda^p / L in [0, 1], L a bound on the largest, p = 2 where A is indefinite.
For the mass mu of a probe and a polynomial w, with

    floor <= w on [0, tau],   w <= ceiling on [0, delta],   low <= w <= high on (delta, 1],

whose least value anywhere is `low`, integrating w against mu gives proved bounds:

    mu[0, tau] <= (w - low) / (floor - low),   mu[0, delta] >= (w - high) / (ceiling - high)    (1)

Between tau and delta w is neither 0 nor 1: what may lie there belongs into the interval. With
epsilon the largest |w| above delta and degree K, delta K^2 is

    optimal      log(2 / epsilon)^2 / 4      T_K shifted and scaled, the least possible
    exponential  log(2 / epsilon) log(4 / epsilon)     exp(-2 x t): a Langevin filter's complement
    step         what Jackson's kernel leaves, whose tail falls like the cube of 1 / (K theta)
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft

from symrank.methods.moments.polynomials import evaluate, interpolate, jackson
from symrank.methods.moments.polynomials import step as step_coefficients
from symrank.support.typing import FloatArray

__all__ = ["EDGE", "FILTERS", "Window", "damped_step", "measured", "polynomial", "resolution"]

FILTERS = ("optimal", "step", "exponential")
FINE = 16  # points per wave of the highest degree
SLIP = 0.01  # of an extremum between them: 1 / cos(pi / 32) - 1 = 0.005
EDGE = 1.5 * math.pi  # K theta at the edge of a step: nearer to zero its kernel's peak is cut off


@dataclass(frozen=True)
class Window:
    """A polynomial in T_k(2 x - 1) with its extrema; see eq. (1)."""

    coefficients: FloatArray
    delta: float
    floor: float
    ceiling: float
    low: float
    high: float

    def bounds(self, value: float, rounding: float) -> tuple[float, float]:
        """Return bounds from w's integral: mu[0, delta] from below and mu[0, tau] from above."""
        low = (value - rounding - self.high) / (self.ceiling - self.high)
        high = 1.0
        if self.floor > self.low:
            high = (value + rounding - self.low) / (self.floor - self.low)
        return min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)


def resolution(degree: int, epsilon: float) -> float:
    """Return the delta of the optimal polynomial: it is below epsilon on [delta, 1]."""
    outside = math.cosh(math.acosh(1.0 / epsilon) / degree)
    return (outside - 1.0) / (outside + 1.0)


def polynomial(kind: str, degree: int, epsilon: float, tau: float = 0.0) -> FloatArray:
    """Return the coefficients of the filter's complement w, w(0) = 1.

    A `tau` that the degree resolves asks for a step there, whatever the kind.
    """
    theta_tau = 2.0 * math.asin(math.sqrt(min(tau, 1.0)))
    if degree * theta_tau > 1.0:
        return damped_step(degree, theta_tau + 2.0 * EDGE / degree)
    if kind == "step":
        return damped_step(degree, EDGE / degree)
    x = 0.5 * (1.0 + np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1)))
    if kind == "exponential":
        return interpolate(np.exp(-(degree**2) / math.log(4.0 / epsilon) * x))
    delta = resolution(degree, epsilon)
    y = (1.0 + delta - 2.0 * x) / (1.0 - delta)
    inside = np.cos(degree * np.arccos(np.clip(y, -1.0, 1.0)))
    grown = np.cosh(degree * np.arccosh(np.maximum(y, 1.0)))
    return interpolate(epsilon * np.where(y > 1.0, grown, inside))


def damped_step(degree: int, theta: float) -> FloatArray:
    """Return the indicator of x up to sin(theta / 2)^2, Jackson damped, scaled to 1 at x = 0."""
    found = step_coefficients(-1.0, -math.cos(min(theta, math.pi)), degree)
    found = found * jackson(degree, degree + 1)
    return np.asarray(found / float(found @ _at_zero(degree)))


def _at_zero(degree: int) -> FloatArray:
    """T_k(-1), k = 0..degree."""
    return np.asarray((-1.0) ** np.arange(degree + 1))


def measured(coefficients: FloatArray, tau: float, epsilon: float) -> Window:
    """Find the extrema of a polynomial on either side of its transition, on a fine grid."""
    size = FINE * coefficients.size
    padded = np.zeros(size)
    padded[: coefficients.size] = coefficients
    padded[0] *= 2.0
    w = scipy.fft.dct(padded, type=3)[::-1] * 0.5  # at x ascending
    x = 0.5 * (1.0 - np.cos(np.pi * (np.arange(size) + 0.5) / size))
    ends = evaluate(coefficients, 2.0 * np.array([0.0, min(tau, 1.0)]) - 1.0)
    above = np.flatnonzero((np.abs(w) > (1.0 + SLIP) * epsilon) | (x <= tau))
    first = int(above[-1]) + 1 if above.size else 0
    null, rest, transition = w[x <= tau], w[first:], w[:first]
    slip = SLIP * epsilon
    low, high = float(min(rest.min(initial=0.0), w.min())), float(rest.max(initial=0.0))
    return Window(
        coefficients=coefficients,
        delta=float(x[first]) if first < size else 1.0,
        floor=float(min(ends.min(), null.min(initial=1.0))),
        ceiling=float(max(ends.max(), transition.max(initial=1.0))) + slip,
        low=low - slip,
        high=high + slip,
    )
