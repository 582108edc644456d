r"""Exact rank where rank or nullity is small: a basis of the range, or of the null space.

Range. A Omega with m Gaussian columns has rank min(m, r) with probability one. m grows by a
sixteenth at a time until what lies outside of the basis that the columns show is proved to be below
the cut (`symrank.methods.spaces.range_space`): about 1.1 r + 48 products for rank r, and r more
where the columns alone do not prove the count.

Null space. For a block of random v the null part of each is found by a solve, A x = A v, z = v - x,
and the z span min(m, d) dimensions (`symrank.methods.spaces.null_space`); m grows until they span
less. The null vectors are certified by |A Z|, and that there are no more by a test with fresh
columns.

Both upper bounds fail with probability 1e-10 per look, and hold for any spectrum; the laws and
their proofs stand in `symrank.methods.spaces.certificates`. EXACT is said only where upper and
lower bound meet with no eigenvalue in doubt near the cut.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symrank.errors import OptionError
from symrank.methods import costs
from symrank.methods.base import Goal, Method, Offer, Summary, Task, Tick
from symrank.methods.seen import Seen
from symrank.methods.spaces import range_space
from symrank.methods.spaces.found import NORM, Found, norm_task, null_norm
from symrank.methods.spaces.null_space import NULL_TEST, NullBlock, advance
from symrank.methods.spaces.range_space import RangeSketch
from symrank.operators import Operator
from symrank.operators.facts import Facts
from symrank.recurrences.norm import Norm
from symrank.support.options import settle_counts, shown
from symrank.support.probes import Streams

__all__ = ["Sketch"]

MEMORY = 2**31  # bytes of the columns and their basis, or of that and its image
AUTO_COLUMNS = 128  # of the range, before the null space is tried
NULL_COLUMNS = 8  # of the first block; the next ones have GROWTH times as many
GROWTH = 4
NULL_SHARE = 0.75  # of what is left of the budget may go to the null space
FIRST_STEPS = 32
LIKELY = 1.1  # times the estimate: the rank that a sketch is offered for
SMALL_NULLITY = 64
NULL_SECONDS = 1.0  # null vectors may take this, or what sampling has taken
SOLVE_STEPS = 20.0  # times sqrt(kappa): steps of conjugate gradients to rounding
RANGE = ("range",)


@dataclass(frozen=True, kw_only=True)
class Sketch(Method):
    """The exact rank, where the rank or the nullity is small.

    Parameters
    ----------
    side
        ``"range"`` for a small rank, ``"null"`` for a small nullity; None tries a few columns of
        the range and then the null space.
    max_columns
        Of a sketch of the range or of the null space. Default: what fits the budget and 1 GiB.
    basis
        Whether to keep an orthonormal basis of the range or the null space in ``result.basis``.

    Examples
    --------
    >>> import symrank
    >>> from symrank import gallery
    >>> A = gallery.spiked_covariance(3000, 20, rng=0)
    >>> result = symrank.rank(A, method=Sketch(basis=True), rng=1)
    >>> result.rank, result.status.name, result.inertia, result.basis.vectors.shape
    (20, 'EXACT', (20, 2980, 0), (3000, 20))
    >>> L = gallery.grid_laplacian((30, 30))
    >>> result = symrank.rank(L, method=Sketch(side="null"), rng=1)
    >>> result.rank, result.interval(), result.status.name
    (899, (899, 899), 'EXACT')
    """

    side: str | None = None
    max_columns: int | None = None
    basis: bool = False

    name: ClassVar[str] = "sketch"
    is_exact: ClassVar[bool] = True
    solves: ClassVar[bool] = True  # it can use a preconditioner without a factor

    def __post_init__(self) -> None:
        if self.side is not None and (
            not isinstance(self.side, str) or self.side not in ("range", "null")
        ):
            raise OptionError(f'side={shown(self.side)} is unknown. Pass "range", "null" or None.')
        settle_counts(self, max_columns=1)
        if not isinstance(self.basis, bool | np.bool_):
            raise OptionError(f"basis={shown(self.basis)} must be True or False.")

    def offer(self, facts: Facts, goal: Goal, seen: Seen | None = None) -> Offer | None:
        """Offer the side that sampling has seen to be small; nothing before."""
        if seen is None:
            return None
        return (
            self._null_offer(facts, goal, seen)
            if self.side == "null"
            else (self._range_offer(facts, goal, seen))
        )

    def _range_offer(self, facts: Facts, goal: Goal, seen: Seen) -> Offer | None:
        """Offer a sketch of the range: one that is too small says so, and costs its products."""
        likely = min(seen.high, math.ceil(LIKELY * seen.likely))
        columns = likely + 2 * range_space.spare(likely)
        if columns > self.columns_limit(goal) or columns >= goal.max_matvecs:
            return None
        seconds = columns * costs.product_seconds(facts.work)
        seconds += costs.sketch_seconds(
            goal.n, min(columns, LIKELY * seen.likely + range_space.FIRST)
        )
        known = "at most" if likely == seen.high else "likely below"
        why = f"the rank is {known} {likely} by sampling: a sketch of the range is exact"
        num_bytes = 2 * goal.dtype.itemsize * goal.n * columns
        return Offer.certain(self, columns, seconds, num_bytes, why)

    def _null_offer(self, facts: Facts, goal: Goal, seen: Seen) -> Offer | None:
        """Offer null vectors: their solves may fail, as kappa is a guess."""
        nullity = goal.n - seen.low
        if not seen.is_met or nullity > SMALL_NULLITY:
            return None
        products = SOLVE_STEPS * seen.solve_length * (NULL_COLUMNS + NULL_TEST)
        seconds = products * costs.product_seconds(facts.work)
        seconds += costs.solve_seconds(goal.n, products)
        if not seconds <= max(NULL_SECONDS, seen.seconds):
            return None
        why = f"the nullity is at most {nullity} by sampling: null vectors settle it"
        num_bytes = 3 * goal.dtype.itemsize * goal.n * GROWTH * max(nullity, NULL_COLUMNS)
        return Offer.certain(self, math.ceil(products), seconds, num_bytes, why)

    def columns_limit(self, goal: Goal) -> int:
        """Return the largest number of columns that options and memory allow."""
        fits = MEMORY // (2 * goal.dtype.itemsize * max(goal.n, 1))
        return max(1, min(fits, goal.n) if self.max_columns is None else self.max_columns)

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Widen the range, then look for null vectors, then widen the range as far as it goes."""
        memo = _Memo() if summary is None else summary.memo
        if memo.is_settled:
            return []
        left = goal.max_matvecs - memo.num_products
        if self.side != "null":
            limit = min(self.columns_limit(goal), goal.n if self.side else AUTO_COLUMNS)
            if tasks := self._plan_range(goal, memo, left, limit):
                return tasks
        if self.side != "range":
            share = 1.0 if self.side else NULL_SHARE
            if tasks := self._plan_null(goal, memo, int(share * left)):
                return tasks
        if self.side is None:
            return self._plan_range(goal, memo, left, self.columns_limit(goal))
        return []

    def _plan_range(self, goal: Goal, memo: "_Memo", left: int, limit: int) -> list[Task]:
        """Double the columns at most, `grow` ends with the range; then form A Q, if it must be."""
        sketch = memo.range
        if sketch is None:
            return self._first_columns(goal, left, limit)
        if sketch.is_done:
            return []
        have = sketch.num_columns
        if sketch.is_narrow(goal):
            missing = sketch.num_missing and sketch.num_missing + range_space.RANGE_TEST
            if missing and have + missing <= min(limit, goal.n - 1) and missing < left:
                return [Task(RANGE, num_vectors=missing)]
            return [Task(RANGE)] if sketch.rank <= left else []
        more = min(have, limit - have)
        if have + more >= goal.n:  # all of A
            return [Task(RANGE, num_vectors=more)] if goal.n <= left else []
        more = min(more, left - 1)
        return [Task(RANGE, num_vectors=more)] if more >= range_space.RANGE_TEST else []

    def _first_columns(self, goal: Goal, left: int, limit: int) -> list[Task]:
        more = min(range_space.FIRST, max(left - 1, 1))
        if goal.n <= max(limit, range_space.FIRST) and goal.n <= min(left, 2 * range_space.FIRST):
            return [Task(RANGE, num_vectors=goal.n)]  # all of A costs no more
        if more > range_space.RANGE_TEST or (more > 0 and self.side != "null"):
            return [Task(RANGE, num_vectors=more)]
        return []

    def _plan_null(self, goal: Goal, memo: "_Memo", left: int) -> list[Task]:
        """Go on with the last block, or start a wider one if all its columns were null vectors."""
        if memo.norm is None:
            first = norm_task(left)
            if first is None:
                return []
            left -= first.num_steps * first.num_vectors
            return [first, *self._null_task(goal, 0, None, left)]
        block = memo.blocks[-1] if memo.blocks else None
        j = max(len(memo.blocks) - 1, 0)
        if block is None or not block.is_finished or block.basis is not None:
            return self._null_task(goal, j, block, left)
        return self._null_task(goal, j + 1, None, left)

    def _null_task(self, goal: Goal, j: int, block: NullBlock | None, left: int) -> list[Task]:
        """Return a segment as long as all the block's segments so far, as the budget allows."""
        m = NULL_COLUMNS * GROWTH**j
        if block is not None and block.test is not None and block.test.evidence is not None:
            return []
        if j and m > self.columns_limit(goal):
            m = self.columns_limit(goal)  # the last block, if it is wider than the one before
            if m <= NULL_COLUMNS * GROWTH ** (j - 1):
                return []
        done, width = 0, m
        if block is not None and block.is_finished:
            width = NULL_TEST
            done = 0 if block.test is None else block.test.num_steps
        elif block is not None:
            done = block.num_steps
        steps = min(max(FIRST_STEPS, done), left // width - 4)
        return [Task(("null", j), steps, m)] if steps > 0 else []

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Do one segment: the pilot, columns of the range, or steps of the null space."""
        if task.key == NORM:
            return null_norm(operator, goal, task, tick)
        if task.key == RANGE:
            if task.num_vectors:
                return range_space.grow(state, operator, goal, task.num_vectors, tick)
            return range_space.multiply_basis(state, operator, tick)
        first, m = first_column(task.key[1]), task.num_vectors
        return advance(state, operator, goal, first, m, task.num_steps, tick)

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], Any],
        previous: Summary | None,  # noqa: ARG002
    ) -> Summary:
        """Intersect what the range and the null space prove."""
        memo = _Memo(
            range=states.get(RANGE),
            norm=states.get(NORM),
            blocks=[states[key] for key in sorted(k for k in states if k[0] == "null")],
        )
        found = Found(high=goal.n)
        if memo.range is not None:
            found.add_range(goal, memo.range, wants_basis=self.basis)
        if memo.norm is not None:
            found.add_null(goal, memo.norm, memo.blocks)
        found.settle(goal.n)
        memo.is_settled = found.low == found.high or found.is_void
        found.is_doubtful |= found.is_undecided and self.side == "null"  # nothing is left to do
        return found.summary(
            goal,
            inertia=found.inertia,
            basis=found.basis if self.basis else None,
            diagnostics=found.diagnostics,
            notes=found.notes(),
            memo=memo,
        )


@dataclass
class _Memo:
    range: RangeSketch | None = None
    norm: Norm | None = None
    blocks: Sequence[NullBlock] = ()
    is_settled: bool = False

    @property
    def num_products(self) -> int:
        pilot = 0 if self.norm is None else self.norm.num_products
        spent = 0 if self.range is None else self.range.num_products
        return pilot + spent + sum(block.num_products for block in self.blocks)


def first_column(j: int) -> int:
    """Return the number of the first column of a block of null vectors."""
    return Streams.NULL.start + NULL_COLUMNS * (int(GROWTH ** (2 * j)) - 1)
