"""Products with a declared error: nothing below it is called an eigenvalue."""

import numpy as np
import pytest
import scipy.stats

import symrank
from symrank.errors import NotSymmetricError, OptionError
from symrank.operators import Operator

NOISE = 1e-7


class Noisy(Operator):
    """A diagonal operator whose products err by a fixed map of norm noise |A|, not symmetric."""

    def __init__(self, lam, noise, seed):
        super().__init__((lam.size, lam.size), float)
        rng = np.random.default_rng(seed)
        E = rng.standard_normal((lam.size, lam.size))
        self.lam, self.E = lam, E * (noise * np.abs(lam).max() / np.linalg.norm(E, 2))

    def _matmat(self, X):
        return self.lam[:, None] * X + self.E @ X


class Declared(Noisy):
    noise = NOISE


def spectrum(n, r):
    return np.concatenate([np.linspace(0.1, 1.0, r), np.zeros(n - r)])


@pytest.mark.parametrize("method", ["dense", "lanczos"])
def test_noise_is_not_rank(method):
    A = Noisy(spectrum(300, 80), NOISE, 1)
    with pytest.raises(NotSymmetricError):
        symrank.rank(A, method, rng=1)
    result = symrank.rank(A, method, rng=2, noise=NOISE)
    low, high = result.interval()
    assert low <= 80 <= high
    assert high < 200
    assert result.threshold > 10 * NOISE  # of |A| = 1
    assert symrank.rank(A, "dense", rng=1, check=False).rank > 200  # what would be said without


def test_an_operator_declares_its_own():
    A = Declared(spectrum(300, 80), NOISE, 1)
    declared = symrank.rank(A, "lanczos", rng=1)
    given = symrank.rank(A, "lanczos", rng=1, noise=NOISE)
    assert declared.interval() == given.interval()
    assert declared.threshold == given.threshold


def test_eigenvalues_within_the_noise_are_left_open_or_not_counted():
    lam = np.concatenate([np.linspace(0.1, 1.0, 80), np.full(20, 1e-8), np.zeros(200)])
    result = symrank.rank(Noisy(lam, NOISE, 2), "lanczos", rng=2, noise=NOISE)
    low, high = result.interval()
    assert low <= 80 <= high


def test_no_tolerance_reaches_below_the_noise():
    A = Noisy(spectrum(300, 80), NOISE, 1)
    result = symrank.rank(A, "dense", rng=1, noise=NOISE, atol=1e-12)
    assert result.rank == 80
    assert result.threshold > 10 * NOISE


def test_intervals_cover_under_noise():
    """100 operators: misses are binomial with at most alpha."""
    misses = 0
    for seed in range(100):
        r = 20 + seed
        A = Noisy(spectrum(200, r), NOISE, seed)
        low, high = symrank.rank(
            A, "lanczos", rng=seed, noise=NOISE, max_matvecs=2000, check=False
        ).interval()
        misses += not low <= r <= high
    assert misses <= scipy.stats.binom(100, 0.05).ppf(0.999)


@pytest.mark.parametrize("noise", [-1e-9, 0.1, np.nan, np.inf])
def test_noise_is_a_small_number(noise):
    with pytest.raises(OptionError, match="noise="):
        symrank.rank(np.eye(3), noise=noise)
