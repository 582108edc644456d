r"""The threshold of S. Ubaru and Y. Saad, "Fast methods for estimating the numerical rank of large
matrices", ICML 2016, as published: a density by the kernel polynomial method, and its valley.

Kept as it is, for comparison. Its tolerances are absolute while the density is one of eigenvalues
in the units of A, so that the threshold depends on these units: for a large lambda_max no drop is
steep enough, the search ends at the first two grid points, and the threshold is 0.0124 lambda_max
whatever the spectrum (for 100 points, midway between 0.0099 and 0.0149).
"""  # noqa: D205

import numpy as np

from symrank.methods.moments.polynomials import evaluate, jackson
from symrank.support.typing import FloatArray

__all__ = ["density", "threshold"]

DROP = -0.01  # the density still falls while it changes by less than this from point to point


def _grid(num_points: int) -> FloatArray:
    """Return the published grid in (-1, 1): finer left of 0 than right of it."""
    h = 2.0 / (num_points + 1)
    left = -1.0 + h + 0.5 * h * np.arange(int((1.0 - h) / (0.5 * h) + 1e-9) + 1)
    right = h + 2.0 * h * np.arange(int((1.0 - 2.0 * h) / (2.0 * h) + 1e-9) + 1)
    return np.concatenate([left, right])


def density(
    moments: FloatArray, centre: float, half_width: float, num_points: int
) -> tuple[FloatArray, FloatArray]:
    """Return eigenvalues and the density there, from mean moments (degree + 1,) of unit vectors."""
    count = moments.size
    mu = 2.0 / np.pi * jackson(count, count) * moments
    mu[0] *= 0.5
    t = _grid(num_points)
    phi = evaluate(mu, t) / np.sqrt(1.0 - t**2)
    x = centre + half_width * t
    return x, phi / ((x[1] - x[0]) * phi.sum())


def threshold(x: FloatArray, phi: FloatArray, num_points: int) -> float:
    """Return where the density is taken to have its valley."""
    padded = np.append(phi, np.zeros(3))
    z = (np.abs(phi) + padded[2:-1] + padded[3:]) / 4.0
    peak = (num_points + 1) / 2.0
    start = next((i for i, value in enumerate(z) if value <= peak), z.size - 1)
    rises = (i for i in range(start, z.size - 1) if z[i + 1] - z[i] >= DROP)
    first = next(rises, z.size - 2)
    share = z[: first + 1].sum() / (num_points + 1)
    later = (i for i in range(first + 1, z.size) if z[i] >= (1.0 - share) / 4.0)
    second = next(later, first + 1)
    return float(0.5 * (x[first] + x[second]))
