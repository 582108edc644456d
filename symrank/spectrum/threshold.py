r"""Where an eigenvalue ends and rounding begins: one rule for every method.

Without atol and rtol an eigenvalue counts if it lies above the noise floor of the products,

    tau_F = FLOOR eps |A|,    FLOOR = 10 sqrt(2500) = 500,

10 eps |A| per product, growing like the square root of the steps, for up to 2500 steps: one number,
so that the question does not change with the budget. It is the anchor: a count is certified at
tau_F, never at a gap that was found, because a wide gap far above it may have more eigenvalues
below it. Eigenvalues that are proved to lie within CROWD floors above it are evidence that the
count is not well defined.

A caller's cut, and an end of an interval, are a level of their own, which products tell from its
neighbours up to a noise floor: they are bands (`symrank.spectrum.region`).
"""

from collections.abc import Sequence

import numpy as np

from symrank.spectrum.outcome import Band, Gap
from symrank.spectrum.region import FLOOR
from symrank.support.typing import FloatArray

__all__ = [
    "CROWD",
    "FLOOR",
    "MIN_RATIO",
    "band_notes",
    "crowd_note",
    "cut",
    "plateaus",
]

CROWD = 100.0
MIN_RATIO = 10.0  # a narrower plateau is no gap
MIN_COUNT = 0.5  # fewer eigenvalues than this, as estimated, are none


def cut(
    norm: float, eps: float, atol: float | None, rtol: float | None, floor: float = FLOOR
) -> float:
    """Return tau: ``max(atol, rtol * norm)`` as in NumPy, but never below the noise floor."""
    return max(atol or 0.0, (rtol or 0.0) * norm, floor * eps * norm)


def crowd_note(least: int) -> str:
    """Return the sentence on eigenvalues that are proved to crowd above the noise floor."""
    few = "1 eigenvalue lies" if least == 1 else f"{least} eigenvalues lie"
    return f"At least {few} within {CROWD:.0f} noise floors above the cut."


def band_notes(bands: Sequence[Band], half_width: float) -> tuple[str, ...]:
    """Return a sentence for every band whose eigenvalues keep a count from `half_width`."""
    return tuple(
        f"{band.least} to {band.most} eigenvalues lie within {0.5 * (band.high - band.low):.2g} of "
        f"{0.5 * (band.high + band.low):.6g}, closer than products can tell: the interval spans "
        "both sides. Move the cut or the end into a gap."
        for band in bands
        if band.least or band.most > 2.0 * half_width
    )


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
