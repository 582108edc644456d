r"""The Perron vector of a nonnegative symmetric P of radius one: it is found, then verified.

Of D^-1/2 (D - W) D^-1/2 with weights that are not known, u = sqrt(degree) is on every component the
only vector u > 0, up to a factor, with P u = u. The projection of any v > 0 onto the kernel of
N = I - P is such a vector,

    u = v - y,    N y = N v,                                                                  (1)

and conjugate gradients solve that in the range of N, on all components at once; their residual is
N u. A few steps u <- (u + P u) / 2, sums of positive numbers, then make every row as good as its
rounding, which a residual small in the mean is not. They never widen what they start from, the
span of the quotients below.

Whatever u > 0 is found, only its rows are believed. By Collatz and Wielandt,

    min_i (P u)_i / u_i  <=  rho(P)  <=  max_i (P u)_i / u_i                                  (2)

on every component, so where the spectral radius is off one by d, no u has rows that are off by
less. A matrix that is nearly such a Laplacian is told from one by its rows, and what they are off
by is the remainder that the caller adds to what it proves.

Conjugate gradients take 20 to 300 steps where the graph is a random one, and of wide ones, grids
and paths, too many: pivots count these. They are given up where STRIDE steps gain less than a
decade, and before the first step where rho(P) != 1 for sure: the Rayleigh quotient of a smooth
vector is above one, or (2) below it.
"""

from collections.abc import Callable

import numpy as np

from symrank.support.typing import Array, FloatArray

__all__ = ["perron_vector"]

MOST = 1e9  # multiplications: about a second
PASSES = 10  # over vectors, in a step
MOST_STEPS = 1000
ROUNDS = 3  # of steps: the residual of a recurrence drifts from the true one
STRIDE, DECADE = 128, 1e-2  # |r|^2 is to fall by that in as many steps
SETTLED, RISEN = 1e-28, 10.0  # |r|^2 / |u|^2 below which it rises by rounding, and no step helps
SMOOTHED, MOST_SMOOTHED = 4, 40  # steps at a time: before, and after until rows are in balance
GONE = 1e-6  # of |v|^2: N is positive definite then, and u tends to zero


def perron_vector(
    multiply: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    tolerance: FloatArray,
    work: float,
) -> FloatArray | None:
    """Return u > 0 with |N u| <= tolerance u, row by row; None where none was found.

    Parameters
    ----------
    multiply
        The product with N, I - P but for rows of zeros, where u is what it was.
    start
        v > 0.
    tolerance
        What rounding may leave of a row.
    work
        Multiplications of a product.
    """
    steps = int(min(MOST_STEPS, MOST / (work + PASSES * start.size)))
    u = _smoothed(multiply, start)
    slack = float(tolerance.max())
    r = multiply(u)
    length = _dot(u, u)
    if _dot(r, u) < -slack * length or not (r <= slack * u).any() or not (r >= -slack * u).any():
        return None
    for _ in range(ROUNDS):
        u, steps = _projected(multiply, u, 0.5 * tolerance, steps)
        if u.min() <= 0.0 or _dot(u, u) < GONE * length:
            return None
        for _ in range(0, MOST_SMOOTHED, SMOOTHED):
            u = _smoothed(multiply, u)
            if (np.abs(multiply(u)) <= tolerance * u).all():
                return u
        if steps <= 0:
            return None
    return None


def _smoothed(multiply: Callable[[FloatArray], FloatArray], u: FloatArray) -> FloatArray:
    for _ in range(SMOOTHED):
        u = u - 0.5 * multiply(u)
    return u


def _projected(
    multiply: Callable[[FloatArray], FloatArray], v: FloatArray, tolerance: Array, steps: int
) -> tuple[FloatArray, int]:
    """Return (1) by conjugate gradients, and the steps that are left: none where it is given up."""
    u = v.copy()
    r = multiply(u)
    p, rr = r.copy(), _dot(r, r)
    size = _dot(u, u)
    seen, least, best = np.inf, SETTLED * size, None
    for taken in range(steps):
        if (np.abs(r) <= tolerance * u).all():
            return u, steps - taken
        if rr < least:
            least, best = rr, u.copy()
        if best is not None and rr > RISEN * least:
            return best, steps - taken
        if taken % STRIDE == 0:
            if rr > DECADE * seen or _dot(u, u) < GONE * size:
                break
            seen = rr if taken else np.inf
        q = multiply(p)
        curvature = _dot(p, q)
        if curvature <= 0.0:  # of rounding alone, or no kernel is below: the rows tell
            break
        u -= (rr / curvature) * p
        r -= (rr / curvature) * q
        before, rr = rr, _dot(r, r)
        p = r + (rr / before) * p
    return (u if best is None else best), 0


def _dot(x: FloatArray, y: FloatArray) -> float:
    """Return x' y by one thread: those of BLAS wait for each other, at vectors of this length."""
    return float(np.einsum("i,i->", x, y))
