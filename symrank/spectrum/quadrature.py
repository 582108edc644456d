r"""One probe's quadratic form q = v* f(A) v / v* v, bracketed or with an error estimate.

q is not known but its Gauss rule of k nodes is. For mu the spectral measure of v on
[a, b], theta the nodes, a' <= a the node of the Gauss-Radau rule (G. H. Golub and G. Meurant,
Matrices, Moments and Quadrature, 2010, chapter 6; S. Ubaru, J. Chen and Y. Saad, SIAM J.
Matrix Anal. Appl. 38, 2017, for the average over probes),

    q - Gauss = f^(2k)(x) / (2k)! * integral of prod (t - theta_i)^2 dmu,
    q - Radau = f^(2k+1)(y) / (2k+1)! * integral of (t - a') prod (t - theta_i)^2 dmu:         (1)

for a completely monotone f (derivatives of signs + - + -) Gauss <= q <= Radau; for one whose first
derivative is completely monotone (a Bernstein function, or log) Radau <= q <= Gauss. Other f have
an error estimate only: the largest change of the Gauss rule since half and three quarters of the
steps, which exceeds the error wherever doubling the steps halves it.

Rounding. A run in floating point is one of a matrix within delta = `LanczosRun.drift` of A, whose
spectrum starts above a - delta. To first order in delta f moves q by sum_j w_j |f'(theta_j)| delta
at most, if f' is monotone, so the bracket is widened by sum_j w_j |f(theta_j - delta) - f(theta_j)|
and the Radau node stands at a - delta or farther left.
"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from symrank.spectrum.lanczos_run import LanczosRun
from symrank.support.typing import FloatArray

__all__ = ["Function", "Kind", "estimated", "gauss", "proved"]

Kind = Literal["completely monotone", "bernstein"]
Function = Callable[[FloatArray], FloatArray]

SUM = 64.0  # eps: rounding of weights and sums, relative to sum w |f|
NODES = 4.0 ** np.arange(4)  # times delta left of the spectrum: where the Radau node may stand


def gauss(run: LanczosRun, f: Function) -> float:
    """Return the Gauss rule, exact for polynomials of degree 2k - 1."""
    return float(run.weights @ f(run.ritz_values))


def proved(run: LanczosRun, f: Function, kind: Kind, lower: float) -> tuple[float, float]:
    """Return eq. (1) with the allowance for rounding."""
    nodes, weights = run.ritz_values, run.weights
    with np.errstate(all="ignore"):
        values, shifted = f(nodes), f(nodes - run.drift)
        gauss = float(weights @ values)
        allowance = float(weights @ np.abs(shifted - values))
        allowance += SUM * run.eps * float(weights @ np.abs(values))
        other = gauss if run.is_exact else _radau(run, f, lower)
    if not math.isfinite(allowance):
        return -math.inf, math.inf
    sign = 1.0 if kind == "completely monotone" else -1.0
    if other is None:
        other = sign * math.inf
    return min(gauss, other) - allowance, max(gauss, other) + allowance


def _radau(run: LanczosRun, f: Function, lower: float) -> float | None:
    """Return the Radau rule with a node at the lower end or, where digits ask for it, left of it.

    Any node left of the spectrum gives a bound. The nearest is the best one.
    """
    for factor in NODES:
        rule = run.radau(lower - factor * run.drift)
        if rule is None:
            continue
        value = float(rule[1] @ f(rule[0]))
        return value if math.isfinite(value) else None
    return None


def estimated(run: LanczosRun, f: Function) -> tuple[float, float]:
    """Return the Gauss rule less and plus its change since fewer steps."""
    value, k = gauss(run, f), run.alpha.size
    error = SUM * run.eps * float(run.weights @ np.abs(f(run.ritz_values)))
    if not run.is_exact:
        fewer = [gauss(run.leading(j), f) for j in {k // 2, 3 * k // 4} if j > 0]
        error += max((abs(value - one) for one in fewer), default=math.inf)
    return value - error, value + error
