"""A table of counts: neighbouring intervals of one run, each with a result of its own."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.answer.result import RankResult
from symrank.errors import OptionError
from symrank.spectrum.outcome import Status
from symrank.support.typing import FloatArray, IntArray

__all__ = ["Counts"]

WORST_FIRST = (  # the status of a table is that of its worst row
    Status.INTERRUPTED, Status.NOT_CERTIFIED, Status.NO_GAP_FOUND, Status.BUDGET_SPENT,
    Status.BURN_IN_TOO_SHORT, Status.CONVERGED, Status.EXACT,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Counts:
    """Numbers of eigenvalues in ``(edges[i], edges[i + 1]]``, from one run.

    ``len(table)`` is the number of intervals, ``table[i]`` the `RankResult` of one, and ``str``
    has a line for each. Products and seconds of a row are those of the whole run.

    Attributes
    ----------
    edges
        Ascending, (k + 1,).
    rows
        k results.
    total
        The result of the interval ``(edges[0], edges[-1]]``, from the same run.
    """

    edges: FloatArray
    rows: tuple[RankResult, ...]
    total: RankResult

    @property
    def counts(self) -> IntArray:
        """The numbers, (k,)."""
        return np.array([row.rank for row in self.rows], np.int64)

    @property
    def estimate(self) -> FloatArray:
        """The unrounded estimates, (k,)."""
        return np.array([row.estimate for row in self.rows])

    @property
    def status(self) -> Status:
        """The status of the row that has come least far."""
        return min((row.status for row in self.rows), key=WORST_FIRST.index)

    @property
    def num_matvecs(self) -> int:
        """Products of the run."""
        return self.total.num_matvecs

    @property
    def seconds(self) -> float:
        """Wall time of the run."""
        return self.total.seconds

    def intervals(
        self, confidence: float | None = None, *, simultaneous: bool = False
    ) -> tuple[IntArray, IntArray]:
        """Return integers ``low`` and ``high`` (k,) that hold the numbers.

        Parameters
        ----------
        confidence
            That of the run by default.
        simultaneous
            False: each holds at that confidence by itself. True: all hold at once, by Bonferroni's
            inequality: each at ``1 - (1 - confidence) / k``.
        """
        level = self.total.confidence if confidence is None else confidence
        if not 0.0 < level < 1.0:
            raise OptionError(f"confidence={level} must lie between 0 and 1, for example 0.95.")
        if simultaneous:
            level = 1.0 - (1.0 - level) / len(self.rows)
        low, high = np.array([row.interval(level) for row in self.rows], np.int64).T
        return low, high

    def to_dict(self, *, measure: bool = False) -> dict[str, Any]:
        """Return the table as plain JSON values; the Ritz measure once, if `measure` is true."""
        return {
            "edges": self.edges.tolist(),
            "rows": [row.to_dict() for row in self.rows],
            "total": self.total.to_dict(measure=measure),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Counts":
        """Invert `to_dict`."""
        total = RankResult.from_dict(record["total"])
        rows = (RankResult.from_dict(row) for row in record["rows"])
        return cls(
            edges=np.array(record["edges"], np.float64),
            rows=tuple(dataclasses.replace(row, measure=total.measure) for row in rows),
            total=total,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> RankResult:
        return self.rows[i]

    def __iter__(self) -> Iterator[RankResult]:
        return iter(self.rows)

    def __repr__(self) -> str:
        run = self.total
        return (
            f"<Counts: {len(self)} intervals, n = {run.n}, {run.method}, {run.num_matvecs} "
            f"products, {run.seconds:.2f} s: {self.status.name}>"
        )

    def __str__(self) -> str:
        low, high = self.intervals()
        return "\n".join(
            f"({a:.6g}, {b:.6g}]  {row.rank} in [{least}, {most}]  {row.status.name}"
            for a, b, row, least, most in zip(
                self.edges[:-1], self.edges[1:], self.rows, low, high, strict=True
            )
        )
