"""What is orthogonal to a basis, and what a symmetric operator leaves of vectors outside of it."""

import numpy as np
import scipy.linalg

from symrank.operators.gemm import gemm
from symrank.recurrences import conjugate_gradient as cg
from symrank.support.typing import Array, FloatArray

__all__ = ["complement", "null_part", "outside"]


def complement(Q: Array) -> Array:
    """Return orthonormal columns, (n, n - k), orthogonal to those of Q, (n, k)."""
    n, k = Q.shape
    whole: Array = scipy.linalg.qr(Q, check_finite=False)[0] if k else np.eye(n, dtype=Q.dtype)
    return np.ascontiguousarray(whole[:, k:])


def outside(image: Array, Q: Array) -> FloatArray:
    """Return |(I - Q Q*) y| for the columns y of the image A Q."""
    return cg.norms(image - gemm(Q, gemm(Q.conj().T, image)))


def null_part(Q: Array, image: Array, cut: float) -> tuple[Array, FloatArray]:
    """Return the part of the span of Q where |A q| <= cut, by singular values, and those of A Q.

    Where all of A Q is that small at once, Q stays as it is.
    """
    k = Q.shape[1]
    if not k or float(np.linalg.norm(image)) <= cut:
        return Q, cg.norms(image)
    R = image if image.shape[0] < k else np.linalg.qr(image, mode="r")
    _, sigma, right = np.linalg.svd(R)
    sigma = np.concatenate([sigma, np.zeros(k - sigma.size)])
    keep = right.conj().T[:, sigma <= cut]
    vectors = np.linalg.qr(gemm(Q, np.ascontiguousarray(keep)))[0]
    return np.ascontiguousarray(vectors), sigma[sigma <= cut]
