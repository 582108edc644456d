"""Filters against the schemes themselves, unrolled on unit noise: an independent road."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews

SCHEMES = {
    "euler-maruyama": lambda x: EulerMaruyama(x),
    "energy": lambda x: EulerMaruyama(x, "energy"),
    "leimkuhler-matthews": lambda x: LeimkuhlerMatthews(x),
    "baoab": lambda x: Baoab(np.sqrt(2.0 * x), 0.3),  # stable for the same 0 < x < 2
    "baoab, strong friction": lambda x: Baoab(np.sqrt(2.0 * x), 5.0),
}


def unrolled(scheme, lam, num_steps):
    """Coordinate of one mode before every step, as rows over independent unit noises.

    Written from the text of each scheme, and not from its filter: returns (K, inputs) rows and the
    factor g with e_k = g theta_k^2.
    """
    inputs = num_steps + 2
    n = np.eye(inputs)
    theta, rows = np.zeros(inputs), []
    if isinstance(scheme, Baoab):
        h, c = scheme.step_size, np.exp(-scheme.friction * scheme.step_size)
        v = n[-1]
        for k in range(num_steps):
            rows.append(theta)
            u = v - h * lam * theta
            v = c * u + np.sqrt(1.0 - c**2) * n[k]
            theta = theta + 0.5 * h * (u + v)
        return np.array(rows), lam
    eta = scheme.step_size
    averaged = isinstance(scheme, LeimkuhlerMatthews)
    if averaged:
        theta = 0.5 * np.sqrt(eta) * n[0]
    for k in range(num_steps):
        rows.append(theta)
        noise = 0.5 * (n[k] + n[k + 1]) if averaged else n[k]
        theta = theta - eta * lam * theta + np.sqrt(eta) * noise
    if averaged or scheme.estimator == "energy":
        return np.array(rows), 2.0 * lam
    return np.array(rows), 2.0 * lam - eta * lam**2


@pytest.mark.parametrize("name", SCHEMES)
@given(lam=st.floats(1e-3, 1.0), x=st.floats(0.01, 1.9), k=st.integers(0, 60))
def test_phi_is_the_second_moment_of_the_mode(name, lam, x, k):
    scheme = SCHEMES[name](x)
    rows, g = unrolled(scheme, lam, k + 1)
    # a few hundred roundings of numbers of order one, times 1 / (1 - r) of BAOAB's geometric sums
    assert scheme.phi(lam, k) == pytest.approx(g * rows[k] @ rows[k], abs=1e-8)


@pytest.mark.parametrize("name", SCHEMES)
@given(lam=st.floats(1e-3, 1.0), x=st.floats(0.01, 1.9), first=st.integers(0, 40))
def test_deviation_is_the_mean_over_the_window(name, lam, x, first):
    scheme = SCHEMES[name](x)
    rows, g = unrolled(scheme, lam, first + 25)
    energies = g * (rows**2).sum(axis=1)
    assert scheme.deviation(lam, first, first + 25) == pytest.approx(
        energies[first:].mean() - 1.0, abs=1e-6
    )


@pytest.mark.parametrize("name", SCHEMES)
@given(lam=st.floats(0.3, 1.0), x=st.floats(0.3, 1.7), K=st.integers(1, 30))
def test_variance_of_a_settled_window(name, lam, x, K):
    scheme = SCHEMES[name](x)
    burn_in = 200  # x lambda >= 0.09: the mode is settled to 0.83^200 < 1e-15
    rows, g = unrolled(scheme, lam, burn_in + K)
    C = rows[burn_in:] @ rows[burn_in:].T
    exact = 2.0 * g**2 * (C**2).mean()  # Isserlis: Cov(a^2, b^2) = 2 Cov(a, b)^2
    assert scheme.variance(lam, K) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("name", SCHEMES)
def test_limits_of_the_design(name):
    """Long windows reach the printed limits, and only the energy of eq. (20) keeps a bias."""
    x, K = 0.5, 10**6
    scheme = SCHEMES[name](x)
    bias = 1.0 / (1.0 - 0.5 * x) - 1.0 if name == "energy" else 0.0
    assert scheme.deviation(1.0, 1000, 2000) == pytest.approx(bias, abs=1e-9)
    assert scheme.limit(1.0) == pytest.approx(1.0 + bias, abs=1e-15)
    q2 = (1.0 - x) ** 2
    limit = {
        "euler-maruyama": 2.0 * (1.0 + q2) / (1.0 - q2),
        "energy": 2.0 * (1.0 + q2) / (1.0 - q2) * (1.0 + bias) ** 2,
        "leimkuhler-matthews": 1.0 + 2.0 / x,
    }.get(name)
    if limit is not None:
        assert K * scheme.variance(1.0, K) == pytest.approx(limit, rel=1e-4)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_null_mode_has_no_energy(name):
    scheme = SCHEMES[name](0.5)
    assert scheme.phi(0.0, 50) == 0.0
    assert scheme.limit([0.0, -1.0]).tolist() == [0.0, 0.0]
    assert scheme.deviation(0.0, 10, 50) == -1.0
    assert scheme.variance(0.0, 40) == 0.0


@pytest.mark.parametrize("name", SCHEMES)
def test_soft_modes_lose_no_digits(name):
    """From a frozen mode to one that settles within the window the curves have no jumps."""
    scheme = SCHEMES[name](1.9)
    lam = np.geomspace(1e-16, 1e-2, 400)
    deviation, variance = scheme.deviation(lam, 100, 7000), scheme.variance(lam, 6900)
    assert (deviation >= -1.0 - 1e-4).all()
    assert (variance <= 2.0 + 1e-3).all()
    # neighbouring eigenvalues differ by 8 %, so values cannot differ by more than a tenth
    assert np.abs(np.diff(deviation)).max() < 0.1
    assert np.abs(np.diff(variance)).max() < 0.2


@given(h=st.floats(0.1, 1.9), lam=st.floats(0.01, 1.0), k=st.integers(0, 30))
def test_baoab_without_memory_is_leimkuhler_matthews(h, lam, k):
    """c = 0 and eta = h^2/2; its start v_0 = n is that of the other after one step less noise."""
    kinetic, first = Baoab(h, 800.0 / h), LeimkuhlerMatthews(0.5 * h * h)
    assert kinetic.variance(lam, 20) == pytest.approx(first.variance(lam, 20), rel=1e-9)
    assert kinetic.deviation(lam, 400 + k, 420 + k) == pytest.approx(
        first.deviation(lam, 400 + k, 420 + k), abs=1e-1 if lam * h * h < 0.05 else 1e-6
    )
