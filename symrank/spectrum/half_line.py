r"""Gauss-Radau bounds on the mass left of x without an eigenproblem for each x.

With the Gauss rule of T at hand (nodes theta, first and last components s_1, s_k of the
eigenvectors) the resolvent of the matrix T_x that has the node x as well is, by a Schur complement,

    e_1* (T_x - z)^-1 e_1 = G_11(z) + beta^2 G_1k(z)^2 / ((x - z) E(z)),                         (1)
    G_ab(z) = sum s_a s_b / (theta - z),   E(z) = 1 + beta^2 sum s_k^2 / ((theta - x)(theta - z)),

so that the weight of x is w = beta^2 G_1k(x)^2 / E(x), and as the integral of d / (d^2 + y^2) over
y > 0 is (pi/2) sign d, the weights right of x less those left of it are

    R - L = (2 / pi) int_0^oo Re e_1* (T_x - x - iy)^-1 e_1 dy,   L + w + R = 1.                 (2)

In t = log y the integrand is a sum of w d / (2 |d| cosh(t - log |d|)), analytic for |Im t| < pi/2:
the trapezoidal rule errs by 2 exp(-pi^2 / STEP) (L. N. Trefethen and J. A. C. Weideman, SIAM Review
56, 2014). Every other node is at least as far from x as the nearest theta, by interlacing.

These are the bounds of `LanczosRun.mass_below`, best for the coefficients, so they rise with x.
"""

import math
from typing import Protocol

import numpy as np

from symrank.support.typing import FloatArray

__all__ = ["left_mass", "left_of"]

STEP = 0.35  # of log y: errs by 1e-12
CUT = 1e-13  # of a node's distance, and of its inverse: where the integral ends

Parts = tuple[FloatArray, FloatArray, FloatArray, float]


class Run(Protocol):
    """A run that knows its Gauss rule."""

    def parts(self, x: float) -> Parts:
        """Return nodes, first components, beta times the last ones, and where x lies there."""


def left_mass(run: Run, x: float) -> tuple[float, float]:
    """Return bounds on mu((-oo, x)) and mu((-oo, x]), without allowance for rounding.

    Parameters
    ----------
    run
        A run that is not closed.
    x
        No node, and not closer to one than rounding.
    """
    return left_of(*run.parts(x))


def left_of(
    theta: FloatArray, first: FloatArray, residual: FloatArray, x: float
) -> tuple[float, float]:
    """Return the same from nodes, first components, and `residual`, beta times the last ones."""
    d = theta - x
    size = np.abs(d)
    if not size.min() > 0.0:
        return 0.0, 1.0
    unit = float(size.max())  # squares of what is far from x may leave the range
    d, size, residual = d / unit, size / unit, residual / unit
    ends = math.log(CUT * size.min()), math.log(size.max() / CUT)
    y = np.exp(np.arange(*ends, STEP))[:, None]
    corner, mixed = residual**2 / d, residual * first
    columns = np.stack([first**2 * d, mixed * d, mixed, corner * d, corner], axis=1)
    real_11, real_1k, imag_1k, real_e, imag_e = ((1.0 / (d * d + y * y)) @ columns).T
    y = y[:, 0]
    G_1k, E = real_1k + 1j * y * imag_1k, 1.0 + real_e + 1j * y * imag_e
    resolvent = real_11 + (G_1k**2 / (-1j * y * E)).real  # (1)
    right_less_left = 2.0 / math.pi * STEP * float(y @ resolvent)  # (2)
    weight = float((mixed / d).sum() ** 2 / (1.0 + (corner / d).sum()))
    left = 0.5 * (1.0 - weight - right_less_left)
    return left, left + weight
