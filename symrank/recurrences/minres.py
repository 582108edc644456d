r"""Preconditioned MINRES for a block of independent columns, for an indefinite A.

Lanczos in the inner product of G, a QR factorisation of its matrix by Givens rotations, and a
short recurrence for x (C. C. Paige and M. A. Saunders, SIAM J. Numer. Anal. 12, 1975; with G as
in H. Elman, D. Silvester, A. Wathen, "Finite elements and fast iterative solvers", alg. 4.1):
of all x in the Krylov space it takes the one of least <r, G r>. For b in the range of a singular A
it finds a solution in G range(A), as conjugate gradients do, and x = G y with the same recurrence
for y. The images of its directions w_j are orthonormal, <A w_j, G A w_k> = delta_jk, so that
1/|w_j|, in the norm of G^-1, is the size of G A along w_j: below a floor of the caller's the column
rests before it takes the step.

The error is damped by the residual polynomial rho_k(lambda) = prod (1 - lambda/theta_i), theta_i
the harmonic Ritz values, of either sign. log rho_k is concave between the two next to zero, and
zero at zero: with c = min(rho_k(tau), rho_k(-tau), 1), c > 0 in every step up to k,

    c <= rho_k(lambda) <= 1/c   for |lambda| <= tau.                                          (1)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg

from symrank._typing import Array, FloatArray
from symrank.recurrences import conjugate_gradient as cg
from symrank.recurrences._products import refuse_lost
from symrank.recurrences.conjugate_gradient import Floor, Product, check_positive, column_dot, norms

__all__ = ["MinresState", "damping", "extend", "ritz_values", "start"]

LEAST = 10.0  # |r|_G over its start, in eps: below it what is left of r is rounding
BREAKDOWN = 8.0  # gamma below this many eps of the largest: the Krylov space is invariant


@dataclass(kw_only=True)
class MinresState:
    """Six blocks of vectors and the rotations; all that is needed to go on."""

    X: Array  # (n, k)
    V: Array  # (n, k), v_j, orthonormal in G after division by gamma
    V_prev: Array
    Z: Array  # (n, k), G v_j
    W: Array  # (n, k), w_j
    W_prev: Array
    scalars: FloatArray  # (8, k): gamma, gamma_prev, eta, c, c_prev, s, s_prev, largest gamma
    start_norm: FloatArray  # (k,), |b|
    start_eta: FloatArray  # (k,), |b|_G
    active: Array  # (k,) bool
    Y: Array | None = None  # (n, k), x = G y, where it is wanted
    Q: Array | None = None  # (n, k), w_j = G q_j
    Q_prev: Array | None = None
    alpha: list[FloatArray] = field(default_factory=list)  # (k,) a step, NaN where a column rests
    beta: list[FloatArray] = field(default_factory=list)
    turns: list[FloatArray] = field(default_factory=list)  # (4, k) a step: a1, a2, a3, step length
    head: tuple[list[FloatArray], list[FloatArray]] = ([], [])  # alpha, beta of CG before

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return len(self.alpha)

    @property
    def rho(self) -> FloatArray:
        """<r, G r>, (k,)."""
        return np.asarray(self.scalars[2] ** 2)

    @property
    def is_indefinite(self) -> bool:
        """False: an indefinite A is no obstacle."""
        return False

    @property
    def is_done(self) -> bool:
        """True if all columns rest."""
        return not self.active.any()


def start(B: Array, precondition: Product | None = None, *, dual: bool = False) -> MinresState:
    """Return the state of x_0 = 0 for the right sides B (n, k); `dual` keeps y, x = G y."""
    V = B.copy()
    Z = V.copy() if precondition is None else precondition(V)
    gamma = np.sqrt(check_positive(column_dot(V, Z), V, Z))
    ones, zeros = np.ones_like(gamma), np.zeros_like(gamma)
    return MinresState(
        X=np.zeros_like(V),
        V=V,
        V_prev=np.zeros_like(V),
        Z=Z,
        W=np.zeros_like(V),
        W_prev=np.zeros_like(V),
        scalars=np.array([gamma, ones, gamma, ones, ones, zeros, zeros, zeros]),
        start_norm=norms(V),
        start_eta=gamma.copy(),
        active=gamma > 0.0,
        Y=np.zeros_like(V) if dual else None,
        Q=np.zeros_like(V) if dual else None,
        Q_prev=np.zeros_like(V) if dual else None,
    )


def extend(
    state: MinresState,
    matmat: Product,
    num_steps: int,
    tick: Callable[[int], None],
    tolerance: FloatArray,
    precondition: Product | None = None,
    floor: Floor = (0.0, 0.0),
) -> MinresState:
    """Take at most `num_steps` more steps; `state` is used up. See `conjugate_gradient.extend`.

    A column rests once |r|_G has fallen from its start as far as |r| is to fall: to the
    tolerance itself for G = I, but not below LEAST eps.
    """
    real = state.X.real.dtype
    eps = float(np.finfo(real).eps)
    share = tolerance / np.where(state.start_norm > 0.0, state.start_norm, 1.0)
    goal = np.maximum(share, LEAST * eps) * state.start_eta
    for _ in range(num_steps):
        state.active &= np.abs(state.scalars[2]) > goal
        if state.is_done:
            break
        at = slice(None) if state.active.all() else np.flatnonzero(state.active)
        gamma, gamma_prev, eta, c, c_prev, s, s_prev, largest = state.scalars[:, at].copy()
        V, Z = state.V[:, at], state.Z[:, at] / gamma.astype(real)
        AZ = matmat(Z)
        tick(Z.shape[1])
        delta = column_dot(Z, AZ)
        refuse_lost(delta, column_dot(AZ, AZ))
        AZ -= (delta / gamma).astype(real) * V
        AZ -= (gamma / gamma_prev).astype(real) * state.V_prev[:, at]  # AZ is v_(j+1)
        GV = AZ.copy() if precondition is None else precondition(AZ)
        gamma_next = np.sqrt(check_positive(column_dot(AZ, GV), AZ, GV))
        a0 = c * delta - c_prev * s * gamma
        a1 = np.hypot(a0, gamma_next)
        a2, a3 = s * delta + c_prev * c * gamma, s_prev * gamma
        largest = np.maximum(largest, np.maximum(np.abs(delta), gamma_next))
        moves = a1 > BREAKDOWN * eps * largest
        a1 = np.where(moves, a1, 1.0)
        c_next, s_next = a0 / a1, gamma_next / a1
        Wn = Z - a3.astype(real) * state.W_prev[:, at] - a2.astype(real) * state.W[:, at]
        Wn /= a1.astype(real)
        Qn = _dual(state, at, (V / gamma.astype(real), a1, a2, a3))
        size2 = column_dot(Wn, Wn if Qn is None else Qn)  # <w, G^-1 w>
        moves &= size2 * np.maximum(floor[0], floor[1] * largest) ** 2 <= 1.0
        length = np.where(moves, c_next * eta, 0.0)
        state.X[:, at] += length.astype(real) * Wn
        if state.Y is not None:
            state.Y[:, at] += length.astype(real) * Qn
        state.W_prev[:, at], state.W[:, at] = state.W[:, at], Wn
        state.V_prev[:, at], state.V[:, at], state.Z[:, at] = V, AZ, GV
        closed = gamma_next <= BREAKDOWN * eps * largest
        eta_next = np.where(moves, -s_next * eta, eta)
        state.scalars[:, at] = [gamma_next, gamma, eta_next, c_next, c, s_next, s, largest]
        state.active[at] &= moves & ~closed
        rows = np.full((6, state.active.size), np.nan)
        rows[:, at] = [delta, gamma_next, a1, a2, a3, length]
        state.alpha.append(rows[0])
        state.beta.append(rows[1])
        state.turns.append(rows[2:])
    return state


def _dual(
    state: MinresState, at: Any, step: tuple[Array, FloatArray, FloatArray, FloatArray]
) -> Array | None:
    """Advance q_j with w_j = G q_j by the recurrence of w_j."""
    if state.Q is None or state.Q_prev is None:
        return None
    V, a1, a2, a3 = step
    real = V.real.dtype
    Qn = V - a3.astype(real) * state.Q_prev[:, at] - a2.astype(real) * state.Q[:, at]
    Qn /= a1.astype(real)
    state.Q_prev[:, at], state.Q[:, at] = state.Q[:, at], Qn
    return np.asarray(Qn)


def damping(state: MinresState, tau: float) -> FloatArray:
    """Return c of eq. (1) for all columns, times that of the CG steps before; zero for none.

    The recurrence of x with every vector replaced by its polynomial, at tau and at -tau.
    """
    k = state.active.size
    lam = np.array([[tau], [-tau]])
    gamma = state.start_eta.copy()
    v = np.ones((2, k)) / np.where(gamma > 0.0, gamma, 1.0)
    v_prev, w, w_prev, x = (np.zeros((2, k)) for _ in range(4))
    least = np.ones(k)
    with np.errstate(all="ignore"):
        for delta, gamma_next, (a1, a2, a3, length) in zip(
            state.alpha, state.beta, state.turns, strict=True
        ):
            on = np.isfinite(delta)
            w_next = (v - a3 * w_prev - a2 * w) / a1
            v_next = ((lam - delta) * v - gamma * v_prev) / gamma_next
            x = np.where(on, x + length * w_next, x)
            w_prev, w = np.where(on, w, w_prev), np.where(on, w_next, w)
            v_prev, v = np.where(on, v, v_prev), np.where(on, v_next, v)
            gamma = np.where(on, gamma_next, gamma)
            rho = 1.0 - lam * x
            least = np.fmin(least, np.where(np.isfinite(rho), rho, 0.0).min(axis=0))
        c = np.minimum((1.0 - lam * x).min(axis=0), 1.0)
    known = (least > 0.0) & np.isfinite(c)
    return np.where(known, c, 0.0) * cg.damping(*state.head, tau)


def ritz_values(state: MinresState, column: int) -> FloatArray:
    """Return the eigenvalues of the Lanczos matrix of G A, ascending."""
    alpha = np.array([row[column] for row in state.alpha])
    beta = np.array([row[column] for row in state.beta])
    known = np.isfinite(alpha)
    if not known.any():
        return np.empty(0)
    return np.asarray(scipy.linalg.eigvalsh_tridiagonal(alpha[known], beta[known][:-1]))
