"""Random probe vectors and the noise of chains; both are functions of a seed and an address.

A probe has its own stream, and a number of a chain's noise depends on (key, step, row, chain)
alone, so neither blocking nor threads nor a restart change a bit.
"""

from typing import Any, NamedTuple

import numpy as np

from symrank._typing import Array

__all__ = ["Noise", "gaussian", "noise_of", "stream"]


class Noise(NamedTuple):
    """Law and key of a chain's noise; the numbers themselves are made by the kernels."""

    is_gaussian: bool  # else +-1 with equal probability
    key: int  # 64 bits


def noise_of(law: str, seed: int, *key: int) -> Noise:
    """Return the noise called "gaussian" or "rademacher" that belongs to `seed` and `key`."""
    sequence = np.random.SeedSequence(seed, spawn_key=key)
    return Noise(law == "gaussian", int(sequence.generate_state(1, np.uint64)[0]))


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
