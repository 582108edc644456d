"""What is asked of a signed spectrum, as values: a staircase, a density, quantiles, slices."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.errors import OptionError
from symrank.spectrum.known import Known
from symrank.spectrum.signed import Sampled
from symrank.support.options import check_count, shown
from symrank.support.typing import FloatArray, IntArray

__all__ = ["Cdf", "Density", "Quantiles", "Slices", "cdf", "density", "quantiles", "slices"]

Spectrum = Sampled | Known


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Curve:
    """What all of them have; a line as `repr`."""

    n: int
    confidence: float

    def __repr__(self) -> str:
        size = len(next(v for v in vars(self).values() if isinstance(v, np.ndarray)))
        return f"<{type(self).__name__}: {size} values, n = {self.n}, {self.confidence:.0%}>"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Cdf(Curve):
    """Numbers of eigenvalues ``lambda <= x``, with their band; divide by `n` for shares.

    Attributes
    ----------
    x
        Where, (t,).
    estimate
        Their expected number, (t,), inside the band.
    low, high
        The band, integers (t,).
    is_simultaneous
        Whether the band holds at all x of the line at once, or at each x by itself.
    n, confidence
        Number of eigenvalues, and level of the band.
    """

    x: FloatArray
    estimate: FloatArray
    low: IntArray
    high: IntArray
    is_simultaneous: bool


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Density(Curve):
    """Shares of the eigenvalues in ``(x - width/2, x + width/2]``, per unit of lambda.

    Attributes
    ----------
    x
        Centres of the windows, (t,).
    width
        Of a window.
    estimate
        The density, (t,); over the whole line its integral is 1.
    low, high
        The interval of each, (t,), sampling and resolution included.
    open_low, open_high
        What resolution alone leaves open, (t,): more steps narrow it, more probes do not.
    resolution
        The gap between neighbouring Ritz values at x, the mean of all probes, (t,): what is
        narrower is not told apart. 0 where every eigenvalue is known.
    n, confidence
        Number of eigenvalues, and level of each interval.
    """

    x: FloatArray
    width: float
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    open_low: FloatArray
    open_high: FloatArray
    resolution: FloatArray

    @property
    def is_resolved(self) -> bool:
        """True where the windows are nowhere narrower than the resolution."""
        return bool((self.resolution <= self.width).all())


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Quantiles(Curve):
    """The eigenvalues number ``ceil(q n)`` from below, with intervals.

    Attributes
    ----------
    q
        Shares, (t,).
    order
        Which eigenvalue each stands for, 1 the smallest, (t,).
    estimate, low, high
        The eigenvalue and the interval of each, (t,).
    n, confidence
        Number of eigenvalues, and level of each interval.
    """

    q: FloatArray
    order: IntArray
    estimate: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Slices(Curve):
    """Neighbouring intervals that cover the spectrum and hold about as many eigenvalues each.

    Attributes
    ----------
    edges
        Ascending, (k + 1,); interval i is ``(edges[i], edges[i + 1]]``.
    estimate
        Expected number in each, (k,).
    low, high
        Intervals of these numbers, that hold all at once, (k,).
    n, confidence
        Number of eigenvalues, and the level.
    """

    edges: FloatArray
    estimate: FloatArray
    low: IntArray
    high: IntArray


def cdf(spectrum: Spectrum, x: Any, confidence: float, *, simultaneous: bool) -> Cdf:
    """See `symrank.RankResult.cdf`."""
    points = points_of("x", x)
    tail = spectrum.tail(1.0 - confidence, simultaneous=simultaneous)
    found = [spectrum.ends(-math.inf, point, tail)[:2] for point in points.tolist()]
    low, high = np.array(found, np.int64).reshape(-1, 2).T
    expected = [spectrum.expected(-math.inf, point) for point in points.tolist()]
    return Cdf(
        x=points,
        estimate=np.clip(np.array(expected), low, high),
        low=low,
        high=high,
        n=spectrum.n,
        confidence=confidence,
        is_simultaneous=simultaneous,
    )


def density(spectrum: Spectrum, x: Any, width: float, confidence: float) -> Density:
    """See `symrank.RankResult.density`."""
    points, tail = points_of("x", x, finite=True), spectrum.tail(1.0 - confidence)
    windows = [(point - 0.5 * width, point + 0.5 * width) for point in points.tolist()]
    found = [spectrum.ends(a, b, tail) for a, b in windows]
    ends = np.array([[low, high, *open_] for low, high, open_ in found]).reshape(-1, 4)
    unit = max(spectrum.n, 1) * width
    low, high, open_low, open_high = ends.T / unit
    expected = np.array([spectrum.expected(a, b) for a, b in windows]) / unit
    return Density(
        x=points,
        width=width,
        estimate=np.clip(expected, low, high),
        low=low,
        high=high,
        open_low=open_low,
        open_high=open_high,
        resolution=np.array([spectrum.spacing(point) for point in points.tolist()]),
        n=spectrum.n,
        confidence=confidence,
    )


def quantiles(spectrum: Spectrum, q: Any, confidence: float) -> Quantiles:
    """See `symrank.RankResult.quantiles`."""
    shares, n = points_of("q", q), spectrum.n
    if not ((shares >= 0.0) & (shares <= 1.0)).all() or not n:
        what = "between 0 and 1" if n else "of eigenvalues, and there are none"
        raise OptionError(f"q={shown(q)} must be shares {what}: 0.5 asks for the median.")
    rounding = 4.0 * np.finfo(float).eps * n  # of q n: 0.1 + 0.2 of 10 is 3
    order = np.clip(np.ceil(shares * n - rounding), 1, n).astype(np.int64)
    tail = spectrum.tail(1.0 - confidence)
    found = [spectrum.order(k, tail) for k in order.tolist()]
    estimate, low, high = np.array(found).reshape(-1, 3).T
    return Quantiles(
        q=shares, order=order, estimate=estimate, low=low, high=high, n=n, confidence=confidence
    )


def slices(spectrum: Spectrum, k: Any, confidence: float) -> Slices:
    """See `symrank.RankResult.slices`."""
    n = spectrum.n
    k = check_count("k", k, 1)
    if k > n:
        raise OptionError(f"k={k} slices of n={n} eigenvalues: pass k <= n.")
    inner = [_beside(spectrum, round(i * n / k)) for i in range(1, k)]
    least, most = spectrum.span
    edges = np.unique([least, *(x for x in inner if least < x < most), most])
    tail = spectrum.tail(1.0 - confidence, simultaneous=True)
    ends = [(0, 0), *(spectrum.ends(-math.inf, x, tail)[:2] for x in edges[1:-1]), (n, n)]
    low, high = np.array(ends, np.int64).T
    # the staircase rises, and its band holds at every edge at once
    low, high = np.maximum.accumulate(low), np.minimum.accumulate(high[::-1])[::-1]
    inside = [spectrum.expected(a, b) for a, b in itertools.pairwise(edges.tolist())]
    bottom, top = np.maximum(low[1:] - high[:-1], 0), high[1:] - low[:-1]
    return Slices(
        edges=edges,
        estimate=np.clip(np.array(inside), bottom, top),
        low=bottom,
        high=top,
        n=n,
        confidence=confidence,
    )


def _beside(spectrum: Spectrum, k: int) -> float:
    """Return an edge half-way between the likely places of the eigenvalues k and k + 1."""
    return 0.5 * (spectrum.likely(k) + spectrum.likely(k + 1))


def points_of(name: str, x: Any, *, finite: bool = False) -> FloatArray:
    """Return one number or a list of them as an array (t,), or raise `OptionError`."""
    rule = "must be a number, or an array (t,) of real numbers without NaN"
    try:
        points = np.atleast_1d(np.asarray(x))
    except ValueError as error:
        raise OptionError(f"{name}={shown(x)} {rule}.") from error
    if points.dtype.kind not in "iuf" or points.ndim != 1:
        raise OptionError(f"{name}={shown(x)} {rule}.")
    points = points.astype(np.float64)
    if np.isnan(points).any() or (finite and not np.isfinite(points).all()):
        raise OptionError(f"{name}={shown(x)} {rule}{' or infinities' if finite else ''}.")
    return points
