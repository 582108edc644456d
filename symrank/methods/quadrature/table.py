"""Many intervals from one run of `Lanczos`: each is counted by the rules of a single one.

Every interval keeps its own proved bounds from round to round, as if it had been asked for alone
(`symrank.methods.quadrature.summary`), from the same coefficients. Probes are added, and steps
taken, until the least of them meets the precision. The intervals are one per bin by itself: they
share the probes, and each has its own level.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symrank.methods.base import Goal, Summary
from symrank.methods.quadrature.lanczos import Lanczos
from symrank.methods.quadrature.summary import Memo, summarise
from symrank.recurrences import lanczos
from symrank.spectrum.golub_kahan_run import GolubKahanRun
from symrank.spectrum.measure import LanczosRun, RitzMeasure
from symrank.support.cached import cached_property

__all__ = ["LanczosTable", "TableMemo", "forgetful"]

Between = tuple[float, float]


class _Memory(LanczosRun):
    """What is asked for the mass at every edge by two neighbours."""

    @cached_property
    def _known(self) -> dict[Any, Any]:
        return {}

    def mass_left(self, x: float, *, radau: bool = True) -> tuple[float, float]:
        """Return the bounds of `LanczosRun.mass_left`."""
        if (x, radau) not in self._known:
            self._known[x, radau] = super().mass_left(x, radau=radau)
        return self._known[x, radau]  # type: ignore[no-any-return]

    def leading(self, num_steps: int) -> LanczosRun:
        """Return the run as it was after `num_steps` steps."""
        if num_steps not in self._known:
            self._known[num_steps] = _remembered(super().leading(num_steps))
        return self._known[num_steps]  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False, repr=False)
class _Remembered(_Memory):
    """A run with a memory."""


@dataclass(frozen=True, eq=False, repr=False)
class _RememberedBidiagonal(_Memory, GolubKahanRun):
    """The same of a Golub-Kahan run."""


def _fields(run: LanczosRun) -> dict[str, Any]:
    return {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}


def _remembered(run: LanczosRun) -> LanczosRun:
    kind = _RememberedBidiagonal if isinstance(run, GolubKahanRun) else _Remembered
    return kind(**_fields(run))


def forgetful(measure: RitzMeasure) -> RitzMeasure:
    """Return the measure without what its runs remember."""
    runs = [
        (GolubKahanRun if isinstance(run, GolubKahanRun) else LanczosRun)(**_fields(run))
        for run in measure.runs
    ]
    return dataclasses.replace(measure, runs=runs)


@dataclass
class TableMemo(Memo):
    """What the run goes on by: that of the interval with most to gain, and all summaries."""

    whole: Summary | None = None
    bins: tuple[Summary, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LanczosTable(Lanczos):
    """`Lanczos` for neighbouring intervals; its summary is that of all of them as one.

    Parameters
    ----------
    intervals
        The intervals (a, b], in the units of the operator that the method sees.
    num_probes, kernel
        As for `Lanczos`.
    """

    intervals: tuple[Between, ...] = ()

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], lanczos.LanczosState],
        previous: Summary | None,
    ) -> Summary:
        """Count in the whole and in every interval."""
        old: TableMemo | None = None if previous is None else previous.memo
        runs = [
            _remembered(run)
            for key in sorted(states)
            for run in lanczos.runs(states[key], goal.eps)
        ]
        befores = [None] * len(self.intervals) if old is None else old.bins
        num_looks = len(self.stages(goal))
        whole = summarise(goal, states, None if old is None else old.whole, num_looks, runs)
        bins = tuple(
            summarise(dataclasses.replace(goal, between=between), states, before, num_looks, runs)
            for between, before in zip(self.intervals, befores, strict=True)
        )
        return dataclasses.replace(whole, memo=_together(whole, bins, old))


def _together(whole: Summary, bins: tuple[Summary, ...], old: TableMemo | None) -> TableMemo:
    """Return what decides on the next round: the open intervals, the widest slack among them."""
    memos: list[Memo] = [one.memo for one in bins]
    unmet = [memo for memo in memos if not memo.is_met]
    open_ = [memo for memo in unmet if not memo.is_hopeless] or unmet or memos
    void = [memo for memo in memos if memo.probes.num_void]
    is_met, spent = not unmet, whole.memo.num_products
    shared = {f.name: getattr(whole.memo, f.name) for f in dataclasses.fields(Memo)}
    shared["probes"] = (void or memos)[0].probes
    shared["is_met"] = is_met
    shared["met_at"] = (old.met_at if old else 0) or (spent if is_met else 0)
    shared["slack_share"] = max((memo.slack_share for memo in open_), default=math.inf)
    shared["is_hopeless"] = bool(unmet) and all(memo.is_hopeless for memo in unmet)
    return TableMemo(**shared, whole=whole, bins=bins)
