r"""Polynomials in Chebyshev's basis: damping factors, steps, and what is least where it counts.

A polynomial is its coefficients c: p(t) = sum_k c_k T_k(t), -1 <= t <= 1. Against moments
mu_k = <v, T_k(B) v> of a vector, <v, p(B) v> = sum_k c_k mu_k.
"""

import numpy as np
import scipy.fft

from symrank.support.typing import FloatArray

__all__ = ["evaluate", "interpolate", "jackson", "lanczos_sigma", "step"]


def jackson(order: int, count: int) -> FloatArray:
    r"""Return Jackson's damping factors g_0..g_(count - 1) of a kernel with M = `order`.

    With theta = pi / (M + 2),

    .. math:: g_k = (1 - k/(M+2)) \cos k\theta + \cot\theta \sin k\theta / (M+2).

    The damped expansion of a non-negative function is non-negative (D. Jackson, 1912; L. O. Jay et
    al., Comput. Phys. Commun. 118, 1999).
    """
    k = np.arange(count)
    theta = np.pi / (order + 2)
    rest = np.sin(k * theta) / np.tan(theta) / (order + 2)
    return np.asarray((1.0 - k / (order + 2)) * np.cos(k * theta) + rest)


def lanczos_sigma(degree: int) -> FloatArray:
    r"""Return Lanczos' factors sinc(k / (degree + 1)), k = 0..degree: less of Gibbs' ripple."""
    return np.asarray(np.sinc(np.arange(degree + 1) / (degree + 1)))


def step(a: float, b: float, degree: int) -> FloatArray:
    """Return the undamped coefficients of the indicator of [a, b], -1 <= a < b <= 1."""
    first, last = np.arccos(np.clip([b, a], -1.0, 1.0))
    k = np.arange(1, degree + 1)
    rest = 2.0 * (np.sin(k * last) - np.sin(k * first)) / (np.pi * k)
    return np.concatenate([[(last - first) / np.pi], rest])


def evaluate(coefficients: FloatArray, t: FloatArray) -> FloatArray:
    """Return p(t) for t in [-1, 1]."""
    return np.asarray(np.polynomial.chebyshev.chebval(np.clip(t, -1.0, 1.0), coefficients))


def interpolate(values: FloatArray) -> FloatArray:
    """Return the coefficients from the values at cos(pi (j + 1/2) / m), j = 0..m - 1."""
    found = scipy.fft.dct(values, type=2) / values.size
    found[0] *= 0.5
    return np.asarray(found)
