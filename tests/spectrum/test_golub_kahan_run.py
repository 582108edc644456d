"""Bounds from Golub-Kahan runs: they hold, are the sharper ones, and need no square."""

import numpy as np
import pytest

from symrank.operators import augmented, gram
from symrank.recurrences import lanczos
from symrank.spectrum.golub_kahan_run import GolubKahanRun
from symrank.spectrum.lanczos_run import LanczosRun
from symrank.spectrum.measure import RitzMeasure
from symrank.support import probes

EPS = float(np.finfo(float).eps)
ROUNDING = 1e-11  # of masses: 5e4 eps, what a Radau node may cost beside a Ritz value
CASES = 60


def case(seed, *, zeros=False):
    """A matrix of order up to 12, the masses of a Gaussian u, and a run of some steps from u."""
    rng = np.random.default_rng(seed)
    s = int(rng.integers(2, 12))
    sigma = np.sort(rng.uniform(0.0, 1.0, s))
    if zeros:
        sigma[: s // 2] = 0.0
    U = np.linalg.qr(rng.standard_normal((s, s)))[0]
    V = np.linalg.qr(rng.standard_normal((s + 3, s)))[0]
    X = (U * sigma) @ V.T
    modulus = augmented(X if seed % 2 else X.T).modulus().operator
    z = probes.gaussian(seed, 0, 1, s, modulus.dtype)
    state = lanczos.extend(lanczos.start(z), modulus, int(rng.integers(1, s + 1)), lambda _: None)
    (run,) = lanczos.runs(state, EPS)
    mass = (U.T @ z[:, 0]) ** 2 / (z**2).sum()
    return run, sigma, mass, rng


@pytest.mark.parametrize("zeros", [False, True])
def test_bounds_hold_and_know_that_the_measure_is_even(zeros):
    widths = []
    for seed in range(CASES):
        run, sigma, mass, rng = case(seed, zeros=zeros)
        for tau in rng.uniform(0.02, 1.05, 6):
            true = mass[sigma <= tau].sum()
            for low, high in (run.mass_below(tau), run.null_mass(tau), run.mass_left(tau)):
                assert low - ROUNDING <= true <= high + ROUNDING
            low, high = run.mass_below(tau)
            sides = [LanczosRun.mass_below(run.even, x) for x in (-tau, tau)]
            one_sided = min(1.0, sides[1][1] - sides[0][0]) - max(0.0, sides[1][0] - sides[0][1])
            assert high - low <= one_sided + ROUNDING
            widths.append((high - low, one_sided))
    narrower, wider = np.sum(widths, axis=0)
    assert narrower < 0.9 * wider


def test_the_same_rule_as_lanczos_with_the_squares():
    """Where squares cost nothing, as few products tell as much: node by node."""
    for seed in range(20):
        run, _, _, rng = case(seed)
        a, b = run.alpha, run.beta
        alpha = a**2 + np.append(0.0, b[:-1] ** 2)
        squares = LanczosRun(alpha, a * b, run.norm2, EPS)
        np.testing.assert_allclose(run.ritz_values**2, squares.ritz_values, atol=1e-12)
        np.testing.assert_allclose(run.weights, squares.weights, atol=1e-10)
        for tau in rng.uniform(0.3, 1.0, 3):
            rule = squares.radau(tau**2)
            if rule is not None and rule[0][0] >= 0.0:  # else the half line knows more
                found = run.mass_below(tau)
                np.testing.assert_allclose(found, squares.mass_below(tau**2), atol=1e-8)


def test_functions_are_bracketed_from_the_left_end():
    for seed in range(CASES):
        run, sigma, mass, _ = case(seed)
        nodes, weights = run.radau(0.0)
        for f in (lambda x: np.exp(-x), lambda x: -np.sqrt(x), lambda x: 1.0 / (x + 0.1)):
            true, gauss = mass @ f(sigma), run.weights @ f(run.ritz_values)
            assert gauss - ROUNDING <= true <= weights @ f(nodes) + ROUNDING
        for power in (1, 2):
            low, high = run.moment(power)
            assert low - ROUNDING <= mass @ sigma**power <= high + ROUNDING
            low, high = run.squared().moment(power)
            assert low - ROUNDING <= mass @ sigma ** (2 * power) <= high + ROUNDING


def test_squares_are_the_same_bounds_at_squared_levels():
    run, *_ = case(3)
    twice = run.squared()
    assert isinstance(twice.leading(1), GolubKahanRun)
    np.testing.assert_array_equal(twice.ritz_values, run.ritz_values**2)
    assert twice.null_mass(0.25) == run.null_mass(0.5)
    assert twice.floor == run.floor**2


def two_levels(low, s=200, longer=260):
    """A quarter at one, a quarter at `low`, zeros."""
    rng = np.random.default_rng(5)
    sigma = np.repeat([1.0, low, 0.0], [s // 4, s // 4, s - 2 * (s // 4)])
    U = np.linalg.qr(rng.standard_normal((s, s)))[0]
    V = np.linalg.qr(rng.standard_normal((longer, s)))[0]
    return (U * sigma) @ V.T, sigma


@pytest.mark.parametrize("low", [1e-4, 1e-8, 1e-11])
def test_what_a_square_hides_is_resolved(low):
    """One level far below the root of eps: as many products tell it, and squares do not."""
    X, sigma = two_levels(low)
    s, floor = sigma.size, 500.0 * EPS
    brackets = {}
    for name, operator in (
        ("sigma", augmented(X).modulus().operator),
        ("squares", gram(X, "rows")),
    ):
        Z = probes.gaussian(1, 0, 4, s, operator.dtype)
        state = lanczos.extend(lanczos.start(Z), operator, 12, lambda _: None)
        measure = RitzMeasure(runs=lanczos.runs(state, EPS), n=s)
        brackets[name] = s * np.array(measure.null_mass(floor))
    # 50 probes' worth of spread: 4 sqrt(2 d (n - d) / (m n)) = 28
    assert abs(brackets["sigma"] - s / 2).max() < 28
    assert np.ptp(brackets["sigma"]) < 0.5
    knows = np.ptp(brackets["squares"]) < 0.5 and abs(brackets["squares"] - s / 2).max() < 28
    assert knows == (low > np.sqrt(floor))


@pytest.mark.parametrize("far", [1e3, 1e149, 1e160, 1e300])
def test_a_level_far_beyond_the_spectrum_has_all_mass_below(far):
    run, *_ = case(4)
    for low, high in (run.null_mass(far), run.squared().null_mass(far), run.mass_below(far)):
        assert high >= 1.0 - ROUNDING
        assert low >= 1.0 - 1e-4  # the node's weight is what moments cannot exclude
