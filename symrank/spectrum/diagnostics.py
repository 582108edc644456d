r"""What the trace of a chain says about its own error.

A window of K steps is cut into B batches of equal length L. With V(K) the predicted variance of a
chain's mean over K steps (`symrank.spectrum.filters`, over a pilot's measure) batches that are
still correlated are corrected by what the prediction says of their correlation, a ratio:

    stderr^2 = s^2 / (k B) * f,   f = B V(K) / V(L) >= 1

s^2 the variance of the k B batch means. So the size of the error comes from the chains, and only
the shape of their memory from the prediction.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from symrank.support.typing import FloatArray

__all__ = ["BatchMeans", "batch_means", "convergence"]

MAX_BATCHES = 32  # per chain
ENOUGH = 64  # batches in all
MAX_CORRECTION = 1.5  # f of a batch length that is long enough
MAX_DRAWS = 4000  # of a chain, for R-hat


@dataclass(frozen=True)
class BatchMeans:
    """Mean of a window of chains with its standard error."""

    mean: float
    stderr: float
    dof: int
    drift: float  # second half of the window less the first
    drift_stderr: float


def batch_means(window: FloatArray, variance: Callable[[int], float]) -> BatchMeans:
    """Average `window` (K, k) over steps and chains; `variance(K)` is the predicted V(K).

    The number of batches per chain doubles while f stays below 1.5, until there are 64 in all; it
    starts at one, or at what gives four batches in all.
    """
    num_steps, k = window.shape
    least = 1 if k >= 4 else -(-4 // k)
    num, correction = least, _correction(num_steps, least, variance)
    while 2 * num <= min(MAX_BATCHES, num_steps) and num * k < ENOUGH:
        tried = _correction(num_steps, 2 * num, variance)
        if tried > MAX_CORRECTION:
            break
        num, correction = 2 * num, tried
    length = num_steps // num
    means = window[num_steps - num * length :].reshape(num, length, k).mean(axis=1)
    spread = float(means.std(ddof=1)) * math.sqrt(correction)
    half = num_steps // 2
    halves = window[:half].mean(axis=0), window[num_steps - half :].mean(axis=0)
    # a half has twice the variance of the whole, and the difference of two that again
    return BatchMeans(
        mean=float(window.mean()),
        stderr=spread / math.sqrt(means.size),
        dof=means.size - 1,
        drift=float(halves[1].mean() - halves[0].mean()),
        drift_stderr=2.0 * spread / math.sqrt(means.size),
    )


def _correction(num_steps: int, num: int, variance: Callable[[int], float]) -> float:
    """Return f of `num` batches; 1 where nothing is predicted."""
    length = num_steps // num
    if num == 1 or length < 1:
        return 1.0 if num == 1 else math.inf
    part = variance(length)
    return max(1.0, num * variance(num_steps) / part) if part > 0.0 else 1.0


def convergence(window: FloatArray) -> dict[str, float]:
    """Return split-R-hat and effective sample size of a window (K, k).

    Empty where arviz-stats (the extra `diagnostics`) is not installed. Long traces are averaged in
    blocks first. A. Vehtari et al., Bayesian Analysis 16 (2021).
    """
    try:
        from arviz_stats.base import array_stats
    except ModuleNotFoundError:
        return {}
    num_steps, k = window.shape
    thin = -(-num_steps // MAX_DRAWS)
    draws = window[num_steps % thin :].reshape(-1, thin, k).mean(axis=1).T
    if draws.shape[1] < 4 or draws.std() == 0.0:
        return {}
    return {
        "r_hat": float(array_stats.rhat(draws, chain_axis=0, draw_axis=1)),
        "effective_sample_size": float(array_stats.ess(draws, chain_axis=0, draw_axis=1)),
    }
