r"""The range of an operator from products with Gaussian columns, and what they prove.

Y = A Omega in panels of a sixteenth of the columns so far. What of a panel lies outside of Q, the
basis that the panels before have shown, bounds what of A does, by eq. (2) of
`symrank.methods.spaces.certificates`, as Q does not depend on it; after that the panel widens Q.

Where the range ends Q is about square in the columns that it was made of, and holds noise for a few
of its directions. So a few more columns are taken, one in twenty, and of Q those directions are
given up that no column is long in, the left singular vectors of Q* Y at the noise
(`symrank.methods.spaces.columns`). A last panel tests what is left, and the columns by themselves
mostly prove the count: about 1.1 r + 32 products for rank r. Where they do not, A Q is formed, r
more products, and eq. (3) holds.

One product a call with the vector that the columns are longest along gives |A| from below.
"""

import math

import numpy as np

from symrank.methods.base import Goal, Tick
from symrank.methods.spaces import columns
from symrank.methods.spaces.certificates import chi, spectral_norm
from symrank.methods.spaces.range_evidence import evidence, proof_by_columns, vectors
from symrank.methods.spaces.range_sketch import RANGE_TEST, RangeEvidence, RangeSketch, spare
from symrank.methods.spaces.reflectors import Reflectors
from symrank.operators import Operator
from symrank.support import probes
from symrank.support.foreign import refuse_non_finite
from symrank.support.typing import Array

__all__ = [
    "FIRST",
    "RANGE_TEST",
    "RangeEvidence",
    "RangeSketch",
    "evidence",
    "grow",
    "multiply_basis",
    "spare",
    "vectors",
]

STEP, WIDEST = 16, 160  # panels have one in STEP of the columns before, and not more than WIDEST
TEST_STEP, WIDEST_TEST = 12, 64  # the last panel: |Omega| / chi(64) is 4, with 16 columns it is 12
FIRST = 32  # columns of the first sketch, those of the test included
DROP = 0.05  # share of the cut below which a singular value of Y, scaled, is noise
LOOSE = 100.0  # cuts: where less is left, the range has ended and the rest may be noise


def grow(
    sketch: RangeSketch | None, operator: Operator, goal: Goal, num_vectors: int, tick: Tick
) -> RangeSketch:
    """Add columns until the range ends; take all of A where there are as many columns as rows."""
    if sketch is None:
        sketch = RangeSketch(basis=Reflectors(goal.n, goal.dtype))
    left = num_vectors
    if sketch.num_columns + left >= goal.n:
        return _whole(operator, goal, sketch.num_products, tick)
    while left and not sketch.is_done:
        b = _width(sketch, left)
        _add_panel(sketch, operator, goal, b, tick, is_first=left == num_vectors, is_last=left == b)
        left -= b
        if sketch.is_narrow(goal) and not sketch.num_missing:
            break
    return sketch


def _width(sketch: RangeSketch, most: int) -> int:
    """Return the columns of the next panel."""
    have = sketch.num_columns
    b = have // STEP
    if sketch.end is not None:
        least = max(sketch.end // TEST_STEP, RANGE_TEST)
        b = sketch.num_missing or min(least << sketch.num_failed, WIDEST_TEST)
    b = min(max(b, RANGE_TEST), WIDEST, most)
    # the last panel is a test of all before it
    return most - RANGE_TEST if 0 < most - b < RANGE_TEST else b


def _whole(operator: Operator, goal: Goal, spent: int, tick: Tick) -> RangeSketch:
    """Take all of A: Q is the identity."""
    eye = np.eye(goal.n, dtype=goal.dtype)
    image = operator.matmat(eye)
    refuse_non_finite(image)
    tick(goal.n)
    return RangeSketch(
        basis=Reflectors(goal.n, goal.dtype),
        norm_low=spectral_norm(image),
        epsilon=0.0,
        Q=eye,
        image=image,
        num_products=spent + goal.n,
    )


def _add_panel(
    sketch: RangeSketch,
    operator: Operator,
    goal: Goal,
    b: int,
    tick: Tick,
    *,
    is_first: bool,
    is_last: bool,
) -> None:
    """Multiply b columns, look what of them lies outside of Q, and end there or widen Q by it."""
    Y = _multiplied(sketch, operator, goal, b, tick)
    if is_first and b >= RANGE_TEST:
        _bound_norm(sketch, operator, Y, tick)
    k, chi_b = sketch.basis.size, chi(b, goal.is_complex)
    turned = sketch.basis.turned(Y)
    if sketch.end is None and _is_short(turned[k:], LOOSE * sketch.cut(goal) * chi_b):
        sketch.end = k
    is_enough = not sketch.num_missing or is_last
    if sketch.end is not None and is_enough and _is_ended(sketch, goal, turned, chi_b):
        more = turned[:k]
    else:
        least = DROP * sketch.cut(goal) * math.sqrt(b)
        more = np.vstack([turned[:k], sketch.basis.widen(turned[k:], least)])
    sketch.panels.append(Y)
    sketch.coefficients.append(more)
    sketch.num_columns += b
    if sketch.is_narrow(goal):
        sketch.proof = proof_by_columns(sketch, goal)
    elif sketch.end is not None and is_enough:  # more is there, or noise: a sharper test
        sketch.end, sketch.num_failed = sketch.basis.size, sketch.num_failed + 1
    if sketch.proof is not None:
        sketch.panels = []


def _multiplied(sketch: RangeSketch, operator: Operator, goal: Goal, b: int, tick: Tick) -> Array:
    """Return A Omega of the next b columns, and bound |A| by it."""
    Omega = probes.gaussian(goal.seed, sketch.num_columns, b, goal.n, goal.dtype)
    Y = operator.matmat(Omega)
    tick(b)
    sketch.num_products += b
    shares = np.linalg.norm(Y, axis=0) / np.linalg.norm(Omega, axis=0)
    sketch.norm_low = float(np.max(np.append(shares, sketch.norm_low)))
    goal.check_norm(sketch.norm_low)
    sketch.norm_high = min(sketch.norm_high, columns.norm(Y) / chi(b, goal.is_complex))
    return Y


def _bound_norm(sketch: RangeSketch, operator: Operator, Y: Array, tick: Tick) -> None:
    """Bound |A| from below by a product with the direction that the columns are longest along."""
    if sketch.basis.size:
        longest = sketch.basis.times(columns.longest(sketch.turned_columns()))
    else:
        longest = columns.longest(Y)
    if longest.any():
        sketch.norm_low = max(sketch.norm_low, float(np.linalg.norm(operator.matmat(longest))))
        tick(1)
        sketch.num_products += 1


def _is_short(W: Array, most: float) -> bool:
    """Tell whether |W| <= most; mostly its Frobenius norm tells that it is not."""
    lengths = np.linalg.norm(W, axis=0)
    return bool(lengths.max() <= most) and columns.norm(W) <= most


def _is_ended(sketch: RangeSketch, goal: Goal, turned: Array, chi_b: float) -> bool:
    """Give up the faint directions of Q, and tell whether little lies outside of the others."""
    k, least = sketch.basis.size, DROP * sketch.cut(goal) * math.sqrt(max(sketch.num_columns, 1))
    sketch.faint = columns.faint(sketch.turned_columns(), least)
    lost = sketch.faint.turned(turned[:k])[: sketch.faint.size]
    sketch.epsilon = columns.norm(np.vstack([lost, turned[k:]])) / chi_b
    if sketch.is_narrow(goal):
        return True
    sketch.faint, sketch.epsilon = None, math.inf
    return False


def multiply_basis(sketch: RangeSketch, operator: Operator, tick: Tick) -> RangeSketch:
    """Form A Q."""
    sketch.panels, sketch.coefficients = [], []
    sketch.Q = sketch.orthonormal()
    k = sketch.rank
    sketch.basis = Reflectors(sketch.basis.n, sketch.basis.dtype)  # Q holds all of it
    sketch.image = operator.matmat(sketch.Q) if k else sketch.Q.copy()
    refuse_non_finite(sketch.image)
    tick(k)
    sketch.num_products += k
    return sketch
