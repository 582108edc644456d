"""What a finished sketch of the range proves: by its columns alone, or by A times the basis."""

import numpy as np

from symrank.methods.base import Goal
from symrank.methods.spaces import columns
from symrank.methods.spaces.certificates import Cuts
from symrank.methods.spaces.range_sketch import RangeEvidence, RangeSketch
from symrank.operators.gemm import gemm
from symrank.support.typing import Array

__all__ = ["evidence", "proof_by_columns", "vectors"]


def proof_by_columns(sketch: RangeSketch, goal: Goal) -> RangeEvidence | None:
    """Return what eqs. (2), (6) and (7) prove together; None where that is not all."""
    n, k, m = goal.n, sketch.rank, sketch.num_columns
    cuts = Cuts.of(goal, sketch.norm_low, max(sketch.norm_low, sketch.norm_high))
    if sketch.epsilon + cuts.noise > cuts.low:
        return None
    R = sketch.turned_columns()
    if sketch.faint is not None:
        R = sketch.faint.turned(R)[sketch.faint.size :]
    least = columns.least_singular_value(R) / columns.width(n, m, goal.is_complex) - cuts.noise
    if k and not least > cuts.clear:
        return None
    plus, minus = columns.signs(sketch.panels, cuts, sketch.norm_high, goal) if k else (0, 0)
    if plus + minus != k:
        return None
    return RangeEvidence(
        low=k,
        high=k,
        count=k,
        inertia=(plus, n - k, minus),
        cut=cuts.low,
        gap=(sketch.epsilon, least if k else 0.0),
        residual=sketch.epsilon,
    )


def evidence(sketch: RangeSketch, goal: Goal) -> RangeEvidence:
    """Return what the columns prove; else by eq. (3) count the singular values of A Q."""
    if sketch.proof is not None:
        return sketch.proof
    if sketch.image is None or sketch.Q is None:
        raise ValueError("multiply_basis comes first")
    n, k, epsilon = goal.n, sketch.rank, sketch.epsilon
    sigma, right = np.empty(0), np.empty((k, k))
    if k:
        _, sigma, right = np.linalg.svd(np.linalg.qr(sketch.image, mode="r"))
    norm_low = max(float(sigma.max(initial=0.0)), sketch.norm_low)
    cuts = Cuts.of(goal, norm_low, norm_low + epsilon)
    low, high = cuts.rank_bounds(sigma, epsilon, n)
    count = int((sigma > cuts.low).sum())
    T = gemm(sketch.Q.conj().T, sketch.image)
    values = np.linalg.eigvalsh((T + T.conj().T) / 2) if k else np.empty(0)
    plus, minus = int((values > cuts.low).sum()), int((values < -cuts.low).sum())
    settled = low == high == count == plus + minus
    below = max(float(sigma[count:].max(initial=0.0)), epsilon)
    return RangeEvidence(
        low=low,
        high=high,
        count=count,
        inertia=(plus, n - count, minus) if settled else None,
        cut=cuts.low,
        gap=(below, float(sigma[count - 1]) if count else 0.0),
        residual=epsilon + float(sigma[count:].max(initial=0.0)),
        turn=right[:count].conj().T,
    )


def vectors(sketch: RangeSketch, seen: RangeEvidence) -> Array:
    """Return an orthonormal basis of the range, (n, count)."""
    Q = sketch.orthonormal()
    return Q if seen.turn is None else gemm(Q, seen.turn)
