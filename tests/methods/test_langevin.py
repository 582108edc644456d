"""Langevin: its mean is the trace of its filter, its errors name the remedy."""

import numpy as np
import pytest

import symrank
from symrank import Langevin, Status, filters, gallery
from symrank.errors import OptionError, StepSizeError
from symrank.methods import Goal

Z = 4.5  # a correct estimator fails one such check in 150 000


@pytest.mark.parametrize("estimator", ["corrected", "energy"])
@pytest.mark.parametrize("step_size", [0.3, 1.0, 1.6])
@pytest.mark.parametrize("spectrum", ["gapped", "log-uniform", "clustered", "one zero"])
def test_mean_is_the_trace_of_its_filter(spectrum, step_size, estimator, seed):
    lam = gallery.SPECTRA[spectrum](30)
    method = Langevin(
        num_steps=40, burn_in=10, num_chains=200, step_size=step_size, estimator=estimator
    )
    result = symrank.rank(gallery.dense(lam, seed), method=method, rng=seed)
    phi = filters.euler_maruyama(lam[:, None], step_size, np.arange(10, 40), estimator)
    assert abs(result.estimate - phi.mean(axis=1).sum()) <= Z * result.stderr


def test_an_indefinite_operator_is_squared(seed):
    lam = gallery.SPECTRA["indefinite"](64)
    result = symrank.rank(gallery.dense(lam, seed), method="langevin", rng=seed)
    assert result.diagnostics["squared"]
    low, high = result.interval(1 - 1e-5)
    assert low <= np.count_nonzero(lam) <= high


def test_interval_covers_what_the_filter_has_not_resolved():
    lam = gallery.SPECTRA["log-uniform"](200)  # down to 1e-6: far from stationary
    method = Langevin(num_steps=200, burn_in=100, num_chains=8)
    result = symrank.rank(gallery.dense(lam, 3), method=method, rng=3)
    low, high = result.interval()
    assert result.estimate < 180
    assert low <= 200 <= high
    assert result.status in (Status.BURN_IN_TOO_SHORT, Status.NO_GAP_FOUND)


def test_a_window_that_drifts_is_named():
    lam = np.full(400, 1e-3)  # settles after about 1 / (2 eta lambda) = 500 steps
    lam[0] = 1.0
    method = Langevin(num_steps=100, burn_in=0, num_chains=8, step_size=1.0)
    result = symrank.rank(np.diag(lam), method=method, rng=3)
    assert result.status is Status.BURN_IN_TOO_SHORT


@pytest.mark.parametrize("step_size", [-1.0, 2.0, 3.0])
def test_unstable_step_size_names_the_limit_and_the_remedy(step_size):
    with pytest.raises(StepSizeError, match=r"2/lambda_max = .*Pass .*leave it out"):
        symrank.rank(np.eye(6), method=Langevin(step_size=step_size))


def test_step_size_is_in_the_units_of_the_caller():
    with pytest.raises(StepSizeError, match=r"2/lambda_max = 2e-250 "):
        symrank.rank(1e250 * np.eye(6), method=Langevin(step_size=3e-250))
    result = symrank.rank(1e250 * np.eye(6), method=Langevin(step_size=1e-250), rng=3)
    assert result.rank == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_chains": 1}, r"num_chains=1 .*at least 2"),
        ({"estimator": "best"}, r"estimator='best' must be 'corrected' or 'energy'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        Langevin(**options)


def test_a_window_must_be_left():
    with pytest.raises(OptionError, match=r"burn_in=50 and num_steps=50 leave no window"):
        symrank.rank(np.eye(6), method=Langevin(num_steps=50, burn_in=50))


def test_bias_bound_holds_what_the_pilot_left_open():
    from symrank.methods.langevin import _Pilot

    goal = Goal(
        n=10, dtype=np.dtype(float), atol=None, rtol=None, half_width=1.0, refine=False,
        confidence=0.95, max_matvecs=100, seed=0,
    )  # fmt: skip
    pilot = _Pilot(
        nodes=np.array([0.0, 1.0]), counts=np.array([3.0, 7.0]), null_low=0.1, null_high=0.3,
        tau=0.01, lambda_max=1.0, is_indefinite=False, num_products=1,
    )  # fmt: skip
    # with eta = 1 the mode at 1 is settled after one step: only the open 2 of 10 are left
    assert pilot.bias(goal, 1.0, 10, 20, "corrected") == pytest.approx((-2.0, 0.0))
    # the energy is twice too large there, and the pilot's share of 7 has its own error
    low, high = pilot.bias(goal, 1.0, 10, 20, "energy")
    noise = 4.0 * np.sqrt(2.0 * 7.0 / 4.0)
    assert low == pytest.approx(-2.0 + min(7.0 - noise, 0.0))
    assert high == pytest.approx(7.0 + noise)
