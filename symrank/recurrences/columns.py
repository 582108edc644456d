"""What the solvers do to the columns of a block, each column by itself."""

from typing import Any

import numpy as np

from symrank.errors import OptionError
from symrank.support.typing import Array, FloatArray

__all__ = ["CURVATURE", "check_positive", "column_dot", "norms", "running"]

CURVATURE = 100.0  # a Rayleigh quotient of this many eps of the largest is rounding


def column_dot(X: Array, Y: Array) -> FloatArray:
    """Return Re <x_j, y_j> for all columns, summed in double precision."""
    wide = np.result_type(X, np.float64)
    return np.asarray(np.einsum("ij,ij->j", X.conj(), Y, dtype=wide).real)


def norms(X: Array) -> FloatArray:
    """Return |x_j| for all columns."""
    return np.sqrt(column_dot(X, X))


def running(active: Array) -> Any:
    """Return an index of the columns that run; a slice, which copies nothing, where all do."""
    return slice(None) if active.all() else np.flatnonzero(active)


def check_positive(rho: FloatArray, R: Array, GR: Array) -> FloatArray:
    """Return <r, G r> with rounding below zero set to zero; raise where it is negative."""
    size = norms(R) * norms(GR)
    bad = ~(rho >= -CURVATURE * float(np.finfo(R.dtype).eps) * size)
    if bad.any():
        j = int(np.flatnonzero(bad)[0])
        raise OptionError(
            f"the preconditioner G is not positive definite: <r, G r> = {rho[j]:.3g} for a "
            f"residual with |r||G r| = {size[j]:.3g}. Pass a symmetric positive definite G; "
            "a multigrid cycle needs symmetric smoothing and a positive semidefinite matrix."
        )
    return np.maximum(rho, 0.0)
