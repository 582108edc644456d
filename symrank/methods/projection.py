r"""Rank as the trace of a projector, one solve a probe, with any positive definite G.

For Gaussian v solve A x = A v by conjugate gradients preconditioned by G (MINRES once a negative
curvature is seen). x tends to P v, P the projector on G range(A) along the null space of A, of
trace r, and the direction of v is independent of its length, so

    q = n <v, v - x> / <v, v>,    E[q] = n - r  exactly.                                    (1)

G without a factor. P is oblique. The variance of q on the sphere is 2 n/(n + 2) (|S|^2 - d^2/n),
S the symmetric part of I - P in the Frobenius norm, d = n - r: known for an orthogonal projector
only, so it is estimated from the q, and the interval is Student's t over the probes. Its law is
not exact: <v, v - x> is a quadratic form, near to normal for large d; small d is settled exactly,
see below.

G = I, or G = S S*, where the operator is S* A S already. P is orthogonal and the share q/n of all
probes pooled has the law Beta(m d/2, m r/2) (`symrank.intervals`): no variance is estimated.

Error of the solve. With e = P v - x, A e = A z for z = v - x, so e = (G A)^+ G A z, and the part
of e in the eigenvalues |lambda| > t of G A obeys

    |<v, e_t>| <= |v|_G |A z|_G / t,    |w|_G^2 = <w, G w>.                                 (2)

This is proved, for the A z of a product, and is added to either end of the interval with t =
CROWD tau_F, tau_F the noise floor of G A. That no eigenvalue of G A lies below t but the null
space is not proved: as in `Lanczos`, Ritz values between tau_F and t make the answer
NO_GAP_FOUND. |G A| is the largest Ritz value. The solve of a pass ends when (2) is below ENOUGH
of the sampling error of a column, or at rounding.

Small nullity. Null vectors v - x that span less than a block are counted exactly, as in `Sketch`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symrank import probes, threshold
from symrank._typing import FloatArray
from symrank.errors import OptionError
from symrank.intervals import BetaInterval, ChainInterval, ExactInterval, Interval
from symrank.methods._exact import Found
from symrank.methods._null import TEST_COLUMNS, NullBlock, advance, level
from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.operators import Operator
from symrank.recurrences import lanczos
from symrank.result import Status

__all__ = ["Projection", "is_applicable"]

BLOCK = 8  # probes advanced together
FACTOR = 8  # of probes from look to look: few looks, as each takes its part of alpha
FIRST_STEPS = 16
PILOT_STEPS, PILOT_PROBES = 20, 2  # of Lanczos, for |A|: where the nullity is small
PILOT_STREAM = 2**29 - 1
PILOT = ("norm",)


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Trace of the projector that preconditioned solves converge to; small nullities exactly.

    Counts every eigenvalue above the noise floor: `atol` and `rtol` are refused, because a solve
    converges in all of them.

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
    solves: ClassVar[bool] = True  # it can use a preconditioner without a factor

    def __post_init__(self) -> None:
        if self.num_probes is not None and self.num_probes < 2:
            raise OptionError(
                f"num_probes={self.num_probes} must be at least 2: the spread of the probes is "
                "the error bar. Leave it out for 8."
            )

    def stages(self, goal: Goal) -> list[int]:
        """Return the numbers of probes at which the interval may be looked at, in advance."""
        sizes = [self.num_probes or BLOCK]
        share = max(goal.half_width, 0.5) / goal.n
        worst = 8.0 / (2.0 * share**2 * goal.n)  # probes for rank n/2 and an orthogonal P
        while sizes[-1] < worst and FACTOR * sizes[-1] * FIRST_STEPS <= goal.max_matvecs:
            sizes.append(min(FACTOR * sizes[-1], max(sizes[-1] + BLOCK, math.ceil(worst))))
        return sizes

    def plan(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Finish the blocks under way; then test a small nullity, or add probes."""
        if goal.has_cut:
            raise OptionError(
                'method="projection" counts all eigenvalues above the noise floor, and atol or '
                'rtol asks for a higher cut. Leave both out, or use method="lanczos".'
            )
        if summary is None:
            left = goal.max_matvecs
            first = min(self.stages(goal)[0], max(2, left // (2 * FIRST_STEPS)))
            too_little = [Task(("probes", 0), 0, min(2, left))]
            return _segments(_starts(0, first), left) or too_little
        memo: _Memo = summary.memo
        left = goal.max_matvecs - memo.num_products
        running = [block for block in memo.blocks if not block.is_finished]
        if running:
            tasks = [(("probes", b.first), b.Z.shape[1], b.num_steps) for b in running]
            return _segments(tasks, left)
        if memo.is_small:
            return _test_tasks(memo, left)
        if summary.status is Status.CONVERGED:
            return []
        later = [size for size in self.stages(goal) if size > memo.num_probes]
        cost = memo.num_products / memo.num_probes
        if not later or (later[0] - memo.num_probes) * cost > left:
            return []
        return _segments(_starts(memo.num_probes, later[0]), left)

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Do one segment of a block, or the pilot."""
        if task.key == PILOT:
            V = probes.gaussian(goal.seed, PILOT_STREAM, task.num_vectors, goal.n, goal.dtype)
            return lanczos.extend(lanczos.start(V), operator, task.num_steps, tick)
        first = task.key[1]
        return advance(state, operator, goal, first, task.num_vectors, task.num_steps, tick)

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], Any],
        previous: Summary | None,  # noqa: ARG002
    ) -> Summary:
        """Look for a small nullity first; else average over the probes."""
        blocks = [states[key] for key in sorted(key for key in states if key != PILOT)]
        memo = _Memo(blocks=blocks, pilot=states.get(PILOT))
        if memo.is_small:
            return _exact_summary(goal, memo)
        return _sampled_summary(goal, memo, goal.spent_looks + len(self.stages(goal)))


@dataclass
class _Memo:
    blocks: Sequence[NullBlock]
    pilot: lanczos.LanczosState | None = None

    @property
    def num_probes(self) -> int:
        return sum(block.Z.shape[1] for block in self.blocks)

    @property
    def num_products(self) -> int:
        pilot = 0 if self.pilot is None else self.pilot.alpha.size
        return pilot + sum(block.num_products for block in self.blocks)

    @property
    def is_small(self) -> bool:
        """True if the null vectors of the first block span less than the block."""
        return self.blocks[0].basis is not None


def _starts(first: int, last: int) -> list[tuple[tuple[Any, ...], int, int]]:
    """Split probes first..last-1 into blocks."""
    return [(("probes", j), min(BLOCK, last - j), 0) for j in range(first, last, BLOCK)]


def _segments(blocks: Sequence[tuple[tuple[Any, ...], int, int]], left: int) -> list[Task]:
    """Return a segment for every block, as long as all it has had, as the budget allows."""
    total = sum(m for _, m, _ in blocks)
    steps = min(max(FIRST_STEPS, max(done for _, _, done in blocks)), left // total - 4)
    if steps < 1:
        return []
    return [Task(key, steps, m) for key, m, _ in blocks]


def _test_tasks(memo: _Memo, left: int) -> list[Task]:
    """Return the pilot and the next segment of the test of a small nullity."""
    block, tasks = memo.blocks[0], []
    if memo.pilot is None:
        left -= PILOT_STEPS * PILOT_PROBES
        tasks = [Task(PILOT, PILOT_STEPS, PILOT_PROBES)]
    done = 0 if block.test is None else block.test.num_steps
    over = block.test is not None and block.test.evidence is not None
    steps = min(max(FIRST_STEPS, done), left // TEST_COLUMNS - 4)
    if over or steps < 1:
        return []
    return [*tasks, Task(("probes", block.first), steps, block.Z.shape[1])]


def _exact_summary(goal: Goal, memo: _Memo) -> Summary:
    """Report what null vectors and their test prove."""
    found = Found(high=goal.n)
    found.guess = goal.n - memo.blocks[0].num_null
    if memo.pilot is not None:
        found.add_null(goal, memo.pilot, memo.blocks[:1])
    return Summary(
        rank=found.rank,
        estimate=float(found.rank),
        stderr=0.0,
        bounds=(float(found.low), float(found.high)),
        threshold=found.threshold * goal.scale,
        status=found.status(goal),
        evidence=ExactInterval(low=found.low, high=found.high),
        diagnostics=found.diagnostics | _cost(goal, memo),
        memo=memo,
    )


def _sampled_summary(goal: Goal, memo: _Memo, num_looks: int) -> Summary:
    """Average q over the finished probes, with eq. (2) at either end."""
    done = [block for block in memo.blocks if block.is_finished]
    floor = threshold.cut(float(np.abs(memo.blocks[0].ritz).max(initial=0.0)), goal.eps, None, None)
    unknown = Summary(
        rank=0,
        estimate=0.0,
        stderr=0.0,
        bounds=(0.0, float(goal.n)),
        threshold=floor * goal.scale,
        status=Status.BUDGET_SPENT,
        evidence=ExactInterval(low=0, high=goal.n),
        diagnostics=_cost(goal, memo),
        memo=memo,
    )
    if len(done) < len(memo.blocks):
        return unknown
    t = level(memo.blocks[0], goal)
    length2 = np.concatenate([block.length2 for block in done])
    null_part = np.concatenate([block.null_part for block in done])
    error = np.concatenate([block.error for block in done]) / t if t else np.zeros_like(length2)
    crowd = _crowd(done, floor)
    samples = goal.n * (1.0 - null_part / length2)
    evidence, estimate, stderr, slack = _interval(goal, length2, null_part, error, num_looks)
    low, high = evidence(goal.confidence)
    status = Status.BUDGET_SPENT
    stalled = sum(int((~block.is_null).sum()) for block in done)
    if crowd or stalled:
        status = Status.NO_GAP_FOUND
    elif high - low <= 2.0 * goal.half_width:
        status = Status.CONVERGED
    return Summary(
        rank=min(max(round(estimate), low), high),
        estimate=estimate,
        stderr=stderr,
        bounds=(max(0.0, estimate - slack), min(float(goal.n), estimate + slack)),
        threshold=floor * goal.scale,
        status=status,
        evidence=evidence,
        samples=samples,
        diagnostics=_cost(goal, memo)
        | {
            "slack": slack,
            "crowding": crowd,
            "stalled": stalled,
            "resolved": t * goal.scale,
        },
        memo=memo,
    )


def _interval(
    goal: Goal, length2: FloatArray, null_part: FloatArray, error: FloatArray, num_looks: int
) -> tuple[Interval, float, float, float]:
    """Return the interval, the estimate of the rank, its standard error and the slack."""
    n, m = goal.n, length2.size
    total = float(length2.sum())
    if goal.preconditioner is None:
        share, slack = float(null_part.sum()) / total, float(error.sum()) / total
        beta = BetaInterval(
            n=n,
            num_probes=m,
            null_low=max(0.0, share - slack),
            null_high=min(1.0, share + slack),
            num_looks=num_looks,
            is_complex=goal.is_complex,
        )
        return beta, n * (1.0 - share), beta.stderr(n * (1.0 - share)), n * slack
    q = n * null_part / length2
    slack = float(np.mean(n * error / length2))
    stderr = float(q.std(ddof=1)) / math.sqrt(m)
    estimate = n - float(q.mean())
    chains = ChainInterval(
        n=n,
        estimate=estimate,
        stderr=stderr,
        dof=m - 1,
        bias_low=-slack,
        bias_high=slack,
        num_looks=num_looks,
    )
    return chains, estimate, stderr, slack


def _crowd(blocks: Sequence[NullBlock], floor: float) -> int:
    """Count Ritz values of G A too close above the noise floor."""
    sizes = np.abs(np.concatenate([block.ritz for block in blocks]))
    return int(((sizes > floor) & (sizes < threshold.CROWD * floor)).sum())


def _cost(goal: Goal, memo: _Memo) -> dict[str, Any]:
    """Say what the solves took; a product with G in products with A."""
    G = goal.preconditioner
    cycles = sum(block.num_cycles for block in memo.blocks)
    return {
        "num_probes": memo.num_probes,
        "num_steps": max(block.num_steps for block in memo.blocks),
        "num_cycles": cycles,
        "cycle_work": 0.0 if G is None else G.work,
        "total_work": memo.num_products + cycles * (0.0 if G is None else G.work),
    }


def is_applicable(goal: Goal, num_steps: float) -> bool:
    """Tell whether the solves of a first look are within the budget.

    Parameters
    ----------
    goal
        What is asked for.
    num_steps
        Steps of a solve to rounding: about 20 sqrt(kappa), of G A with a preconditioner.
    """
    return not goal.has_cut and num_steps * (BLOCK + TEST_COLUMNS) <= goal.max_matvecs
