"""Polynomials in Chebyshev's basis, and windows that bound a null mass, on exact measures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank.methods.moments import polynomials as poly
from symrank.methods.moments.windows import FILTERS, measured, polynomial, resolution

T = np.cos(np.linspace(0.0, np.pi, 4001))


def moments_of(x, weights, degree):
    return np.cos(np.arange(degree + 1)[:, None] * np.arccos(2.0 * x - 1.0)) @ weights


def test_jackson_factors_begin_at_one_and_keep_positive_functions_positive():
    for degree in (1, 7, 50):
        g = poly.jackson(degree, degree + 1)
        assert g[0] == pytest.approx(1.0)
        assert (np.diff(g) < 0).all()
        delta = np.cos(np.arange(degree + 1) * 1.1) * g  # Dirac's measure at cos(1.1)
        delta[0] *= 0.5
        assert poly.evaluate(delta, T).min() > -1e-12


def test_step_is_the_expansion_of_the_indicator():
    a, b, degree = -0.3, 0.6, 6
    theta = (np.arange(200_000) + 0.5) * np.pi / 200_000
    inside = (np.cos(theta) >= a) & (np.cos(theta) <= b)
    k = np.arange(degree + 1)[:, None]
    expected = 2.0 * (inside * np.cos(k * theta)).mean(axis=1)  # 2/pi int f cos(k theta)
    expected[0] /= 2.0
    np.testing.assert_allclose(poly.step(a, b, degree), expected, atol=1e-4)


def test_sigma_factors():
    sigma = poly.lanczos_sigma(3)
    expected = [1.0, *(np.sin(k * np.pi / 4) / (k * np.pi / 4) for k in (1, 2, 3))]
    np.testing.assert_allclose(sigma, expected, rtol=1e-14)


@given(degree=st.integers(0, 30), seed=st.integers(0, 99))
def test_interpolation_recovers_a_polynomial(degree, seed):
    c = np.random.default_rng(seed).standard_normal(degree + 1)
    nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    np.testing.assert_allclose(poly.interpolate(poly.evaluate(c, nodes)), c, atol=1e-12)


@pytest.mark.parametrize("degree", [1, 2, 9, 60, 400])
@pytest.mark.parametrize("epsilon", [0.05, 1e-5])
def test_the_optimal_polynomial_is_one_at_zero_and_below_epsilon_from_delta_on(degree, epsilon):
    delta = resolution(degree, epsilon)
    c = polynomial("optimal", degree, epsilon)
    x = np.linspace(delta, 1.0, 20_001)
    values = poly.evaluate(c, 2.0 * x - 1.0)
    assert poly.evaluate(c, np.array([-1.0]))[0] == pytest.approx(1.0, abs=1e-10)
    # equal ripple: it reaches epsilon and never exceeds it
    assert np.abs(values).max() == pytest.approx(epsilon, rel=1e-3, abs=1e-12)


@pytest.mark.parametrize("kind", FILTERS)
def test_every_filter_is_small_from_its_delta_on(kind):
    w = measured(polynomial(kind, 200, 1e-3), 1e-12, 1e-3)
    x = np.linspace(w.delta, 1.0, 30_001)
    values = poly.evaluate(w.coefficients, 2.0 * x - 1.0)
    assert -1.1e-3 < w.low <= values.min()
    assert values.max() <= w.high < 1.1e-3
    assert w.floor == pytest.approx(1.0, abs=2e-3)
    # the constant of the table in the module's docstring, at epsilon = 1e-3
    known = {"optimal": 14.5, "exponential": 63.0}
    if kind in known:
        assert w.delta * 200**2 == pytest.approx(known[kind], rel=0.1)


@given(
    kind=st.sampled_from(FILTERS),
    degree=st.integers(1, 80),
    tau=st.sampled_from([1e-13, 1e-6, 1e-2, 0.2]),
    epsilon=st.sampled_from([0.05, 1e-3, 1e-6]),
    seed=st.integers(0, 10_000),
)
def test_bounds_hold_for_every_measure(kind, degree, tau, epsilon, seed):
    rng = np.random.default_rng(seed)
    w = measured(polynomial(kind, degree, epsilon, tau), tau, epsilon)
    near = tau * rng.uniform(0.0, 1.0, 4)
    between = np.append(tau, w.delta) @ np.array([1 - (u := rng.uniform(0, 1, 5)), u])
    x = np.clip(np.concatenate([near, between, rng.uniform(0.0, 1.0, 6)]), 0.0, 1.0)
    weights = rng.dirichlet(np.full(x.size, 0.3))
    value = float(w.coefficients @ moments_of(x, weights, degree))
    low, high = w.bounds(value, 1e-12)
    assert low <= weights[x <= w.delta].sum() + 1e-12
    assert weights[x <= tau].sum() <= high + 1e-12


@given(
    kind=st.sampled_from(FILTERS),
    degree=st.integers(2, 80),
    epsilon=st.sampled_from([0.05, 1e-3]),
    place=st.floats(0.0, 1.0),
)
def test_the_ripple_of_one_eigenvalue_is_no_null_mass(kind, degree, epsilon, place):
    w = measured(polynomial(kind, degree, epsilon), 1e-13, epsilon)
    x = np.array([w.delta + (1.0 - w.delta) * place])
    value = float(w.coefficients @ moments_of(x, np.ones(1), degree))
    assert w.bounds(value, 0.0)[0] == (0.0 if x[0] > w.delta else pytest.approx(0.0, abs=1.0))
    # and all of the mass at zero is known to be there
    low, high = w.bounds(float(w.coefficients @ (-1.0) ** np.arange(degree + 1)), 1e-13)
    assert 1.0 - 2.5 * epsilon < low <= high <= 1.0
