r"""Blocks of Chebyshev recurrences and their moments, two for every product.

With B = (A - c I) / h, whose spectrum must lie in [-1, 1], column by column from t_0 = v:

    t_1 = B t_0,   t_j = 2 B t_(j-1) - t_(j-2),   t_j = T_j(B) v                              (1)

From 2 T_j T_k = T_(j+k) + T_|j-k| the moments mu_j = <v, T_j(B) v> come in pairs:

    mu_1 = <t_0, t_1>,   mu_(2j-1) = 2 <t_(j-1), t_j> - mu_1                                  (2)
    mu_0 = <t_0, t_0>,   mu_(2j) = 2 <t_j, t_j> - mu_0                                        (3)

A vector does not grow, |t_j| <= |v|, so nothing is normalised and rounding adds up at most
linearly in j. Eigenvalues outside [c - h, c + h] grow exponentially instead, and
`ChebyshevState.is_bounded` notices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from symrank import kernels
from symrank.operators import Operator
from symrank.recurrences.lost import refuse_lost
from symrank.recurrences.segments import Pace, State, by_columns, is_on_host
from symrank.support.blocks import empty_block
from symrank.support.typing import Array, FloatArray

__all__ = ["ChebyshevState", "extend", "is_bounded", "start"]

GROWTH = 1e-3  # of |t_j|^2 over |v|^2: more than rounding adds in any affordable run


@dataclass(kw_only=True)
class ChebyshevState(State):
    """Two blocks of vectors and the moments so far; all that is needed to go on.

    Attributes
    ----------
    T, T_prev
        (n, k) blocks t_j and t_(j-1).
    moments
        (2 j + 1, k) with row i = <v, T_i(B) v>, not normalised: row 0 is |v|^2.
    centre, half_width
        The c and h of B.
    """

    blocks: ClassVar = ("T", "T_prev")
    known: ClassVar = ("moments",)

    T: Any
    T_prev: Any
    moments: FloatArray
    centre: float
    half_width: float

    @property
    def num_steps(self) -> int:
        """Products per column so far."""
        return int(self.moments.shape[0] // 2)

    @property
    def is_bounded(self) -> bool:
        """False where the moments prove an eigenvalue outside [c - h, c + h]."""
        return is_bounded(self.moments)


def is_bounded(moments: FloatArray) -> bool:
    """Whether no moment exceeds |v|^2: all eigenvalues that v has lie inside the interval."""
    return bool((np.abs(moments) <= (1.0 + GROWTH) * moments[0]).all())


def start(Z: Array, centre: float, half_width: float) -> ChebyshevState:
    """Begin from the columns of the block Z (n, k), for the interval centre +- half_width."""
    n, k = Z.shape
    T, T_prev = empty_block(n, k, Z.dtype), empty_block(n, k, Z.dtype)
    T[...], T_prev[...] = Z, 0
    norm2 = np.einsum("ij,ij->j", Z.conj(), Z, dtype=np.result_type(Z, np.float64)).real
    return ChebyshevState(
        T=T, T_prev=T_prev, moments=norm2[None, :], centre=centre, half_width=half_width
    )


def extend(
    state: ChebyshevState,
    operator: Operator,
    num_steps: int,
    tick: Callable[[int], None],
    kernel: str | None = None,
) -> ChebyshevState:
    """Take `num_steps` more steps; `state` is used up. `tick(k)` is called after each product.

    Raises
    ------
    NonFiniteError
        Where a moment is not finite.
    """
    K = kernels.load(kernel or operator.kernel)

    def walk(state: ChebyshevState) -> ChebyshevState:
        return _walked(K, state, operator, num_steps, tick)

    return by_columns(K, state, operator.n * operator.dtype.itemsize, walk)


def _walked(
    K: ModuleType,
    state: ChebyshevState,
    operator: Operator,
    num_steps: int,
    tick: Callable[[int], None],
) -> ChebyshevState:
    """Take the steps where the blocks are."""
    product, _ = operator.multiplicand(is_summed=True)
    step, is_looked_at, pace = K.chebyshev_step, is_on_host(K), Pace(K)
    T, T_prev = state.T, state.T_prev
    slope, offset = 1.0 / state.half_width, -state.centre / state.half_width
    done, k = state.num_steps, T.shape[1]
    mixed, square = K.empty(num_steps, k, np.float64), K.empty(num_steps, k, np.float64)
    for j in range(num_steps):
        twice = 1.0 if done + j == 0 else 2.0
        parts = product(T)
        m, s = step(parts, T, T_prev, twice * slope, twice * offset)  # (1): t_j in T_prev
        if is_looked_at:
            refuse_lost(m, s, parts=parts)
        mixed[j, :], square[j, :] = m, s
        T, T_prev = T_prev, T
        pace.step()
        tick(k)
    mixed, square = K.host(mixed), K.host(square)
    refuse_lost(mixed, square)
    return ChebyshevState(
        T=T,
        T_prev=T_prev,
        moments=_moments(state.moments, mixed, square),
        centre=state.centre,
        half_width=state.half_width,
    )


def _moments(before: FloatArray, mixed: FloatArray, square: FloatArray) -> FloatArray:
    """Append the moments of eqs. (2) and (3), two for every step."""
    moments = np.empty((len(before) + 2 * len(mixed), before.shape[1]))
    moments[: len(before)] = before
    odd, even = moments[len(before) :: 2], moments[len(before) + 1 :: 2]
    odd[...] = mixed
    later = slice(1 if len(before) == 1 else 0, None)
    odd[later] = 2.0 * mixed[later] - moments[1:2]  # (2)
    even[...] = 2.0 * square - moments[0]  # (3)
    return moments
