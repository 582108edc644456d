"""One solve of A x = b by either recurrence, and the removal of null vectors from a block."""

import numpy as np

from symrank.operators.gemm import gemm
from symrank.recurrences import conjugate_gradient as cg
from symrank.recurrences import minres
from symrank.recurrences.conjugate_gradient import Apply, CGState, Floor
from symrank.recurrences.minres import MinresState
from symrank.support.typing import Array, FloatArray

__all__ = ["Solve", "damping", "extend", "project", "ritz_values"]

Solve = CGState | MinresState


def extend(
    solve: Solve,
    multiply: Apply,
    G: Apply | None,
    tolerance: FloatArray,
    num_steps: int,
    floor: Floor = (0.0, 0.0),
) -> tuple[Solve, int]:
    """Take steps of either recurrence; go over to MINRES where A is seen to be indefinite.

    A column rests before it resolves eigenvalues of G A below the floor.
    """
    before = solve.num_steps
    if isinstance(solve, MinresState):
        solve = minres.extend(solve, multiply, num_steps, _no_tick, tolerance, G, floor)
        return solve, solve.num_steps - before
    solve = cg.extend(solve, multiply, num_steps, _no_tick, tolerance, G, floor)
    if not solve.is_indefinite:
        return solve, solve.num_steps - before
    other = minres.start(solve.R, G, dual=solve.Y is not None)
    other.X, other.Y = solve.X, solve.Y  # of x_0; updates add to it
    other.head = solve.alpha, solve.beta
    return other, solve.num_steps - before + 1


def damping(solve: Solve, tau: float) -> FloatArray:
    """Bound by how much a solve has damped the error in |lambda| <= tau: c <= rho <= 1/c."""
    if isinstance(solve, MinresState):
        return minres.damping(solve, tau)
    return cg.damping(solve.alpha, solve.beta, tau)


def _no_tick(num_matvecs: int) -> None:
    """Count nothing: the product itself does."""


def project(X: Array, Z: Array | None) -> Array:
    """Return (I - Z Z*) X; twice, as the rounding of the first is relative to X."""
    if Z is None or not Z.shape[1]:
        return X
    for _ in range(2):
        X = X - gemm(Z, gemm(Z.conj().T, X))
    return np.ascontiguousarray(X)


def ritz_values(solve: Solve, column: int) -> FloatArray:
    """Return the Ritz values of G A that the coefficients of one column hold."""
    if isinstance(solve, MinresState):
        return minres.ritz_values(solve, column)
    return cg.ritz_values(solve, column)
