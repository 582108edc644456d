"""The signs of the eigenvalues, with intervals that hold all three numbers at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.answer.result import RankResult
from symrank.spectrum.outcome import Status

__all__ = ["Signature"]

Ends = tuple[int, int]


@dataclass(frozen=True, eq=False, repr=False)
class Signature:
    """Numbers of positive, zero and negative eigenvalues: ``positive, zero, negative = signature``.

    Attributes
    ----------
    result
        The `RankResult` that they were taken from, with the method, its cost and its evidence.
    half_width
        What the precision asks of each interval.
    """

    result: RankResult
    half_width: float

    def intervals(self, confidence: float | None = None) -> tuple[Ends, Ends, Ends]:
        """Return intervals of the three numbers that hold all at once.

        Parameters
        ----------
        confidence
            That of the run by default; of an exact count it is of no matter.
        """
        low, high = self.result.interval(confidence)
        if _has_signs(self.result):
            return self.result.inertia_intervals(confidence)
        return (0, high), (self.n - high, self.n - low), (0, high)  # of a sketch, say

    @property
    def status(self) -> Status:
        """How the run ended: that of the rank, unless the signs are less sure."""
        status, width = self.result.status, self.width
        if width == 0 or status not in (Status.EXACT, Status.CONVERGED):
            return status
        if width <= 2.0 * self.half_width:
            return Status.CONVERGED
        return Status.BUDGET_SPENT if self.result.measure else Status.NO_GAP_FOUND

    @property
    def width(self) -> int:
        """Width of the widest of the three intervals."""
        return max(high - low for low, high in self.intervals())

    @property
    def n(self) -> int:
        """Eigenvalues."""
        return self.result.n

    @property
    def positive(self) -> int:
        """Eigenvalues above the noise floor, as far as the run tells."""
        return self._numbers()[0]

    @property
    def zero(self) -> int:
        """Eigenvalues that cannot be told from zero."""
        return self._numbers()[1]

    @property
    def negative(self) -> int:
        """Eigenvalues below minus the noise floor."""
        return self._numbers()[2]

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers())

    def to_dict(self, *, measure: bool = False) -> dict[str, Any]:
        """Return plain JSON values; the Ritz measure of a sampled result if `measure` is true."""
        names = ("positive", "zero", "negative")
        return {
            **dict(zip(names, self._numbers(), strict=True)),
            "half_width": self.half_width,
            "intervals": [list(ends) for ends in self.intervals()],
            "status": self.status.name,
            "result": self.result.to_dict(measure=measure),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Signature":
        """Invert `to_dict`; the intervals of a sampled result need its Ritz measure again."""
        return cls(RankResult.from_dict(record["result"]), record["half_width"])

    def __repr__(self) -> str:
        return f"<Signature: {self}>"

    def __str__(self) -> str:
        names, numbers = ("positive", "zero", "negative"), self._numbers()
        said = ", ".join(
            f"{number} {name}" + ("" if low == high else f" in [{low}, {high}]")
            for name, number, (low, high) in zip(names, numbers, self.intervals(), strict=True)
        )
        by = self.result
        return (
            f"{said}, n = {self.n}, {by.method}, {by.num_matvecs} products, {by.seconds:.2f} s: "
            f"{self.status.name}"
        )

    def _numbers(self) -> tuple[int, int, int]:
        """Return the likely numbers, moved into their intervals; they add up to n."""
        if self.result.inertia is not None:
            return self.result.inertia
        (low, high), _, (least, most) = self.intervals()
        rank = self.result.rank
        positive = min(max(self._likely_positive(), low), high)
        negative = min(max(rank - positive, least), most)
        positive = min(max(rank - negative, low), high)
        return positive, self.n - positive - negative, negative

    def _likely_positive(self) -> int:
        measure = self.result.measure
        if measure is None:
            return self.result.rank
        is_above = measure.ritz_values > self.result.threshold
        return int(np.rint(measure.n * float(measure.weights[is_above].sum())))


def _has_signs(result: RankResult) -> bool:
    """Tell whether the method has seen the signs of eigenvalues."""
    known = result.diagnostics
    is_exact = result.inertia is not None and result.bounds[0] == result.bounds[1]
    return is_exact or result.measure is not None or "eigenvalues" in known or "n_plus" in known
