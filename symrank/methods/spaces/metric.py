"""A preconditioner G known by its products, as the solves apply it: copied, scaled and looked at.

G is the caller's code (`symrank.support.foreign`), and is scaled by a power of two to norm one: <r,
G r> of a G of 1e250 I would leave the range. What three products show is checked: that they are
finite, linear, symmetric and positive. Definiteness beyond that is for the recurrences to find out.
"""

import math
from dataclasses import dataclass

import numpy as np

from symrank.errors import OptionError
from symrank.methods.base import Goal
from symrank.recurrences.conjugate_gradient import Apply, column_dot, norms
from symrank.support import foreign, probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["Metric", "inspect", "product"]

CENTRED = 20  # |log2 of G| up to which it is left as it is
ADVICE = "Pass a symmetric positive definite G that does the same each time it is called"


@dataclass(frozen=True)
class Metric:
    """What was seen of G: typical |G x| / |x| is 2^exponent, and the scaled G at most `largest`."""

    exponent: int = 0
    largest: float = 1.0
    num_cycles: int = 0


def product(goal: Goal, metric: Metric) -> Apply | None:
    """Return R -> 2^-exponent G R, or None where there is no such G."""
    G = goal.preconditioner
    if G is None or G.product is None:
        return None
    call, half = G.product, math.ldexp(1.0, -metric.exponent // 2)

    def scaled(R: Array) -> Array:
        R = R * R.real.dtype.type(half) if metric.exponent else R
        Y = foreign.product_of(call, R, R.shape, R.dtype, "the preconditioner G", OptionError)
        return Y * R.real.dtype.type(half) if metric.exponent else Y

    return scaled


def inspect(goal: Goal) -> Metric:
    """Look at G with three products.

    Raises
    ------
    NonFiniteError
        Where a product is not finite.
    OptionError
        Where they show that G is zero, not linear, not symmetric or not positive.
    """
    raw = product(goal, Metric())
    if raw is None or not goal.n:
        return Metric()
    X = probes.gaussian(goal.seed, Streams.METRIC.start, len(Streams.METRIC), goal.n, goal.dtype)
    Y = raw(X)
    size = float(np.abs(Y).max())
    if size == 0.0:
        raise OptionError(
            "the preconditioner G is zero: G x = 0 for two random vectors x. " + ADVICE + "."
        )
    exponent = math.frexp(size)[1]
    exponent = 2 * (exponent // 2) if abs(exponent) > CENTRED else 0
    metric = Metric(exponent)
    G = product(goal, metric)
    assert G is not None
    Y = G(X) if exponent else Y
    _check(X, Y, G(X.sum(axis=1, keepdims=True)))
    spread = math.sqrt(goal.n)  # |G x| / |x| of a random x is at least |G| / sqrt(n), as a mean
    largest = 8.0 * spread * float((norms(Y) / norms(X)).max())
    return Metric(exponent, largest, num_cycles=5 if exponent else 3)


def _check(X: Array, Y: Array, total: Array) -> None:
    """Raise where G X = Y and the product with the sum of both columns contradict its kind."""
    tolerance = math.sqrt(float(np.finfo(X.dtype).eps))
    lengths, images = norms(X), norms(Y)
    if float(norms(total - Y.sum(axis=1, keepdims=True))[0]) > tolerance * float(images.sum()):
        raise OptionError(
            "the preconditioner G is not linear, or not the same each time: G (x + y) differs "
            f"from G x + G y by more than {tolerance:.2g} of their length. {ADVICE}."
        )
    a, b = complex(np.vdot(X[:, 0], Y[:, 1])), complex(np.vdot(Y[:, 0], X[:, 1]))
    scale = float(lengths[0] * images[1] + lengths[1] * images[0])
    if abs(a - b) > tolerance * scale:
        raise OptionError(
            f"the preconditioner G is not symmetric: <x, G y> - <G x, y> = {abs(a - b):.3g} for "
            f"random x and y with |x||G y| + |y||G x| = {scale:.3g}. {ADVICE}; a multigrid cycle "
            "needs the adjoint smoother after the correction, in the reverse order."
        )
    quotient = column_dot(X, Y)
    if not (quotient > 0.0).all():
        j = int(quotient.argmin())
        raise OptionError(
            f"the preconditioner G is not positive definite: <x, G x> = {quotient[j]:.3g} for a "
            f"random x with |x||G x| = {lengths[j] * images[j]:.3g}. {ADVICE}."
        )
