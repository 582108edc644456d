"""Definition 1 and Proposition 4: the escape time, its bound, and what lies between."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from symrank.errors import OptionError
from symrank.theory import escape_time, escape_time_bound, expected_loss, loss_slope
from tests.theory.problems import definite, indefinite, loss_by_lyapunov, seeds

ROOT = 1e-10  # relative error of a root: rounding of F over its slope


def saddle(rng, n):
    """A Hessian with a negative eigenvalue and, mostly, a loss that rises at first."""
    lam, Q = np.linalg.eigh(indefinite(rng, n))
    lam[0] = -rng.uniform(0.05, 0.5)
    lam[1:] = rng.uniform(-0.02, 2.0, n - 1)
    return (Q * lam) @ Q.T


@given(seed=seeds, n=st.integers(2, 6), plain=st.booleans())
def test_the_loss_rises_before_and_falls_after(seed, n, plain):
    rng = np.random.default_rng(seed)
    H, G, Sigma = saddle(rng, n), definite(rng, n), definite(rng, n)
    options = {"preconditioned_noise": not plain}
    t = escape_time(H, G, Sigma, **options)
    if loss_slope(H, G, Sigma, **options) <= 0.0:
        assert t == 0.0
        after = expected_loss(H, G, Sigma, np.geomspace(1e-6, 50.0, 40), **options)
        assert (after < 0.0).all()
        return
    around = expected_loss(
        H, G, Sigma, t * np.array([1e-3, 0.5, 0.999, 1.001, 2.0, 9.0]), **options
    )
    assert (around[:3] > 0.0).all()
    assert (around[3:] < 0.0).all()


@given(seed=seeds, n=st.integers(2, 6))
def test_it_is_the_root_that_bisection_finds(seed, n):
    rng = np.random.default_rng(seed)
    H, G, Sigma = saddle(rng, n), definite(rng, n), definite(rng, n)
    t = escape_time(H, G, Sigma)
    if t == 0.0:
        return
    high = escape_time_bound(H, G, Sigma)
    root = brentq(lambda s: float(expected_loss(H, G, Sigma, s)), 1e-6 * t, high, xtol=1e-13)
    assert t == pytest.approx(root, rel=1e-7)


def test_the_lyapunov_equation_crosses_there():
    rng = np.random.default_rng(5)
    H, G, Sigma = np.diag([2.0, 0.5, -0.3]), definite(rng, 3), definite(rng, 3)
    t = escape_time(H, G, Sigma)
    before, at, after = loss_by_lyapunov(H, G, G @ Sigma @ G, [0.9 * t, t, 1.1 * t])
    assert before > 0.0 > after
    assert abs(at) < 1e-8 * abs(after)


@given(seed=seeds, n=st.integers(1, 6), plain=st.booleans())
def test_proposition_4_bounds_it(seed, n, plain):
    rng = np.random.default_rng(seed)
    H = saddle(rng, n) if n > 1 else np.array([[-0.7]])
    G, Sigma = definite(rng, n), definite(rng, n)
    t = escape_time(H, G, Sigma, preconditioned_noise=not plain)
    bound = escape_time_bound(H, G, Sigma, preconditioned_noise=not plain)
    assert t <= bound * (1.0 + ROOT) + 1e-15
    # eq. (19) by general eigenvalues, without any factor of G
    product = Sigma @ (np.linalg.inv(G) if plain else G)
    lowest = np.linalg.eigvals(product).real.min()
    rate = np.linalg.eigvals(G @ H).real.min()
    exact = math.log(np.trace(product) / lowest) / abs(2.0 * rate)
    assert bound == pytest.approx(exact, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_by_hand(scale):
    """Eigenvalues 2, -1: y^-2 + y = 2 at y = exp(2 t), the golden ratio; time scales as 1 / H."""
    H = scale * np.diag([2.0, -1.0])
    golden = 0.5 * (1.0 + math.sqrt(5.0))
    found = escape_time(H, np.eye(2), np.eye(2))
    assert found == pytest.approx(0.5 * math.log(golden) / scale, rel=ROOT)
    bound = escape_time_bound(H, np.eye(2), np.eye(2))
    assert bound == pytest.approx(0.5 * math.log(2.0) / scale, rel=ROOT)


def test_a_weak_negative_mode_takes_long():
    """1e-6 of the noise, 1e-6 of the curvature: (W + w) = w exp(2e-6 t), up to exp(-2 t) = 0."""
    H, Sigma = np.diag([1.0, -1e-6]), np.diag([1.0, 1e-6])
    t = escape_time(H, np.eye(2), Sigma)
    assert t == pytest.approx(math.log(1e6 + 1.0) / 2e-6, rel=ROOT)
    assert t == pytest.approx(escape_time_bound(H, np.eye(2), Sigma), rel=ROOT)


def test_at_once_and_never():
    eye = np.eye(2)
    assert escape_time(np.diag([1.0, -1.0]), eye, eye) == 0.0  # slope 0, and concave
    assert escape_time(-eye, eye, eye) == 0.0
    assert escape_time_bound([[-1.0]], [[1.0]], [[1.0]]) == 0.0
    for H in (eye, np.diag([1.0, 0.0]), np.zeros((2, 2))):
        assert escape_time(H, eye, eye) == math.inf
        assert escape_time_bound(H, eye, eye) == math.inf
    assert escape_time(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((0, 0))) == math.inf


def test_definition_1_is_an_infimum():
    """At the escape time the loss equals its start: there is no first time below it."""
    H, eye = np.diag([2.0, -1.0]), np.eye(2)
    t = escape_time(H, eye, eye)
    assert float(expected_loss(H, eye, eye, t)) == pytest.approx(0.0, abs=1e-15)


def test_eq_19_for_a_minimum_would_be_a_finite_time():
    """|lambda_min| gives log(2) / 2 for a positive definite H, whose loss never falls."""
    eye = np.eye(2)
    lam = np.linalg.eigvalsh(eye)
    assert math.log(2.0) / abs(2.0 * lam[0]) < 0.35
    assert float(expected_loss(eye, eye, eye, 0.35)) > 0.0
    assert escape_time_bound(eye, eye, eye) == math.inf


def test_noise_in_every_direction_is_needed():
    """Without noise along the negative curvature the loss never falls below its start."""
    H, G, Sigma = np.diag([1.0, -1.0]), np.eye(2), np.diag([1.0, 0.0])
    assert float(expected_loss(H, G, Sigma, 50.0)) == pytest.approx(0.25)
    for call in (escape_time, escape_time_bound):
        with pytest.raises(OptionError, match="Sigma must be positive definite"):
            call(H, G, Sigma)
