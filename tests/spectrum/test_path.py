"""The law of the whole staircase: its probability, its level, and what that makes of a band."""

import math

import numpy as np
import pytest
import scipy.special

from symrank.spectrum import path
from symrank.spectrum.intervals import BetaInterval
from symrank.support import probes

Z = 4.5  # a correct rate fails one such check in 150 000
RUNS = 4000


def bands(n, shape, level):
    d = np.arange(1, n)
    a, b = shape * d, shape * (n - d)
    low = scipy.special.betaincinv(a, b, 0.5 * level)
    return low, scipy.special.betainccinv(a, b, 0.5 * level)


def paths(n, shape, rng):
    W = rng.gamma(shape, size=(RUNS, n))
    S = np.cumsum(W, axis=1)
    return S[:, :-1] / S[:, -1:]


def left(n, shape, level, rng):
    """Share of simulated paths that leave their bands."""
    low, high = bands(n, shape, level)
    S = paths(n, shape, rng)
    return float(((low > S) | (high < S)).any(axis=1).mean())


def is_near(share, probability):
    return abs(share - probability) <= Z * math.sqrt(probability * (1 - probability) / RUNS)


@pytest.mark.parametrize(("num_probes", "is_complex"), [(4, False), (3, True), (1, False)])
def test_pooled_weights_of_gaussian_probes_are_dirichlet(num_probes, is_complex):
    """Moments of Dirichlet(m h): mean 1/n, variance, and the covariance of two weights."""
    n = 6
    dtype = np.dtype(np.complex128 if is_complex else np.float64)
    V = probes.gaussian(20240131, 0, RUNS * num_probes, n, dtype)
    squares = (np.abs(V) ** 2).reshape(n, RUNS, num_probes).sum(axis=2)
    W = squares / squares.sum(axis=0)
    total = n * num_probes * (1.0 if is_complex else 0.5)
    variance = (n - 1) / (n**2 * (total + 1.0))
    kurtosis = 9.0  # of a Beta with these parameters, generously: the error of a variance
    assert abs(W[0].mean() - 1.0 / n) <= Z * math.sqrt(variance / RUNS)
    assert abs(W[0].var() / variance - 1.0) <= Z * math.sqrt(kurtosis / RUNS)
    both = -variance / (n - 1)
    assert abs(np.cov(W[0], W[1])[0, 1] - both) <= Z * variance * math.sqrt(3.0 / RUNS)


@pytest.mark.parametrize("level", [0.3, 1e-3, 1e-12])
def test_one_count_misses_at_its_level(level):
    assert path.miss(2, 3, level) == pytest.approx(level, rel=1e-9)


@pytest.mark.parametrize("level", [0.2, 1e-4])
def test_two_counts_by_the_area_of_a_triangle(level):
    """n = 3, s = 1: S_1 < S_2 are two ordered uniform numbers, of density 2."""
    (l1, l2), (h1, h2) = bands(3, 1, level)
    inside = 2.0 * ((h1 - l1) * (h2 - l2) - 0.5 * max(0.0, h1 - l2) ** 2)
    assert path.miss(3, 1, level) == pytest.approx(1.0 - inside, rel=1e-6)


@pytest.mark.parametrize(("n", "shape"), [(5, 1), (40, 4), (200, 2)])
def test_probability_is_that_of_simulated_paths(n, shape, rng):
    level = path.local_level(n, shape, 0.2)
    assert is_near(left(n, shape, level, rng), path.miss(n, shape, level))


@pytest.mark.parametrize("num_probes", [1, 3, 8, 60])
def test_band_holds_as_often_as_it_says(num_probes, rng):
    """Half-integer shapes take the law of the next integer, large ones that of 4, a little more."""
    n, shape, alpha = 100, 0.5 * num_probes, 0.1
    share = left(n, shape, path.local_level(n, shape, alpha), rng)
    assert is_near(share, alpha * 0.99)


def test_level_of_the_literature_of_one_run():
    """n = 400, 8 real probes, 95 %: 1.35e-3, and the band is 1.64 times the pointwise one."""
    level = path.local_level(400, 4.0, 0.05)
    assert level == pytest.approx(1.357e-3, rel=2e-3)
    ratio = scipy.special.ndtri(0.5 * level) / scipy.special.ndtri(0.025)
    assert 1.6 < ratio < 1.7


def test_beyond_what_is_computed_the_level_is_a_little_lower_than_exact():
    n = 3 * path.EVERY
    for alpha in (0.2, 1e-5):
        level = path.local_level(n, 1.0, alpha)
        assert 0.95 * alpha < path.miss(n, 1, level) <= alpha


def test_level_falls_with_n_and_rises_with_alpha():
    levels = [path.local_level(n, 4.0, 0.05) for n in (2, 3, 10, 100, 1000, 10**6, 10**12)]
    assert levels == sorted(levels, reverse=True)
    by_alpha = [path.local_level(50, 1.5, alpha) for alpha in (3e-16, 1e-9, 1e-3, 0.5, 1 - 1e-6)]
    assert by_alpha == sorted(by_alpha)
    for n in (0, 1, 2):
        assert path.local_level(n, 4.0, 0.05) == 0.05


def test_interval_at_a_tail_is_that_of_the_level_with_it():
    law = BetaInterval(n=300, num_probes=6, null_low=0.3, null_high=0.31, num_looks=3)
    assert law(0.9) == law.at_tail(0.1 / 6)
    assert law.shape == 3.0
