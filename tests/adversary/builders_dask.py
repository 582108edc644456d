"""Matrices whose blocks are made by Dask, in this process."""

from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

import symrank
from tests.adversary.builders import by_products, pairs, rotated
from tests.adversary.problems import Problem

PARTS = 3


def world() -> AbstractContextManager[Any]:
    """Compute every graph at once, in the thread that asks."""
    import dask

    found: AbstractContextManager[Any] = dask.config.set(scheduler="sync")
    return found


def dask_rows(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return `pairs` as sparse blocks of rows."""
    import dask

    def wrap(A: Any) -> Any:
        edges = np.linspace(0, A.shape[0], PARTS + 1).astype(int)
        return symrank.on_dask([dask.delayed(A[i:j]) for i, j in pairwise(edges)])

    return by_products(pairs(lam, level, rng), lambda A: wrap(sp.csr_array(A)))


def dask_array(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return `rotated` as a Dask array of single precision, cut both ways."""
    import dask.array as da

    problem = rotated(lam, level, rng, np.float32)
    size = max(1, -(-lam.size // PARTS))
    found = by_products(problem, lambda A: da.from_array(A, chunks=(size, max(1, size - 1))))
    return Problem(**{**found.__dict__, "null": None})
