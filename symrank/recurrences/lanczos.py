"""Blocks of independent Lanczos recurrences, extendable without repeating a step.

Column by column, with v_1 = z / |z|, beta_0 = 0 (C. Lanczos, 1950):

    y = A v_j - beta_(j-1) v_(j-1),  alpha_j = <v_j, y>,  u_(j+1) = y - alpha_j v_j           (1)
    beta_j = |u_(j+1)|,  v_(j+1) = u_(j+1) / beta_j                                           (2)

The blocks hold u and not v: the division is left to the next step, which reads u anyway.
No reorthogonalisation: the counting function does not need it (`symrank.spectrum.measure`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from symrank import kernels
from symrank.operators import Operator
from symrank.operators.facts import Halves
from symrank.recurrences import golub_kahan
from symrank.recurrences.lost import refuse_lost
from symrank.recurrences.segments import Pace, State, by_columns, is_on_host
from symrank.spectrum.measure import LanczosRun
from symrank.support.blocks import empty_block
from symrank.support.typing import Array, FloatArray

__all__ = ["BidiagonalState", "LanczosState", "extend", "runs", "start"]

BREAKDOWN = 8.0  # beta_j below this many eps |T|: the Krylov space is invariant to rounding


@dataclass(kw_only=True)
class LanczosState(State):
    """Two blocks of vectors and the coefficients so far; all that is needed to go on."""

    blocks: ClassVar = ("U", "U_prev", "scale", "coupling")
    known: ClassVar = ("alpha", "beta", "norm2")

    U: Any  # (n, k), u_(j+1) of eq. (1); v_(j+1) = scale u_(j+1)
    U_prev: Any  # (n, k)
    scale: Any  # (k,)
    coupling: Any  # (k,), beta_j times the scale of U_prev
    alpha: FloatArray  # (j, k)
    beta: FloatArray  # (j, k)
    norm2: FloatArray  # (k,), |z|^2

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return int(self.alpha.shape[0])


@dataclass(kw_only=True)
class BidiagonalState(LanczosState):
    """The same of Golub-Kahan steps: `U_prev` is the block of the longer side.

    `alpha` and `beta` are the a and b of `symrank.recurrences.golub_kahan`.
    """


def start(Z: Array) -> LanczosState:
    """Begin from the columns of the block Z (n, k), which must not be zero."""
    n, k = Z.shape
    norm2 = np.einsum("ij,ij->j", Z.conj(), Z, dtype=np.result_type(Z, np.float64)).real
    U, U_prev = empty_block(n, k, Z.dtype), empty_block(n, k, Z.dtype)
    U[...], U_prev[...] = Z, 0
    return LanczosState(
        U=U,
        U_prev=U_prev,
        scale=1.0 / np.sqrt(norm2),
        coupling=np.zeros(k),
        alpha=np.empty((0, k)),
        beta=np.empty((0, k)),
        norm2=norm2,
    )


def extend(
    state: LanczosState,
    operator: Operator,
    num_steps: int,
    tick: Callable[[int], None],
    kernel: str | None = None,
) -> LanczosState:
    """Take `num_steps` more steps; `state` is used up. `tick(k)` is called after each product.

    Of an operator whose eigenvalues are the singular values of a factor they are Golub-Kahan steps.

    Raises
    ------
    NonFiniteError
        Where a coefficient is not finite.
    """
    if operator.facts.halves is not None:
        return _by_halves(state, operator.facts.halves(), num_steps, tick, kernel)
    K = kernels.load(kernel or operator.kernel)

    def walk(state: LanczosState) -> LanczosState:
        return _walked(K, state, operator, num_steps, tick)

    return by_columns(K, state, operator.n * operator.dtype.itemsize, walk)


def _walked(
    K: ModuleType,
    state: LanczosState,
    operator: Operator,
    num_steps: int,
    tick: Callable[[int], None],
) -> LanczosState:
    """Take the steps where the blocks are."""
    product, _ = operator.multiplicand(is_summed=True)
    step, where, is_looked_at, pace = K.lanczos_step, K.xp.where, is_on_host(K), Pace(K)
    U, U_prev, scale, coupling = state.U, state.U_prev, state.scale, state.coupling
    k = U.shape[1]
    alpha, beta = K.empty(num_steps, k, np.float64), K.empty(num_steps, k, np.float64)
    never = K.block(np.full(k, np.inf))
    for j in range(num_steps):
        parts = product(U)
        a, b = step(parts, U, U_prev, scale, coupling)  # (1): u_(j+1) in U_prev
        if is_looked_at:
            refuse_lost(a, b, parts=parts)
        alpha[j, :], beta[j, :] = a, b
        coupling = b * scale
        scale = 1.0 / where(b > 0.0, b, never)  # (2)
        U, U_prev = U_prev, U
        pace.step()
        tick(k)
    alpha, beta = K.host(alpha), K.host(beta)
    refuse_lost(alpha, beta)
    return LanczosState(
        U=U,
        U_prev=U_prev,
        scale=scale,
        coupling=coupling,
        alpha=np.concatenate([state.alpha, alpha]),
        beta=np.concatenate([state.beta, beta]),
        norm2=state.norm2,
    )


def _by_halves(
    state: LanczosState,
    halves: Halves,
    num_steps: int,
    tick: Callable[[int], None],
    kernel: str | None,
) -> BidiagonalState:
    """Take Golub-Kahan steps."""
    V = state.U_prev if isinstance(state, BidiagonalState) else None
    V, scale, coupling, a, b = golub_kahan.extended(
        (state.U, V), state.scale, state.coupling, halves, num_steps, tick, kernel
    )
    return BidiagonalState(
        U=state.U, U_prev=V, scale=scale, coupling=coupling, norm2=state.norm2,
        alpha=np.concatenate([state.alpha, a]), beta=np.concatenate([state.beta, b]),
    )  # fmt: skip


def runs(state: LanczosState, eps: float) -> Sequence[LanczosRun]:
    """Return one `LanczosRun` per column, cut where its Krylov space became invariant."""
    if isinstance(state, BidiagonalState):
        return golub_kahan.runs(state.alpha, state.beta, state.norm2, eps)
    found = []
    for a, b, norm2 in zip(state.alpha.T, state.beta.T, state.norm2, strict=True):
        scale = np.maximum.accumulate(np.abs(a) + b)
        closed = np.flatnonzero(b <= BREAKDOWN * eps * scale)
        length = int(closed[0]) + 1 if closed.size else a.size
        beta = b[:length].copy()
        if closed.size:
            beta[-1] = 0.0
        found.append(LanczosRun(a[:length].copy(), beta, float(norm2), eps))
    return found
