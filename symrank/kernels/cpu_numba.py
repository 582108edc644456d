"""Numba kernels: each pass over memory once, sums in fixed chunks of rows.

A chunk has 1024 rows whatever the number of threads, and the partial sums are added in
the order of the chunks: so results do not depend on the threads, to the last bit.
"""

import os

# GNU OpenMP's threads spin at a barrier by default: with another busy process on the machine the
# steps of a Lanczos run took four times as long. Sleeping costs some microseconds a region.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from numba import njit, prange

from symrank._typing import Array, FloatArray

__all__ = ["golub_welsch", "lanczos_step", "langevin_step"]

CHUNK = 1024
EPS = float(np.finfo(np.float64).eps)
MAX_SWEEPS = 60  # QL takes under two a value; more means NaN came in


@njit(parallel=True, cache=True, error_model="numpy")
def _orthogonalise(Y, V, V_prev, beta):  # type: ignore[no-untyped-def]
    n, k = Y.shape
    num_chunks = (n + CHUNK - 1) // CHUNK
    partial = np.zeros((num_chunks, k))
    for c in prange(num_chunks):
        for i in range(c * CHUNK, min(n, (c + 1) * CHUNK)):
            for j in range(k):
                w = Y[i, j] - beta[j] * V_prev[i, j]
                Y[i, j] = w
                partial[c, j] += (np.conj(V[i, j]) * w).real
    return partial


@njit(parallel=True, cache=True, error_model="numpy")
def _subtract(Y, V, alpha):  # type: ignore[no-untyped-def]
    n, k = Y.shape
    num_chunks = (n + CHUNK - 1) // CHUNK
    partial = np.zeros((num_chunks, k))
    for c in prange(num_chunks):
        for i in range(c * CHUNK, min(n, (c + 1) * CHUNK)):
            for j in range(k):
                w = Y[i, j] - alpha[j] * V[i, j]
                Y[i, j] = w
                partial[c, j] += (np.conj(w) * w).real
    return partial


@njit(parallel=True, cache=True, error_model="numpy")
def _scale(Y, factor):  # type: ignore[no-untyped-def]
    n, k = Y.shape
    num_chunks = (n + CHUNK - 1) // CHUNK
    for c in prange(num_chunks):
        for i in range(c * CHUNK, min(n, (c + 1) * CHUNK)):
            for j in range(k):
                Y[i, j] *= factor[j]


def lanczos_step(
    Y: Array, V: Array, V_prev: Array, beta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """See `reference.lanczos_step`."""
    real = Y.real.dtype
    alpha = _orthogonalise(Y, V, V_prev, beta.astype(real)).sum(axis=0)
    beta_next = np.sqrt(_subtract(Y, V, alpha.astype(real)).sum(axis=0))
    inverse = np.divide(1.0, beta_next, out=np.zeros_like(beta_next), where=beta_next > 0)
    _scale(Y, inverse.astype(real))
    return alpha, beta_next


@njit(parallel=True, cache=True, error_model="numpy")
def _langevin(theta, grad, noise, eta, root_eta):  # type: ignore[no-untyped-def]
    n, k = theta.shape
    num_chunks = (n + CHUNK - 1) // CHUNK
    partial = np.zeros((num_chunks, 2, k))
    for c in prange(num_chunks):
        for i in range(c * CHUNK, min(n, (c + 1) * CHUNK)):
            for j in range(k):
                t, g = theta[i, j], grad[i, j]
                partial[c, 0, j] += (np.conj(t) * g).real
                partial[c, 1, j] += (np.conj(g) * g).real
                theta[i, j] = t - eta * g + root_eta * noise[i, j]
    return partial


def langevin_step(
    theta: Array, grad: Array, noise: Array, eta: float
) -> tuple[FloatArray, FloatArray]:
    """See `reference.langevin_step`."""
    real = theta.real.dtype.type
    sums = _langevin(theta, grad, noise, real(eta), real(np.sqrt(eta))).sum(axis=0)
    return sums[0], sums[1]


@njit(cache=True, error_model="numpy", nogil=True)
def _implicit_ql(d, e, first, last):  # type: ignore[no-untyped-def]
    """Diagonalise in place, rotating only the first and the last row of the vectors."""
    n = d.size
    for low in range(n):
        for _ in range(MAX_SWEEPS):
            m = low
            while m < n - 1 and abs(e[m]) > 0.5 * EPS * (abs(d[m]) + abs(d[m + 1])):
                m += 1
            if m == low:
                break
            p = (d[low + 1] - d[low]) / (2.0 * e[low])
            g = d[m] - d[low] + e[low] / (p + np.copysign(np.sqrt(p * p + 1.0), p))
            s, c, p = 1.0, 1.0, 0.0
            split = False
            for i in range(m - 1, low - 1, -1):
                f, b = s * e[i], c * e[i]
                r = np.sqrt(f * f + g * g)
                e[i + 1] = r
                if r == 0.0:
                    d[i + 1] -= p
                    e[m] = 0.0
                    split = True
                    break
                s, c = f / r, g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                t = first[i + 1]
                first[i + 1], first[i] = s * first[i] + c * t, c * first[i] - s * t
                t = last[i + 1]
                last[i + 1], last[i] = s * last[i] + c * t, c * last[i] - s * t
            if not split:
                d[low] -= p
                e[low] = g
                e[m] = 0.0


def golub_welsch(alpha: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """See `reference.golub_welsch`. O(k^2) time and O(k) memory, where LAPACK needs k^2."""
    k = alpha.size
    d, e = alpha.copy(), np.append(beta, 0.0)
    first, last = np.zeros(k), np.zeros(k)
    first[0] = last[-1] = 1.0
    _implicit_ql(d, e, first, last)
    order = np.argsort(d, kind="stable")
    return d[order], first[order], last[order]
