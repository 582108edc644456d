r"""Preconditioned conjugate gradients for a block of independent columns.

Column by column, for A x = b with A positive semidefinite, b in its range, and G symmetric
positive definite (M. R. Hestenes and E. Stiefel, 1952), from x_0 = 0, r_0 = b, p_0 = G b:

    alpha_j = <r_j, G r_j> / <p_j, A p_j>                                                     (1)
    x_(j+1) = x_j + alpha_j p_j                                                               (2)
    r_(j+1) = r_j - alpha_j A p_j                                                             (3)
    beta_j = <r_(j+1), G r_(j+1)> / <r_j, G r_j>                                              (4)
    p_(j+1) = G r_(j+1) + beta_j p_j                                                          (5)

A step takes one product with the block; a column that has met its tolerance leaves the block. All
x_j lie in G range(A): x_j = G y_j with y_j in range(A), and y_j needs no further product,

    p_j = G q_j,  y_(j+1) = y_j + alpha_j q_j,  q_(j+1) = r_(j+1) + beta_j q_j.               (6)

The error is damped by the residual polynomial, of the eigenvalues of G A: rho_0 = pi_0 = 1,

    rho_(j+1) = rho_j - alpha_j lambda pi_j,  pi_(j+1) = rho_(j+1) + beta_j pi_j,             (7)

rho_k(lambda) = prod (1 - lambda/theta_i), theta_i > 0 the Ritz values. log rho_k is concave below
the least of them and zero at zero, so that with rho_j(tau) > 0 for all j <= k, which is Sturm's
proof of theta_i > tau, and c = min(rho_k(tau), 1/rho_k(-tau)),

    c <= rho_k(lambda) <= 1/c   for |lambda| <= tau.                                          (8)

A caller who counts nothing below a floor makes a column rest before rho_k(floor) falls below KEPT.

<p, A p> / <p, G^-1 p> is a Rayleigh quotient of G A, and needs no product with G^-1: r_(j+1) is
orthogonal to p_j, so

    <p_(j+1), G^-1 p_(j+1)> = <r_(j+1), G r_(j+1)> + beta_j^2 <p_j, G^-1 p_j>.                (9)

A product errs by some eps of the largest quotient. One below zero by more proves a negative
eigenvalue, and the run stops there; one that small is rounding of a null vector, and the column
rests. It rests, too, where <r, G r> has grown by more than kappa, which exact arithmetic forbids:
the energy <e, A e> of the error never grows, and <r, G r> is between the least and the largest
eigenvalue times that.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg

from symrank.recurrences.columns import CURVATURE, check_positive, column_dot, norms, running
from symrank.recurrences.lost import refuse_lost
from symrank.support.typing import Array, FloatArray

__all__ = [
    "CURVATURE",
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

Apply = Callable[[Array], Array]
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
    floor: FloatArray = field(default_factory=lambda: np.zeros(1))  # (k,), lambda of eq. (7)
    is_held: bool = False  # a column rests because of its floor
    kept: FloatArray = field(default_factory=lambda: np.ones((2, 1)))  # (2, k), rho and pi there
    is_indefinite: bool = False
    alpha: list[FloatArray] = field(default_factory=list)  # (k,) per step, NaN where a column rests
    beta: list[FloatArray] = field(default_factory=list)

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return len(self.alpha)

    @property
    def is_done(self) -> bool:
        """True if there is nothing left to do: all columns rest, or A is indefinite."""
        return self.is_indefinite or not self.active.any()


def start(B: Array, precondition: Apply | None = None, *, dual: bool = False) -> CGState:
    """Return the state of x_0 = 0 for the right sides B (n, k); `dual` keeps y_j, eq. (6)."""
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
    matmat: Apply,
    num_steps: int,
    tick: Callable[[int], None],
    tolerance: FloatArray,
    precondition: Apply | None = None,
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
    state.active &= norms(state.R) > tolerance
    for _ in range(num_steps):
        if state.is_done:
            break
        _step(state, matmat, tick, tolerance, precondition, floor)
    return state


def _step(
    state: CGState,
    matmat: Apply,
    tick: Callable[[int], None],
    tolerance: FloatArray,
    precondition: Apply | None,
    floor: Floor,
) -> None:
    """Take one step in the columns that run."""
    real = state.X.real.dtype
    at = running(state.active)
    P, rho = state.P[:, at], state.rho[at]
    AP = matmat(P)
    tick(P.shape[1])
    curvature, noise = _curvature(state, at, P, AP)
    if (curvature < -noise).any():
        state.is_indefinite = True
        return
    alpha, rho_floor, moves = _step_length(state, at, curvature, noise, floor)  # (1)
    state.X[:, at] += alpha.astype(real) * P  # (2)
    if state.Y is not None and state.Q is not None:
        state.Y[:, at] += alpha.astype(real) * state.Q[:, at]  # (6)
    AP *= alpha.astype(real)
    state.R[:, at] -= AP  # (3)
    R = state.R[:, at]
    GR = R if precondition is None else precondition(R)
    rho_next = check_positive(column_dot(R, GR), R, GR)
    beta = rho_next / np.where(rho > 0.0, rho, 1.0)  # (4)
    state.P[:, at] = GR + beta.astype(real) * P  # (5)
    if state.Q is not None:
        state.Q[:, at] = R + beta.astype(real) * state.Q[:, at]  # (6)
    state.kept[:, at] = rho_floor, rho_floor + beta * state.kept[1, at]  # (7)
    state.size2[at] = rho_next + beta**2 * state.size2[at]  # (9)
    state.rho[at] = rho_next
    _record(state, at, np.where(moves, alpha, np.nan), np.where(moves, beta, np.nan))
    goes_on = moves & (rho_next > 0.0) & (norms(R) > tolerance[at])
    state.active[at] &= goes_on & ~_has_grown(state, at, rho_next)


def _curvature(state: CGState, at: Any, P: Array, AP: Array) -> tuple[FloatArray, FloatArray]:
    """Return <p, A p> and what of it may be rounding, and keep the largest Rayleigh quotient."""
    curvature = column_dot(P, AP)
    sizes = norms(P) * norms(AP)
    refuse_lost(curvature, sizes)
    quotient = np.abs(curvature) / state.size2[at]
    state.peak[at] = np.maximum(state.peak[at], quotient)
    return curvature, _rounding(state) * np.maximum(state.peak[at] * state.size2[at], sizes)


def _step_length(
    state: CGState, at: Any, curvature: FloatArray, noise: FloatArray, floor: Floor
) -> tuple[FloatArray, FloatArray, Array]:
    """Return alpha of eq. (1), rho of eq. (7) at the floor after such a step, and who takes it.

    A column rests, alpha = 0, if p is a null vector to rounding, or the step would damp its floor.
    """
    moves = curvature > noise
    alpha = np.where(moves, state.rho[at], 0.0) / np.where(moves, curvature, 1.0)
    damped = _damped(state, at, alpha, floor)
    state.is_held |= bool((moves & (damped < KEPT)).any())
    moves &= damped >= KEPT
    return np.where(moves, alpha, 0.0), damped, moves


def _has_grown(state: CGState, at: Any, rho: FloatArray) -> Array:
    """Tell whether <r, G r> lies above its least by more than kappa, at most 1 / rounding."""
    state.best[at] = np.minimum(state.best[at], rho)
    return np.asarray(rho * _rounding(state) > state.best[at])


def _rounding(state: CGState) -> float:
    """Return the largest share of the largest Rayleigh quotient that is rounding."""
    return CURVATURE * float(np.finfo(state.X.dtype).eps)


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
    """Return c of eq. (8) for all columns; zero where a Ritz value lies below tau."""
    if not alpha:
        return np.ones(1)
    least = np.ones(alpha[0].size)
    with np.errstate(over="ignore", invalid="ignore"):
        for rho, _ in _polynomials(alpha, beta, np.outer([tau, -tau], least)):
            least = np.minimum(least, rho[0])
        c = np.minimum(rho[0], 1.0 / rho[1])
    return np.where((least > 0.0) & np.isfinite(c), c, 0.0)


def _polynomials(
    alpha: Sequence[FloatArray], beta: Sequence[FloatArray], lam: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Give rho and pi of eq. (7) at lambda after every step; a column that rests keeps them."""
    rho, pi = np.ones_like(lam), np.ones_like(lam)
    for a, b in zip(alpha, beta, strict=True):
        moves = np.isfinite(a)
        rho = np.where(moves, rho - np.where(moves, a, 0.0) * lam * pi, rho)
        pi = np.where(moves, rho + np.where(moves, b, 0.0) * pi, pi)
        yield rho, pi


def _damped(state: CGState, at: Any, alpha: FloatArray, floor: Floor) -> FloatArray:
    """Return rho of eq. (7) at the floor after a step alpha; the floor rises with the peak."""
    tau = np.maximum(floor[0], floor[1] * state.peak[at])
    if (tau > RISEN * state.floor[at]).any():
        state.floor[at] = tau
        state.kept = np.ones((2, state.floor.size))
        for after in _polynomials(state.alpha, state.beta, state.floor):
            state.kept = np.array(after)
    rho, pi = state.kept[:, at]
    return np.asarray(rho - alpha * state.floor[at] * pi)


def _record(state: CGState, at: Any, alpha: FloatArray, beta: FloatArray) -> None:
    """Append one row of coefficients; NaN for the columns that rest."""
    rows = np.full((2, state.active.size), np.nan)
    rows[:, at] = alpha, beta
    state.alpha.append(rows[0])
    state.beta.append(rows[1])
