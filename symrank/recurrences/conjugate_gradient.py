r"""Preconditioned conjugate gradients for a block of independent columns.

Column by column, for A x = b with A positive semidefinite, b in its range, and G symmetric
positive definite (M. R. Hestenes and E. Stiefel, 1952):

    alpha_j = <r_j, G r_j> / <p_j, A p_j>,  x_(j+1) = x_j + alpha_j p_j,
    r_(j+1) = r_j - alpha_j A p_j,          p_(j+1) = G r_(j+1) + beta_j p_j,
    beta_j = <r_(j+1), G r_(j+1)> / <r_j, G r_j>

One product with the block a step; a column that has met its tolerance leaves the block. All x_j
lie in G range(A).

<p, A p> / <p, G^-1 p> is a Rayleigh quotient of G A, at no product with G^-1: r_(j+1) is orthogonal
to p_j, so <p_(j+1), G^-1 p_(j+1)> = <r_(j+1), G r_(j+1)> + beta_j^2 <p_j, G^-1 p_j>. A product errs
by some eps of the largest quotient. One below zero by more proves a negative eigenvalue, and the
run stops there; one that small is rounding of a null vector, and the column rests. It rests, too,
where <r, G r> has grown by more than kappa, which exact arithmetic forbids: the energy <e, A e> of
the error never grows, and <r, G r> is between the least and the largest eigenvalue times that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import scipy.linalg

from symrank._typing import Array, FloatArray
from symrank.errors import OptionError

__all__ = ["CGState", "check_positive", "column_dot", "extend", "norms", "ritz_values", "start"]

CURVATURE = 100.0  # a Rayleigh quotient of this many eps of the largest is rounding

Product = Callable[[Array], Array]


@dataclass(kw_only=True)
class CGState:
    """Three blocks of vectors and the coefficients so far; all that is needed to go on."""

    X: Array  # (n, k), x_j
    R: Array  # (n, k), r_j
    P: Array  # (n, k), p_j
    rho: FloatArray  # (k,), <r_j, G r_j>
    active: Array  # (k,) bool: columns that still run
    best: FloatArray  # (k,), least <r_j, G r_j> so far
    size2: FloatArray  # (k,), <p_j, G^-1 p_j>
    peak: FloatArray  # (k,), largest Rayleigh quotient so far
    is_indefinite: bool = False
    alpha: list[FloatArray] = field(default_factory=list)  # (k,) a step, NaN where a column rests
    beta: list[FloatArray] = field(default_factory=list)

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return len(self.alpha)

    @property
    def is_done(self) -> bool:
        """True if there is nothing left to do: all columns rest, or A is indefinite."""
        return self.is_indefinite or not self.active.any()


def start(B: Array, precondition: Product | None = None) -> CGState:
    """Return the state of x_0 = 0 for the right sides B (n, k)."""
    R = B.copy()
    P = R.copy() if precondition is None else precondition(R)
    rho = check_positive(column_dot(R, P), R, P)
    return CGState(
        X=np.zeros_like(R),
        R=R,
        P=P,
        rho=rho,
        active=rho > 0.0,
        best=rho.copy(),
        size2=rho.copy(),
        peak=np.zeros_like(rho),
    )


def extend(
    state: CGState,
    matmat: Product,
    num_steps: int,
    tick: Callable[[int], None],
    tolerance: FloatArray,
    precondition: Product | None = None,
) -> CGState:
    """Take at most `num_steps` more steps; `state` is used up.

    Parameters
    ----------
    state
        From `start` or an earlier call.
    matmat
        X -> A X.
    num_steps
        Steps to take while a column is active.
    tick
        Called with the number of columns multiplied, after each product.
    tolerance
        (k,) a column rests once ``|r| <= tolerance``.
    precondition
        R -> G R; None for G = I.

    Raises
    ------
    OptionError
        Where <r, G r> < 0: G is not positive definite.
    """
    X, R, P, rho = state.X, state.R, state.P, state.rho
    k = X.shape[1]
    rounding = CURVATURE * float(np.finfo(X.dtype).eps)
    state.active &= norms(R) > tolerance
    for _ in range(num_steps):
        if state.is_done:
            break
        columns = slice(None) if state.active.all() else np.flatnonzero(state.active)
        Pa = P[:, columns]
        AP = matmat(Pa)
        tick(Pa.shape[1])
        curvature = column_dot(Pa, AP)
        quotient = np.abs(curvature) / state.size2[columns]
        state.peak[columns] = np.maximum(state.peak[columns], quotient)
        size = rounding * np.maximum(
            state.peak[columns] * state.size2[columns], norms(Pa) * norms(AP)
        )
        if (curvature < -size).any():
            state.is_indefinite = True
            break
        moves = curvature > size  # else p is a null vector to rounding
        alpha = np.where(moves, rho[columns], 0.0) / np.where(moves, curvature, 1.0)
        X[:, columns] += alpha.astype(X.real.dtype) * Pa  # x_(j+1) = x_j + alpha_j p_j
        AP *= alpha.astype(X.real.dtype)
        R[:, columns] -= AP  # r_(j+1) = r_j - alpha_j A p_j
        Ra = R[:, columns]
        GR = Ra if precondition is None else precondition(Ra)
        new = check_positive(column_dot(Ra, GR), Ra, GR)
        old = rho[columns]
        beta = new / np.where(old > 0.0, old, 1.0)
        P[:, columns] = GR + beta.astype(X.real.dtype) * Pa  # p_(j+1) = G r_(j+1) + beta_j p_j
        rho[columns] = new
        state.size2[columns] = new + beta**2 * state.size2[columns]
        _record(state, columns, np.where(moves, alpha, np.nan), np.where(moves, beta, np.nan), k)
        state.best[columns] = np.minimum(state.best[columns], new)
        grown = new * rounding > state.best[columns]  # kappa is no more than 1 / rounding
        open_ = (new > 0.0) & (norms(Ra) > tolerance[columns])
        state.active[columns] &= moves & open_ & ~grown
    return state


def ritz_values(state: CGState, column: int) -> FloatArray:
    """Return the eigenvalues of the Lanczos matrix of G A that the coefficients hold, ascending."""
    alpha = np.array([row[column] for row in state.alpha])
    beta = np.array([row[column] for row in state.beta])
    known = np.isfinite(alpha)
    alpha, beta = alpha[known], beta[known]
    if not alpha.size:
        return np.empty(0)
    diagonal = 1.0 / alpha
    diagonal[1:] += beta[:-1] / alpha[:-1]
    off = np.sqrt(beta[:-1]) / alpha[:-1]
    return np.asarray(scipy.linalg.eigvalsh_tridiagonal(diagonal, off))


def _record(state: CGState, columns: object, alpha: FloatArray, beta: FloatArray, k: int) -> None:
    """Append one row of coefficients; NaN for the columns that rest."""
    rows = np.full((2, k), np.nan)
    rows[0, columns], rows[1, columns] = alpha, beta  # type: ignore[index]
    state.alpha.append(rows[0])
    state.beta.append(rows[1])


def column_dot(X: Array, Y: Array) -> FloatArray:
    """Return Re <x_j, y_j> for all columns, summed in double precision."""
    wide = np.result_type(X, np.float64)
    return np.asarray(np.einsum("ij,ij->j", X.conj(), Y, dtype=wide).real)


def norms(X: Array) -> FloatArray:
    """Return |x_j| for all columns."""
    return np.sqrt(column_dot(X, X))


def check_positive(rho: FloatArray, R: Array, GR: Array) -> FloatArray:
    """Return <r, G r> with rounding below zero set to zero; raise where it is negative."""
    size = norms(R) * norms(GR)
    bad = ~(rho >= -CURVATURE * float(np.finfo(R.dtype).eps) * size)
    if bad.any():
        j = int(np.flatnonzero(bad)[0])
        raise OptionError(
            f"the preconditioner G is not positive definite: <r, G r> = {rho[j]:.3g} for a "
            f"residual with |r||G r| = {size[j]:.3g}. Pass a symmetric positive definite G; "
            "a multigrid cycle needs symmetric smoothing and a positive semidefinite matrix."
        )
    return np.maximum(rho, 0.0)
