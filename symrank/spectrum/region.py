r"""Which eigenvalues a question is about: a region of the line with ends that are bands.

Products tell an eigenvalue up to some delta, so one within delta of an end may lie on either side
of it: an end at x is the band [x - delta, x + delta], and a count is bracketed by the region with
its ends moved inwards and outwards. Two ends are no bands: an infinite one, and the noise floor,
which is where an eigenvalue begins by definition (`symrank.spectrum.threshold`).
"""

import dataclasses
import math
from dataclasses import dataclass

from symrank.errors import OptionError

__all__ = ["FLOOR", "PRODUCT_ERROR", "Edge", "Region", "kept_apart", "too_narrow"]

PRODUCT_ERROR = 10.0  # eps |A||x|: what a product may err by
FLOOR = (
    PRODUCT_ERROR * 50.0
)  # eps |A|: where an eigenvalue begins (`symrank.spectrum.threshold`), and delta


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

    @classmethod
    def end(cls, x: float, norm: float, floor: float, delta: float) -> "Edge":
        """Return an end of an interval; see `Region.window`."""
        if x == 0.0:
            return cls.sharp(floor)
        if abs(x) > norm + delta:
            return cls.sharp(math.copysign(math.inf, x))
        return cls(x - delta, x, x + delta)

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

    @classmethod
    def level(
        cls,
        norms: tuple[float, float],
        floor: float,
        delta: float,
        atol: float | None,
        rtol: float | None,
    ) -> "Region":
        """Return what does not count for a rank: [-tau, tau], tau the noise floor or a band.

        Parameters
        ----------
        norms
            Lower and upper bound of |A|. With `rtol` the cut is at rtol times the lower one, and
            its band reaches to rtol times the upper one.
        floor
            The noise floor of the products.
        delta
            How far an eigenvalue must be from a cut for products to tell on which side it lies.
        atol, rtol
            The caller's cut.
        """
        least, most = (max(atol or 0.0, rtol * norm if rtol else 0.0) for norm in norms)
        if most <= floor:
            return cls.null_space(floor)
        cut = max(least, floor)
        inner = max(cut - delta, 0.5 * cut)  # zeros drift by less than half a floor
        return cls(
            low=Edge(-most - delta, -cut, -inner),
            high=Edge(inner, cut, most + delta),
            counts_inside=False,
            cut=cut,
            floor=floor,
            is_signed=False,
        )

    @classmethod
    def between(
        cls, between: tuple[float, float], norm: float, floor: float, delta: float, unit: float
    ) -> "Region":
        """Return the region of the eigenvalues in ``(a, b]``.

        An end at zero asks for signs and stands at the noise floor, by the rule of the rank: what
        cannot be told from zero is zero, and lies in (a, 0]. An end beyond the spectrum is
        infinite.

        Parameters
        ----------
        between
            (a, b).
        norm
            An upper bound of |A|.
        floor, delta
            As for `level`.
        unit
            The caller's eigenvalues in those of the operator seen here, for the message.

        Raises
        ------
        OptionError
            If the interval is narrower than its ends.
        """
        a, b = between
        low, high = (Edge.end(x, norm, floor, delta) for x in between)
        if not low.right < high.left and low.left < high.left:
            raise too_narrow((a * unit, b * unit), 2.0 * delta * unit)
        return cls(
            low=low,
            high=high,
            counts_inside=True,
            cut=floor,
            floor=floor,
            is_signed=0.0 in between,
        )

    def end(self, sign: int) -> Edge:
        """Return the upper end for a positive sign, the lower one for a negative."""
        return self.high if sign > 0 else self.low

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


def kept_apart(scaled: float, x: float) -> float:
    """Return an end x in other units: what is not zero must not become zero."""
    return scaled or math.copysign(math.ulp(0.0), x) if x else 0.0


def too_narrow(between: tuple[float, float], noise: float) -> OptionError:
    """Return the error of an interval whose ends the products cannot tell apart."""
    a, b = between
    return OptionError(
        f"the interval ({a:.6g}, {b:.6g}] is narrower than the noise of the products of A, "
        f"{noise:.3g}: eigenvalues cannot be told apart there. Widen it."
    )
