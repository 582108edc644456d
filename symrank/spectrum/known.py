"""The signed spectrum where all eigenvalues were computed: what is open is their rounding."""

import math
from dataclasses import dataclass

import numpy as np

from symrank.spectrum.region import Region
from symrank.support.typing import FloatArray

__all__ = ["Known"]


@dataclass(frozen=True, eq=False)
class Known:
    """All eigenvalues; the questions are those of `symrank.spectrum.signed.Sampled`.

    Parameters
    ----------
    values
        Ascending, (n,), in the units of the caller.
    error
        What each may err by.
    floor
        What is at most this is told from zero by no computation.
    """

    values: FloatArray
    error: float
    floor: float

    @property
    def n(self) -> int:
        """Eigenvalues."""
        return int(self.values.size)

    @property
    def span(self) -> tuple[float, float]:
        """Ends between which all eigenvalues lie."""
        least, most = self.values[[0, -1]].tolist() if self.n else (0.0, 0.0)
        return least - self.error, most + self.error

    def _left_of(self, x: float) -> tuple[int, int]:
        """Return how many are at most x, for sure and perhaps; zeros lie left of 0."""
        least, most = x - self.error, x + self.error
        if x == 0.0:
            least, most = min(self.error, self.floor), max(self.error, self.floor) + self.error
        return int((self.values <= least).sum()), int((self.values <= most).sum())

    def expected(self, a: float, b: float) -> float:
        """Return the number in (a, b] of the eigenvalues as computed."""
        left, right = (x if x else max(self.error, self.floor) for x in (a, b))
        return float(((self.values > left) & (self.values <= right)).sum())

    def tail(self, alpha: float, *, simultaneous: bool = False) -> float:  # noqa: ARG002
        """Return 0: nothing was sampled."""
        return 0.0

    def ends(self, a: float, b: float, tail: float) -> tuple[int, int, FloatArray]:  # noqa: ARG002
        """Return ends of the number in (a, b], twice: all that is open is resolution."""
        Region.between((a, b), math.inf, self.floor, self.error, 1.0)  # raises where too narrow
        (a_sure, a_maybe), (b_sure, b_maybe) = self._left_of(a), self._left_of(b)
        low, high = max(0, b_sure - a_maybe), b_maybe - a_sure
        return low, high, np.array([low, high], float)

    def spacing(self, x: float) -> float:  # noqa: ARG002
        """Return 0: every eigenvalue is seen."""
        return 0.0

    def order(self, k: int, tail: float) -> tuple[float, float, float]:  # noqa: ARG002
        """Return the k-th smallest eigenvalue and its ends."""
        value = float(self.values[k - 1])
        return value, value - self.error, value + self.error

    def likely(self, k: int) -> float:
        """Return the k-th smallest eigenvalue."""
        return float(self.values[k - 1])
