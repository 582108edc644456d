"""Lanczos blocks: the three-term relation, extension, blocking, and the margin of lambda_max."""

import numpy as np
import pytest

from symrank import gallery
from symrank.operators import as_operator
from symrank.recurrences import lanczos
from symrank.spectrum.margins import lambda_max_margin
from symrank.support import probes

EPS = np.finfo(float).eps


def run(operator, num_probes, num_steps, seed=5):
    Z = probes.gaussian(seed, 0, num_probes, operator.n, operator.dtype)
    return lanczos.extend(lanczos.start(Z), operator, num_steps, lambda _: None)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_full_krylov_space_gives_the_spectrum(rng, dtype):
    lam = np.sort(rng.uniform(-1.0, 1.0, 12))
    operator = as_operator(gallery.dense(lam, rng, dtype))
    (found,) = lanczos.runs(run(operator, 1, 12), EPS)
    # 12 well separated eigenvalues: orthogonality is lost by far less than 1e-8
    np.testing.assert_allclose(found.ritz_values, lam, atol=1e-8)


def test_going_on_is_the_same_as_going_through(rng):
    operator = as_operator(gallery.dense(np.linspace(0, 1, 40), rng))
    through = run(operator, 3, 20)
    parts = lanczos.extend(run(operator, 3, 7), operator, 13, lambda _: None)
    np.testing.assert_array_equal(parts.alpha, through.alpha)
    np.testing.assert_array_equal(parts.beta, through.beta)
    np.testing.assert_array_equal(parts.U, through.U)


def test_moments_match_those_of_the_start_vector(rng):
    lam = rng.uniform(-1.0, 1.0, 60)
    operator = as_operator(np.diag(lam))
    z = probes.gaussian(5, 0, 1, 60, operator.dtype)[:, 0]
    (found,) = lanczos.runs(run(operator, 1, 6), EPS)
    for p in range(12):  # the Gauss rule of 6 nodes is exact to degree 11
        exact = z**2 @ lam**p / (z @ z)
        assert found.weights @ found.ritz_values**p == pytest.approx(exact, abs=1e-12)


def test_tick_counts_every_product():
    ticks = []
    operator = as_operator(np.eye(5))
    state = lanczos.start(probes.gaussian(1, 0, 3, 5, operator.dtype))
    lanczos.extend(state, operator, 4, ticks.append)
    assert ticks == [3, 3, 3, 3]


def test_probes_do_not_depend_on_blocking():
    whole = probes.gaussian(9, 0, 5, 30, np.dtype(np.complex64))
    parts = [probes.gaussian(9, j, 1, 30, np.dtype(np.complex64)) for j in range(5)]
    np.testing.assert_array_equal(whole, np.hstack(parts))


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_probes_have_unit_variance(dtype):
    Z = probes.gaussian(3, 0, 4, 50_000, np.dtype(dtype))
    sigma = np.sqrt(2.0 / Z.size)  # of the mean of |z|^2; smaller for complex entries
    assert abs(np.mean(np.abs(Z) ** 2) - 1.0) < 4.5 * sigma
    assert Z.dtype == dtype


@pytest.mark.parametrize("spectrum", sorted(gallery.SPECTRA))
@pytest.mark.parametrize("num_steps", [8, 16, 40])
def test_margin_reaches_lambda_max(spectrum, num_steps):
    lam = gallery.SPECTRA[spectrum](2000)
    operator = as_operator(gallery.diagonal(lam))
    margin = lambda_max_margin(2000, num_steps, 2, is_indefinite=spectrum == "indefinite")
    for seed in range(10):
        state = run(operator, 2, num_steps, seed)
        norm = max(r.spectral_norm for r in lanczos.runs(state, EPS))
        assert norm * (1 + margin) >= np.abs(lam).max()


def test_margin_shrinks_with_steps_and_is_small_for_a_pilot():
    margins = [lambda_max_margin(10**6, k, 4, is_indefinite=False) for k in (16, 32, 64, 128)]
    assert margins == sorted(margins, reverse=True)
    assert margins[2] < 0.02
