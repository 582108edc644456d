"""Sums over the rows of a block, in an order that is part of what a kernel promises.

A column's sum over a chunk of `CHUNK` rows is one chain, total = fma(a, b, total) in the order of
the rows, from zero on. `FAN` neighbouring chunks are added in their order, from the first on; the
groups again so, until one is left. Nothing else enters: not the number of columns, nor how a kernel
splits them, nor who works off which chunk. A GPU, whose threads are chunks, keeps the same order,
and so the same bits.

With N rows the longest chain has max(CHUNK, FAN) terms, and the error of a sum is at most
(CHUNK + FAN log_FAN(N / CHUNK)) units of the sum of the terms' sizes: less than a single chain's N.
"""

import numpy as np

from symrank.kernels.compiled.compiler import compiled

__all__ = ["CHUNK", "FAN", "add_chunks", "num_chunks"]

CHUNK = 256  # rows, the unit of threads here and on a GPU: at 1e5 rows and 16 columns 6256 of them
FAN = 256  # chunks, or groups of them, that one chain adds


def num_chunks(n: int) -> int:
    """Return how many chunks n rows have."""
    return -(-n // CHUNK)


@compiled
def add_chunks(partial):
    """Return the (k,) sums of `partial` (chunks, k), which is used up."""
    left, k = partial.shape
    while left > 1:
        groups = (left + FAN - 1) // FAN
        for g in range(groups):
            for j in range(k):  # the first of a group stays where it is, or moves up
                partial[g, j] = partial[g * FAN, j]
            for c in range(g * FAN + 1, min(left, (g + 1) * FAN)):
                for j in range(k):
                    partial[g, j] += partial[c, j]
        left = groups
    total = np.empty(k)
    for j in range(k):
        total[j] = partial[0, j]
    return total
