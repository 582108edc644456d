"""A share of |A| as the cut: |A| is known from below, and the interval spans what that leaves."""

import numpy as np
import pytest

import symrank
from symrank import gallery
from symrank.spectrum.outcome import Status

METHODS = ["dense", "inertia", "lanczos", "sketch", "chebyshev", "langevin", "ubaru-saad", None]


def hidden_top(n=20_000):
    """Half of the spectrum just above half of the Ritz value, one eigenvalue at the top."""
    bulk = np.random.default_rng(7).uniform(0.6, 1.0, n // 2)
    return np.concatenate([bulk, np.full(n // 2 - 1, 0.50025), [1.001]])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("method", ["inertia", "lanczos", "chebyshev"])
def test_an_eigenvalue_that_no_probe_sees_does_not_move_the_cut(method, seed):
    lam = hidden_top()
    truth = np.count_nonzero(lam > 0.5 * lam.max())
    result = symrank.rank(gallery.diagonal(lam), method, rtol=0.5, rng=seed)
    low, high = result.interval(1 - 1e-9)
    assert low <= truth <= high


@pytest.mark.parametrize("budget", [60, 200, 1000])
def test_a_short_budget_leaves_open_what_it_does_not_know(budget):
    lam = hidden_top(4000)
    truth = np.count_nonzero(lam > 0.5 * lam.max())
    for seed in range(5):
        result = symrank.rank(
            gallery.diagonal(lam), "inertia", rtol=0.5, rng=seed, max_matvecs=budget
        )
        low, high = result.interval()
        assert low <= truth <= high


@pytest.mark.parametrize("method", METHODS)
def test_nothing_lies_above_the_norm(method):
    A = gallery.diagonal(np.linspace(0.3, 1.0, 500))
    result = symrank.rank(A, method, rtol=1.0, rng=2, max_matvecs=2500)
    low, high = result.interval(1 - 1e-9)
    assert low == 0
    if method in ("dense", "inertia", "lanczos", None):
        assert result.status in (Status.EXACT, Status.CONVERGED)
        assert high <= 8  # the top ones may be the norm, as far as is known


def test_the_norm_is_worked_for_only_where_the_cut_asks_for_it():
    A = gallery.diagonal(hidden_top(4000))
    absolute = symrank.rank(A, "inertia", atol=0.5, rng=1, check=False)
    relative = symrank.rank(A, "inertia", rtol=0.5, rng=1, check=False)
    assert absolute.diagnostics["norm"] <= relative.diagnostics["norm"] <= 1.001 * (1 + 1e-12)
    assert absolute.num_matvecs < 200 < relative.num_matvecs
    assert relative.num_matvecs < 0.05 * 20_000 + 200
