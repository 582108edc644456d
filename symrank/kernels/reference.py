"""Plain NumPy kernels: the specification that every other kernel file is tested against.

Blocks are (n, k) in C order; a column is a vector. Sums over rows are in double precision.
"""

from typing import Any

import numpy as np
import scipy.linalg

from symrank._typing import Array, FloatArray

__all__ = ["golub_welsch", "lanczos_step", "langevin_step"]


def lanczos_step(
    Y: Array, V: Array, V_prev: Array, beta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Turn the products Y = A V into the next Lanczos vectors, in place; k recurrences at once.

    w = Y - beta V_prev,  alpha = <V, w>,  w <- w - alpha V,  beta' = |w|,  Y <- w / beta'

    Returns alpha and beta', float64 of length k. A column whose beta' is zero becomes zero.
    """
    w = Y - beta.astype(Y.real.dtype) * V_prev
    alpha = np.einsum("ij,ij->j", V.conj(), w, dtype=_sum_dtype(Y)).real
    w -= alpha.astype(Y.real.dtype) * V
    beta_next = np.sqrt(np.einsum("ij,ij->j", w.conj(), w, dtype=_sum_dtype(Y)).real)
    inverse = np.divide(1.0, beta_next, out=np.zeros_like(beta_next), where=beta_next > 0)
    np.multiply(w, inverse.astype(Y.real.dtype), out=Y)
    return alpha, beta_next


def langevin_step(
    theta: Array, grad: Array, noise: Array, eta: float
) -> tuple[FloatArray, FloatArray]:
    """Advance a block of Euler-Maruyama chains in place, eq. (21) with G = I, sigma = 1.

    theta <- theta - eta g + sqrt(eta) n; returns <theta, g> and <g, g> of the state left behind.
    """
    theta_grad = np.einsum("ij,ij->j", theta.conj(), grad, dtype=_sum_dtype(theta)).real
    grad_grad = np.einsum("ij,ij->j", grad.conj(), grad, dtype=_sum_dtype(theta)).real
    real = theta.real.dtype.type
    theta -= real(eta) * grad
    theta += real(np.sqrt(eta)) * noise
    return theta_grad, grad_grad


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
