"""What the reproduction of the paper computes by itself."""

import numpy as np
import pytest

from bench import record
from bench.paper import setup
from bench.paper.summary import chain_summary
from bench.resumable import Rows, Task, batches
from symrank.spectrum.filters import EulerMaruyama
from symrank.theory import langevin_mean

LAM = np.array([2e-3, 0.5, 7.0, 300.0, 4000.0])


def test_the_spectrum_is_that_of_the_hessian():
    network = setup.network(3, 0)
    lam = np.linalg.eigvalsh(network.hessian().to_dense())[-9:]
    np.testing.assert_allclose(np.sort(setup.spectrum(network)), lam, rtol=1e-8)


def test_the_chain_is_eq_21_on_the_loss_of_the_network():
    networks = [setup.network(3, seed) for seed in (0, 1)]
    losses = setup.losses_along_chains(networks, 4, (5,))

    rng = np.random.default_rng((5,))
    theta = [net.theta0[:, None] for net in networks]
    for step in losses:
        found = [net.loss_and_grad(t) for net, t in zip(networks, theta, strict=True)]
        np.testing.assert_allclose(step, [loss[0] for loss, _ in found], rtol=1e-6, atol=1e-25)
        noise = np.concatenate(
            [rng.standard_normal((2, 3, 3), dtype=np.float32).reshape(2, -1) for _ in range(5)], 1
        )
        size = (setup.ETA * setup.NOISE_VAR) ** 0.5
        theta = [
            t - setup.ETA * grad + size * own[:, None]
            for t, (_, grad), own in zip(theta, found, noise, strict=True)
        ]
    assert losses[-1].min() > 1e-12


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(setup, "BURN_IN", 30)
    monkeypatch.setattr(setup, "NUM_STEPS", 90)


def test_the_variance_of_a_window_is_the_sum_over_its_covariances(short):
    j = np.arange(30, 90)
    for lam, found in zip(LAM, setup.window_variance(LAM), strict=True):
        q = 1.0 - setup.ETA * lam
        early = np.minimum(j[:, None], j)
        covariance = q ** np.abs(j[:, None] - j) * (1.0 - q ** (2 * early))
        gain = 1.0 / (1.0 - 0.5 * setup.ETA * lam)
        np.testing.assert_allclose(found, 2.0 * gain**2 * (covariance**2).mean(), rtol=0.02)


def test_the_prediction_is_that_of_the_theory(short):
    H, eye = np.diag(LAM), np.eye(LAM.size)
    scheme = EulerMaruyama(setup.ETA, "energy")
    mean = 4.0 * langevin_mean(H, eye, eye, scheme, 30, window=60)

    found = setup.predicted(LAM)

    assert abs(found["bias"] - (mean - LAM.size)) < 1e-9
    assert found["spread"] == pytest.approx(setup.window_variance(LAM).sum() ** 0.5)
    settled = 4.0 * langevin_mean(H, eye, eye, scheme) - LAM.size
    assert found["bias_of_step"] == pytest.approx(settled)
    assert found["bias_of_time"] + settled == pytest.approx(found["bias"], rel=0.05)


def test_chains_of_the_predicted_law_are_within_scatter(rng):
    bias, spread = rng.uniform(1.0, 3.0, 400), rng.uniform(0.5, 2.0, 400)
    rest = dict.fromkeys(
        ("bias_of_time", "bias_of_step", "condition", "eta_lambda_max", "seconds", "cpu_seconds"),
        1.0,
    )

    def summary(errors):
        rows = zip(errors, bias, spread, strict=True)
        return chain_summary([{"error": e, "bias": b, "spread": s, **rest} for e, b, s in rows])

    right = [summary(bias + spread * rng.standard_normal(400)) for _ in range(200)]
    for key in ("z_mean", "z_rms"):
        z = np.array([one[key] for one in right])
        assert abs(z.mean()) < 4.5 / 200**0.5
        assert 0.75 < z.std() < 1.25  # 5 standard errors
    assert summary(bias + 0.5 + spread * rng.standard_normal(400))["z_mean"] > 4.5
    assert summary(bias + 2.0 * spread * rng.standard_normal(400))["z_rms"] > 4.5


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    tasks = batches("chain", {8: 5, 16: 2}, {8: 2, 16: 2})
    assert [t.seeds for t in tasks] == [(0, 1), (2, 3), (4,), (0, 1)]
    rows = Rows("some", fresh=False)
    rows.add(tasks[1], [{"x": 2}, {"x": 3}])
    rows.save({"summary": []})

    again = Rows("some", fresh=False)

    assert again.of(8, "chain") == [{"x": 2}, {"x": 3}]
    assert again.missing(tasks) == [tasks[0], tasks[2], tasks[3]]
    assert again.missing([Task("chain", 8, (1, 2))]) == [Task("chain", 8, (1,))]
    assert Rows("some", fresh=True).missing(tasks) == tasks
    assert list(tmp_path.glob("*.tmp")) == []
