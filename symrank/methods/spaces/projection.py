r"""Rank as the trace of a projector, one solve per probe, with any positive definite G.

Let A~ = G^(1/2) A G^(1/2), z a Gaussian vector and v = G^(1/2) z. Conjugate gradients for A x = A v
preconditioned by G (MINRES once a negative curvature is seen) find x = G y with y in range(A), and
u = G^(1/2) y tends to Q z, Q the *orthogonal* projector on the range of A~, of rank r whatever G
is. Both sides are known without a square root of G:

    <v, y> = <z, u> -> z'Q z,    |z - u|^2 -> z'(I - Q) z,                                    (1)

so the share of all probes pooled has exactly the law

    sum z'(I - Q) z / sum z'z  ~  Beta(m (n - r) h, m r h),   h = 1/2 real, 1 complex         (2)

(`symrank.spectrum.intervals`): no variance is estimated, and it holds for one eigenvalue as for
many. With Gaussian v instead, <v, y> would be z'P z with an oblique P, whose law nobody knows.

v. For G = I, or G = S S*, where the operator is S* A S already, v = z. A G known by its products
takes Lanczos steps for G^(1/2) z, and its error is bounded (`symrank.recurrences.half_power`). They
end where it is ENOUGH of the sampling error: they cost sqrt(kappa(G)) products with G. A multigrid
cycle has a wide factor S, (n, N), and v = S z costs no more than two or three cycles; the law is
(2) with N for n, so it is taken where its larger variance meets the precision at the second look
(`symrank.methods.spaces.probe`).

Error of the solve. The mass of z in |lambda| <= tau_F, the noise floor of G A, is bounded pass by
pass, eq. (2) of `symrank.methods.spaces.null_mass`, from |A (v - x)| and the residual polynomials.
No gap is assumed: an eigenvalue below the floor that was resolved, or one above it that was not, is
in the interval, whose width alone decides on the status. |G A| is the largest Ritz value.

Small rank. Where the columns A v span less than the block, a sketch of the range proves that there
is no more (`symrank.methods.spaces.range_space`). Small nullity. Null vectors v - x that span less
than a block are counted exactly, as in `Sketch`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from symrank.errors import OptionError
from symrank.methods.base import Goal, Method, Summary, Task, Tick
from symrank.methods.spaces import range_space
from symrank.methods.spaces.found import NORM, norm_task, null_norm
from symrank.methods.spaces.null_space import NULL_TEST, advance
from symrank.methods.spaces.probe import Probe, spoils
from symrank.methods.spaces.projection_summary import Memo, exact_summary, sampled_summary
from symrank.operators import Operator
from symrank.spectrum.outcome import Status
from symrank.support import probes
from symrank.support.options import check_count, settle_counts

__all__ = ["Projection"]

BLOCK = 8  # probes advanced together
FACTOR = 8  # of probes from look to look: few looks, as each takes its part of alpha
FIRST_STEPS = 16
ENOUGH = 0.05  # of the sampling error, that the error of G^(1/2) z may reach
TOLERANCE = 1e-3  # and of |z|
RANGE = ("range",)
HALF, DRAWN = "probes", "drawn"  # keys of blocks by the kind of their probes


@dataclass(frozen=True, kw_only=True)
class Projection(Method):
    """Trace of the projector that preconditioned solves converge to; small nullities exactly.

    Counts every eigenvalue above the noise floor: `atol` and `rtol` are refused, because a solve
    converges along every eigenvector.

    Parameters
    ----------
    num_probes
        Gaussian probes of the first look, 8 by default.

    Examples
    --------
    >>> import symrank
    >>> from symrank import gallery
    >>> L = gallery.grid_laplacian((60, 60), remove=0.5, rng=2)
    >>> result = symrank.rank(L, method=Projection(), rng=1)
    >>> low, high = result.interval()
    >>> low <= gallery.laplacian_rank(L) <= high
    True
    """

    num_probes: int | None = None

    name: ClassVar[str] = "projection"
    refines: ClassVar[bool] = True
    solves: ClassVar[bool] = True  # it can use a preconditioner without a factor

    def __post_init__(self) -> None:
        if self.num_probes is not None:
            rule = "must be at least 2: the spread of the probes is the error bar."
            check_count("num_probes", self.num_probes, 2, f"{rule} Leave it out for 8.")
        settle_counts(self, num_probes=2)

    def stages(self, goal: Goal) -> list[int]:
        """Return the numbers of probes at which the interval may be looked at, in advance."""
        sizes = [self.num_probes or BLOCK]
        share = max(goal.half_width, 0.5) / goal.n
        worst = 8.0 / (2.0 * share**2 * goal.n)  # probes for rank n/2 and an orthogonal P
        while sizes[-1] < worst and FACTOR * sizes[-1] * FIRST_STEPS <= goal.max_matvecs:
            sizes.append(min(FACTOR * sizes[-1], max(sizes[-1] + BLOCK, math.ceil(worst))))
        return sizes

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Finish the blocks under way; then test a small nullity, or add probes."""
        if goal.has_cut:
            raise OptionError(
                'method="projection" counts all eigenvalues above the noise floor, and atol or '
                'rtol asks for a higher cut. Leave both out, or use method="lanczos".'
            )
        if summary is None:
            left = goal.max_matvecs
            first = min(self.stages(goal)[0], max(2, left // (2 * FIRST_STEPS)))
            kind = HALF if spoils(goal, FACTOR * first) else DRAWN
            too_little = [Task((kind, 0), 0, min(2, left))]
            return _segments(_starts(kind, 0, first), left) or too_little
        memo: Memo = summary.memo
        left = goal.max_matvecs - memo.num_products
        if memo.is_settled:
            return []
        if tasks := _range_tasks(memo, left):
            return tasks
        running = [block for block in memo.blocks if not block.is_finished]
        if running:
            going = [((memo.kind, b.first), b.Z.shape[1], b.num_steps) for b in running]
            return _segments(going, left)
        if memo.is_small:
            return _test_tasks(memo, left)
        if summary.status is Status.CONVERGED:
            return []
        later = [size for size in self.stages(goal) if size > memo.num_probes]
        cost = memo.num_products / memo.num_probes
        if not later or (later[0] - memo.num_probes) * cost > left:
            return []
        return _segments(_starts(memo.kind, memo.num_probes, later[0]), left)

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Do one segment of a block, the pilot, or a step of the sketch of the range."""
        if task.key == NORM:
            return null_norm(operator, goal, task, tick)
        if task.key == RANGE:
            if state is None:
                return range_space.grow(None, operator, goal, task.num_vectors, tick)
            return range_space.multiply_basis(state, operator, tick)
        # the last look has the least sampling error, sqrt(2 p (1 - p) / (n m)) of the share p
        num_probes = max(self.stages(goal)[-1], task.num_vectors)
        tolerance = min(TOLERANCE, ENOUGH / math.sqrt(2.0 * goal.n * num_probes))
        key, m, steps = task.key[1], task.num_vectors, task.num_steps
        probe = Probe(task.key[0] == DRAWN, tolerance)
        return advance(state, operator, goal, key, m, steps, tick, probe)

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], Any],
        previous: Summary | None,  # noqa: ARG002
    ) -> Summary:
        """Look for a small rank and a small nullity first; else average over the probes."""
        keys = [key for key in states if key[0] in (HALF, DRAWN)]
        memo = Memo(
            blocks=[states[key] for key in sorted(keys)],
            kind=keys[0][0],
            norm=states.get(NORM),
            range=states.get(RANGE),
        )
        if memo.is_small or memo.has_image:
            summary = exact_summary(goal, memo)
            if memo.is_small or summary.status is Status.EXACT:
                return summary
        return sampled_summary(goal, memo, goal.spent_looks + len(self.stages(goal)))


def _starts(kind: str, first: int, last: int) -> list[tuple[tuple[Any, ...], int, int]]:
    """Split probes first..last-1 into blocks."""
    return [((kind, j), m, 0) for j, m in probes.blocks(first, last, BLOCK)]


def _segments(blocks: Sequence[tuple[tuple[Any, ...], int, int]], left: int) -> list[Task]:
    """Return a segment for every block, as long as all it has had, as the budget allows."""
    total = sum(m for _, m, _ in blocks)
    steps = min(max(FIRST_STEPS, max(done for _, _, done in blocks)), left // total - 4)
    if steps < 1:
        return []
    return [Task(key, steps, m) for key, m, _ in blocks]


def _range_tasks(memo: Memo, left: int) -> list[Task]:
    """Return the sketch of the range, or A times the basis that it found, for a small rank."""
    rank = memo.blocks[0].num_seen
    if rank >= memo.blocks[0].Z.shape[1] or memo.has_image:
        return []
    if memo.range is None:
        columns = BLOCK + range_space.RANGE_TEST
        return [Task(RANGE, num_vectors=columns)] if left > columns + rank else []
    fits = memo.range.rank == rank <= left
    return [Task(RANGE)] if fits else []


def _test_tasks(memo: Memo, left: int) -> list[Task]:
    """Return the pilot and the next segment of the test of a small nullity."""
    block, tasks = memo.blocks[0], []
    if memo.norm is None:
        first = norm_task(left)
        if first is None:
            return []
        tasks = [first]
        left -= first.num_steps * first.num_vectors
    done = 0 if block.test is None else block.test.num_steps
    over = block.test is not None and block.test.evidence is not None
    steps = min(max(FIRST_STEPS, done), left // NULL_TEST - 4)
    if over or steps < 1:
        return []
    return [*tasks, Task((memo.kind, block.first), steps, block.Z.shape[1])]
