r"""A problem with a known spectrum, and its exact counts as intervals.

What is known of eigenvalue i is a bracket [low_i, high_i]: a point for a diagonal matrix, and for a
rotated one the rounding of its entries (Weyl). Under a congruence S* A S with G = S S* and
g_min I <= G <= g_max I an eigenvalue is multiplied by a factor in [g_min, g_max] (Ostrowski).

A cut tau is a bracket [tau_low, tau_high] too: between them an eigenvalue may fall on either side.

    t_low = #{i : |lambda_i| > tau_high for sure},    t_high = #{i : |lambda_i| >= tau_low perhaps}
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

FLOOR = 500.0  # eps |A|: the noise floor of products, docs/concepts/rank-and-noise-floor
NORM_LOW, NORM_HIGH = 0.8, 1.05  # |A| as a run knows it: a Ritz value, or that with a margin
NORM_RATIO = 1e-3  # what rtol leaves open of |A|
SHIFTED = 2.6  # |A - c I| <= 2.6 |A|, c the centre of a window with ends inside 2.2 |A|
CLEAR = 1000.0  # no eigenvalue within this factor of the cut: a clear gap

BY_FACTOR = (None, "dense", "lanczos", "inertia")

Truth = tuple[int, int]


def root(x: float) -> float:
    """Return the square root with the sign of x."""
    return float(np.copysign(np.sqrt(abs(x)), x))


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """An operator with brackets of all its eigenvalues.

    Attributes
    ----------
    A
        What is handed to the package.
    low, high
        Brackets of the eigenvalues, (n,) each.
    eps
        Unit of rounding of its products.
    level
        The cut of the spectrum, in the units of A: where a caller would put atol or an end.
    order
        Least order of what may be given to an eigensolver: the shorter side of a Gram operator.
    null
        Vectors that span its null space exactly, (n, k); None where they are not known.
    diagonal
        The diagonal, where the matrix is diagonal.
    is_squared
        Whether A is made of a factor at hand whose singular values are the roots of eigenvalues:
        the methods of BY_FACTOR count those, with the floor of the factor.
    """

    A: Any
    low: np.ndarray
    high: np.ndarray
    eps: float
    level: float
    order: int
    null: np.ndarray | None = None
    diagonal: np.ndarray | None = None
    is_squared: bool = False

    @property
    def n(self) -> int:
        """Order of A."""
        return self.low.size

    @property
    def least(self) -> np.ndarray:
        """Least |eigenvalue| of each bracket."""
        both = (self.low <= 0.0) & (self.high >= 0.0)
        return np.where(both, 0.0, np.minimum(np.abs(self.low), np.abs(self.high)))

    @property
    def most(self) -> np.ndarray:
        """Largest |eigenvalue| of each bracket."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def norm(self) -> tuple[float, float]:
        """Bracket of |A|."""
        return float(self.least.max(initial=0.0)), float(self.most.max(initial=0.0))

    def seen_by(self, method: Any) -> "tuple[Problem, Callable[[float], float]]":
        """Return what a method counts, and what a level is to it."""
        if not (self.is_squared and method in BY_FACTOR):
            return self, lambda x: x
        low, high = np.sqrt(self.low), np.sqrt(self.high)
        return replace(self, low=low, high=high, level=root(self.level), is_squared=False), root

    def under(self, g_min: float, g_max: float) -> "Problem":
        """Return what is known of S* A S for g_min I <= S S* <= g_max I."""
        ends = np.stack([self.low * g_min, self.low * g_max, self.high * g_min, self.high * g_max])
        return replace(self, low=ends.min(axis=0), high=ends.max(axis=0))

    def with_spectrum(self, lam: np.ndarray) -> "Problem":
        """Return the problem with this exact spectrum in place of its own."""
        return replace(self, low=lam, high=lam)

    def floor(self, *, by_eigenvalues: bool) -> tuple[float, float]:
        """Bracket of the noise floor; an eigensolver may take n eps |A| for it, as NumPy does."""
        least, most = FLOOR, FLOOR
        if by_eigenvalues:
            least, most = min(FLOOR, float(self.order)), max(FLOOR, float(self.n))
        low, high = self.norm
        return NORM_LOW * least * self.eps * low, NORM_HIGH * most * self.eps * high

    def cut(self, atol: float | None, rtol: float | None, floor: tuple[float, float]) -> Truth:
        """Bracket of the cut that atol or rtol asks for: one floor wide on either side."""
        if atol is None and rtol is None:
            return floor
        low, high = self.norm
        tau = (rtol or 0.0) * low * (1.0 - NORM_RATIO), (rtol or 0.0) * high * (1.0 + NORM_RATIO)
        tau = max(tau[0], atol or 0.0), max(tau[1], atol or 0.0)
        return max(tau[0] - floor[1], floor[0]), max(tau[1], floor[1]) + floor[1]

    def above(self, cut: tuple[float, float]) -> Truth:
        """Interval of #{|lambda| > cut}."""
        return int((self.least > cut[1]).sum()), int((self.most >= cut[0]).sum())

    def inertia(self, cut: tuple[float, float]) -> tuple[Truth, Truth, Truth]:
        """Intervals of n_plus, n_zero and n_minus at the cut."""
        plus = int((self.low > cut[1]).sum()), int((self.high >= cut[0]).sum())
        minus = int((self.high < -cut[1]).sum()), int((self.low <= -cut[0]).sum())
        low, high = self.above(cut)
        return plus, (self.n - high, self.n - low), minus

    def within(self, a: float, b: float, *, by_eigenvalues: bool) -> Truth:
        """Interval of the number of eigenvalues in (a, b].

        An end is a band as wide as the floor of what is shifted. At an end of exactly 0 the rule is
        that of the rank: what lies within the floor of zero is a zero, and zeros lie left of it.
        """
        floor = self.floor(by_eigenvalues=by_eigenvalues)
        floor = floor[0], SHIFTED * floor[1]
        (a_sure, a_maybe), (b_sure, b_maybe) = self._right_of(a, floor), self._right_of(b, floor)
        return int((a_sure & ~b_maybe).sum()), int((a_maybe & ~b_sure).sum())

    def _right_of(self, end: float, floor: tuple[float, float]) -> tuple[Any, Any]:
        """Tell which eigenvalues lie right of an end for sure, and which perhaps."""
        if end == 0.0:
            return self.low > floor[1], self.high >= floor[0]
        if not np.isfinite(end):
            every = np.full(self.n, end < 0.0)
            return every, every
        return self.low > end + floor[1], self.high >= end - floor[1]

    def is_clear(self, cut: tuple[float, float]) -> bool:
        """Tell whether no eigenvalue lies within CLEAR of the cut, on the log scale."""
        near = (self.most > cut[0] / CLEAR) & (self.least < cut[1] * CLEAR)
        return not near.any()


Builder = Callable[..., Problem]
