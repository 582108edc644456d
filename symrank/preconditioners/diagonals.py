"""Diagonals of G that are made from what is known of A: their square roots, (n,)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from symrank.errors import NonFiniteError, OptionError
from symrank.operators.facts import Facts
from symrank.support.typing import FloatArray

__all__ = ["adam", "given", "jacobi", "refuse_first"]


def given(g: npt.ArrayLike) -> FloatArray:
    """Return sqrt(g); see `Preconditioner.diagonal`."""
    values = _real_vector(g, "the diagonal of a preconditioner")
    refuse_first(
        values,
        ~(np.isfinite(values) & (values > 0.0)),
        "the diagonal of a preconditioner must be positive and finite",
        "For an empty row of A, where 1/a_ii does not exist, any positive number will do.",
    )
    return np.sqrt(values)


def jacobi(facts: Facts) -> FloatArray:
    """Return 1 / sqrt|a_ii|; see `Preconditioner.jacobi`."""
    if facts.diagonal is None:
        raise OptionError(
            f'preconditioner="jacobi" needs the diagonal, and the entries of this {facts.n}x'
            f"{facts.n} operator are not known. Pass Preconditioner.diagonal(1 / diag) with the "
            "diagonal or an estimate of it."
        )
    diagonal = facts.diagonal()
    size = np.abs(diagonal).astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(size))
    if bad.size:
        i = bad[0]
        raise NonFiniteError(
            f"the diagonal of the matrix is not finite: A[{i}, {i}] = "
            f"{diagonal[i]}. Remove or replace it: no rank is defined."
        )
    known = size > 0.0
    root = np.ones_like(size)
    root[known] = 1.0 / np.sqrt(size[known])  # 1 / size may overflow
    if known.any():
        root[~known] = np.quantile(root[known], 0.5, method="lower")
    return root


def adam(second_moments: npt.ArrayLike, eps: float) -> FloatArray:
    """Return 1 / sqrt(sqrt(v) + eps); see `Preconditioner.adam`."""
    if not 0.0 < eps < np.inf:
        raise OptionError(
            f"eps={eps} must be positive and finite: it bounds G where a second moment is "
            "zero. Pass the eps of the optimiser, 1e-8 by default."
        )
    values = _real_vector(second_moments, "the second moments of Adam")
    refuse_first(
        values,
        ~(np.isfinite(values) & (values >= 0.0)),
        "a second moment is a mean of squares: it must be finite and >= 0",
        "Pass Adam's v (exp_avg_sq in PyTorch) in the order of the parameters.",
    )
    return 1.0 / np.sqrt(np.sqrt(values) + eps)


def _real_vector(values: npt.ArrayLike, what: str) -> FloatArray:
    """Return a fresh vector of doubles, or raise with what came instead."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise OptionError(
            f"{what} came as {array.dtype} of shape {array.shape}, but it must be a vector of "
            "real numbers, of shape (n,). Pass x.ravel() or x.diagonal()."
        )
    return array.astype(np.float64)


def refuse_first(values: FloatArray, bad: Any, rule: str, remedy: str) -> None:
    """Raise for the first value that is bad."""
    where = np.flatnonzero(bad)
    if where.size:
        first = where[0]
        raise OptionError(f"{rule}, and entry {first} is {values[first]:.6g}. {remedy}")
