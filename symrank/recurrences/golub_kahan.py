r"""Blocks of independent Golub-Kahan recurrences: two products, with X and X^H, a step.

Column by column, Y = X or X^H with the shorter side as its rows, u_1 = z / |z| on that side
(G. Golub and W. Kahan, SIAM J. Numer. Anal. 2, 1965, the lower bidiagonal form):

    a_j v_j     = Y^H u_j - b_(j-1) v_(j-1)                                                   (1)
    b_j u_(j+1) = Y v_j - a_j u_j                                                             (2)

The a_j are the diagonal of a bidiagonal L, the b_j stand below it; L L^T is the Jacobi matrix that
Lanczos steps with Y Y^H would find, at as many products, and its entries hold squares:
`symrank.spectrum.golub_kahan_run` keeps L. Two blocks are held, one of either side, and not
normalised: the division is left to the next half, which reads them anyway.
"""

from collections.abc import Callable

import numpy as np

from symrank import kernels
from symrank.operators.facts import Halves
from symrank.recurrences.lost import refuse_lost
from symrank.spectrum.golub_kahan_run import GolubKahanRun
from symrank.support.blocks import empty_block
from symrank.support.typing import Array, FloatArray

__all__ = ["extended", "runs"]

BREAKDOWN = 8.0  # a_j or b_j below this many eps |L|: the Krylov space is invariant to rounding


def extended(
    blocks: tuple[Array, Array | None],
    scale: FloatArray,
    coupling: FloatArray,
    halves: Halves,
    num_steps: int,
    tick: Callable[[int], None],
    kernel: str | None,
) -> tuple[Array, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Take `num_steps` steps of eqs. (1) and (2).

    Parameters
    ----------
    blocks
        (s, k) and (l, k), u_j and v_(j-1) of either side; both are used up. None before the first
        step.
    scale, coupling
        (k,) with ``scale * u_j`` of norm one; b_(j-1) times the scale of v_(j-1).
    halves
        The products.
    num_steps
        Of this call; one product with X and one with X^H each.
    tick
        Told of the columns after each step.
    kernel
        Name of a kernel file.

    Returns
    -------
    V, scale, coupling, a, b
        The block of the longer side, what the next step needs, and (num_steps, k) coefficients.
    """
    half = kernels.load(kernel).golub_kahan_step
    U, V = blocks
    k = U.shape[1]
    if V is None:
        V = empty_block(halves.long, k, U.dtype)
        V[...] = 0
    a, b = np.empty((num_steps, k)), np.empty((num_steps, k))
    for j in range(num_steps):
        parts = halves.up(U)
        a[j] = half(parts, V, scale, coupling)  # (1)
        refuse_lost(a[j], parts=parts)
        coupling, scale = a[j] * scale, _inverse(a[j])
        parts = halves.down(V)
        b[j] = half(parts, U, scale, coupling)  # (2)
        refuse_lost(b[j], parts=parts)
        coupling, scale = b[j] * scale, _inverse(b[j])
        tick(k)
    return V, scale, coupling, a, b


def _inverse(norm: FloatArray) -> FloatArray:
    return np.divide(1.0, norm, out=np.zeros(norm.size), where=norm > 0.0)


def runs(a: FloatArray, b: FloatArray, norm2: FloatArray, eps: float) -> list[GolubKahanRun]:
    """Return one run per column, cut where its Krylov space became invariant."""
    found = []
    for first, second, size in zip(a.T, b.T, norm2, strict=True):
        scale = np.maximum.accumulate(first + second)
        closed = np.flatnonzero(np.minimum(first, second) <= BREAKDOWN * eps * scale)
        length = int(closed[0]) + 1 if closed.size else first.size
        diagonal, below = first[:length].copy(), second[:length].copy()
        if closed.size:
            below[-1] = 0.0
            if diagonal[-1] <= BREAKDOWN * eps * scale[length - 1]:
                diagonal[-1] = 0.0
        found.append(GolubKahanRun(diagonal, below, float(size), eps))
    return found
