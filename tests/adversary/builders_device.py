"""Operators that live on a device: a stand-in, whose kernels are those of the host."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from tests.adversary.builders import by_products, diagonal, pairs, rotated
from tests.adversary.problems import Problem
from tests.device import stand_in


def sparse_there(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return `pairs` as a sparse matrix of CuPy."""
    problem = pairs(lam, level, rng)
    return by_products(problem, lambda A: stand_in.csr_matrix(sp.csr_matrix(A)))


def dense_there(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return `rotated` as a CuPy array of single precision."""
    return _hidden(by_products(rotated(lam, level, rng, np.float32), stand_in.ndarray))


def operator_there(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return diag(lam) as a CuPy `LinearOperator`."""
    d = stand_in.ndarray(lam)
    shape = (lam.size, lam.size)

    def wrap(_: Any) -> Any:
        return stand_in.LinearOperator(shape, lambda x: d * x, dtype=float)

    return _hidden(by_products(diagonal(lam, level), wrap))


def _hidden(problem: Problem) -> Problem:
    return Problem(**{**problem.__dict__, "null": None})
