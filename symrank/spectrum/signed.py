r"""The signed spectrum as a whole: how many eigenvalues lie left of x, and where the k-th one lies.

Every question is one about masses that a run brackets (`symrank.spectrum.lanczos_run`), and the law
of the pooled mass of d eigenvalues, Beta(d s, (n - d) s) with s = m h:

    F(x) = #{lambda <= x}      every d that the bracket of the mass left of x does not reject
    the same for all x at once the same at the local level of `symrank.spectrum.path`
    #{a < lambda <= b}         every d that the bracket of the mass in between does not reject
    lambda_(k), the k-th       lambda_(k) <= x  =>  mass left of x >= S_k,
                               lambda_(k) > x   =>  mass left of x <= S_(k - 1)                 (1)

so an x where the upper bound of the mass lies below the alpha/2 quantile of S_k lies left of
lambda_(k), and one where the lower bound lies above the 1 - alpha/2 quantile of S_(k - 1) does not:
one event a side, however many x are tried.

Ends that follow from the data, such as edges of slices, have no pointwise law: they take the band
that holds everywhere.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.special

from symrank.spectrum.half_line import left_mass
from symrank.spectrum.intervals import NOISE, BetaInterval
from symrank.spectrum.lanczos_run import ROUNDING
from symrank.spectrum.margins import proved_margin
from symrank.spectrum.measure import LanczosRun, RitzMeasure
from symrank.spectrum.path import local_level
from symrank.spectrum.region import Region, kept_apart
from symrank.support.cached import cached_property
from symrank.support.typing import FloatArray

__all__ = ["Sampled"]

COPIES = 16.0  # drifts: Ritz values that are no farther apart are copies of one
HIGHER = 4.0  # times fewer misses, where a level rejects every eigenvalue


@dataclass(frozen=True, eq=False)
class Sampled:
    """The signed spectrum as the measure of a run knows it; eigenvalues are the caller's."""

    measure: RitzMeasure

    @property
    def n(self) -> int:
        """Eigenvalues, with those that no probe saw."""
        return self.measure.n + self.measure.num_zeros

    @property
    def _norm(self) -> float:
        """The largest Ritz value in modulus, in the units of the runs."""
        return self.measure.spectral_norm / self.measure.scale

    @cached_property
    def _margin(self) -> float:
        """Share by which |A| may exceed it."""
        runs = self.measure.runs
        if self.measure.is_closed:
            return 0.0
        steps = max(run.alpha.size for run in runs)
        return proved_margin(self.measure.n, steps, len(runs), is_indefinite=True)

    @property
    def _floor(self) -> float:
        """The noise floor of the products."""
        return max(run.floor for run in self.measure.runs)

    @property
    def _sharpness(self) -> float:
        """How far products may move an eigenvalue."""
        return max(run.sharpness for run in self.measure.runs)

    @property
    def span(self) -> tuple[float, float]:
        """Ends between which all eigenvalues lie, zeros that no probe saw included."""
        nodes, scale = self.measure.ritz_values, self.measure.scale
        open_ = (self._norm * self._margin * (1.0 + self._margin) + self._sharpness) * scale
        least, most = float(nodes[0]) - open_, float(nodes[-1]) + open_
        if self.measure.num_zeros:
            floor = self._floor * scale
            least, most = min(least, -floor), max(most, floor)
        return least, most

    @cached_property
    def _nodes(self) -> list[float]:
        """Where quantiles are looked for: between the Ritz values, and at both ends."""
        nodes, (low, high) = np.unique(self.measure.ritz_values), self.span
        drift = max(run.drift for run in self.measure.runs) * self.measure.scale
        apart = np.diff(nodes) > COPIES * drift
        return [low, *(0.5 * (nodes[1:] + nodes[:-1]))[apart].tolist(), high]

    def region(self, a: float, b: float) -> Region:
        """Return the region (a, b] in the units of the runs; see `Region.between`."""
        scale = self.measure.scale
        ends = [kept_apart(x / scale, x) for x in (a, b)]
        most = self._norm * (1.0 + self._margin) if math.isfinite(self._margin) else math.inf
        return Region.between((ends[0], ends[1]), most, self._floor, self._sharpness, scale)

    def law(self, a: float, b: float) -> BetaInterval:
        """Return the law of the number in (a, b], but for zeros that no probe saw."""
        return self.measure.interval_from(*self.measure.uncounted_mass(self.region(a, b)))

    def zeros(self, a: float, b: float) -> tuple[int, int]:
        """Return how many of the zeros that no probe saw lie in (a, b], for sure and perhaps."""
        num, floor = self.measure.num_zeros, self._floor * self.measure.scale

        def left_of(x: float) -> tuple[int, int]:
            return num * (x == 0.0 or x > floor), num * (x >= -floor)

        (a_sure, a_maybe), (b_sure, b_maybe) = left_of(a), left_of(b)
        return max(0, b_sure - a_maybe), b_maybe - a_sure

    def expected(self, a: float, b: float) -> float:
        """Return the Gauss estimate of the number in (a, b]."""
        nodes, weights, floor = self.measure.ritz_values, self.measure.weights, self._floor
        left, right = (x if x else floor * self.measure.scale for x in (a, b))
        inside = (nodes > left) & (nodes <= right)
        num, (least, most) = self.measure.num_zeros, self.zeros(a, b)
        hidden = num if a < 0.0 <= b else least if least == most else 0
        return self.measure.n * float(weights[inside].sum()) + hidden

    def tail(self, alpha: float, *, simultaneous: bool = False) -> float:
        """Return what either end of an interval may miss with, looks and all."""
        alpha /= self.measure.num_looks
        if simultaneous:
            alpha = local_level(self.measure.n, self._shape, alpha)
        return 0.5 * alpha

    def ends(self, a: float, b: float, tail: float) -> tuple[int, int, FloatArray]:
        """Return ends of the number in (a, b], and what resolution alone leaves open of it."""
        law, (least, most) = self.law(a, b), self.zeros(a, b)
        low, high = law.at_tail(tail)
        open_ = law.n * (1.0 - np.array([law.null_high, law.null_low])) + (least, most)
        return low + least, high + most, open_

    def spacing(self, x: float) -> float:
        """Return the gap between the Ritz values next to x, the mean of all probes; 0 if closed."""
        if self.measure.is_closed:
            return 0.0
        gaps, x = [], x / self.measure.scale
        for run in self.measure.runs:
            j = min(max(int(np.searchsorted(run.ritz_values, x)), 1), run.alpha.size - 1)
            pair = run.ritz_values[j - 1 : j + 1]
            gaps.append(float(np.ptp(pair)) if pair.size == 2 else 2.0 * run.spectral_norm)
        return float(np.mean(gaps)) * self.measure.scale

    def order(self, k: int, tail: float) -> tuple[float, float, float]:
        """Return an estimate of the k-th smallest eigenvalue, and its ends, by eq. (1)."""
        xs, (least, most) = self._nodes, self.span

        def is_open(x: float, mass: float) -> bool:
            return not self._is_left(x, mass, k, tail)

        def is_past(x: float, mass: float) -> bool:
            return self._is_past(x, mass, k, tail)

        first = self._first(lambda x: is_open(x, self._gauss(x)))  # certified ones are near
        first = self._first(lambda x: self._for(is_open, x, 1), first)
        last = self._first(lambda x: is_past(x, self._gauss(x)))
        last = self._first(lambda x: self._for(is_past, x, 0), last)
        floor = self._sharpness * self.measure.scale  # so far products may move an eigenvalue
        low = xs[first - 1] - floor if first else least
        high = xs[last] + floor if last < len(xs) else most
        if low > high:  # all is rejected: what a higher level accepts first
            return self.order(k, tail / HIGHER)
        return min(max(self.likely(k), low), high), low, high

    def _first(self, holds: Callable[[float], bool], near: int | None = None) -> int:
        """Return the first place at which something holds that does so from there on.

        It is looked for from the place `near` in steps that double, if that is given.
        """
        xs, step = self._nodes, len(self.measure.runs)
        low, high = 0, len(xs)  # the first place is one of low..high
        while near is not None and low < high and low <= near < high:
            if holds(xs[near]):
                high, near = near, near - step
            else:
                low, near = near + 1, near + step
            step *= 2
        return bisect_left(xs, True, low, high, key=holds)

    def likely(self, k: int) -> float:
        """Return the Gauss estimate of the k-th smallest eigenvalue."""
        nodes, zeros = self.measure.ritz_values, self.measure.num_zeros
        counts = self.measure.n * np.cumsum(self.measure.weights)
        left = float(counts[np.searchsorted(nodes, 0.0, side="right") - 1]) if zeros else 0.0
        if zeros and nodes[0] > 0.0:
            left = 0.0
        if zeros and left < k - 0.5 <= left + zeros:
            return 0.0
        seen = k - zeros if zeros and k - 0.5 > left else k
        return float(nodes[min(int(np.searchsorted(counts, seen - 0.5)), nodes.size - 1)])

    @property
    def _shape(self) -> float:
        return self.measure.interval_from(0.0, 1.0).shape

    def _for(self, holds: Callable[[float, float], bool], x: float, end: int) -> bool:
        """Tell whether something that holds from some mass on holds for an end of the sharp bounds.

        Where the loose ones agree they decide: the sharp ones lie between them.
        """
        low, high = self._left_mass(x, is_sharp=False)
        if holds(x, low) == holds(x, high):
            return holds(x, low)
        return holds(x, self._left_mass(x)[end])

    def _gauss(self, x: float) -> float:
        """Return the mass left of x by the Gauss rules."""
        nodes, weights = self.measure.ritz_values, self._summed
        return float(weights[np.searchsorted(nodes, x, side="right")])

    @cached_property
    def _summed(self) -> FloatArray:
        return np.append(0.0, np.cumsum(self.measure.weights))

    @cached_property
    def _sums(self) -> list[tuple[LanczosRun, FloatArray]]:
        """The runs, with the summed weights of each."""
        runs = self.measure.runs
        return [(run, np.append(0.0, np.cumsum(run.weights))) for run in runs]

    def _left_mass(self, x: float, *, is_sharp: bool = True) -> tuple[float, float]:
        """Return pooled bounds on the mass left of x that rise with x, but for a shift of x."""
        x /= self.measure.scale
        bounds = [_rising(run, sums, x, is_sharp) for run, sums in self._sums]
        return self.measure.pool(np.array(bounds))

    def _is_left(self, x: float, mass: float, k: int, tail: float) -> bool:
        """Tell whether x lies left of the k-th eigenvalue, but for the probability `tail`.

        At most `mass` lies left of x.
        """
        n, s = self.measure.n, self._shape
        seen = k - self.zeros(-math.inf, x)[1]
        if seen > n:
            return True
        if seen <= 0:
            return False
        if seen == n:
            return mass < 1.0 - NOISE
        return mass < float(scipy.special.betaincinv(s * seen, s * (n - seen), tail))

    def _is_past(self, x: float, mass: float, k: int, tail: float) -> bool:
        """Tell whether x lies at or right of the k-th eigenvalue, likewise; at least `mass`."""
        n, s = self.measure.n, self._shape
        fewer = k - 1 - self.zeros(-math.inf, x)[0]
        if fewer < 0:
            return True
        if fewer >= n:
            return False
        if not fewer:
            return mass > NOISE
        return mass > float(scipy.special.betainccinv(s * fewer, s * (n - fewer), tail))


def _rising(run: LanczosRun, sums: FloatArray, x: float, is_sharp: bool) -> tuple[float, float]:
    """Return bounds on the mass left of x, eqs. (1) and (3) of `symrank.spectrum.lanczos_run`.

    `sums` are those of the weights; eq. (1) is left out where they need not be sharp.

    The best bounds that coefficients allow rise with x, and so do those between nodes. A run in
    floating point is exact for a matrix whose eigenvalues lie within `LanczosRun.drift` of those of
    A, far less than the noise floor: instead of an allowance, which would not rise, the caller
    moves x by that floor.
    """
    first = int(np.searchsorted(run.ritz_values, x, side="right"))
    low, high = float(sums[first]), float(sums[first])
    if not run.is_exact and math.isfinite(x):
        low, high = float(sums[max(first - 1, 0)]), float(sums[min(first + 1, sums.size - 1)])
        left, right = left_mass(run, x) if is_sharp else (0.0, 1.0)
        low, high = max(low, left), min(high, right)
    rounding = ROUNDING * run.eps
    return max(0.0, low - rounding), min(1.0, high + rounding)
