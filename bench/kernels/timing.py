"""Matrices, blocks and clocks that the kernels are timed with."""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.kernels.compiled import threads
from symrank.support.blocks import empty_block

SEED = 20240131
ROUNDS = 7


def power_law(n: int, mean_degree: float, rng: np.random.Generator) -> Any:
    """Return the Laplacian of a Chung-Lu graph, degree exponent 2.5, nodes in random order."""
    weight = (np.arange(n) + n**0.4) ** (-1 / 1.5)
    ends = rng.choice(n, size=(2, int(0.5 * mean_degree * n * 1.03)), p=weight / weight.sum())
    i, j = rng.permutation(n)[ends].astype(np.int32)
    return _laplacian(n, i, j)


def random_band(n: int, width: int, mean_degree: float, rng: np.random.Generator) -> Any:
    """Return the Laplacian of a graph whose edges join random nodes at a distance up to `width`."""
    i = rng.integers(0, n - width, int(0.5 * mean_degree * n)).astype(np.int32)
    return _laplacian(n, i, (i + rng.integers(1, width, i.size)).astype(np.int32))


def _laplacian(n: int, i: Any, j: Any) -> Any:
    i, j = i[i != j], j[i != j]
    W = sp.csr_array(sp.coo_array((np.ones(2 * i.size), (np.r_[i, j], np.r_[j, i])), shape=(n, n)))
    W.data[:] = 1.0
    return sp.csr_array(sp.diags_array(W.sum(axis=1)) - W)


def bound(A: Any) -> float:
    """Return a bound on the largest eigenvalue."""
    return 1.0 if A is None else float(abs(A).sum(axis=1).max())


def block(n: int, k: int, dtype: Any, seed: int) -> Any:
    B = empty_block(n, k, dtype)
    B[...] = np.random.default_rng(seed).standard_normal((n, k), dtype=dtype)
    return B


def interleaved(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each call, on one thread where it does not choose by itself.

    The first round, which may compile, is left out.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    with threads.using(1):
        for turn, (name, call) in itertools.product(range(rounds + 1), calls.items()):
            start = time.perf_counter()
            call()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def on_threads(count: int, call: Callable[[], Any]) -> Callable[[], Any]:
    """Return the call on so many threads; the others keep one."""

    def wrapped() -> Any:
        with threads.using(count):
            return call()

    return wrapped


def rounds_of(n: int, k: int) -> int:
    """Return more rounds for small blocks, whose times scatter more."""
    return ROUNDS if n * k > 2_000_000 else 3 * ROUNDS
