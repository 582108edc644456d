"""The state of a sketch of the range: columns, the basis that they show, and what is proved."""

import math
from dataclasses import dataclass, field

import numpy as np

from symrank.methods.base import Goal
from symrank.methods.spaces.reflectors import Reflectors
from symrank.spectrum import threshold
from symrank.support.typing import Array

__all__ = ["RANGE_TEST", "RangeEvidence", "RangeSketch", "spare"]

RANGE_TEST = 16  # columns of a panel at least: chi(16) = 0.66, epsilon is 1.5 times |C Omega|
SPARE = 20  # one in SPARE columns more than the rank, with RANGE_TEST, are taken


@dataclass(frozen=True)
class RangeEvidence:
    """What the finished sketch proves."""

    low: int
    high: int
    count: int
    inertia: tuple[int, int, int] | None  # where both signs are settled
    cut: float
    gap: tuple[float, float]  # the largest s_j below the cut, or epsilon, and the least above it
    residual: float  # bound on |(I - Q Q*) A|
    turn: Array | None = None  # (rank, count): Q times it spans the range; None: Q does


@dataclass(kw_only=True)
class RangeSketch:
    """Columns Y = A Omega, a basis of the range that they show, and later A times it."""

    basis: Reflectors
    panels: list[Array] = field(default_factory=list)  # of Y; none once they are not needed
    coefficients: list[Array] = field(default_factory=list)  # Q* Y of each panel
    num_columns: int = 0
    norm_low: float = 0.0
    norm_high: float = math.inf
    end: int | None = None  # the size of Q where little was left
    num_failed: int = 0  # tests that have shown more
    faint: Reflectors | None = None  # directions of Q that are given up
    epsilon: float = math.inf  # |(I - Q Q*) A|, eq. (2), without those
    Q: Array | None = None  # (n, rank), once A Q is known
    image: Array | None = None  # A Q
    proof: RangeEvidence | None = None  # what the columns prove by themselves
    num_products: int = 0

    @property
    def rank(self) -> int:
        """The dimension of what the columns show."""
        if self.Q is not None:
            return int(self.Q.shape[1])
        return self.basis.size - (0 if self.faint is None else self.faint.size)

    @property
    def is_done(self) -> bool:
        """True if nothing more is to be multiplied."""
        return self.proof is not None or self.image is not None

    @property
    def num_missing(self) -> int:
        """Columns that a proof by columns alone still takes; zero before the range ends."""
        if self.end is None:
            return 0
        return max(0, self.end + spare(self.end) - self.num_columns)

    def is_narrow(self, goal: Goal) -> bool:
        """True if what lies outside of Q is below the cut."""
        cut = self.cut(goal)
        return self.epsilon < 0.5 * cut or (self.epsilon == 0.0 and cut == 0.0)

    def cut(self, goal: Goal) -> float:
        """Return the cut for the largest |A| that is known."""
        return threshold.cut(self.norm_low, goal.eps, goal.atol, goal.rtol)

    def turned_columns(self) -> Array:
        """Return Q* Y of all panels, (size, columns)."""
        stops = np.cumsum([part.shape[1] for part in self.coefficients], dtype=int)
        R = np.zeros((self.basis.size, int(stops[-1]) if stops.size else 0), self.basis.dtype)
        for stop, part in zip(stops, self.coefficients, strict=True):
            R[: part.shape[0], stop - part.shape[1] : stop] = part
        return R

    def orthonormal(self) -> Array:
        """Return Q without the directions that are given up, (n, rank)."""
        if self.Q is not None:
            return self.Q
        if self.faint is None or not self.faint.size:
            return self.basis.basis()
        return self.basis.times(self.faint.complement())


def spare(rank: int) -> int:
    """Return how many columns more than the rank are taken."""
    return RANGE_TEST + rank // SPARE
