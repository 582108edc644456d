"""Random probe vectors and the noise of chains; both are functions of a seed and an address.

A probe has its own stream, and a number of a chain's noise depends on (key, step, row, chain)
alone, so neither blocking nor threads nor a restart change a bit.

`Streams` says which addresses belong to whom. Methods number their probes alike: a run of one and a
run of another on the same seed have the same probes, and each holds by itself.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from symrank.support.typing import Array

__all__ = ["Noise", "Streams", "blocks", "gaussian", "noise_of", "stream"]


class Streams:
    """Numbers of streams, none of which has two uses within a run."""

    PROBES = range(2**29 - 1)  # of every method
    NULL_NORM = range(2**29 - 1, 2**29 + 1)  # for |A|, where null vectors are looked for
    WIDTH = range(2**29 + 1, 2**29 + 2)  # that tells whether a rank is large
    ROWS = range(2**29 + 2, 2**29 + 3)  # of a long matrix, which a sketch adds up
    NULL = range(2**29 + 8, 2**30)  # columns whose null parts `Sketch` looks for
    NULL_TEST = range(2**30, 2**31)  # fresh ones, by the number of the block they test
    FINGERPRINT = range(2**32 - 8, 2**32 - 7)  # of seed 0: by which a checkpoint knows an operator
    LOSS = range(2**32 - 7, 2**32 - 6)  # directions in which gradient differences are tried
    METRIC = range(2**32 - 6, 2**32 - 4)  # vectors that a preconditioner is looked at with
    DEFLATION = range(2**32 - 4, 2**32 - 3)  # for |A|, where deflated vectors are judged
    COUNT_NORM = range(2**32 - 3, 2**32 - 2)  # a seed of its own: |A| of a count by a shifted rank
    NOISE = range(2**32 - 2, 2**32 - 1)  # of all chains
    BACKWARD_ERROR = NOISE  # in pairs with a factorisation's number: no single number is a pair
    CHECK = range(2**32 - 1, 2**32)  # at the door; in a pair with 1 for the size of a product


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


def blocks(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    """Split the numbers first..last-1; yield the first one of every block, and how many it has."""
    for start in range(first, last, size):
        yield start, min(size, last - start)
