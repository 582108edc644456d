r"""Where an eigenvalue ends and rounding begins: one rule for every method.

Without atol and rtol an eigenvalue counts if it lies above the noise floor of the products,

    tau_F = FLOOR eps |A|,    FLOOR = 10 sqrt(2500) = 500,

10 eps |A| a product, growing like the square root of the steps, for up to 2500 steps: one number,
so that the question does not change with the budget. It is the anchor: a count is certified at
tau_F, never at a gap that was found, because a wide gap far above it may have more eigenvalues
below it. Eigenvalues that are proved to lie within CROWD floors above it are evidence that the
count is not well defined.

A caller's cut, and an end of an interval, are a level of their own, which products tell from its
neighbours up to a noise floor: they are bands (`symrank.region`).
"""

import math
from collections.abc import Sequence

import numpy as np

from symrank._typing import FloatArray
from symrank.errors import OptionError
from symrank.region import Edge, Region
from symrank.result import Band, Gap

__all__ = [
    "CROWD",
    "FLOOR",
    "band_notes",
    "crowd_note",
    "cut",
    "level_region",
    "plateaus",
    "window_region",
]

FLOOR = 500.0
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


def level_region(
    norms: tuple[float, float], floor: float, delta: float, atol: float | None, rtol: float | None
) -> Region:
    """Return what does not count for a rank: [-tau, tau], with the noise floor or a band at tau.

    Parameters
    ----------
    norms
        Lower and upper bound of |A|: of `rtol` times it the lower one is the cut, and the band
        reaches to the upper one.
    floor
        The noise floor of the products.
    delta
        How far an eigenvalue must be from a cut for products to tell on which side it lies.
    atol, rtol
        The caller's cut.
    """
    least, most = (max(atol or 0.0, (rtol or 0.0) * norm) for norm in norms)
    if most <= floor:
        return Region.null_space(floor)
    cut = max(least, floor)
    inner = max(cut - delta, 0.5 * cut)  # zeros drift by less than half a floor
    return Region(
        low=Edge(-most - delta, -cut, -inner),
        high=Edge(inner, cut, most + delta),
        counts_inside=False,
        cut=cut,
        floor=floor,
        is_signed=False,
    )


def window_region(
    window: tuple[float, float], norm: float, floor: float, delta: float, unit: float
) -> Region:
    """Return the region of the eigenvalues in ``(a, b]``.

    An end at zero asks for signs and stands at the noise floor, by the rule of the rank: what
    cannot be told from zero is zero, and lies in (a, 0]. An end beyond the spectrum is infinite.

    Parameters
    ----------
    window
        (a, b).
    norm
        An upper bound of |A|.
    floor, delta
        As for `level_region`.
    unit
        The caller's eigenvalues in those of the operator seen here, for the message.

    Raises
    ------
    OptionError
        If the interval is narrower than its ends.
    """

    def end(x: float) -> Edge:
        if x == 0.0:
            return Edge.sharp(floor)
        if abs(x) > norm + delta:
            return Edge.sharp(math.copysign(math.inf, x))
        return Edge(x - delta, x, x + delta)

    a, b = window
    low, high = end(a), end(b)
    if not low.right < high.left and low.left < high.left:
        raise OptionError(
            f"the interval ({a * unit:.6g}, {b * unit:.6g}] is narrower than the noise of the "
            f"products of A, {2.0 * delta * unit:.3g}: eigenvalues cannot be told apart there. "
            "Widen it."
        )
    return Region(
        low=low,
        high=high,
        counts_inside=True,
        cut=floor,
        floor=floor,
        is_signed=0.0 in window,
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
    wide = np.flatnonzero(x[1:] >= MIN_RATIO * x[:-1])
    found = [
        Gap(low=float(x[i]), high=float(x[i + 1]), count=float(above[i]))
        for i in wide
        if above[i] >= MIN_COUNT
    ]
    return tuple(sorted(found, key=lambda gap: (gap.low > tau, -gap.ratio))[:most])
