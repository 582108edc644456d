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
import scipy.linalg

from symrank.methods.base import Goal, Tick
from symrank.methods.pivots.inertia import Inertia, predict
from symrank.methods.pivots.ldl import Factorisation
from symrank.methods.pivots.ldl_far import GaveUpError, Solvers
from symrank.methods.pivots.matrices import matrix_of
from symrank.operators import Operator
from symrank.recurrences import conjugate_gradient as cg
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["NullVectors", "null_vectors"]

MOST_STEPS = 12
ACCURACY = 4.0  # eps |A|: a residual that rounding in a product explains
STALLED = 0.5  # a step that leaves more than this share of the residual has met rounding
LIMIT_OF_STEPS = 3  # before a stall is believed: the first ones mend the start
COLUMNS = 256  # of a solve


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
                found = _iterated(scaled, F, goal, count, norm * unit, tick)
                if found is not None:
                    return found
        except GaveUpError as error:
            return NullVectors(vectors=None, failure=str(error))
    return NullVectors(vectors=None, failure="the factorisation gave no finite solves")


def _iterated(
    matrix: object, F: Factorisation, goal: Goal, count: int, norm: float, tick: Tick
) -> NullVectors | None:
    """Take steps of eq. (1) until rounding stops them; None where a solve is not finite."""
    rng = probes.stream(goal.seed, Streams.NULL.start, 1)
    Q = rng.standard_normal((goal.n, count))
    if goal.is_complex:
        Q = Q + 1j * rng.standard_normal(Q.shape)
    before, image = math.inf, _product(matrix, Q, tick)
    for step in range(1, MOST_STEPS + 1):
        with np.errstate(all="ignore"):
            Z = Q - _solved(F, image, tick)
            if not np.isfinite(Z.sum()):
                return None
            Q = _straightened(Z)
            image = _product(matrix, Q, tick)
        size = float(cg.norms(image).max())
        has_stalled = step >= LIMIT_OF_STEPS and size > STALLED * before
        if size <= ACCURACY * goal.eps * norm or has_stalled:
            break
        before = size
    return NullVectors(vectors=np.linalg.qr(Q)[0].astype(goal.dtype), num_steps=step)


def _product(matrix: object, X: Array, tick: Tick) -> Array:
    """Return A X for the real twin of A and a complex block, or a real one for both."""
    tick(0)
    if X.dtype.kind != "c":
        return np.asarray(matrix @ X)
    return _complex(np.asarray(matrix @ np.concatenate([X.real, X.imag])))


def _solved(F: Factorisation, B: Array, tick: Tick) -> Array:
    """Return F^-1 B, some columns at a time."""
    X = np.empty_like(B)
    for j in range(0, B.shape[1], COLUMNS):
        part = B[:, j : j + COLUMNS]
        if B.dtype.kind == "c":
            X[:, j : j + COLUMNS] = _complex(F.solve(np.concatenate([part.real, part.imag])))
        else:
            X[:, j : j + COLUMNS] = F.solve(np.ascontiguousarray(part))
        tick(0)
    return X


def _complex(X: Array) -> Array:
    """Return the complex block of which X holds the real and the imaginary rows."""
    n = X.shape[0] // 2
    return np.asarray(X[:n] + 1j * X[n:])


def _straightened(Z: Array) -> Array:
    """Return a basis of the columns, orthonormal enough to go on with: one Cholesky QR."""
    Z = Z / np.maximum(cg.norms(Z), np.finfo(np.float64).tiny)
    try:
        R = scipy.linalg.cholesky(Z.conj().T @ Z, check_finite=False)
        Q = scipy.linalg.solve_triangular(R, Z.conj().T, trans="C", check_finite=False).conj().T
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.qr(Z)[0])
    if not np.isfinite(Q.sum()) or float(cg.norms(Q).max()) > 2.0:
        return np.asarray(np.linalg.qr(Z)[0])
    return np.ascontiguousarray(Q)
