"""The count of a long matrix that needs none of its singular values, where it needs none.

`symrank.rank` tries it first where no method is asked for, and goes on as ever where what is proved
leaves the count open: at a cut among the singular values, where some crowd at the noise floor, and
for what lies between rounding and its root (`symrank.methods.eigenvalues.two_sided`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symrank.methods import costs
from symrank.methods.base import Goal, Offer, Summary, Task, Tick
from symrank.methods.eigenvalues.dense import ROUNDING, Dense, known
from symrank.methods.eigenvalues.singular import is_long, unit_of
from symrank.methods.eigenvalues.two_sided import ENTRIES, TwoSided, two_sided
from symrank.methods.seen import Seen
from symrank.methods.summaries import exact
from symrank.operators import Operator
from symrank.operators.facts import DenseForm, Facts
from symrank.spectrum import threshold
from symrank.spectrum.outcome import Gap, Status
from symrank.spectrum.region import Region
from symrank.support import probes
from symrank.support.foreign import refuse_non_finite
from symrank.support.probes import Streams

__all__ = ["Long"]

WORTH = 0.1  # seconds of all singular values: they tell more where they take no longer
GAIN = 0.5  # of that time that this may take: it may be in vain (decision 034)
COLUMNS = 4096  # at most: SQUARES times their square is a gigabyte and a half
SQUARES = 12  # of the columns, in numbers: sketch, its copy, Gram matrix, factor, inverse, bases
COPIES = 3  # of a block of rows: its entries, scaled, and its product


@dataclass(frozen=True, kw_only=True)
class Long(Dense):
    """The number of singular values of a long matrix that are far from rounding on either side."""

    def offer(self, facts: Facts, goal: Goal, seen: Seen | None = None) -> Offer | None:  # noqa: ARG002
        """Offer a count that may stay open, where all singular values would take their time."""
        form, factor = facts.dense, facts.factor
        m, n = form.shape
        is_known = form.is_singular and not form.num_products and factor is not None
        is_double = goal.dtype.char in "dD" and not goal.noise
        is_plain = goal.between is None and is_long(m, n) and 0 < min(m, n) <= COLUMNS
        if not (is_known and is_double and is_plain):
            return None
        seconds, values = costs.long_seconds(factor), costs.singular_seconds(m, n)
        if values <= WORTH or seconds[1] > GAIN * values:
            return None
        return Offer(
            method=self,
            products=(0, 0),
            seconds=seconds,
            num_bytes=_num_bytes(form, goal.dtype.itemsize),
            why="it is long: a sketch of its rows and one product count what is far from rounding",
        )

    def num_bytes(self, facts: Facts, goal: Goal, task: Task) -> int:  # noqa: ARG002
        """Return what is held at a time."""
        return _num_bytes(facts.dense, goal.dtype.itemsize)

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:  # noqa: ARG002
        """Return what is proved, where that settles the count; else an empty list."""
        found = _proved(operator, goal)
        return [] if found is None else found

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], Any],
        previous: Summary | None,  # noqa: ARG002
    ) -> Summary:
        """Return the count, or that it is open."""
        found = states[("eigenvalues",)]
        if not isinstance(found, TwoSided):
            return exact(0, goal.n, 0, threshold=0.0, status=Status.NO_GAP_FOUND)
        region, scale = _region(goal, found), goal.scale
        rank, tau = found.rank * (1 if found.is_modulus else 2), region.cut
        rounding = ROUNDING * math.sqrt(max(found.shape)) * goal.eps
        cut = scale * (tau if tau == goal.atol else known(tau, rounding))
        at_least = math.ldexp(0.5, math.frexp(found.above)[1])  # its digits depend on threads
        gap = Gap(low=cut, high=at_least * scale, count=float(rank))
        return exact(
            rank,
            rank,
            rank,
            threshold=cut,
            status=Status.EXACT,
            gaps=(gap,) if found.rank and gap.ratio >= threshold.MIN_RATIO else (),
            inertia=(found.rank, goal.n - rank, rank - found.rank),
            is_final=True,
        )


def _num_bytes(form: DenseForm, itemsize: int) -> int:
    n = min(form.shape)
    return (SQUARES * n * n + COPIES * ENTRIES + 4 * max(form.shape)) * itemsize


def _proved(operator: Operator, goal: Goal) -> TwoSided | None:
    """Return what settles the count; None where nothing that is proved does."""
    form = operator.singular_form()
    if form is None or form.is_squared:
        return None
    factor = form.factor
    entries, (m, n) = factor.entries, factor.shape
    refuse_non_finite(entries if isinstance(entries, np.ndarray) else entries.data)
    tall = entries if m >= n else entries.T
    tall = tall if isinstance(tall, np.ndarray) else tall.tocsr()
    unit, rng = unit_of(factor), probes.stream(goal.seed, Streams.ROWS.start)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        found = two_sided(tall, unit, rng, far=_crowd(goal, max(m, n)))
        if found is None:
            return None
        found = replace(found.times(form.unit / unit), is_modulus=form.is_modulus)
        return found if _settles(goal, found) else None


def _region(goal: Goal, found: TwoSided) -> Region:
    low, high = found.norms
    longer = max(found.shape)
    floor, rounding = min(longer, threshold.FLOOR), ROUNDING * math.sqrt(longer)
    return goal.region(low, high / low - 1.0, floor=floor, delta=rounding)


def _crowd(goal: Goal, longer: int) -> float:
    """Return what crowds at the noise floor, or counts by NumPy's cut as well, in |A|."""
    return max(threshold.CROWD * min(longer, threshold.FLOOR), longer) * goal.eps


def _settles(goal: Goal, found: TwoSided) -> bool:
    """Tell whether all singular values are far from every level that the rule of the rank knows.

    Those above have to be beyond what crowds at the noise floor, and beyond NumPy's cut, of which
    a note would speak; the others below rounding as `Dense` has it, or the cut.
    """
    low, high = found.norms
    if not 0.0 < low <= high < math.inf:
        return False
    region, longer = _region(goal, found), max(found.shape)
    floor, rounding = min(longer, threshold.FLOOR), ROUNDING * math.sqrt(longer)
    if not found.above > max(_crowd(goal, longer) * high, region.high.right):
        return False
    if not region.is_signed:
        return found.most_below(goal.eps, high) < region.high.left
    return found.most_below(goal.eps, low) <= min(rounding, floor) * goal.eps * low
