"""Langevin: its mean is the trace of its filter, its stderr is calibrated, its errors are clear."""

import numpy as np
import pytest
import scipy.stats

import symrank
from symrank import Langevin, Preconditioner, Status, gallery
from symrank.errors import DivergedError, OptionError, StepSizeError
from symrank.operators import Operator
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews

Z = 4.5  # a correct estimator fails one such check in 150 000
SCHEMES = {
    "euler-maruyama": lambda x: (EulerMaruyama(x), {"step_size": x}),
    "leimkuhler-matthews": lambda x: (LeimkuhlerMatthews(x), {"step_size": x}),
    "baoab": lambda x: (Baoab(np.sqrt(2 * x), 0.4), {"step_size": np.sqrt(2 * x), "friction": 0.4}),
    "energy": lambda x: (EulerMaruyama(x, "energy"), {"step_size": x, "estimator": "energy"}),
}


def method_of(name, x, **options):
    scheme, given = SCHEMES[name](x)
    kind = "euler-maruyama" if name == "energy" else name
    return scheme, Langevin(scheme=kind, **given, **options)


@pytest.mark.parametrize("law", ["rademacher", "gaussian"])
@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("x", [0.3, 1.0, 1.6])
@pytest.mark.parametrize("spectrum", ["gapped", "log-uniform", "clustered", "one zero"])
def test_mean_is_the_trace_of_its_filter(spectrum, x, name, law):
    seed = 20240131
    lam = gallery.SPECTRA[spectrum](30)
    scheme, method = method_of(name, x, noise=law, num_steps=40, burn_in=10, num_chains=192)
    result = symrank.rank(gallery.dense(lam, seed), method, max_matvecs=10_000, rng=seed)
    expected = lam.size + scheme.deviation(lam, 10, 40).sum()
    # the spread of 192 independent chains alone, so that no predicted correlation enters
    stderr = result.samples.std(ddof=1) / np.sqrt(result.samples.size)
    assert abs(result.estimate - expected) <= Z * stderr


@pytest.mark.parametrize("name", SCHEMES)
def test_spread_of_the_chains_is_the_predicted_one(name, seed):
    lam = gallery.SPECTRA["gapped"](40)
    scheme, method = method_of(
        name, 0.8, noise="gaussian", num_steps=160, burn_in=60, num_chains=256
    )
    result = symrank.rank(gallery.dense(lam, seed), method, max_matvecs=50_000, rng=seed)
    # 255 (s / sigma)^2 is chi-square for sums of some hundred terms that are nearly Gaussian
    ratio = result.samples.var(ddof=1) / scheme.variance(lam, 100).sum()
    low, high = scipy.stats.chi2.ppf([1e-6, 1 - 1e-6], 255) / 255
    assert low < ratio < high
    assert result.diagnostics["stderr_predicted"] == pytest.approx(
        np.sqrt(scheme.variance(lam, 100).sum() / 256), rel=0.5  # on the pilot's measure
    )  # fmt: skip


def test_stderr_is_calibrated():
    """Two long chains, cut into batches: z-scores have variance one, as far as 40 runs tell."""
    lam = gallery.SPECTRA["gapped"](40)
    A = gallery.dense(lam, 3)
    method = Langevin(num_steps=500, burn_in=100, num_chains=2, noise="gaussian")
    results = [symrank.rank(A, method, rng=s, check=False) for s in range(40)]
    rank = np.count_nonzero(lam)
    z = np.array([(r.estimate - rank) / r.stderr for r in results])
    low, high = scipy.stats.chi2.ppf([1e-5, 1 - 1e-5], 40)
    assert low < np.sum(z**2) < high


def test_preconditioned_chains_see_the_preconditioned_operator(seed):
    rng = np.random.default_rng(seed)
    A = gallery.dense(gallery.SPECTRA["gapped"](30), seed)
    g = 10.0 ** rng.uniform(-1.0, 0.0, 30)
    lam = np.abs(np.linalg.eigvals(np.diag(g) @ A))
    scheme, method = method_of("leimkuhler-matthews", 1.0, num_steps=40, burn_in=10, num_chains=192)
    result = symrank.rank(
        A, method, preconditioner=Preconditioner.diagonal(g), max_matvecs=10_000, rng=seed
    )
    expected = lam.size + scheme.deviation(np.where(lam > 1e-12, lam, 0.0), 10, 40).sum()
    stderr = result.samples.std(ddof=1) / np.sqrt(192)
    assert abs(result.estimate - expected) <= Z * stderr


@pytest.mark.parametrize("spectrum", sorted(gallery.SPECTRA))
def test_nothing_needs_to_be_given(spectrum):
    seed = 771
    lam = gallery.SPECTRA[spectrum](100)
    result = symrank.rank(gallery.dense(lam, seed), "langevin", rng=seed, confidence=1 - 1e-5)
    low, high = result.interval()
    assert low <= np.count_nonzero(lam) <= high
    assert result.num_matvecs <= 20_000
    assert result.interval()[0] <= result.rank <= result.interval()[1]


def test_an_indefinite_operator_is_squared(seed):
    lam = gallery.SPECTRA["indefinite"](64)
    result = symrank.rank(gallery.dense(lam, seed), method="langevin", rng=seed)
    assert result.diagnostics["squared"]
    low, high = result.interval(1 - 1e-5)
    assert low <= np.count_nonzero(lam) <= high


def test_a_condition_number_of_1e5_is_within_a_per_cent():
    lam = np.concatenate([np.zeros(200), np.geomspace(1e-5, 1.0, 200)])
    result = symrank.rank(
        gallery.dense(lam, 1), "langevin", max_matvecs=16_000, precision=1e-9, rng=1
    )
    # predicted: 0.4 sqrt(5) % at rank 200; 2.7 % is three of these
    assert abs(result.estimate - 200) < 0.027 * 200
    assert result.diagnostics["stderr_predicted"] < 0.02 * 200


def test_a_met_precision_ends_the_run_early():
    lam = gallery.SPECTRA["gapped"](200)
    A = gallery.dense(lam, 1)
    short = symrank.rank(A, "langevin", rng=1, precision=0.05)
    long = symrank.rank(A, "langevin", rng=1, precision=1e-9)
    assert short.status is Status.CONVERGED
    assert short.num_matvecs < long.num_matvecs / 2
    low, high = short.interval()
    assert high - low <= 2 * 0.05 * 200
    assert short.evidence.num_looks > 1  # and more could have followed: alpha is shared


def test_interval_covers_what_the_filter_has_not_resolved():
    lam = gallery.SPECTRA["log-uniform"](200)  # down to 1e-6: far from stationary
    method = Langevin(scheme="euler-maruyama", num_steps=200, burn_in=100, num_chains=8)
    result = symrank.rank(gallery.dense(lam, 3), method=method, rng=3)
    low, high = result.interval()
    assert result.estimate < 180
    assert low <= 200 <= high
    assert result.status in (Status.BURN_IN_TOO_SHORT, Status.NO_GAP_FOUND)


def test_a_window_that_drifts_is_named():
    lam = np.full(400, 1e-3)  # settles after about 1 / (2 eta lambda) = 500 steps
    lam[0] = 1.0
    method = Langevin(
        scheme="euler-maruyama", num_steps=100, burn_in=0, num_chains=8, step_size=1.0
    )
    result = symrank.rank(np.diag(lam), method=method, rng=3)
    assert result.status is Status.BURN_IN_TOO_SHORT


@pytest.mark.parametrize("step_size", [-1.0, 2.0, 3.0])
@pytest.mark.parametrize("scheme", ["euler-maruyama", "leimkuhler-matthews", "baoab"])
def test_unstable_step_size_names_the_limit_and_the_remedy(step_size, scheme):
    law = "2/sqrt" if scheme == "baoab" else "2/lambda_max"
    with pytest.raises(StepSizeError, match=rf"{law}.*= .*Pass .*leave it out"):
        symrank.rank(np.eye(6), method=Langevin(step_size=step_size, scheme=scheme))


def test_step_size_is_in_the_units_of_the_caller():
    first = Langevin(step_size=3e-250, scheme="euler-maruyama")
    with pytest.raises(StepSizeError, match=r"2/lambda_max = 2e-250 "):
        symrank.rank(1e250 * np.eye(6), first)
    first = Langevin(step_size=1e-250, scheme="euler-maruyama")
    result = symrank.rank(1e250 * np.eye(6), first, rng=3)
    assert result.rank == 6
    assert result.diagnostics["step_size"] == pytest.approx(1e-250)
    with pytest.raises(StepSizeError, match=r"2/sqrt\(lambda_max\) = 2e-125 "):
        symrank.rank(1e250 * np.eye(6), Langevin(step_size=3e-125))
    second = Langevin(step_size=1e-125, friction=2e125)
    result = symrank.rank(1e250 * np.eye(6), second, rng=3)
    assert result.rank == 6
    assert result.diagnostics["friction"] == pytest.approx(2e125)


class Drifting(Operator):
    """Grows without bound after the pilot: no step size is stable for it."""

    def __init__(self, n):
        super().__init__((n, n), float)
        self.products = 0

    def _matmat(self, X):
        self.products += 1
        return X * (1.0 if self.products < 3 else 1e100)


def test_a_chain_that_diverges_says_what_was_known():
    with pytest.raises(DivergedError, match=r"at step \d+: .*known before: rank") as info:
        symrank.rank(Drifting(5), "langevin", rng=1, check=False)
    assert info.value.result.n == 5
    assert info.value.result.num_matvecs > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_chains": 1}, r"num_chains=1 .*at least 2"),
        ({"estimator": "best"}, r"estimator='best' must be 'corrected' or 'energy'"),
        ({"scheme": "verlet"}, r"scheme='verlet' must be 'baoab' or"),
        ({"noise": "uniform"}, r"noise='uniform' must be 'rademacher' or 'gaussian'"),
        ({"estimator": "energy"}, r"estimator='energy' with scheme='baoab'"),
        ({"friction": -1.0}, r"friction=-1.0 must be positive"),
        ({"friction": 1.0, "scheme": "euler-maruyama"}, r"belongs to scheme='baoab'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        Langevin(**options)


@pytest.mark.parametrize("options", [{"num_steps": 50, "burn_in": 50}, {"burn_in": 10**6}])
def test_a_window_must_be_left(options):
    with pytest.raises(OptionError, match=r"burn_in=\d+ .*leave no window"):
        symrank.rank(np.eye(6), method=Langevin(**options))


@pytest.mark.parametrize("budget", [1, 10, 40, 100])
def test_a_tiny_budget_ends_in_an_answer_or_a_sentence(budget):
    A = gallery.dense(gallery.SPECTRA["gapped"](60), 1)
    try:
        result = symrank.rank(A, "langevin", rng=1, max_matvecs=budget, check=False)
    except OptionError as error:
        assert "raise max_matvecs" in str(error)  # noqa: PT017 - either end is right
    else:
        low, high = result.interval()
        assert low <= 40 <= high
