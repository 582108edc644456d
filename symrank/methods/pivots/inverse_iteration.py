"""Inverse iteration on a block, with a factor whose errors slow it down and move no limit."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from symrank.methods.pivots.ldl import Factorisation
from symrank.recurrences import conjugate_gradient as cg
from symrank.support.typing import Array

__all__ = ["MOST_STEPS", "Iterated", "as_complex", "iterated"]

MOST_STEPS = 12
STALLED = 0.5  # a step that leaves more than this share of the residual has met rounding
LIMIT_OF_STEPS = 3  # before a stall is believed: the first ones mend the start
COLUMNS = 256  # of a solve


@dataclass(frozen=True)
class Iterated:
    """A block that inverse iteration has left, (n, k) and orthonormal."""

    vectors: Array
    num_steps: int


def iterated(
    F: Factorisation,
    start: Array,
    forward: Callable[[Array], Array],
    back: Callable[[Array], Array],
    least: float,
) -> Iterated | None:
    """Take steps Z <- Z - F^-1 back(forward(Z)) until rounding stops them.

    Parameters
    ----------
    F
        A factor of A - s I.
    start
        (n, k), regular columns.
    forward, back
        Two products, of which one after the other is that with A; by the first it is judged how
        small a column is multiplied.
    least
        How small every column of forward(Z) is to be.

    Returns
    -------
    Iterated
        None where a solve is not finite.
    """
    Q, before, image = start, math.inf, forward(start)
    for step in range(1, MOST_STEPS + 1):
        with np.errstate(all="ignore"):
            Z = Q - _solved(F, back(image))
            if not np.isfinite(Z.sum()):
                return None
            Q = _straightened(Z)
            image = forward(Q)
        size = float(cg.norms(image).max())
        has_stalled = step >= LIMIT_OF_STEPS and size > STALLED * before
        if size <= least or has_stalled:
            break
        before = size
    return Iterated(np.linalg.qr(Q)[0], step)


def _solved(F: Factorisation, B: Array) -> Array:
    """Return F^-1 B, some columns at a time."""
    X = np.empty_like(B)
    for j in range(0, B.shape[1], COLUMNS):
        part = B[:, j : j + COLUMNS]
        if B.dtype.kind == "c":
            X[:, j : j + COLUMNS] = as_complex(F.solve(np.concatenate([part.real, part.imag])))
        else:
            X[:, j : j + COLUMNS] = F.solve(np.ascontiguousarray(part))
    return X


def as_complex(X: Array) -> Array:
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
