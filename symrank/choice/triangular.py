r"""A rank that the pattern allows and a triangular piece proves.

With s the structural rank of a sparse matrix and t the singular values that its triangular piece
proves to be above a level (`symrank.operators.triangles`), for the moduli |lambda| = sigma

    t  <=  #{sigma > level}  <=  s.                                                             (1)

The level is one that no cut exceeds: that of the caller and the noise floor, by a bound of |A| from
above; where zero is told from what is not, it is CROWD floors, below which whoever counts calls
nothing sure. So t = s is an EXACT rank without a product, and t < s cuts an interval of sampling.
Of a Hermitian A the two triangles may differ by rounding, which is added to the level (Weyl).
"""

import dataclasses
from typing import Any

import numpy as np

from symrank.answer.result import RankResult
from symrank.choice.entries import Seen
from symrank.methods import Goal
from symrank.operators.patterns import stored_nonzeros
from symrank.operators.triangles import norm_between, num_above, triangle
from symrank.spectrum.intervals import ExactInterval
from symrank.spectrum.outcome import Status
from symrank.spectrum.region import FLOOR
from symrank.spectrum.threshold import CROWD

__all__ = ["NAME", "by_triangle"]

NAME = "structure"
SHARE = 0.9  # of the structural rank: a piece that is smaller cuts no interval of sampling


def by_triangle(
    found: Seen, goal: Goal, known: tuple[int, int] | None, **fields: Any
) -> tuple[RankResult | None, Goal]:
    """Return the count where (1) settles it, and the goal with what it proves of a rank.

    `known` is the structural rank of what is counted, and `fields` are those of the run.
    """
    if known is None or known[0] < SHARE * known[1] or not np.isfinite(found.entries.data).all():
        return None, goal
    norm = norm_between(found.entries)
    level = _level(found, goal, norm[1])
    if level is None:
        return None, goal
    piece = triangle(found.entries)
    proved, high = num_above(found.entries, piece, level) * found.copies, known[1]
    if proved == high:
        told = _result(found, goal, high, norm, piece.rows.size, structural_rank=known, **fields)
        return told, goal
    if goal.between is not None:
        return None, goal
    return None, dataclasses.replace(goal, zeros=(goal.zeros[0], goal.n - proved))


def _level(found: Seen, goal: Goal, norm: float) -> float | None:
    """Return what no cut exceeds; None of a window that is no rank of singular values."""
    floor = FLOOR * goal.eps * norm
    if goal.between is None:
        cuts = goal.atol or 0.0, (goal.rtol or 0.0) * norm
        level = max(*cuts, floor if goal.has_cut else CROWD * floor)
        return level if found.is_rectangle else level + _asymmetry(found)
    a, b = goal.between
    is_rank = found.is_rectangle and found.copies == 1 and a >= 0.0 and b > norm + floor
    return a + CROWD * floor if is_rank else None


def _asymmetry(found: Seen) -> float:
    """Bound |A - A^H|."""
    A = stored_nonzeros(found.entries)
    difference = A - A.conj().T.tocsr()
    return norm_between(difference)[1] if difference.nnz else 0.0


def _result(
    found: Seen, goal: Goal, rank: int, norm: tuple[float, float], num_pivots: int, **fields: Any
) -> RankResult:
    """Put a rank that is proved as a result."""
    cut = max(goal.atol or 0.0, (goal.rtol or 0.0) * norm[1], FLOOR * goal.eps * norm[1])
    inertia = None
    if found.is_rectangle and goal.between is None:
        minus = rank - rank // found.copies
        inertia = rank - minus, fields["n"] - rank, minus
    return RankResult(
        **fields,
        rank=rank,
        estimate=float(rank),
        stderr=0.0,
        bounds=(float(rank), float(rank)),
        threshold=cut * goal.scale,
        status=Status.EXACT,
        dtype=str(goal.dtype),
        method=NAME,
        confidence=goal.confidence,
        evidence=ExactInterval(low=rank, high=rank),
        reason=(
            f"the pattern allows no larger rank, and a triangular piece of {num_pivots} rows and "
            "columns proves as many singular values to be above the cut"
        ),
        seed=goal.seed,
        inertia=inertia,
        diagnostics={"norm": [x * goal.scale for x in norm], "pivots": num_pivots},
        history=[(fields["num_matvecs"], rank, rank)],
    )
