"""Ubaru and Saad: the published method and its defect; the repaired one on spectra and scales."""

import dataclasses

import numpy as np
import pytest

import symrank
from symrank import Status, UbaruSaad, gallery
from symrank.errors import OptionError
from symrank.methods.moments import published_gap
from symrank.methods.moments.polynomials import evaluate
from symrank.methods.moments.windows import polynomial
from symrank.methods.pilot import Pilot

Z = 4.5  # a right estimator fails one such check in 150 000
PUBLISHED = UbaruSaad(variant="published")


def network_spectrum(d, seed):
    """Positive eigenvalues of the Hessian at the published minimum: all layers are T^(1/5)."""
    network = gallery.linear_network(d, minimum="published", rng=seed)
    s = np.linalg.eigvalsh(network.weights[1])
    powers = [s ** (2 * layer) for layer in range(5)]
    return 2.0 * sum(np.outer(powers[j], powers[4 - j]) for j in range(5)).ravel()


def padded(lam, zeros):
    return gallery.diagonal(np.concatenate([np.zeros(zeros), lam]))


def test_the_published_grid():
    x, phi = published_gap.density(np.eye(51)[0], 0.0, 1.0, 100)
    h = 2 / 101
    assert x.size == 125
    np.testing.assert_allclose(x[:3], [-1 + h, -1 + 1.5 * h, -1 + 2 * h])
    np.testing.assert_allclose(x[98:102], [-0.5 * h, 0.0, h, 3 * h], atol=1e-14)
    assert x[-1] <= 1 - h
    assert phi.sum() * (x[1] - x[0]) == pytest.approx(1.0)


def test_the_published_valley_on_a_density_made_for_it():
    x = np.linspace(0.0, 1.0, 101)
    phi = 15.0 * np.exp(-((x / 0.05) ** 2)) + 2.0 * (x > 0.4)
    tau = published_gap.threshold(x, phi, 100)
    # midway from the end of the peak, near 0.13, to 0.38, whose next but two is above 0.4
    assert 0.22 < tau < 0.29


@pytest.mark.parametrize("name", ["gapped", "log-uniform", "clustered"])
def test_no_density_has_a_valley_once_the_spectrum_is_large(name):
    lam = gallery.SPECTRA[name](500)
    t = 2.0 * lam / lam.max() - 1.0
    moments = np.cos(np.arange(51)[:, None] * np.arccos(t)).mean(axis=1)
    # z is at most 3/4 of 4 / (h lambda_max): every drop is below 0.01 from here on
    h = 2 / 101
    found = []
    for largest in (1.0, 3.0 / (0.01 * h)):
        x, phi = published_gap.density(moments, 0.5 * largest, 0.5 * largest, 100)
        found.append(published_gap.threshold(x, phi, 100) / largest)
    assert found[1] == pytest.approx(0.625 * h)
    assert found[0] > 1.5 * found[1]


@pytest.mark.parametrize(("d", "mean"), [(16, -18.5), (32, -19.0)])
def test_published_errors_are_those_of_the_paper(d, mean):
    errors, n, r = [], 5 * d * d, d * d
    for seed in range(6):
        A = padded(network_spectrum(d, seed), n - r)
        result = symrank.rank(A, PUBLISHED, rng=seed, check=False)
        errors.append(100.0 * (result.estimate - r) / r)
        norm = A.diagonal().max()
        assert result.threshold == pytest.approx(0.0124 * norm, rel=5e-3)
        assert result.status is Status.NOT_CERTIFIED
        assert result.interval()[1] < r  # its interval does not cover: hence the status
        assert result.diagnostics["num_vectors"] == 300
    assert abs(np.mean(errors) - mean) < 3.0


def test_the_published_answer_depends_on_the_unit():
    A = padded(np.geomspace(1e-3, 1.0, 300), 300)
    found = [symrank.rank(c * A, PUBLISHED, rng=4) for c in (1.0, 1e3, 1e-5)]
    assert found[1].threshold / 1e3 == pytest.approx(0.0124, rel=5e-3)
    assert found[0].threshold > 2 * 0.0124
    # at 1e-5 the margin of 1e-5 is as large as the spectrum
    assert not 0.5 < found[2].threshold / 1e-5 / found[0].threshold < 2.0
    # and the grid is that of [-1e-5, 2e-5]
    t, h = (found[2].threshold - 0.5e-5) / 1.5e-5, 2 / 101
    steps = (t + 1.0 - h) / (0.25 * h)
    assert steps == pytest.approx(round(steps), abs=1e-2)
    assert abs(found[0].rank - found[1].rank) > 3 * found[0].stderr


def test_the_published_variant_refuses_negative_eigenvalues():
    A = gallery.dense(gallery.SPECTRA["indefinite"](60), 1)
    with pytest.raises(OptionError, match=r"positive semidefinite .*at most -0.9\. Leave variant"):
        symrank.rank(A, PUBLISHED, rng=1)


@pytest.mark.parametrize("d", [16, pytest.param(32, marks=pytest.mark.slow)])
def test_repaired_errors_are_within_two_per_cent(d):
    errors, covers, n, r = [], 0, 5 * d * d, d * d
    for seed in range(8):
        A = padded(network_spectrum(d, seed), n - r)
        result = symrank.rank(A, UbaruSaad(), rng=seed, check=False, max_matvecs=15_000)
        assert result.num_matvecs <= 15_000
        low, high = result.interval(1 - 1e-4)
        covers += low <= r <= high
        errors.append((result.estimate - r) / r)
    assert np.sqrt(np.mean(np.square(errors))) < 0.02
    assert covers == 8


UNITS = (1.0, 1e-8, 1e-200)


@pytest.mark.parametrize(
    "spectrum",
    [
        "clustered",
        "indefinite",
        *(pytest.param(s, marks=pytest.mark.slow) for s in ("gapped", "half log-uniform")),
    ],
)
def test_the_repaired_answer_does_not_depend_on_the_unit(spectrum):
    lam = gallery.SPECTRA[spectrum](400)
    A = gallery.diagonal(lam)
    found = [symrank.rank(c * A, UbaruSaad(), rng=4) for c in UNITS]
    for result, c in zip(found, UNITS, strict=True):
        assert result.rank == found[0].rank
        assert result.interval() == found[0].interval()
        assert result.status is found[0].status
        assert result.estimate == pytest.approx(found[0].estimate, abs=1e-4)
        assert result.threshold == pytest.approx(c * found[0].threshold, rel=1e-6)


def test_the_estimate_is_the_trace_of_the_filter(seed):
    lam = np.concatenate([np.zeros(300), np.geomspace(1e-5, 1.0, 700)])
    A = gallery.diagonal(lam)
    result = symrank.rank(A, UbaruSaad(degree=60, num_vectors=200), rng=seed, check=False)
    found = result.diagnostics
    assert found["degree"] == 60
    assert result.samples.size == 200
    # w by its definition, on the interval that the pilot has proved: L is lambda_max to 1e-6 here
    w = polynomial("optimal", 60, found["ripple"] / 1.01)
    trace = (1.0 - evaluate(w, 2.0 * lam - 1.0)).sum()
    # without the ends of the filter: the ripple is rounded up by a per cent
    assert abs(result.estimate - trace) < Z * result.samples.std() / np.sqrt(200) + 0.5
    assert result.stderr == pytest.approx(result.samples.std() / np.sqrt(200), rel=0.25)


@pytest.mark.parametrize("spectrum", ["gapped", "low rank"])
def test_the_interval_keeps_its_level(spectrum):
    # one plan, whose sampling error is what the interval is made of
    lam, trials = gallery.SPECTRA[spectrum](300), 200
    truth, hits = np.count_nonzero(lam), 0
    A = gallery.diagonal(lam)
    for seed in range(trials):
        method = UbaruSaad(degree=60, num_vectors=6)
        result = symrank.rank(A, method, rng=seed, check=False, max_matvecs=400)
        low, high = result.interval(0.9)
        assert high - low < 90
        hits += low <= truth <= high
    assert hits >= 0.9 * trials - Z * np.sqrt(0.9 * 0.1 * trials)


@pytest.mark.parametrize(
    "spectrum",
    [
        "gapped",
        "indefinite",
        *(pytest.param(s, marks=pytest.mark.slow) for s in ("clustered", "one zero", "low rank")),
    ],
)
def test_intervals_cover(spectrum):
    lam = gallery.SPECTRA[spectrum](1200)
    truth, hits = np.count_nonzero(lam), 0
    for seed in range(20):
        result = symrank.rank(
            gallery.diagonal(lam), UbaruSaad(), rng=seed, check=False, max_matvecs=3000
        )
        low, high = result.interval()
        hits += low <= truth <= high
    assert hits >= 15  # at 95 %, fewer once in 3000


def test_a_cluster_below_the_resolution_is_not_called_converged():
    rng = np.random.default_rng(5)
    for level in (1e-4, 1e-8, 1e-12):
        lam = np.concatenate([rng.uniform(0.1, 1.0, 2000), level * rng.uniform(0.5, 1.0, 1000)])
        result = symrank.rank(padded(lam, 500), UbaruSaad(), rng=3, check=False)
        low, high = result.interval(1 - 1e-4)
        assert low <= np.count_nonzero(lam > result.threshold) <= high
        if result.status is Status.CONVERGED:
            assert abs(result.rank - 3000) <= 30


@pytest.mark.parametrize("lam", [np.linspace(-1.0, 1.0, 1500), np.linspace(0.0, 1.0, 1500)])
@pytest.mark.parametrize("cut", [0.03, 0.3])
def test_a_cut_of_the_caller_is_covered(lam, cut, seed):
    result = symrank.rank(gallery.diagonal(lam), UbaruSaad(), atol=cut, rng=seed, check=False)
    low, high = result.interval(1 - 1e-5)
    assert low <= np.count_nonzero(np.abs(lam) > cut) <= high
    assert result.threshold == cut
    assert high - low < 750


def test_an_unseen_negative_eigenvalue_turns_the_run_to_both_sides():
    # the pilot's probes hold no share of the last eigenvector, the vectors do
    lam = np.concatenate([np.zeros(300), np.linspace(0.5, 1.0, 300)])
    A = gallery.diagonal(lam)
    calls = []
    original = Pilot.of

    def blind(measure, goal, num_steps):
        pilot = original(measure, goal, num_steps)
        calls.append(pilot.is_indefinite)
        return dataclasses.replace(pilot, is_indefinite=False)

    B = gallery.diagonal(np.concatenate([-lam[-200:], lam]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pilot, "of", blind)
        result = symrank.rank(B, UbaruSaad(), rng=3, check=False)
        assert symrank.rank(A, UbaruSaad(), rng=3).diagnostics["two_sided"] is False
    assert calls[0] is True
    assert result.diagnostics["two_sided"]
    low, high = result.interval(1 - 1e-5)
    assert low <= 500 <= high


def test_a_pilot_that_leaves_the_null_space_open_goes_on():
    # two vectors tell the null space after some 300 steps, and a tenth of 3000 products is 150
    A = padded(np.geomspace(1e-3, 1.0, 500), 500)
    found = symrank.rank(A, UbaruSaad(), rng=2, check=False, max_matvecs=3000)
    assert found.num_matvecs <= 3000
    low, high = found.interval(1 - 1e-4)
    assert low <= 500 <= high < 700


def test_gaps_are_listed():
    lam = np.concatenate([np.full(500, 1e-4), np.linspace(0.5, 1.0, 1000)])
    result = symrank.rank(padded(lam, 500), UbaruSaad(degree=2000), rng=3, max_matvecs=60_000)
    inner = next(gap for gap in result.gaps if 5e-5 < gap.low < 1e-2)
    assert 0.1 < inner.high < 0.8
    assert inner.count == pytest.approx(1000, abs=5 * result.stderr)


def test_the_tail_of_a_large_cluster_is_no_eigenvalue():
    lam = np.concatenate([np.full(20_000, 1e-3), np.linspace(0.5, 1.0, 1000)])
    result = symrank.rank(padded(lam, 99), UbaruSaad(degree=600, num_vectors=4), rng=3, check=False)
    inner = next(gap for gap in result.gaps if 5e-4 < gap.low < 0.1)
    assert inner.high > 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "new"}, r"variant='new' must be 'published' or 'repaired'"),
        ({"degree": 0}, r"degree=0 must be at least 1"),
        ({"num_vectors": 0}, r"num_vectors=0 must be at least 1"),
        ({"npts": 100}, r"npts=100 belongs to variant='published'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        UbaruSaad(**options)


@pytest.mark.parametrize("max_matvecs", [1, 3, 50])
@pytest.mark.parametrize("variant", ["published", "repaired"])
def test_the_budget_is_kept(variant, max_matvecs):
    A = padded(np.linspace(0.1, 1.0, 400), 100)
    result = symrank.rank(
        A, UbaruSaad(variant=variant), rng=1, max_matvecs=max_matvecs, check=False
    )
    assert result.num_matvecs <= max_matvecs
    assert result.status is not Status.CONVERGED
