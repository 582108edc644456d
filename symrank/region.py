r"""Which eigenvalues a question is about: a region of the line with ends that are bands.

Products tell an eigenvalue up to some delta, so one within delta of an end may lie on either side
of it: an end at x is the band [x - delta, x + delta], and a count is bracketed by the region with
its ends moved inwards and outwards. Two ends are no bands: an infinite one, and the noise floor,
which is where an eigenvalue begins by definition (`symrank.threshold`).
"""

import dataclasses
import math
from dataclasses import dataclass

__all__ = ["Edge", "Region"]


@dataclass(frozen=True)
class Edge:
    """An end at `at`: what is at most `left` lies left of it, what is above `right` right of it."""

    left: float
    at: float
    right: float

    @classmethod
    def sharp(cls, x: float) -> "Edge":
        """Return an end that is no band."""
        return cls(x, x, x)

    @property
    def is_band(self) -> bool:
        """True where an eigenvalue may be on either side."""
        return self.left < self.right


@dataclass(frozen=True, kw_only=True)
class Region:
    """The eigenvalues of (low, high], and whether it is they that count, or all others.

    Attributes
    ----------
    low, high
        The ends.
    counts_inside
        True for a count in an interval; False for a rank, where what lies around zero does not
        count.
    cut
        The level that a result reports as its threshold.
    floor
        The noise floor of the products.
    is_signed
        True where an end stands at the noise floor: eigenvalues are told from zero.
    """

    low: Edge
    high: Edge
    counts_inside: bool
    cut: float
    floor: float
    is_signed: bool

    @classmethod
    def null_space(cls, floor: float) -> "Region":
        """Return the region of a rank without a cut: all that is not zero counts."""
        return cls(
            low=Edge.sharp(-floor),
            high=Edge.sharp(floor),
            counts_inside=False,
            cut=floor,
            floor=floor,
            is_signed=True,
        )

    @property
    def bands(self) -> tuple[Edge, ...]:
        """The ends whose eigenvalues may lie on either side."""
        return tuple(edge for edge in (self.low, self.high) if edge.is_band)

    def with_bands(self) -> "Region":
        """Return the region with its ends at the noise floor as wide as a band would be there."""

        def widen(edge: Edge) -> Edge:
            if edge.is_band or not 0.0 < abs(edge.at) < math.inf:
                return edge
            left, right = sorted((0.5 * edge.at, 1.5 * edge.at))
            return Edge(left, edge.at, right)

        return dataclasses.replace(self, low=widen(self.low), high=widen(self.high))
