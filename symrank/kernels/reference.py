"""Plain NumPy kernels: the specification that every other kernel file is tested against.

Blocks are (n, k) in C order; a column is a vector. Sums over rows are in double precision.

A kernel file also says where its blocks and (k,) results live: `xp` is their array namespace,
`empty` and `block` make one, `host` brings one home. Who calls a kernel makes its arrays with these
and uses of `xp` what the array API standard has, so that any kernel file will do.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse

from symrank.kernels.coefficients import Coefficients
from symrank.kernels.multiplicands import Diagonal, Given, Multiplicand
from symrank.support.blocks import empty_block
from symrank.support.probes import Noise
from symrank.support.typing import Array, FloatArray

__all__ = [
    "block",
    "chebyshev_step",
    "draw",
    "empty",
    "golub_kahan_step",
    "golub_welsch",
    "host",
    "lanczos_step",
    "langevin_step",
    "multiply",
    "xp",
]

ROWS = 64  # rows of a block of noise
xp = np  # the array namespace of blocks and results


def empty(n: int, k: int, dtype: npt.DTypeLike) -> Array:
    """Return an uninitialised (n, k) block where the kernel works, in C order."""
    return empty_block(n, k, dtype)


def block(Z: Array) -> Array:
    """Return a fresh array where the kernel works, with the values of one of the host."""
    fresh = empty(Z.shape[0], math.prod(Z.shape[1:]), Z.dtype).reshape(Z.shape)
    fresh[...] = Z
    return fresh


def host(x: Array) -> Array:
    """Return as an ndarray what the kernel gave; where that is one, it is handed through."""
    return x


def lanczos_step(
    product: Multiplicand,
    U: Array,
    U_prev: Array,
    scale: FloatArray,
    coupling: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Take one step of k independent Lanczos recurrences, without normalising.

    Vectors are held unnormalised, v_j = scale u_j. With y = scale A u - coupling u_prev,
    alpha = <scale u, y> and w = y - alpha scale u, the block `U_prev` becomes w.

    Parameters
    ----------
    product
        What gives A u; see `langevin_step`.
    U, U_prev
        (n, k) blocks u_j and u_(j-1); `U_prev` is overwritten by w.
    scale
        (k,) with v_j = scale u_j; zero for a finished column.
    coupling
        (k,) beta_(j-1) times the scale of u_(j-1).

    Returns
    -------
    alpha, norm
        (k,) each, in double precision; |w| is beta_j, and its inverse the next scale.
    """
    real = U.real.dtype
    y = scale.astype(real) * multiply(product) - coupling.astype(real) * U_prev
    v = scale.astype(real) * U
    alpha = np.einsum("ij,ij->j", v.conj(), y, dtype=_sum_dtype(U)).real
    w = y - (alpha * scale).astype(real) * U
    U_prev[...] = w
    return alpha, np.sqrt(np.einsum("ij,ij->j", w.conj(), w, dtype=_sum_dtype(U)).real)


def golub_kahan_step(
    product: Multiplicand, W_prev: Array, scale: FloatArray, coupling: FloatArray
) -> FloatArray:
    """Take half a step of k Golub-Kahan recurrences, without normalising.

    The block `W_prev` of one side becomes w = scale X u - coupling w_prev, u a block of the other.

    Parameters
    ----------
    product
        What gives X u, of as many rows as `W_prev`; see `langevin_step`.
    W_prev
        (m, k) block, overwritten by w.
    scale
        (k,) with scale u of norm one; zero for a finished column.
    coupling
        (k,) |u| times the scale of w_prev.

    Returns
    -------
    norm
        (k,) in double precision; its inverse is the next scale.
    """
    real = W_prev.real.dtype
    W_prev[...] = scale.astype(real) * multiply(product) - coupling.astype(real) * W_prev
    square = np.einsum("ij,ij->j", W_prev.conj(), W_prev, dtype=_sum_dtype(W_prev))
    return np.asarray(np.sqrt(square.real))


def chebyshev_step(
    product: Multiplicand, T: Array, T_prev: Array, slope: float, offset: float
) -> tuple[FloatArray, FloatArray]:
    """Take one step of k Chebyshev recurrences: `T_prev` becomes slope A t + offset t - t_prev.

    With B = (A - c I) / h, slope = 2 / h and offset = -2 c / h that is 2 B t - t_prev.

    Parameters
    ----------
    product
        What gives A t; see `langevin_step`.
    T, T_prev
        (n, k) blocks t_j and t_(j-1); `T_prev` is overwritten by t_(j+1).
    slope, offset
        Of the linear map from A to 2 B; half of it for the first step, t_1 = B t_0.

    Returns
    -------
    mixed, square
        (k,) each, in double precision: <t_j, t_(j+1)> and <t_(j+1), t_(j+1)>.
    """
    real = T.real.dtype.type
    T_prev[...] = real(slope) * multiply(product) + real(offset) * T - T_prev
    mixed = np.einsum("ij,ij->j", T.conj(), T_prev, dtype=_sum_dtype(T)).real
    square = np.einsum("ij,ij->j", T_prev.conj(), T_prev, dtype=_sum_dtype(T)).real
    return mixed, square


def langevin_step(
    product: Multiplicand,
    theta: Array,
    out: Array,
    velocity: Array | None,
    coefficients: Coefficients,
    noise: Noise,
    step: int,
    chain: int = 0,
) -> FloatArray:
    """Advance a block of Langevin chains by one step of a scheme of `symrank.spectrum.filters`.

    Parameters
    ----------
    product
        What gives y = A x: `Given`, `Diagonal` or `Csr`. x is theta itself, or what stands for it
        (A theta, for the square of A).
    theta
        (n, k) block of states.
    out
        Where the new states go: theta itself, unless x is theta and A is not diagonal.
    velocity
        (n, k) block of velocities, changed in place; None for a scheme of first order.
    coefficients
        Of the scheme.
    noise, step, chain
        Law and key, number of the step, number of the chain in column 0.

    Returns
    -------
    ndarray
        (k,) energies of the states before the step, in double precision.
    """
    y = multiply(product)
    real = theta.real.dtype.type
    eta = coefficients.step
    n = draw(theta.shape, theta.dtype, noise, step, chain)
    if coefficients.averaged:
        n = (n + draw(theta.shape, theta.dtype, noise, step + 1, chain)) * real(0.5)
    n = n * real(coefficients.noise)
    if velocity is None:
        dual = 2 * theta - real(coefficients.energy_correction) * y
        energy = np.einsum("ij,ij->j", y.conj(), dual, dtype=_sum_dtype(theta)).real
        out[...] = theta - real(eta) * y + n
    else:
        energy = np.einsum("ij,ij->j", y.conj(), theta, dtype=_sum_dtype(theta)).real
        u = velocity - real(eta) * y
        velocity[...] = real(coefficients.decay) * u + n
        out[...] = theta + real(0.5 * eta) * (u + velocity)
    return np.asarray(energy)


def multiply(product: Multiplicand) -> Array:
    """Return y of a `product`; see `langevin_step`. A sparse matrix need not be square."""
    if isinstance(product, Given):
        return product.Y
    if isinstance(product, Diagonal):
        return np.asarray(product.d[:, None] * product.X)
    indptr, indices, data, x = product
    wide = _sum_dtype(x)
    shape = (indptr.size - 1, x.shape[0])
    A = scipy.sparse.csr_array((data.astype(wide), indices, indptr), shape=shape)
    return np.asarray((A @ x.astype(wide)).astype(x.dtype))


def draw(
    shape: tuple[int, int], dtype: npt.DTypeLike, noise: Noise, step: int, chain: int = 0
) -> Array:
    """Return the noise of one step: (n, k), column 0 belongs to chain number `chain`.

    A column is a chain; a complex chain has the columns 2 j and 2 j + 1, of variance 1/2 each.
    Philox gives four words for every (row mod 16 of a block of 64, chain); one of them is 32 signs
    of 32 chains, or two of them a pair of Gaussians in rows r and r + 32.
    """
    n, k = shape
    if np.issubdtype(dtype, np.complexfloating):
        parts = draw((n, 2 * k), np.zeros(0, dtype).real.dtype, noise, step, 2 * chain)
        return np.asarray((parts * parts.dtype.type(np.sqrt(0.5))).view(dtype))
    blocks = -(-n // ROWS)
    rows = np.arange(blocks * ROWS // 4, dtype=np.uint64)[:, None]
    chains = np.arange(chain, chain + k, dtype=np.uint64)
    columns = chains if noise.is_gaussian else np.unique(chains // np.uint64(32))
    high, low = divmod(step, 2**32)
    words = philox(rows, columns[None, :], np.uint64(low), np.uint64(high), noise.key)
    if noise.is_gaussian:
        first, second = box_muller(words[0], words[1]), box_muller(words[2], words[3])
        quarters = (first[0], second[0], first[1], second[1])
    else:
        group = np.searchsorted(columns, chains // np.uint64(32))
        bits = [word[:, group] >> (chains % np.uint64(32)) & np.uint64(1) for word in words]
        quarters = tuple(1.0 - 2.0 * bit.astype(np.float32) for bit in bits)
    shaped = [q.reshape(blocks, ROWS // 4, k) for q in quarters]
    return np.ascontiguousarray(np.concatenate(shaped, axis=1).reshape(-1, k)[:n], dtype=dtype)


def philox(c0: Any, c1: Any, c2: Any, c3: Any, key: int) -> tuple[Array, Array, Array, Array]:
    """Philox4x32-10: four 32-bit words (in uint64) from a counter of four and a 64-bit key.

    J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    k0, k1 = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
    c0, c1, c2, c3 = np.broadcast_arrays(c0, c1, c2, c3)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c2 = (p1 >> shift) ^ c1 ^ k0, (p0 >> shift) ^ c3 ^ k1
        c1, c3 = p1 & low, p0 & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


def box_muller(a: Array, b: Array) -> tuple[Array, Array]:
    """Two independent Gaussians in single precision from two 32-bit words.

    31 bits of `a` give the radius (at most 6.7), 29 bits of `b` an angle in [-pi/4, pi/4), and its
    top three bits exchange the two or change their signs.
    """
    u = ((a >> np.uint64(1)).astype(np.float64) + 0.5) / 2**31
    r = np.sqrt(-2.0 * np.log(u))
    t = ((b & np.uint64(0x1FFFFFFF)).astype(np.float64) - 2**28) * (np.pi / 2**30)
    swap, minus_y, minus_x = ((b >> np.uint64(j)) & np.uint64(1) for j in (31, 29, 30))
    x = np.where(swap, np.cos(t), np.sin(t)) * r * (1.0 - 2.0 * minus_x)
    y = np.where(swap, np.sin(t), np.cos(t)) * r * (1.0 - 2.0 * minus_y)
    return x.astype(np.float32), y.astype(np.float32)


def golub_welsch(alpha: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Eigenvalues (ascending) of a symmetric tridiagonal matrix, first and last components.

    `alpha` (k,) is the diagonal, `beta` (k - 1,) the off-diagonal; G. H. Golub and
    J. H. Welsch, Math. Comp. 23 (1969): the squared first components are the weights.
    """
    if alpha.size == 1:
        return alpha.copy(), np.ones(1), np.ones(1)
    nodes, vectors = scipy.linalg.eigh_tridiagonal(alpha, beta)
    return np.asarray(nodes, np.float64), vectors[0], vectors[-1]


def _sum_dtype(X: Array) -> Any:
    """Return the double precision type in which sums over `X` are taken."""
    return np.result_type(X, np.float64)
