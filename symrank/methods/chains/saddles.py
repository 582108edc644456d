r"""What negative curvature does to a chain in a finite run.

Along an eigenvalue -mu of GA a chain is not pulled back. Its energy after k steps is, in units of a
count, about 1 - g_k, with g_k = (1 + eta mu)^(2k) <= exp(2 eta mu k) for the schemes of first order
and g_k = m^(2k) for BAOAB, m > 1 the larger root of

    m^2 - (1 + c + h^2 mu (1 + c) / 2) m + c = 0.

So such an eigenvalue adds -(g_k - 1) instead of 1: the sum over the pilot's negative Ritz values,
n w (g_K - 1), is what a run of K steps would lose.
"""

import numpy as np

from symrank.errors import NotPositiveError
from symrank.spectrum.filters import Baoab, Scheme
from symrank.spectrum.measure import RitzMeasure
from symrank.support.typing import FloatArray

__all__ = ["lost", "refuse_growth"]

MOST = 700.0  # exponents: exp of more is no number


def lost(measure: RitzMeasure, floor: float, scheme: Scheme, num_steps: int) -> float:
    """Return the sum of g_K - 1 over the Ritz values below -floor, each for n w eigenvalues."""
    lam, weights = measure.ritz_values, measure.weights
    negative = lam < -floor
    exponents = np.minimum(2.0 * num_steps * _log_growth(scheme, -lam[negative]), MOST)
    counts = np.maximum(measure.n * weights[negative], 1.0)
    return float(counts @ np.expm1(exponents))


def refuse_growth(
    measure: RitzMeasure, floor: float, scheme: Scheme, num_steps: int, allowed: float
) -> float:
    """Return what negative curvature would cost, or raise where that is more than `allowed`.

    Raises
    ------
    NotPositiveError
        With the eigenvalue and the exponent.
    """
    cost = lost(measure, floor, scheme, num_steps)
    if cost > allowed:
        lowest = float(measure.ritz_values.min())
        exponent = 2.0 * num_steps * float(_log_growth(scheme, np.array([-lowest]))[0])
        raise NotPositiveError(lowest * measure.scale, exponent, num_steps, allowed)
    return cost


def _log_growth(scheme: Scheme, mu: FloatArray) -> FloatArray:
    """Return log(g_k) / 2 k."""
    if isinstance(scheme, Baoab):
        c, h = scheme.coefficients.decay, scheme.step_size
        half = 0.5 * (1.0 + c + 0.5 * h * h * mu * (1.0 + c))
        return np.asarray(np.log(half + np.sqrt(np.maximum(half * half - c, 0.0))))
    return np.asarray(np.log1p(scheme.coefficients.step * mu))
