"""What finished solves say of the rank: a proof where one side is small, else the Beta law."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.methods.base import Goal, Summary
from symrank.methods.spaces.found import Found
from symrank.methods.spaces.null_space import NullBlock
from symrank.methods.spaces.range_space import RangeSketch
from symrank.methods.summaries import exact, sampled
from symrank.recurrences.norm import Norm
from symrank.spectrum import threshold
from symrank.spectrum.intervals import BetaInterval, Capped
from symrank.spectrum.outcome import Status

__all__ = ["Memo", "exact_summary", "sampled_summary"]

COARSE = 0.01  # of |z|: an error of G^(1/2) z that shows in the interval


@dataclass
class Memo:
    """All segments so far."""

    blocks: Sequence[NullBlock]
    kind: str  # of their keys
    norm: Norm | None = None
    range: RangeSketch | None = None
    is_settled: bool = False

    @property
    def num_probes(self) -> int:
        """Columns of all blocks."""
        return sum(block.Z.shape[1] for block in self.blocks)

    @property
    def num_products(self) -> int:
        """Products with A so far."""
        norm = 0 if self.norm is None else self.norm.num_products
        sketch = 0 if self.range is None else self.range.num_products
        return norm + sketch + sum(block.num_products for block in self.blocks)

    @property
    def is_small(self) -> bool:
        """True if the null vectors of the first block span less than the block."""
        return self.blocks[0].basis is not None

    @property
    def has_image(self) -> bool:
        """True if the sketch of the range is finished."""
        return self.range is not None and self.range.is_done


def exact_summary(goal: Goal, memo: Memo) -> Summary:
    """Report what the range, or null vectors and their test, prove."""
    found = Found(high=goal.n)
    if memo.has_image and memo.range is not None:
        found.add_range(goal, memo.range)
        if found.rank != memo.blocks[0].num_seen:
            found.is_clear = False
    elif memo.norm is not None:
        found.add_null(goal, memo.norm, memo.blocks[:1])
    else:
        found.guess = goal.n - memo.blocks[0].num_null
    memo.is_settled = found.status(goal) is Status.EXACT
    return found.summary(goal, diagnostics=found.diagnostics | _cost(goal, memo), memo=memo)


def sampled_summary(goal: Goal, memo: Memo, num_looks: int) -> Summary:
    """Pool the bounds on the null part of the finished probes, by the law of eq. (2)."""
    floor = threshold.cut(float(np.abs(memo.blocks[0].ritz).max(initial=0.0)), goal.eps, None, None)
    unit = float(np.ldexp(goal.scale, memo.blocks[0].metric.exponent))
    if not all(block.is_finished for block in memo.blocks):
        return _unknown(goal, memo, floor * unit)
    masses = [block.mass for block in memo.blocks if block.mass is not None]
    length2 = np.concatenate([mass.length2 for mass in masses])
    low, high = (np.concatenate(side) for side in zip(*(m.bounds() for m in masses), strict=True))
    likely = np.concatenate([mass.likely() for mass in masses])
    n, total = masses[0].dimension, float(length2.sum())
    share, null_low, null_high = (float(part.sum()) / total for part in (likely, low, high))
    beta = BetaInterval(
        n=n,
        num_probes=length2.size,
        null_low=min(max(null_low, 0.0), 1.0),
        null_high=min(max(null_high, 0.0), 1.0),
        num_looks=num_looks,
        is_complex=goal.is_complex,
    )
    root_error = float(max((m.error / np.sqrt(m.length2)).max() for m in masses))
    evidence = beta if n == goal.n else Capped(most=goal.n, of=beta)
    estimate, slack = n * (1.0 - share), n * (null_high - null_low)
    crowd = _crowd(memo.blocks, floor)
    stalled = sum(int((~block.is_null).sum()) for block in memo.blocks)
    below = sum(int((mass.damping == 0.0).sum()) for mass in masses)
    return sampled(
        goal,
        evidence,
        min(estimate, float(goal.n)),
        stderr=beta.stderr(estimate),
        bounds=(
            min(n * (1.0 - null_high), float(goal.n)),
            min(n * (1.0 - null_low), float(goal.n)),
        ),
        threshold=floor * unit,
        status=_status(goal, evidence(goal.confidence), slack),
        samples=n * (1.0 - likely / length2),
        notes=_notes(below, length2.size, root_error),
        diagnostics=_cost(goal, memo)
        | {
            "slack": slack,
            "crowding": crowd,
            "stalled": stalled,
            "below_floor": below,
            "half_power_error": root_error,
        },
        memo=memo,
    )


def _unknown(goal: Goal, memo: Memo, cut: float) -> Summary:
    """Report that no look was finished."""
    return exact(
        0,
        goal.n,
        0,
        threshold=cut,
        status=Status.BUDGET_SPENT,
        diagnostics=_cost(goal, memo),
        memo=memo,
    )


def _status(goal: Goal, ends: tuple[int, int], slack: float) -> Status:
    """Return CONVERGED for an interval that is narrow."""
    if ends[1] - ends[0] <= 2.0 * goal.half_width:
        return Status.CONVERGED
    return Status.NO_GAP_FOUND if slack > 2.0 * goal.half_width else Status.BUDGET_SPENT


def _notes(below: int, num_probes: int, root_error: float) -> Sequence[str]:
    """Say in words what has widened the interval."""
    notes = []
    if below:
        notes.append(
            f"{below} of {num_probes} solves have resolved eigenvalues below the noise floor, "
            "which do not count: the interval spans both readings."
        )
    if root_error > COARSE:
        notes.append(
            f"G^(1/2) z is known to {root_error:.2g} only, as the condition number of the "
            'preconditioner G is too large: pass the factor S of G = S S*, or use method="sketch".'
        )
    return tuple(notes)


def _crowd(blocks: Sequence[NullBlock], floor: float) -> int:
    """Count Ritz values of G A just above the noise floor: information, as they prove nothing."""
    sizes = np.abs(np.concatenate([block.ritz for block in blocks]))
    return int(((sizes > floor) & (sizes < threshold.CROWD * floor)).sum())


def _cost(goal: Goal, memo: Memo) -> dict[str, Any]:
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
