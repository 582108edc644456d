r"""Where an eigenvalue ends and rounding begins: one rule for every method.

Without atol and rtol an eigenvalue counts if it lies above the noise floor of the products,

    tau_F = FLOOR eps |A|,    FLOOR = 10 sqrt(2500) = 500,

10 eps |A| a product, growing like the square root of the steps, for up to 2500 steps: one number,
so that the question does not change with the budget. It is the anchor: a count is certified at
tau_F, never at a gap that was found, because a wide gap far above it may have more eigenvalues
below it. Eigenvalues within CROWD of the cut are evidence that the count is not well defined.
"""

from collections.abc import Sequence

import numpy as np

from symrank._typing import FloatArray
from symrank.result import Gap

__all__ = ["CROWD", "FLOOR", "crowding", "cut", "plateaus"]

FLOOR = 500.0
CROWD = 100.0
MIN_RATIO = 10.0  # a narrower plateau is no gap
MIN_COUNT = 0.5  # fewer eigenvalues than this, as estimated, are none


def cut(
    norm: float, eps: float, atol: float | None, rtol: float | None, floor: float = FLOOR
) -> float:
    """Return tau: ``max(atol, rtol * norm)`` as in NumPy, but never below the noise floor."""
    return max(atol or 0.0, (rtol or 0.0) * norm, floor * eps * norm)


def crowding(magnitudes: FloatArray, counts: FloatArray, tau: float) -> float:
    """Estimate how many eigenvalues lie in (tau, CROWD tau), too close to the noise floor."""
    near = (magnitudes > tau) & (magnitudes < CROWD * tau)
    return float(counts[near].sum())


def plateaus(
    magnitudes: FloatArray, counts: FloatArray, tau: float, most: int = 8
) -> Sequence[Gap]:
    """List the plateaus of the counting function, the one next to the cut first, then by ratio.

    Parameters
    ----------
    magnitudes, counts
        Nodes |theta| of the measure and the number of eigenvalues each stands for; (m,).
    tau
        The cut. What lies below it counts as zero.
    most
        Length of the list.
    """
    order = np.argsort(magnitudes)
    x, c = np.maximum(magnitudes[order], tau), counts[order]
    keep = (c > 0.02 * MIN_COUNT) | (x <= tau)
    x, c = x[keep], c[keep]
    if not x.size:
        return ()
    if x[0] > tau:
        x, c = np.concatenate([[tau], x]), np.concatenate([[0.0], c])
    above = np.cumsum(c[::-1])[::-1] - c  # eigenvalues above each node
    with np.errstate(over="ignore"):  # what overflows is above any node
        wide = np.flatnonzero(x[1:] >= MIN_RATIO * x[:-1])
    found = [
        Gap(low=float(x[i]), high=float(x[i + 1]), count=float(above[i]))
        for i in wide
        if above[i] >= MIN_COUNT
    ]
    return tuple(sorted(found, key=lambda gap: (gap.low > tau, -gap.ratio))[:most])
