r"""An orthonormal basis of the null vectors of a block, each as good as rounding lets it be.

The m columns of Z, |A z| <= c eps |A| |z|, span k < m dimensions. Q = Z C with C the inverse of
their coefficients has |A q| <= c eps |A| |Z| / s, s the least singular value of Z. For Gaussian
coefficients s may be tiny: s < t sqrt(k) with a probability of order t^(m - k + 1) (A. Edelman,
SIAM J. Matrix Anal. Appl. 9, 1988), one block in some hundred with |Z| / s > 200 for m = 8, k = 7.
In single precision that is more than the floor allows, and whether the vector is certified hangs on
the last bits of the products. One more solve, A x = A q, on the few q that it concerns,

    q - x,   |A (q - x)| <= c eps |A| |q|,                                                    (1)

owes nothing to s. As |x| is small beside |q| = 1, the vectors stay orthonormal up to a QR.
"""

import numpy as np

from symrank.methods.spaces.solve import project
from symrank.operators.gemm import gemm
from symrank.recurrences import conjugate_gradient as cg
from symrank.recurrences.conjugate_gradient import Apply
from symrank.support.typing import Array, FloatArray

__all__ = ["cleaned", "coordinates", "improved"]

INDEPENDENT = 0.5  # least singular value of unit vectors that (1) has moved by little


def coordinates(Z: Array, least: float) -> tuple[Array, FloatArray]:
    """Return an orthonormal basis of what spreads more than `least`, and all singular values."""
    Q, R = np.linalg.qr(Z)
    left, spread, _ = np.linalg.svd(R)
    return gemm(Q, left[:, : int((spread > least).sum())]), spread


def cleaned(B: Array, Q: Array, allowed: FloatArray | float) -> Array:
    """Return B = A Z without what rounding has left along the null vectors Q so far.

    A z is orthogonal to null vectors up to rounding, which no solve can reduce: without it the
    recurrence goes further. A part along Q of more than `allowed` belongs to a z that is no null
    vector yet, and stays.
    """
    along = cg.norms(gemm(Q.conj().T, B))
    return np.ascontiguousarray(np.where(along <= allowed, project(B, Q), B))


def improved(
    basis: Array, image: Array, poor: Array, X: Array, multiply: Apply
) -> tuple[Array, Array]:
    """Return the basis with q - x for the `poor` q where that is better, eq. (1), and A times it.

    Where the new ones are no longer independent they were no null vectors: the old ones stay.
    """
    Q = basis[:, poor] - X
    residual, lengths = cg.norms(multiply(Q)), cg.norms(Q)
    better = residual < cg.norms(image[:, poor]) * lengths
    moved = basis.copy()
    moved[:, poor[better]] = Q[:, better]
    Q, R = np.linalg.qr(moved)
    if not better.any() or np.linalg.svd(R, compute_uv=False).min() < INDEPENDENT:
        return basis, image
    Q = np.ascontiguousarray(Q)
    return Q, multiply(Q)
