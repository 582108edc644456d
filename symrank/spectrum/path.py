r"""How much sharper a band must be at each count to hold at all of them at once.

The law. With Gaussian v_1..v_m and orthonormal eigenvectors u_1..u_n the pooled weights

    W_i = sum_j |u_i* v_j|^2 / sum_j v_j* v_j  ~  Dirichlet(s, .., s),   s = m h,              (1)

h = 1/2 real, 1 complex: each numerator is a chi-square of its own, and the sum of all is the
denominator. (The mean of m weights that are normalised one by one has another law.) So the path
S_d = W_1 + .. + W_d, the mass of the d smallest eigenvalues, has a joint law that depends on n and
s alone, S_d ~ Beta(d s, (n - d) s), and the mass left of *any* x is S_d with d = #{lambda <= x}.
Intervals for d at every x, each at the local level a(n, s, alpha) at which

    P(S_d within its quantiles a/2 and 1 - a/2 for all 0 < d < n) = 1 - alpha,                 (2)

hold together with probability 1 - alpha, certified brackets of the mass and all.

The probability. For an integer s, S_d is the order statistic number d s of n s - 1 uniform numbers:
S_d <= t is what a Poisson process N, given N(1) = n s - 1, says by N(t) >= d s. At the 2 (n - 1)
quantiles in ascending order the counts are kept in between, and what falls outside is weighed with
the probability of its end: a sum of positive terms, exact to rounding at any alpha (after
A. Moscovich and B. Nadler, Statist. Probab. Lett. 123, 2017).

What is not computed. -log(1 - miss) =: f(n, s, a) grows with s by less than `ROUGH`, and is taken
at the next integer, at most `FINEST`, where it is raised by that share. Beyond n = `EVERY` it grows
linearly with log n, as the path is a stationary process in log(t / (1 - t)): its increments over a
factor of 4 converge to a slope from below, and the last of them is raised by the last difference.
"""

import functools
import math

import numpy as np
import scipy.optimize
import scipy.special

from symrank.support.typing import Array, FloatArray

__all__ = ["local_level", "miss"]

EVERY = 512  # dimensions up to which the probability is computed
RATIO = 4
FINEST = 4  # shape s, of which the law is nearly free
ROUGH = 0.02  # f(n, s) exceeds f(n, 4) by less: 0.9 % at a = 1e-9 and n = 1024
FAR, LEAST = 10.0, 40  # standard deviations, and events, beyond which an increment is none
DIGITS = 1e-3  # of the level; it is rounded down by as much


@functools.lru_cache(maxsize=512)
def local_level(n: int, shape: float, alpha: float) -> float:
    """Return the level a of eq. (2), at which each interval of a band must hold.

    Parameters
    ----------
    n
        Dimension.
    shape
        s = m h of eq. (1).
    alpha
        What the whole band may miss with.

    Examples
    --------
    >>> round(local_level(400, 4.0, 0.05), 5)
    0.00136
    """
    if n <= 2:
        return alpha

    def excess(log_level: float) -> float:
        return math.log(_wanted(n, shape, math.exp(log_level)) / goal)

    goal = -math.log1p(-alpha)
    ends = math.log(alpha / n), math.log(alpha)
    if not excess(ends[0]) < 0.0 < excess(ends[1]):  # all of alpha, or next to none of it
        return alpha / n
    found = scipy.optimize.brentq(excess, *ends, xtol=DIGITS)
    return math.exp(found - DIGITS)


def _wanted(n: int, shape: float, level: float) -> float:
    """Return f(n, s, a), or a little more."""
    whole = min(math.ceil(shape), FINEST)
    raised = 1.0 + ROUGH if shape > FINEST else 1.0

    def f(n: int) -> float:
        missed = miss(n, whole, level)
        return raised * -math.log1p(-missed) if missed < 1.0 else math.inf

    if n <= EVERY:
        return f(n)
    first, second, third = (f(EVERY // RATIO**j) for j in (2, 1, 0))
    if not math.isfinite(third):
        return math.inf
    last = max(0.0, third - second)  # no less but by rounding, where 1 - miss is next to nothing
    slope = last + max(0.0, last - (second - first))
    return third + slope * math.log(n / EVERY, RATIO)


def miss(n: int, shape: int, level: float) -> float:
    """Return the probability that the path leaves its pointwise intervals; s an integer."""
    total = n * shape - 1  # uniform numbers
    times, least, most = _limits(n, shape, level)
    logs = scipy.special.gammaln(np.arange(total + 2) + 1.0)
    steps = np.diff(times, prepend=0.0) * total
    alive, first, lost = np.ones(1), 0, 0.0
    for time, mean, low, high in zip(times, steps, least, most, strict=True):
        most_new = min(total - first, int(mean + FAR * math.sqrt(mean)) + LEAST)
        alive = np.convolve(alive, _poisson(mean, np.arange(most_new + 1), logs))
        alive = alive[: total - first + 1]
        cut, end = max(low - first, 0), high - first + 1
        rest = (1.0 - time) * total
        for start, outside in ((0, alive[:cut]), (end, alive[end:])):
            if outside.size:  # at first + start .. before this time
                missing = total - first - start - np.arange(outside.size)
                lost += float(outside @ _poisson(rest, missing, logs))
        alive, first = alive[cut:end], first + cut
        if not alive.size:
            return 1.0
    return min(1.0, lost / float(_poisson(total, np.array([total]), logs)[0]))


def _limits(n: int, shape: int, level: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the times at which the count is looked at, and its least and most there."""
    d = np.arange(1, n)
    a, b = shape * d, shape * (n - d)
    low = scipy.special.betaincinv(a, b, 0.5 * level)
    high = scipy.special.betainccinv(a, b, 0.5 * level)
    times = np.concatenate([high, low])
    order = np.argsort(times, kind="stable")
    least = np.concatenate([a, np.zeros(n - 1, int)])[order]
    most = np.concatenate([np.full(n - 1, n * shape - 1), a - 1])[order]
    return (
        times[order],
        np.maximum.accumulate(least),
        np.minimum.accumulate(most[::-1])[::-1],
    )


def _poisson(mean: float, count: Array, logs: FloatArray) -> FloatArray:
    """Return the probabilities of these numbers of events; `logs` are those of factorials."""
    return np.asarray(np.exp(scipy.special.xlogy(count, mean) - mean - logs[count]))
