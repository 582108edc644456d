"""Batch means of correlated chains: the error is the true one, from one chain to many."""

import numpy as np
import pytest
import scipy.signal
import scipy.stats

from symrank.spectrum import diagnostics


def chains(rho, num_steps, k, rng):
    """Stationary AR(1) chains of variance one."""
    noise = np.sqrt(1.0 - rho**2) * rng.standard_normal((num_steps + 400, k))
    return scipy.signal.lfilter([1.0], [1.0, -rho], noise, axis=0)[400:]


def variance_of_mean(rho):
    """V(K) of such a chain, exactly."""

    def variance(K):
        j = np.arange(1, K)
        return float((1.0 + 2.0 * ((1.0 - j / K) * rho**j).sum()) / K)

    return variance


@pytest.mark.parametrize("k", [1, 2, 8, 100])
@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_stderr_is_calibrated(rho, k):
    rng = np.random.default_rng([k, round(10 * rho)])
    trials = 400
    found = [
        diagnostics.batch_means(chains(rho, 600, k, rng), variance_of_mean(rho))
        for _ in range(trials)
    ]
    t = np.array([f.mean / f.stderr for f in found])
    dof = found[0].dof
    share = np.mean(np.abs(t) < scipy.stats.t.ppf(0.975, dof))
    assert abs(share - 0.95) < 4.5 * np.sqrt(0.95 * 0.05 / trials)
    drift = np.array([f.drift / f.drift_stderr for f in found])
    # halves of correlated chains are correlated a little, which lowers the variance of the drift
    assert 0.7 < drift.std() < 1.15 * np.sqrt(dof / (dof - 2))


def test_one_chain_is_cut_into_four_batches_at_least():
    frozen = np.tile(np.arange(8.0), (50, 1)).T.copy()[:, :1]
    found = diagnostics.batch_means(frozen, lambda K: 2.0)  # predicted: no decay at all
    assert found.dof == 3
    # correction f = B V(K) / V(L) = 4: batches that move together count as one
    means = frozen.reshape(4, 2).mean(axis=1)
    assert found.stderr == pytest.approx(means.std(ddof=1) * 2.0 / 2.0)


def test_batches_lie_at_the_end_of_the_window():
    window = np.zeros((35, 4))
    window[0] = 1000.0  # 35 = 3 + 4 * 8: the first three steps are in no batch but in the mean
    found = diagnostics.batch_means(window, lambda K: 1.0 / K)
    assert found.stderr == 0.0
    assert found.mean == pytest.approx(1000.0 / 35)


def test_convergence_of_independent_draws_and_of_stuck_chains():
    pytest.importorskip("arviz_stats", reason="R-hat needs arviz-stats")
    rng = np.random.default_rng(2)
    good = diagnostics.convergence(rng.standard_normal((1000, 4)))
    assert good["r_hat"] == pytest.approx(1.0, abs=0.02)  # 1 + O(1 / draws)
    assert good["effective_sample_size"] == pytest.approx(4000, rel=0.15)
    stuck = rng.standard_normal((1000, 4)) + np.array([0.0, 0.0, 5.0, 5.0])
    assert diagnostics.convergence(stuck)["r_hat"] > 1.5
    slow = chains(0.9, 40_000, 2, rng)  # averaged in blocks of ten before
    size = 80_000 * (1 - 0.9) / (1 + 0.9)
    assert diagnostics.convergence(slow)["effective_sample_size"] == pytest.approx(size, rel=0.3)


def test_convergence_says_nothing_without_its_library(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "arviz_stats.base", None)
    assert diagnostics.convergence(np.random.default_rng(1).standard_normal((100, 2))) == {}
