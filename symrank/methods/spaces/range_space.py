r"""The range of an operator from products with Gaussian columns, and what they prove.

Y = A Omega, m columns in all. The first m - p give an orthonormal Q, the left singular vectors of
Y above the noise; the last p, which Q does not depend on, bound what lies outside of it by eq. (2)
of `symrank.methods.spaces.certificates`. One product with the leading vector of Q gives |A| from
below. Once that bound falls below the cut, A Q is formed, and eq. (3) holds.
"""

from dataclasses import dataclass

import numpy as np

from symrank.methods.base import Goal, Tick
from symrank.methods.spaces.certificates import Cuts, chi, spectral_norm
from symrank.methods.spaces.solve import project
from symrank.operators import Operator
from symrank.operators.gemm import gemm
from symrank.spectrum import threshold
from symrank.support import probes
from symrank.support.foreign import refuse_non_finite
from symrank.support.typing import Array, FloatArray

__all__ = [
    "FIRST",
    "RANGE_TEST",
    "RangeEvidence",
    "RangeSketch",
    "evidence",
    "grow",
    "multiply_basis",
]

RANGE_TEST = 16  # chi(16) = 0.66: epsilon is 1.5 times |C Omega|
FIRST = 32  # columns of the first sketch, those of the test included
DROP = 0.05  # share of the cut below which a singular value of Y, scaled, is noise


@dataclass(kw_only=True)
class RangeSketch:
    """Columns Y = A Omega, a basis of the range that they show, and later A times it."""

    Y: Array  # (n, m); (n, 0) where Q is the identity
    Q: Array  # (n, k)
    norm_low: float
    epsilon: float = np.inf  # |(I - Q Q*) A|, eq. (2)
    image: Array | None = None  # A Q
    num_products: int

    @property
    def num_columns(self) -> int:
        """Columns multiplied so far."""
        return int(self.Y.shape[1])

    def is_narrow(self, goal: Goal) -> bool:
        """True if what lies outside of Q is below the cut."""
        cut = threshold.cut(self.norm_low, goal.eps, goal.atol, goal.rtol)
        return self.epsilon < 0.5 * cut or (self.epsilon == 0.0 and cut == 0.0)


def grow(
    sketch: RangeSketch | None, operator: Operator, goal: Goal, num_vectors: int, tick: Tick
) -> RangeSketch:
    """Add columns and look at them; take all of A where there are as many columns as rows."""
    n = goal.n
    have = 0 if sketch is None else sketch.num_columns
    spent = 0 if sketch is None else sketch.num_products
    if have + num_vectors >= n:
        return _whole(operator, goal, spent, tick)
    Omega = probes.gaussian(goal.seed, have, num_vectors, n, goal.dtype)
    Y = operator.matmat(Omega)
    tick(num_vectors)
    norm_low = float(np.max(np.linalg.norm(Y, axis=0) / np.linalg.norm(Omega, axis=0)))
    goal.check_norm(norm_low)
    if sketch is not None:
        Y = np.hstack([sketch.Y, Y])
    # few columns, as the budget allows no more, bound |A| from below and prove nothing else
    nothing = np.empty((n, 0), goal.dtype)
    found = RangeSketch(Y=Y, Q=nothing, norm_low=norm_low, num_products=spent + num_vectors)
    if Y.shape[1] > RANGE_TEST:
        _look(found, operator, goal, tick)
    return found


def _whole(operator: Operator, goal: Goal, spent: int, tick: Tick) -> RangeSketch:
    """Take all of A: Q is the identity."""
    eye = np.eye(goal.n, dtype=goal.dtype)
    image = operator.matmat(eye)
    refuse_non_finite(image)
    tick(goal.n)
    return RangeSketch(
        Y=np.empty((goal.n, 0), goal.dtype),
        Q=eye,
        norm_low=spectral_norm(image),
        epsilon=0.0,
        image=image,
        num_products=spent + goal.n,
    )


def _look(sketch: RangeSketch, operator: Operator, goal: Goal, tick: Tick) -> None:
    """Take a basis from all columns but the last, and bound by those what lies outside of it."""
    m = sketch.num_columns - RANGE_TEST
    left, values = _left_singular(sketch.Y[:, :m])
    along = np.linalg.norm(operator.matmat(np.ascontiguousarray(left[:, :1])))
    tick(1)
    sketch.num_products += 1
    sketch.norm_low = max(sketch.norm_low, float(along))
    cut = threshold.cut(sketch.norm_low, goal.eps, goal.atol, goal.rtol)
    sketch.Q = np.ascontiguousarray(left[:, values / np.sqrt(m) > DROP * cut])
    outside = project(sketch.Y[:, m:], sketch.Q)
    sketch.epsilon = spectral_norm(outside) / chi(RANGE_TEST, goal.is_complex)


def multiply_basis(sketch: RangeSketch, operator: Operator, tick: Tick) -> RangeSketch:
    """Form A Q."""
    k = sketch.Q.shape[1]
    sketch.image = operator.matmat(sketch.Q) if k else sketch.Q.copy()
    refuse_non_finite(sketch.image)
    tick(k)
    sketch.num_products += k
    return sketch


def _left_singular(Y: Array) -> tuple[Array, FloatArray]:
    """Return the left singular vectors and the singular values of a tall block."""
    Q, R = np.linalg.qr(Y)
    left, values, _ = np.linalg.svd(R)
    return gemm(Q, left), values


@dataclass(frozen=True)
class RangeEvidence:
    """What eq. (3) says of the finished sketch."""

    low: int
    high: int
    count: int
    inertia: tuple[int, int, int] | None  # where both signs are settled
    cut: float
    gap: tuple[float, float]  # the largest s_j below the cut, or epsilon, and the least above it
    vectors: Array  # (n, count), spans the range
    residual: float  # bound on |(I - Q Q*) A|


def evidence(sketch: RangeSketch, goal: Goal) -> RangeEvidence:
    """Count the singular values of A Q, and the eigenvalues of Q* A Q by sign."""
    if sketch.image is None:
        raise ValueError("multiply_basis comes first")
    n, k, epsilon = goal.n, sketch.Q.shape[1], sketch.epsilon
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
        vectors=gemm(sketch.Q, right[:count].conj().T),
        residual=epsilon + float(sigma[count:].max(initial=0.0)),
    )
