"""Random probe vectors; every vector has its own stream, so blocking changes nothing."""

from typing import Any

import numpy as np

from symrank._typing import Array

__all__ = ["gaussian", "stream"]


def stream(seed: int, *key: int) -> np.random.Generator:
    """Return the generator that belongs to `seed` and an integer key, independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def gaussian(seed: int, first: int, count: int, n: int, dtype: np.dtype[Any]) -> Array:
    """Return Gaussian probes number `first`..`first + count - 1` as a block (n, count), C order.

    Entries have variance 1; complex ones have independent parts of variance 1/2 each.
    """
    Z = np.empty((n, count), dtype=dtype)
    for j in range(count):
        rng = stream(seed, first + j)
        if np.issubdtype(dtype, np.complexfloating):
            Z[:, j] = (rng.standard_normal(n) + 1j * rng.standard_normal(n)) / np.sqrt(2.0)
        else:
            Z[:, j] = rng.standard_normal(n)
    return Z
