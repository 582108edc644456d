r"""Spectral filters phi: every method estimates tr phi(A) for its own phi.

Euler-Maruyama with step eta, q = 1 - eta lambda, theta_0 = 0, noise of second moment I; after k
steps a mode has variance sigma^2 v_k, v_k = (1 - q^(2k)) / (2 lambda - eta lambda^2), so that

    energy, eq. (20):  4 f / sigma^2                     phi_k = (1 - q^(2k)) / (1 - eta lambda / 2)
    corrected:  (2 <theta, g> - eta <g, g>) / sigma^2    phi_k = 1 - q^(2k)
"""

import numpy as np

from symrank._typing import FloatArray

__all__ = ["euler_maruyama", "mean_decay"]


def euler_maruyama(
    lam: FloatArray, eta: float, k: FloatArray, estimator: str = "corrected"
) -> FloatArray:
    """Return phi_k(lambda) of the Euler-Maruyama chain after k steps; broadcasts lam and k."""
    phi = 1.0 - (1.0 - eta * lam) ** (2 * k)
    if estimator == "energy":
        phi = phi / (1.0 - 0.5 * eta * lam)
    return np.asarray(phi)


def mean_decay(lam: FloatArray, eta: float, first: int, last: int) -> FloatArray:
    """Return the mean of q^(2k) over k = first..last-1, q = 1 - eta lambda, as a geometric sum."""
    q2 = np.asarray((1.0 - eta * np.asarray(lam)) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = (q2**first - q2**last) / (1.0 - q2)
    return np.asarray(np.where(q2 >= 1.0, 1.0, total / (last - first)))
