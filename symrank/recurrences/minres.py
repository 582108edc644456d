r"""Preconditioned MINRES for a block of independent columns, for an indefinite A.

Lanczos in the inner product of G, a QR factorisation of its tridiagonal matrix by Givens rotations,
and a short recurrence for x (C. C. Paige and M. A. Saunders, SIAM J. Numer. Anal. 12, 1975; with G
as in H. Elman, D. Silvester, A. Wathen, "Finite elements and fast iterative solvers", alg. 4.1).
Column by column, for A x = b, from x_0 = 0, v_1 = b, gamma_1 = eta_1 = <b, G b>^(1/2), gamma_0 =
c_0 = c_1 = 1, s_0 = s_1 = 0 and v_0 = w_0 = w_1 = 0:

    z_j = G v_j / gamma_j,  delta_j = <z_j, A z_j>                                            (1)
    v_(j+1) = A z_j - delta_j / gamma_j v_j - gamma_j / gamma_(j-1) v_(j-1)                   (2)
    gamma_(j+1) = <v_(j+1), G v_(j+1)>^(1/2)                                                  (3)
    a_0 = c_j delta_j - c_(j-1) s_j gamma_j,  a_1 = (a_0^2 + gamma_(j+1)^2)^(1/2)             (4)
    a_2 = s_j delta_j + c_(j-1) c_j gamma_j,  a_3 = s_(j-1) gamma_j                           (5)
    c_(j+1) = a_0 / a_1,  s_(j+1) = gamma_(j+1) / a_1                                         (6)
    w_(j+1) = (z_j - a_2 w_j - a_3 w_(j-1)) / a_1                                             (7)
    x_j = x_(j-1) + c_(j+1) eta_j w_(j+1)                                                     (8)
    eta_(j+1) = -s_(j+1) eta_j                                                                (9)

Of all x in the Krylov space x_j has the least <r, G r>, and that is eta_(j+1)^2. For b in the range
of a singular A it finds a solution in G range(A), as conjugate gradients do: x = G y and w = G q,
where y follows q as x follows w in (8), at no further product,

    q_(j+1) = (v_j / gamma_j - a_2 q_j - a_3 q_(j-1)) / a_1.                                 (10)

The images of the directions are orthonormal, <A w_i, G A w_j> = delta_ij, so that 1/|w_j|, in the
norm of G^-1, is the size of G A along w_j: where it is below the caller's floor, the column rests
before it takes the step.

The error is damped by the residual polynomial rho_k(lambda) = prod (1 - lambda/theta_i), theta_i
the harmonic Ritz values, of either sign. log rho_k is concave between the two next to zero, and
zero at zero: with c = min(rho_k(tau), rho_k(-tau), 1), c > 0 in every step up to k,

    c <= rho_k(lambda) <= 1/c   for |lambda| <= tau.                                         (11)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from symrank.recurrences import conjugate_gradient as cg
from symrank.recurrences.columns import check_positive, column_dot, norms, running
from symrank.recurrences.conjugate_gradient import Apply, Floor
from symrank.recurrences.lost import refuse_lost
from symrank.support.typing import Array, FloatArray

__all__ = ["MinresState", "damping", "extend", "ritz_values", "start"]

LEAST = 10.0  # |r|_G over its start, in eps: below it what is left of r is rounding
BREAKDOWN = 8.0  # gamma below this many eps of the largest: the Krylov space is invariant


class Scalars(NamedTuple):
    """What a column knows before step j, (k,) each: the rows of `MinresState.scalars`."""

    gamma: FloatArray  # gamma_j
    gamma_prev: FloatArray
    eta: FloatArray  # eta_j
    c: FloatArray  # c_j
    c_prev: FloatArray
    s: FloatArray  # s_j
    s_prev: FloatArray
    largest: FloatArray  # |delta| or gamma so far: a size of G A


class Rotation(NamedTuple):
    """Eqs. (4) to (6), (k,) each."""

    a1: FloatArray
    a2: FloatArray
    a3: FloatArray
    c: FloatArray  # c_(j+1)
    s: FloatArray  # s_(j+1)


@dataclass(kw_only=True)
class MinresState:
    """Six blocks of vectors and the rotations; all that is needed to go on."""

    X: Array  # (n, k)
    V: Array  # (n, k), v_j, of length gamma_j in the norm of G
    V_prev: Array
    Z: Array  # (n, k), G v_j
    W: Array  # (n, k), w_j
    W_prev: Array
    scalars: FloatArray  # (8, k), named by `Scalars`
    start_norm: FloatArray  # (k,), |b|
    start_eta: FloatArray  # (k,), |b|_G
    active: Array  # (k,) bool
    Y: Array | None = None  # (n, k), x = G y, where it is wanted
    Q: Array | None = None  # (n, k), w_j = G q_j
    Q_prev: Array | None = None
    # per step, NaN where a column rests: the Lanczos matrix, and what was done with it
    alpha: list[FloatArray] = field(default_factory=list)  # (k,), delta_j
    beta: list[FloatArray] = field(default_factory=list)  # (k,), gamma_(j+1)
    turns: list[FloatArray] = field(default_factory=list)  # (4, k): a1, a2, a3, c eta
    head: tuple[list[FloatArray], list[FloatArray]] = ([], [])  # alpha, beta of CG before

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return len(self.alpha)

    @property
    def rho(self) -> FloatArray:
        """<r, G r>, (k,)."""
        return np.asarray(Scalars(*self.scalars).eta ** 2)

    @property
    def is_indefinite(self) -> bool:
        """False: an indefinite A is no obstacle."""
        return False

    @property
    def is_done(self) -> bool:
        """True if all columns rest."""
        return not self.active.any()


def start(B: Array, precondition: Apply | None = None, *, dual: bool = False) -> MinresState:
    """Return the state of x_0 = 0 for the right sides B (n, k); `dual` keeps y, x = G y."""
    V = B.copy()
    Z = V.copy() if precondition is None else precondition(V)
    gamma = np.sqrt(check_positive(column_dot(V, Z), V, Z))
    ones, zeros = np.ones_like(gamma), np.zeros_like(gamma)
    first = Scalars(gamma, ones, gamma, c=ones, c_prev=ones, s=zeros, s_prev=zeros, largest=zeros)
    return MinresState(
        X=np.zeros_like(V),
        V=V,
        V_prev=np.zeros_like(V),
        Z=Z,
        W=np.zeros_like(V),
        W_prev=np.zeros_like(V),
        scalars=np.array(first),
        start_norm=norms(V),
        start_eta=gamma.copy(),
        active=gamma > 0.0,
        Y=np.zeros_like(V) if dual else None,
        Q=np.zeros_like(V) if dual else None,
        Q_prev=np.zeros_like(V) if dual else None,
    )


def extend(
    state: MinresState,
    matmat: Apply,
    num_steps: int,
    tick: Callable[[int], None],
    tolerance: FloatArray,
    precondition: Apply | None = None,
    floor: Floor = (0.0, 0.0),
) -> MinresState:
    """Take at most `num_steps` more steps; `state` is used up. See `conjugate_gradient.extend`.

    A column rests once |r|_G has fallen from its start as far as |r| is to fall: to the
    tolerance itself for G = I, but not below LEAST eps.
    """
    eps = float(np.finfo(state.X.dtype).eps)
    share = tolerance / np.where(state.start_norm > 0.0, state.start_norm, 1.0)
    goal = np.maximum(share, LEAST * eps) * state.start_eta
    for _ in range(num_steps):
        state.active &= np.abs(Scalars(*state.scalars).eta) > goal
        if state.is_done:
            break
        _step(state, matmat, tick, precondition, floor)
    return state


def _step(
    state: MinresState,
    matmat: Apply,
    tick: Callable[[int], None],
    precondition: Apply | None,
    floor: Floor,
) -> None:
    """Take one step in the columns that run."""
    real = state.X.real.dtype
    at = running(state.active)
    now = Scalars(*state.scalars[:, at].copy())
    V, Z = state.V[:, at], state.Z[:, at] / now.gamma.astype(real)  # (1)
    AZ = matmat(Z)
    tick(Z.shape[1])
    delta = _rayleigh_quotient(Z, AZ)  # (1)
    AZ -= (delta / now.gamma).astype(real) * V
    AZ -= (now.gamma / now.gamma_prev).astype(real) * state.V_prev[:, at]  # (2), v_(j+1)
    GV = AZ.copy() if precondition is None else precondition(AZ)
    gamma = np.sqrt(check_positive(column_dot(AZ, GV), AZ, GV))  # (3)
    largest = np.maximum(now.largest, np.maximum(np.abs(delta), gamma))
    noise = BREAKDOWN * float(np.finfo(real).eps) * largest
    turn, moves = _rotation(now, delta, gamma, noise)  # (4), (5), (6)
    W = _direction(Z, turn, state.W[:, at], state.W_prev[:, at])  # (7)
    Q = _dual_direction(state, at, now, turn)  # (10)
    size2 = column_dot(W, W if Q is None else Q)  # <w, G^-1 w>
    moves &= size2 * np.maximum(floor[0], floor[1] * largest) ** 2 <= 1.0
    length = np.where(moves, turn.c * now.eta, 0.0)
    state.X[:, at] += length.astype(real) * W  # (8)
    if state.Y is not None:
        state.Y[:, at] += length.astype(real) * Q  # (10)
    eta = np.where(moves, -turn.s * now.eta, now.eta)  # (9)
    state.W_prev[:, at], state.W[:, at] = state.W[:, at], W
    state.V_prev[:, at], state.V[:, at], state.Z[:, at] = V, AZ, GV
    state.scalars[:, at] = Scalars(gamma, now.gamma, eta, turn.c, now.c, turn.s, now.s, largest)
    state.active[at] &= moves & (gamma > noise)
    _record(state, at, (delta, gamma, turn.a1, turn.a2, turn.a3, length))


def _rayleigh_quotient(Z: Array, AZ: Array) -> FloatArray:
    """Return delta of eq. (1); raise where the product is not finite."""
    delta = column_dot(Z, AZ)
    refuse_lost(delta, column_dot(AZ, AZ))
    return delta


def _rotation(
    now: Scalars, delta: FloatArray, gamma: FloatArray, noise: FloatArray
) -> tuple[Rotation, Array]:
    """Return eqs. (4) to (6) for gamma_(j+1), and which columns have an a_1 beyond the noise.

    Where it is noise, A is singular on the Krylov space: the column rests, and 1 stands for a_1.
    """
    a0 = now.c * delta - now.c_prev * now.s * now.gamma
    a1 = np.hypot(a0, gamma)
    a2, a3 = now.s * delta + now.c_prev * now.c * now.gamma, now.s_prev * now.gamma
    moves = a1 > noise
    a1 = np.where(moves, a1, 1.0)
    return Rotation(a1, a2, a3, c=a0 / a1, s=gamma / a1), moves


def _direction(start: Array, turn: Rotation, W: Array, W_prev: Array) -> Array:
    """Return w_(j+1) of eq. (7) from z_j, or q_(j+1) of eq. (10) from v_j / gamma_j."""
    real = start.real.dtype
    after: Array = start - turn.a3.astype(real) * W_prev - turn.a2.astype(real) * W
    after /= turn.a1.astype(real)
    return after


def _dual_direction(state: MinresState, at: Any, now: Scalars, turn: Rotation) -> Array | None:
    """Advance q of eq. (10), where y is wanted."""
    if state.Q is None or state.Q_prev is None:
        return None
    V = state.V[:, at]
    start = V / now.gamma.astype(V.real.dtype)
    Q = _direction(start, turn, state.Q[:, at], state.Q_prev[:, at])
    state.Q_prev[:, at], state.Q[:, at] = state.Q[:, at], Q
    return Q


def _record(state: MinresState, at: Any, coefficients: tuple[FloatArray, ...]) -> None:
    """Append delta, gamma and a turn; NaN for the columns that rest."""
    rows = np.full((6, state.active.size), np.nan)
    rows[:, at] = coefficients
    state.alpha.append(rows[0])
    state.beta.append(rows[1])
    state.turns.append(rows[2:])


def damping(state: MinresState, tau: float) -> FloatArray:
    """Return c of eq. (11) for all columns, times that of the CG steps before; zero for none.

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
