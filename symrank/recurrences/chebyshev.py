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

import numpy as np

from symrank import kernels
from symrank.operators import Operator
from symrank.recurrences.lost import refuse_lost
from symrank.support.blocks import empty_block
from symrank.support.typing import Array, FloatArray

__all__ = ["ChebyshevState", "extend", "is_bounded", "start"]

GROWTH = 1e-3  # of |t_j|^2 over |v|^2: more than rounding adds in any affordable run


@dataclass(kw_only=True)
class ChebyshevState:
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

    T: Array
    T_prev: Array
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
    step = kernels.load(kernel).chebyshev_step
    product, _ = operator.multiplicand(is_summed=True)
    T, T_prev = state.T, state.T_prev
    slope, offset = 1.0 / state.half_width, -state.centre / state.half_width
    done, k = state.num_steps, T.shape[1]
    moments = np.concatenate([state.moments, np.empty((2 * num_steps, k))])
    for j in range(done + 1, done + num_steps + 1):
        twice = 1.0 if j == 1 else 2.0
        parts = product(T)
        mixed, square = step(parts, T, T_prev, twice * slope, twice * offset)  # (1): t_j in T_prev
        refuse_lost(mixed, square, parts=parts)
        moments[2 * j - 1] = mixed if j == 1 else 2.0 * mixed - moments[1]  # (2)
        moments[2 * j] = 2.0 * square - moments[0]  # (3)
        T, T_prev = T_prev, T
        tick(k)
    return ChebyshevState(
        T=T, T_prev=T_prev, moments=moments,
        centre=state.centre, half_width=state.half_width,
    )  # fmt: skip
