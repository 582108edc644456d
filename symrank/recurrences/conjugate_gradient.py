r"""Preconditioned conjugate gradients for a block of independent columns.

Column by column, for A x = b with A positive semidefinite, b in its range, and G symmetric
positive definite (M. R. Hestenes and E. Stiefel, 1952):

    alpha_j = <r_j, G r_j> / <p_j, A p_j>,  x_(j+1) = x_j + alpha_j p_j,
    r_(j+1) = r_j - alpha_j A p_j,          p_(j+1) = G r_(j+1) + beta_j p_j,
    beta_j = <r_(j+1), G r_(j+1)> / <r_j, G r_j>

One product with the block a step; a column that has met its tolerance leaves the block. All x_j
lie in G range(A): x_j = G y_j, y_j in range(A), and y_j is had at no further product,

    p_j = G q_j,  y_(j+1) = y_j + alpha_j q_j,  q_(j+1) = r_(j+1) + beta_j q_j.               (1)

The error is damped by the residual polynomial, of the eigenvalues of G A: rho_0 = pi_0 = 1,

    rho_(j+1) = rho_j - alpha_j lambda pi_j,  pi_(j+1) = rho_(j+1) + beta_j pi_j,             (2)

rho_k(lambda) = prod (1 - lambda/theta_i), theta_i > 0 the Ritz values. log rho_k is concave below
the least of them and zero at zero, so that with rho_j(tau) > 0 for all j <= k, which is Sturm's
proof of theta_i > tau, and c = min(rho_k(tau), 1/rho_k(-tau)),

    c <= rho_k(lambda) <= 1/c   for |lambda| <= tau.                                          (3)

A caller who counts nothing below a floor has a column rest before rho_k(floor) falls below KEPT.

<p, A p> / <p, G^-1 p> is a Rayleigh quotient of G A, at no product with G^-1: r_(j+1) is orthogonal
to p_j, so <p_(j+1), G^-1 p_(j+1)> = <r_(j+1), G r_(j+1)> + beta_j^2 <p_j, G^-1 p_j>. A product errs
by some eps of the largest quotient. One below zero by more proves a negative eigenvalue, and the
run stops there; one that small is rounding of a null vector, and the column rests. It rests, too,
where <r, G r> has grown by more than kappa, which exact arithmetic forbids: the energy <e, A e> of
the error never grows, and <r, G r> is between the least and the largest eigenvalue times that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg

from symrank._typing import Array, FloatArray
from symrank.errors import OptionError
from symrank.recurrences._products import refuse_lost

__all__ = [
    "CGState",
    "check_positive",
    "column_dot",
    "damping",
    "extend",
    "norms",
    "ritz_values",
    "start",
]

KEPT = 0.995  # of an error at the floor: no Ritz value within a factor 200 above it
RISEN = 1.01  # growth of the floor from which rho is computed anew
CURVATURE = 100.0  # a Rayleigh quotient of this many eps of the largest is rounding

Product = Callable[[Array], Array]
Floor = tuple[float, float]  # absolute, and relative to the largest eigenvalue


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
    Y: Array | None = None  # (n, k), x_j = G y_j, where it is wanted
    Q: Array | None = None  # (n, k), p_j = G q_j
    floor: FloatArray = field(default_factory=lambda: np.zeros(1))  # (k,), tau of eq. (2)
    is_held: bool = False  # a column rests because of its floor
    kept: FloatArray = field(default_factory=lambda: np.ones((2, 1)))  # (2, k), rho, pi at it
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


def start(B: Array, precondition: Product | None = None, *, dual: bool = False) -> CGState:
    """Return the state of x_0 = 0 for the right sides B (n, k); `dual` keeps y_j, eq. (1)."""
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
        Y=np.zeros_like(R) if dual else None,
        Q=R.copy() if dual else None,
        floor=np.zeros_like(rho),
        kept=np.ones((2, rho.size)),
    )


def extend(
    state: CGState,
    matmat: Product,
    num_steps: int,
    tick: Callable[[int], None],
    tolerance: FloatArray,
    precondition: Product | None = None,
    floor: Floor = (0.0, 0.0),
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
    floor
        Eigenvalues of G A below the first, or below the second times the largest, do not count.

    Raises
    ------
    NonFiniteError
        Where a product is not finite.
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
        sizes = norms(Pa) * norms(AP)
        refuse_lost(curvature, sizes)
        quotient = np.abs(curvature) / state.size2[columns]
        state.peak[columns] = np.maximum(state.peak[columns], quotient)
        size = rounding * np.maximum(state.peak[columns] * state.size2[columns], sizes)
        if (curvature < -size).any():
            state.is_indefinite = True
            break
        moves = curvature > size  # else p is a null vector to rounding
        alpha = np.where(moves, rho[columns], 0.0) / np.where(moves, curvature, 1.0)
        damped = _damped(state, columns, alpha, floor)
        state.is_held |= bool((moves & (damped < KEPT)).any())
        moves &= damped >= KEPT
        alpha = np.where(moves, alpha, 0.0)
        X[:, columns] += alpha.astype(X.real.dtype) * Pa  # x_(j+1) = x_j + alpha_j p_j
        if state.Y is not None and state.Q is not None:
            state.Y[:, columns] += alpha.astype(X.real.dtype) * state.Q[:, columns]
        AP *= alpha.astype(X.real.dtype)
        R[:, columns] -= AP  # r_(j+1) = r_j - alpha_j A p_j
        Ra = R[:, columns]
        GR = Ra if precondition is None else precondition(Ra)
        new = check_positive(column_dot(Ra, GR), Ra, GR)
        old = rho[columns]
        beta = new / np.where(old > 0.0, old, 1.0)
        state.kept[:, columns] = damped, damped + beta * state.kept[1, columns]
        P[:, columns] = GR + beta.astype(X.real.dtype) * Pa  # p_(j+1) = G r_(j+1) + beta_j p_j
        if state.Q is not None:
            state.Q[:, columns] = Ra + beta.astype(X.real.dtype) * state.Q[:, columns]
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


def damping(alpha: Sequence[FloatArray], beta: Sequence[FloatArray], tau: float) -> FloatArray:
    """Return c of eq. (3) for all columns; zero where a Ritz value lies below tau."""
    if not alpha:
        return np.ones(1)
    lam = np.array([[tau], [-tau]])
    rho = np.ones((2, alpha[0].size))
    pi = rho.copy()
    least = np.ones(alpha[0].size)
    with np.errstate(over="ignore", invalid="ignore"):
        for a, b in zip(alpha, beta, strict=True):
            moves = np.isfinite(a)
            rho = np.where(moves, rho - np.where(moves, a, 0.0) * lam * pi, rho)
            pi = np.where(moves, rho + np.where(moves, b, 0.0) * pi, pi)
            least = np.minimum(least, rho[0])
        c = np.minimum(rho[0], 1.0 / rho[1])
    return np.where((least > 0.0) & np.isfinite(c), c, 0.0)


def _damped(state: CGState, columns: Any, alpha: FloatArray, floor: Floor) -> FloatArray:
    """Return rho of eq. (2) at the floor after a step alpha; the floor rises with the peak."""
    tau = np.maximum(floor[0], floor[1] * state.peak[columns])
    if (tau > RISEN * state.floor[columns]).any():
        state.floor[columns] = tau
        state.kept = _at(state.alpha, state.beta, state.floor)
    rho, pi = state.kept[:, columns]
    return np.asarray(rho - alpha * state.floor[columns] * pi)


def _at(alpha: Sequence[FloatArray], beta: Sequence[FloatArray], lam: FloatArray) -> FloatArray:
    """Return rho and pi of eq. (2) after all steps, for one lambda a column."""
    rho, pi = np.ones_like(lam), np.ones_like(lam)
    for a, b in zip(alpha, beta, strict=True):
        moves = np.isfinite(a)
        rho = np.where(moves, rho - np.where(moves, a, 0.0) * lam * pi, rho)
        pi = np.where(moves, rho + np.where(moves, b, 0.0) * pi, pi)
    return np.array([rho, pi])


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
