"""What a sketch of the range and blocks of null vectors prove, put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.methods.spaces import range_space
from symrank.methods.spaces.certificates import Cuts, chi, spectral_norm
from symrank.methods.spaces.null_space import NullBlock
from symrank.methods.spaces.range_space import RangeSketch
from symrank.methods.summaries import exact
from symrank.operators import Operator
from symrank.recurrences.norm import Norm, norm
from symrank.spectrum.brackets import narrower
from symrank.spectrum.margins import LOOK_FAILURE
from symrank.spectrum.outcome import Basis, Status
from symrank.support import probes
from symrank.support.probes import Streams

__all__ = ["NORM", "Found", "norm_task", "null_norm", "nullity_bounds"]

NORM_STEPS, NORM_PROBES = 20, 2  # of Lanczos, for |A|, where null vectors are looked for
NORM = ("norm",)  # key of that


def norm_task(left: int) -> Task | None:
    """Return the run for |A|, as the budget allows; None without one."""
    width = min(NORM_PROBES, left)
    steps = min(NORM_STEPS, left // max(width, 1))
    return Task(NORM, steps, width) if steps else None


def null_norm(operator: Operator, goal: Goal, task: Task, tick: Tick) -> Norm:
    """Do `norm_task`."""
    start = Streams.NULL_NORM.start
    Z = probes.gaussian(goal.seed, start, task.num_vectors, goal.n, goal.dtype)
    return norm(operator, Z, task.num_steps, goal.eps, tick)


def nullity_bounds(block: NullBlock, cuts: Cuts, goal: Goal) -> tuple[int, int, int]:
    """Bound the nullity: certified null vectors, eq. (4) at the clear cut, eq. (4) at the cut.

    n stands for no bound.
    """
    if block.basis is None or block.image is None:
        return 0, goal.n, goal.n
    sigma = np.empty(0)
    if block.image.shape[1]:
        sigma = np.linalg.svd(np.linalg.qr(block.image, mode="r"), compute_uv=False)
    least = int((sigma <= max(cuts.low - cuts.noise, 0.0)).sum())
    if block.test is None or block.test.evidence is None:
        return least, goal.n, goal.n
    W, Y = block.test.evidence
    limit = chi(block.test.p, goal.is_complex)
    proved = [W + (tau + cuts.noise) * Y < limit for tau in (cuts.clear, cuts.high)]
    k = block.num_null
    return least, k if proved[0] else goal.n, k if proved[1] else goal.n


@dataclass
class Found:
    """Proved bounds on the count, the best guess, and their evidence."""

    high: int
    low: int = 0
    guess: int = 0
    threshold: float = 0.0
    is_clear: bool = False  # the bounds leave no eigenvalue near the cut
    is_doubtful: bool = False  # there is one
    inertia: tuple[int, int, int] | None = None
    basis: Basis | None = None
    is_undecided: bool = False  # the test for missing null vectors ended without proof
    diagnostics: dict[str, Any] = field(
        default_factory=lambda: {"failure_probability": LOOK_FAILURE}
    )

    is_void: bool = False  # a bound from the range and one from the null space contradict

    @property
    def rank(self) -> int:
        """The guess, inside the bounds."""
        return min(max(self.guess, self.low), self.high)

    def summary(self, goal: Goal, **fields: Any) -> Summary:
        """Return the summary, with `fields` of it that are not here."""
        return exact(
            self.low,
            self.high,
            self.guess,
            threshold=self.threshold * goal.scale,
            status=self.status(goal),
            **fields,
        )

    def settle(self, n: int) -> None:
        """Look whether the bounds contradict each other, and then trust neither."""
        bounds, is_void = narrower((self.low, self.high), whole=(0.0, float(n)))
        if is_void:
            self.diagnostics["contradiction"] = [self.low, self.high]
        self.low, self.high, self.is_void = int(bounds[0]), int(bounds[1]), bool(is_void)

    def status(self, goal: Goal) -> Status:
        """Return EXACT only where the bounds meet and no eigenvalue is near the cut."""
        if self.is_void:
            return Status.NO_GAP_FOUND
        if self.low == self.high and self.is_clear:
            return Status.EXACT
        if self.high - self.low <= 2.0 * goal.half_width:
            return Status.CONVERGED
        return Status.NO_GAP_FOUND if self.is_doubtful else Status.BUDGET_SPENT

    def notes(self) -> tuple[str, ...]:
        """Say where more products on the null space would not help."""
        if not self.is_undecided or self.low == self.high:
            return ()
        steps = self.diagnostics.get("test_steps", 0)
        return (
            f"the test that no null vector is missing ended after {steps} steps without a proof: "
            "eigenvalues close to the cut, or a solve stopped by rounding. More products on the "
            "null space do not help; method='lanczos' bounds the count from both sides.",
        )

    def add_range(self, goal: Goal, sketch: RangeSketch, *, wants_basis: bool = False) -> None:
        """Add what the range proves, once it is finished; before, how much of it is seen."""
        self.diagnostics["num_columns"] = sketch.num_columns
        if not sketch.is_done:
            self.threshold = Cuts.of(goal, sketch.norm_low, sketch.norm_low).low
            self.guess = sketch.rank
            return
        seen = range_space.evidence(sketch, goal)
        self.threshold = seen.cut
        self.low, self.high = max(self.low, seen.low), min(self.high, seen.high)
        self.guess, self.inertia = seen.count, seen.inertia
        self.is_clear = seen.low == seen.high
        self.is_doubtful = seen.low < seen.high < goal.n
        if wants_basis:
            self.basis = Basis(range_space.vectors(sketch, seen), "range", seen.residual)
        self.diagnostics |= {
            "outside": sketch.epsilon * goal.scale,
            "gap": [value * goal.scale for value in seen.gap],
        }

    def add_null(self, goal: Goal, norm: Norm, blocks: Sequence[NullBlock]) -> None:
        """Add the certified null vectors, and eq. (4): that there are no more."""
        cuts = Cuts.of(goal, norm.low, norm.high)
        self.threshold = cuts.low
        done = [block for block in blocks if block.basis is not None]
        self.diagnostics |= {
            "num_solves": sum(block.Z.shape[1] for block in blocks),
            "num_steps": sum(block.num_steps for block in blocks),
            "num_cycles": sum(block.num_cycles for block in blocks),
        }
        if not done:
            return
        least, clear_most, most = nullity_bounds(done[-1], cuts, goal)
        n = goal.n
        self.high, self.guess = min(self.high, n - least), n - least
        self.low = max(self.low, n - most)
        self.is_clear |= n - least == n - clear_most
        self.is_doubtful |= done[-1].num_null > least
        test = done[-1].test
        self.is_undecided = test is not None and test.evidence is not None and most == n > least
        self._describe(goal, done[-1], norm.low, least)

    def _describe(self, goal: Goal, block: NullBlock, norm: float, least: int) -> None:
        """Keep the residual of the null vectors, the drop of the spread, and the test."""
        assert block.basis is not None
        assert block.image is not None
        vectors = block.basis
        residual = spectral_norm(block.image)
        if least < block.num_null:
            _, sigma, right = np.linalg.svd(np.linalg.qr(block.image, mode="r"))
            keep = right.conj().T[:, block.num_null - least :]
            vectors, residual = (
                vectors @ keep,
                float(sigma[block.num_null - least :].max(initial=0.0)),
            )
        self.basis = Basis(vectors, "null", residual * goal.scale)
        k = block.num_null
        drop = block.spread[max(k - 1, 0) : k + 1]
        self.diagnostics |= {
            "null_residual": residual / norm if norm else 0.0,
            "gap": drop.tolist(),
        }
        if block.test is not None and block.test.evidence is not None:
            W, Y = block.test.evidence
            self.diagnostics |= {
                "test_residual": W,
                "test_solution": Y * norm,
                "test_limit": chi(block.test.p, goal.is_complex),
                "test_steps": block.test.num_steps,
            }
