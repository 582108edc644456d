"""Chains of finite step: moments of the scheme, stepped with full matrices, decide."""

import math

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from symrank.errors import OptionError, StepSizeError
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews
from symrank.theory import (
    langevin_mean,
    langevin_variance,
    riemannian_covariance,
    stationary_loss,
)
from tests.theory.problems import definite, seeds, semidefinite, sizes

Z_MAX = 5.0  # standard errors: one false alarm in two million
FRICTION = 0.4
NAMES = ["euler-maruyama", "energy", "leimkuhler-matthews", "baoab"]


def scheme_of(name, x, lambda_max):
    """Return a scheme at a share x / 2 of its largest stable step."""
    eta = x / lambda_max
    return {
        "euler-maruyama": EulerMaruyama(eta),
        "energy": EulerMaruyama(eta, "energy"),
        "leimkuhler-matthews": LeimkuhlerMatthews(eta),
        "baoab": Baoab(math.sqrt(2.0 * eta), FRICTION),
    }[name]


def linear_form(H, G, B, scheme):
    """Return F, E, S, Q: state z' = F z + E n, start S n, loss z' Q z, written from the schemes."""
    n = len(H)
    I, O = np.eye(n), np.zeros((n, n))  # noqa: E741
    if isinstance(scheme, Baoab):
        h, c = scheme.step_size, math.exp(-scheme.friction * scheme.step_size)
        kick = np.block([[I, O], [-h * G @ H, I]])
        drift = np.block([[I, 0.5 * h * I], [O, I]])
        decay = np.block([[I, O], [O, c * I]])
        F = drift @ decay @ drift @ kick
        noise = np.vstack([O, B / math.sqrt(2.0)])
        E = drift @ noise * math.sqrt(1.0 - c * c)
        return F, E, noise, np.block([[0.5 * H, O], [O, O]])
    eta = scheme.step_size
    move, push = I - eta * G @ H, math.sqrt(eta) * B
    if isinstance(scheme, LeimkuhlerMatthews):  # the state holds n_k, the half that comes back
        F = np.block([[move, 0.5 * push], [O, O]])
        E, S = np.vstack([0.5 * push, I]), np.vstack([0.5 * push, I])
        return F, E, S, np.block([[0.5 * H, O], [O, O]])
    Q = 0.5 * H if scheme.estimator == "energy" else 0.5 * H - 0.25 * eta * H @ G @ H
    return move, push, np.zeros((n, n)), Q


def covariances(F, E, S, steps):
    C = S @ S.T
    for _ in range(steps):
        yield C
        C = F @ C @ F.T + E @ E.T


@pytest.mark.parametrize("name", NAMES)
@given(
    seed=seeds, n=sizes, x=st.floats(0.05, 1.9), step=st.integers(0, 12), window=st.integers(1, 4)
)
def test_the_mean_is_that_of_the_chain(name, seed, n, x, step, window):
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, n + 1))
    H, G, Sigma = semidefinite(rng, n, rank), definite(rng, n), definite(rng, n)
    plain = bool(rng.integers(2))
    root = scipy.linalg.sqrtm(Sigma).real
    B = root if plain else G @ root
    scheme = scheme_of(name, x, np.linalg.eigvals(G @ H).real.max())
    F, E, S, Q = linear_form(H, G, B, scheme)
    losses = [np.trace(Q @ C) for C in covariances(F, E, S, step + window)]
    found = langevin_mean(H, G, Sigma, scheme, step, window=window, preconditioned_noise=not plain)
    assert found == pytest.approx(np.mean(losses[step:]), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, n=sizes, x=st.floats(0.05, 1.9))
def test_the_limit_is_that_of_the_chain(name, seed, n, x):
    rng = np.random.default_rng(seed)
    H, G, Sigma = definite(rng, n), definite(rng, n), definite(rng, n)
    scheme = scheme_of(name, x, np.linalg.eigvals(G @ H).real.max())
    F, E, _, Q = linear_form(H, G, G @ scipy.linalg.sqrtm(Sigma).real, scheme)
    C = scipy.linalg.solve_discrete_lyapunov(F, E @ E.T)
    found = langevin_mean(H, G, Sigma, scheme)
    assert found == pytest.approx(np.trace(Q @ C), rel=1e-6)
    if name != "energy":  # no discretisation bias
        assert found == pytest.approx(stationary_loss(H, G, Sigma), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, n=st.integers(1, 4), x=st.floats(0.2, 1.8), K=st.integers(1, 8))
def test_the_variance_is_that_of_a_stationary_chain(name, seed, n, x, K):
    rng = np.random.default_rng(seed)
    H, G = definite(rng, n), definite(rng, n)
    Sigma = riemannian_covariance(G, 3.0)
    if rng.integers(2):
        Sigma = Sigma + 2.0 * H  # not isotropic, and H G Sigma is still symmetric
    scheme = scheme_of(name, x, np.linalg.eigvals(G @ H).real.max())
    F, E, _, Q = linear_form(H, G, G @ scipy.linalg.sqrtm(Sigma).real, scheme)
    C = scipy.linalg.solve_discrete_lyapunov(F, E @ E.T)
    # Isserlis: Cov(z' Q z, y' Q y) = 2 tr(Q A Q A') with A = Cov(z, y) = F^j C
    lags = [
        2.0 * np.trace(Q @ A @ Q @ A.T)
        for A in (np.linalg.matrix_power(F, j) @ C for j in range(K))
    ]
    exact = (K * lags[0] + 2.0 * sum((K - j) * lags[j] for j in range(1, K))) / K**2
    assert langevin_variance(H, G, Sigma, scheme, K) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_simulated_rank_estimate(name, rng):
    """Algorithm 1 with G, from theta_0 = 0, over a window: mean and variance of 2000 chains."""
    n, rank, burn_in, K, chains = 5, 3, 60, 20, 2000
    H, G = semidefinite(rng, n, rank), definite(rng, n, spread=0.3)
    Sigma = riemannian_covariance(G, 4.0)  # so that the loss is the rank
    scheme = scheme_of(name, 1.0, np.linalg.eigvals(G @ H).real.max())
    F, E, S, Q = linear_form(H, G, np.sqrt(4.0) * scipy.linalg.sqrtm(G).real, scheme)
    z = S @ rng.standard_normal((n, chains))
    total = np.zeros(chains)
    for k in range(burn_in + K):
        if k >= burn_in:
            total += np.einsum("ik,ij,jk->k", z, Q, z)
        z = F @ z + E @ rng.standard_normal((n, chains))
    total /= K
    mean = langevin_mean(H, G, Sigma, scheme, burn_in, window=K)
    assert abs(total.mean() - mean) < Z_MAX * total.std(ddof=1) / math.sqrt(chains)
    square = (total - total.mean()) ** 2
    error = square.std(ddof=1) / math.sqrt(chains)
    assert abs(square.mean() - langevin_variance(H, G, Sigma, scheme, K)) < Z_MAX * error


def test_equal_rates_may_be_coupled():
    """H = I: any noise will do; two modes of one noise are one mode of twice the power."""
    H, G = np.eye(2), np.eye(2)
    scheme = EulerMaruyama(0.5)
    coupled = langevin_variance(H, G, np.ones((2, 2)), scheme, 7)
    single = langevin_variance([[1.0]], [[1.0]], [[2.0]], scheme, 7)
    assert coupled == pytest.approx(single, rel=1e-12)
    assert coupled == pytest.approx(2.0 * langevin_variance(H, G, np.eye(2), scheme, 7), rel=1e-12)


def test_a_fixed_step_never_reaches_the_rank_by_eq_20():
    """eta lambda = 0.78: 64 % too much, however many steps; the corrected energy is exact."""
    H, eye = np.diag([1.0, 0.0]), np.eye(2)
    late = 4.0 * langevin_mean(H, eye, eye, EulerMaruyama(0.78, "energy"), 10**6, window=10**4)
    assert late == pytest.approx(1.0 / 0.61, rel=1e-12)
    assert 4.0 * langevin_mean(H, eye, eye, EulerMaruyama(0.78), 10**6) == pytest.approx(1.0)


def test_what_is_refused():
    eye = np.eye(2)
    for step, kinetic in ((1.0, Baoab(1.5, 1.0)), (2.5, EulerMaruyama(1.0))):
        with pytest.raises(StepSizeError):
            langevin_mean((2.0 if kinetic.is_kinetic else step) * eye, eye, eye, kinetic)
    scheme = EulerMaruyama(0.5)
    with pytest.raises(OptionError, match="positive semidefinite"):
        langevin_mean(np.diag([1.0, -1.0]), eye, eye, scheme)
    with pytest.raises(OptionError, match=r"step_size=0\.0 must be positive"):
        langevin_mean(eye, eye, eye, EulerMaruyama(0.0))
    with pytest.raises(OptionError, match="step=-1"):
        langevin_mean(eye, eye, eye, scheme, -1)
    with pytest.raises(OptionError, match="window=0"):
        langevin_mean(eye, eye, eye, scheme, 3, window=0)
    with pytest.raises(OptionError, match="num_steps=0"):
        langevin_variance(eye, eye, eye, scheme, 0)
    with pytest.raises(OptionError, match="independent modes"):
        langevin_variance(np.diag([1.0, 0.5]), eye, [[1.0, 0.2], [0.2, 1.0]], scheme, 5)


def test_a_null_mode_may_share_its_noise():
    Sigma = np.array([[1.0, 0.9], [0.9, 1.0]])
    found = langevin_variance(np.diag([1.0, 0.0]), np.eye(2), Sigma, EulerMaruyama(1.0), 10)
    assert 16.0 * found == pytest.approx(0.2, rel=1e-12)
