r"""Right-hand sides A v with v = S z, G = S S*, z Gaussian: three ways to have them.

G = I: v = z. A wide factor S (n, N), as a multigrid cycle has: v = S z, z in N dimensions. The
operator is S* A S then, of order N and the same rank, and the law is that of N dimensions: a
standard deviation of sqrt(2 r (N - r) / (N m)) for m probes. A G of which nothing is known: v =
G^(1/2) z by `symrank.recurrences.half_power`, in n dimensions.
"""

import math
from dataclasses import dataclass

import numpy as np

from symrank.methods.base import Goal, Tick
from symrank.methods.spaces.metric import Metric
from symrank.methods.spaces.null_mass import NullMass
from symrank.preconditioners import Draw
from symrank.recurrences import half_power
from symrank.recurrences.conjugate_gradient import Apply, column_dot, norms
from symrank.support.typing import Array

__all__ = ["Probe", "num_seen", "spoils"]

HALF_STEPS = 1000  # of G^(1/2) z at most; what they leave open is in the bounds
SEEN = 1e-10  # singular values of A V below this share of the largest may be rounding


@dataclass(frozen=True)
class Probe:
    """How the columns are made: by the wide factor or not, and to which error relative to |z|."""

    is_drawn: bool
    tolerance: float

    def dimension(self, goal: Goal) -> int:
        """Return the dimension of z."""
        draw = _draw(goal)
        return draw.num_columns if self.is_drawn and draw is not None else goal.n

    def columns(
        self, goal: Goal, Z: Array, G: Apply | None, metric: Metric, tick: Tick
    ) -> tuple[Array, NullMass]:
        """Return v, and what is known of the null part of z: nothing yet."""
        length2, draw = column_dot(Z, Z), _draw(goal)
        V, left2, error = Z, length2, np.zeros_like(length2)
        if self.is_drawn and draw is not None:
            half = np.ldexp(1.0, -metric.exponent // 2)
            V = np.ascontiguousarray(draw.product(Z)) * Z.real.dtype.type(half)
            error = draw.error * np.sqrt(length2)
        elif G is not None:
            steps = half_power.half_power(Z, G, metric.largest, self.tolerance, HALF_STEPS, tick)
            V, left2, error = steps.V, steps.norm2, steps.error
        mass = NullMass(
            dimension=Z.shape[0], length2=length2, error=error, left2=left2, eps=goal.eps
        )
        return V, mass


def _draw(goal: Goal) -> Draw | None:
    return None if goal.preconditioner is None else goal.preconditioner.draw


def spoils(goal: Goal, num_probes: int) -> bool:
    """Tell whether the dimensions that a wide factor adds cost the precision, or there is none."""
    draw = _draw(goal)
    if draw is None or goal.is_complex:
        return True
    extra = draw.num_columns - goal.n  # for rank n: all of the variance
    deviation = math.sqrt(2.0 * extra * goal.n / (draw.num_columns * num_probes))
    return 2.0 * deviation > goal.half_width


def num_seen(B: Array, GB: Array) -> int:
    """Count the independent columns of A V, as many of G A V, or all where in doubt."""
    counts = set()
    for X in (B, GB):
        sizes = norms(X)
        X = X / np.where(sizes > 0.0, sizes, 1.0).astype(X.real.dtype)
        spread = np.linalg.svd(np.linalg.qr(X, mode="r"), compute_uv=False)
        noise = max(SEEN, 1e3 * float(np.finfo(X.dtype).eps))
        counts.add(int((spread > noise * spread.max(initial=0.0)).sum()))
    return counts.pop() if len(counts) == 1 else B.shape[1]
