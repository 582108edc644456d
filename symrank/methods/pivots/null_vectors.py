r"""Null vectors from the factor of a shift: inverse iteration that rounding in the factor spares.

With F = A - s I + E, E the backward error of the factorisation, a step is

    z <- z - F^-1 A z = F^-1 (E - s I) z.                                                     (1)

By the first form a null vector of A itself stays as it is, whatever E: what the factor gets wrong
slows the convergence and moves no limit. By the second, a part along an eigenvector of lambda
shrinks by about (|s| + |E|) / |lambda - s|. With s half a noise floor, |E| at most |s| where the
count was proved (`symrank.methods.pivots.inertia`) and nothing crowding within CROWD noise floors
that is 1/100 a step, and far less where the gap is wide; a few steps leave rounding.

k columns for k null vectors: a Gaussian k x k block of their coefficients is regular, and what its
least singular value amplifies in the first step is gone after the second. Where the number is an
interval, its upper end is taken, and the singular values of A Z tell which ones are null vectors.
"""

import math
from dataclasses import dataclass

import numpy as np

from symrank.methods.base import Goal, Tick
from symrank.methods.pivots.inertia import Inertia
from symrank.methods.pivots.inverse_iteration import as_complex, iterated
from symrank.methods.pivots.ldl_far import GaveUpError, Solvers
from symrank.methods.pivots.matrices import matrix_of
from symrank.methods.pivots.predicted import predict
from symrank.operators import Operator
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["NullVectors", "null_vectors"]

ACCURACY = 4.0  # eps |A|: a residual that rounding in a product explains


@dataclass(frozen=True, kw_only=True)
class NullVectors:
    """An orthonormal block that (1) has left, and why it is none where it is not."""

    vectors: Array | None
    num_steps: int = 0
    failure: str = ""


def null_vectors(
    operator: Operator, goal: Goal, count: int, shift: float, norm: float, tick: Tick
) -> NullVectors:
    """Return `count` orthonormal columns that eq. (1) has made of Gaussian ones.

    Parameters
    ----------
    operator
        With known entries.
    goal
        Of the run that has counted.
    count
        Columns.
    shift
        s, half a noise floor.
    norm
        |A|.
    tick
        Told of every product with a vector.
    """
    cost = predict(operator.facts)
    if cost is None or not count:
        return NullVectors(vectors=np.zeros((goal.n, count), goal.dtype))
    matrix = matrix_of(operator, math.inf)
    unit = math.ldexp(1.0, -math.frexp(norm)[1])  # the solver sees a norm near one, exactly
    scaled = matrix * unit
    method = Inertia().unasked()
    limits = (method.max_fill, method.max_flops)
    with Solvers(cost, scaled, limits, method.patience, tick, goal.deadline) as solvers:
        try:
            for sign in (1.0, -1.0):
                solver = solvers(0)
                B = scaled.copy()
                B.setdiag(B.diagonal() - sign * shift * unit)
                F = None if solver is None else solver.factorise(B)
                if F is None:
                    continue
                found = iterated(
                    F,
                    _start(goal, count),
                    lambda X: _product(scaled, X, tick),
                    lambda X: X,
                    ACCURACY * goal.eps * norm * unit,
                )
                if found is not None:
                    vectors = found.vectors.astype(goal.dtype)
                    return NullVectors(vectors=vectors, num_steps=found.num_steps)
        except GaveUpError as error:
            return NullVectors(vectors=None, failure=str(error))
    return NullVectors(vectors=None, failure="the factorisation gave no finite solves")


def _start(goal: Goal, count: int) -> Array:
    rng = probes.stream(goal.seed, Streams.NULL.start, 1)
    Q: Array = rng.standard_normal((goal.n, count))
    return Q + 1j * rng.standard_normal(Q.shape) if goal.is_complex else Q


def _product(matrix: object, X: Array, tick: Tick) -> Array:
    """Return A X for the real twin of A and a complex block, or a real one for both."""
    tick(0)
    if X.dtype.kind != "c":
        return np.asarray(matrix @ X)
    return as_complex(np.asarray(matrix @ np.concatenate([X.real, X.imag])))
