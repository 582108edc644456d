"""Orthonormal eigenvectors by LAPACK, split where the moduli of the eigenvalues are split."""

import numpy as np
import scipy.linalg

from symrank.operators.sums import widened
from symrank.support.typing import Array, FloatArray

__all__ = ["by_modulus"]


def by_modulus(entries: Array) -> tuple[FloatArray, Array]:
    """Return eigenvalues by falling modulus, (n,), and their vectors as columns, (n, n)."""
    values, vectors = scipy.linalg.eigh(entries.astype(widened(entries.dtype)), check_finite=False)
    order = np.argsort(-np.abs(values), kind="stable")
    return values[order].astype(np.float64), vectors[:, order]
