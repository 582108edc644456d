"""Random orthogonal matrices."""

from typing import Any

import numpy as np
import numpy.typing as npt

from symrank.support.typing import Array

__all__ = ["haar"]


def haar(n: int, rng: Any = None, dtype: npt.DTypeLike = np.float64) -> Array:
    """Return a random orthogonal (complex `dtype`: unitary) n x n matrix of Haar measure."""
    rng = np.random.default_rng(rng)
    gaussian: Array = rng.standard_normal((n, n))
    if np.dtype(dtype).kind == "c":
        gaussian = gaussian + 1j * rng.standard_normal((n, n))
    Q, R = np.linalg.qr(gaussian)
    phases = np.sign(np.diagonal(R))  # makes the factorisation unique, hence Q Haar
    return np.asarray(Q * phases, dtype=dtype)
