"""Spectral sums: brackets that hold a probe, errors that hold over probes, exact limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symrank
from symrank import gallery
from symrank.errors import OptionError
from symrank.operators import as_operator
from symrank.recurrences import lanczos
from symrank.spectrum import quadrature
from symrank.spectrum.measure import RitzMeasure
from symrank.spectrum.sums import Estimate
from symrank.support import probes

Z = 4.5  # a correct estimator fails one such check in 150 000
DTYPES = [np.float64, np.complex128, np.float32, np.complex64]


def measured(lam, num_probes, num_steps, dtype=np.float64, seed=3, scale=1.0):
    """Return the measure of diag(lam) scale and the exact weights (n, m) of every probe."""
    dtype = np.dtype(dtype)
    A = gallery.diagonal(lam).astype(dtype)
    Z = probes.gaussian(seed, 0, num_probes, lam.size, dtype)
    squares = np.abs(Z.astype(np.complex128)) ** 2
    state = lanczos.extend(lanczos.start(Z), as_operator(A), num_steps, lambda _: None)
    measure = RitzMeasure(
        runs=lanczos.runs(state, float(np.finfo(dtype).eps)),
        n=lam.size,
        scale=scale,
        is_complex=dtype.kind == "c",
    )
    return measure, squares / squares.sum(axis=0)


def held(lam, dtype):
    """Return the eigenvalues as `dtype` holds them."""
    return lam.astype(np.zeros((), dtype).real.dtype).astype(np.float64)


def deviation(values, num_probes, dtype):
    """Standard deviation of the mean, eq. (1), from the known spectrum."""
    n = values.size
    c = n / (n + 1) if np.dtype(dtype).kind == "c" else 2 * n / (n + 2)
    return np.sqrt(c * (np.sum(values**2) - values.sum() ** 2 / n) / num_probes)


FUNCTIONS = {
    "resolvent": ("completely monotone", lambda c: lambda x: 1.0 / (x + c)),
    "exponential": ("completely monotone", lambda c: lambda x: np.exp(-x / c)),
    "freedom": ("bernstein", lambda c: lambda x: x / (x + c)),
    "log": ("bernstein", lambda c: lambda x: np.log(x + c)),
}


def spectrum(kind, n, rng):
    if kind == "gap":
        return np.concatenate([np.zeros(n // 3), rng.uniform(0.1, 1.0, n - n // 3)])
    if kind == "log-uniform":
        return 10.0 ** rng.uniform(-12.0, 0.0, n)
    if kind == "repeated":
        return rng.choice([0.0, 1e-8, 0.2, 1.0], n)
    if kind == "clusters":
        return rng.choice([1e-10, 1e-3, 0.3, 1.0], n) * (1.0 + 1e-13 * rng.uniform(-1, 1, n))
    return np.arange(1, n + 1) ** -3.0


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["gap", "log-uniform", "repeated", "clusters", "power-law"]),
    name=st.sampled_from(sorted(FUNCTIONS)),
    n=st.integers(1, 300),
    num_steps=st.integers(1, 400),
    digits=st.floats(-3.0, 2.0),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**32),
)
def test_brackets_hold_for_every_probe(kind, name, n, num_steps, digits, dtype, seed):
    lam = held(spectrum(kind, n, np.random.default_rng(seed)), dtype)
    if np.abs(lam).max() == 0.0:
        return
    sign, make = FUNCTIONS[name]
    f = make(10.0**digits * lam.max())
    measure, weights = measured(lam, 2, num_steps, dtype, seed)
    for run, w in zip(measure.runs, weights.T, strict=True):
        low, high = quadrature.proved(run, f, sign, 0.0)
        truth = w @ f(lam)
        assert low <= truth <= high


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_brackets_hold_far_beyond_loss_of_orthogonality(name, dtype):
    sign, make = FUNCTIONS[name]
    for kind in ("gap", "log-uniform", "repeated", "clusters", "power-law"):
        lam = held(spectrum(kind, 3000, np.random.default_rng(11)), dtype)
        for num_steps in (50, 400, 1500):
            measure, weights = measured(lam, 2, num_steps, dtype)
            for digits in (-3.0, -1.0, 1.0):
                f = make(10.0**digits)
                for run, w in zip(measure.runs, weights.T, strict=True):
                    low, high = quadrature.proved(run, f, sign, 0.0)
                    assert low <= w @ f(lam) <= high


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_both_ends_of_a_bracket_close_in(name):
    lam = np.linspace(0.0, 1.0, 2000)
    sign, make = FUNCTIONS[name]
    f, widths = make(0.05), []
    for num_steps in (3, 6, 12, 24, 48):
        measure, _ = measured(lam, 1, num_steps)
        widths.append(np.ptp(quadrature.proved(measure.runs[0], f, sign, 0.0)))
    assert (np.diff(widths[:4]) < 0.0).all()
    assert widths[-1] < 1e-6 * np.abs(f(lam)).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1e-100, 1.0, 1e100])
def test_sums_agree_with_the_known_spectrum(dtype, scale, seed):
    lam = held(np.concatenate([np.zeros(100), np.linspace(0.05, 1.0, 300)]), dtype)
    m = 12
    measure, _ = measured(lam, m, 60, dtype, seed, scale)
    c, tau = 0.1 * scale, 0.02 * scale
    positive = lam[100:] * scale
    inside = np.where(lam > 0.02, np.log(np.maximum(lam, 0.02) * scale), 0.0)
    cases = [
        (measure.trace(lambda x: x / scale), lam),
        (measure.trace(lambda x: 1 / (x / scale + 1), kind="completely monotone"), 1 / (lam + 1)),
        (measure.degrees_of_freedom(c), lam / (lam + 0.1)),
        (measure.log_pseudo_determinant(tau), inside),
        (measure.intrinsic_dimension(), lam),
        (measure.stable_rank(), lam**2),
    ]
    assert cases[3][1].sum() == pytest.approx(np.log(positive).sum())
    for estimate, values in cases:
        sigma = deviation(values, m, dtype)
        resolution = estimate.high - estimate.low + 0.01 * sigma
        assert abs(estimate.value - values.sum()) <= Z * sigma + resolution
        assert 0.5 * sigma <= estimate.stderr <= 2.5 * sigma
        low, high = estimate.interval(0.99999)
        assert low <= values.sum() <= high
    p = lam[lam > 0] / lam.sum()
    rank = np.exp(-(p @ np.log(p)))
    found = measure.effective_rank()
    low, high = found.interval(0.99999)
    assert low <= rank <= high
    # d(entropy) = sum of -(log p + entropy) dp, to first order
    log_p = np.log(np.where(lam > 0.0, lam, 1.0) / lam.sum())
    sigma = rank * deviation(-lam / lam.sum() * (log_p + np.log(rank)), m, dtype)
    assert 0.5 * sigma <= found.stderr <= 2.5 * sigma


def test_a_closed_krylov_space_leaves_sampling_alone():
    lam = np.repeat([0.0, 0.5, 1.0], 40)
    measure, weights = measured(lam, 4, 20)
    for f in (lambda x: np.cos(9.0 * x), lambda x: (x > 0.3).astype(float)):
        estimate = measure.trace(f)
        exact = 120 * (weights.T @ f(lam)).mean()
        assert estimate.value == pytest.approx(exact, rel=1e-9)
        assert estimate.low <= exact <= estimate.high
        assert estimate.high - estimate.low < 1e-9
        assert not estimate.is_bound
        assert estimate.spread < 1e-9


def test_a_constant_has_no_error():
    measure, _ = measured(np.linspace(0.0, 1.0, 500), 3, 20)
    estimate = measure.trace(np.ones_like)
    assert float(estimate) == pytest.approx(500.0, rel=1e-12)
    low, high = estimate.interval(0.999)
    assert high - low < 1e-3


def test_the_estimated_error_is_one_where_nothing_is_proved():
    """|x| has a kink: the Gauss rule converges as 1/k^2, and the estimate covers it."""
    lam = np.linspace(-1.0, 1.0, 1500)
    for num_steps in (8, 20, 50):
        measure, weights = measured(lam, 6, num_steps)
        estimate = measure.trace(np.abs)
        exact = lam.size * (weights.T @ np.abs(lam)).mean()
        assert estimate.low <= exact <= estimate.high


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_an_unresolved_cut_enters_the_log_pseudo_determinant(unit):
    """The units matter: a misplaced eigenvalue adds log(tau)."""
    lam = np.concatenate([np.zeros(200), 10.0 ** np.linspace(-3.0, 0.0, 400)])
    exact_f = np.where(lam > 3e-4, np.log(np.maximum(lam, 3e-4) * unit), 0.0)
    for num_steps in (6, 12, 25, 60, 120):
        measure, weights = measured(lam, 4, num_steps, scale=unit)
        estimate = measure.log_pseudo_determinant(3e-4 * unit)
        assert estimate.low <= lam.size * (weights.T @ exact_f).mean() <= estimate.high
        assert not estimate.is_bound
    assert estimate.high - estimate.low < 5.0  # of 400 eigenvalues


@pytest.mark.parametrize("spikes", [1, 3])
def test_the_interval_covers_where_few_eigenvalues_carry_the_sum(spikes):
    """The spread of 8 probes alone covers 85 to 89 % here."""
    lam = np.concatenate([np.full(spikes, 1.0), np.full(97, 1e-4)])
    trials, hits = 400, 0
    for trial in range(trials):
        measure, _ = measured(lam, 8, 4, seed=trial + 5000)
        low, high = measure.trace(lambda x: x).interval(0.95)
        hits += low <= lam.sum() <= high
    assert hits / trials >= 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / trials)


def test_one_probe_has_an_interval():
    measure, _ = measured(np.linspace(0.0, 1.0, 400), 1, 30)
    low, high = measure.degrees_of_freedom(0.2).interval(0.95)
    assert low <= 260.0 <= high
    assert high - low < 400.0


def test_the_bracket_enters_the_interval():
    """Two steps leave most of it to quadrature, and sampling sees nothing of that."""
    lam = np.concatenate([np.full(900, 1e-3), np.linspace(0.5, 1.0, 100)])
    measure, weights = measured(lam, 8, 2)
    estimate = measure.trace(lambda x: 1 / (x + 1e-3), kind="completely monotone")
    exact = (1 / (lam + 1e-3)).sum()
    own = lam.size * (weights.T @ (1 / (lam + 1e-3)))  # of every probe, without quadrature
    assert estimate.low <= own.mean() <= estimate.high
    assert own.std(ddof=1) / np.sqrt(8) <= estimate.stderr + estimate.spread
    # |open| >= sum(open) / sqrt(m): what is open of every probe could hide a spread as large
    assert estimate.spread >= 0.999 * (estimate.high - estimate.value) / np.sqrt(7)
    assert estimate.low <= exact <= estimate.high
    assert estimate.low - 4 * estimate.stderr < exact
    low, high = estimate.interval(0.95)
    assert low <= exact <= high
    assert low < estimate.low
    assert high > estimate.high


def test_the_norm_is_bounded_on_both_sides():
    """An eigenvalue that few steps do not see: |A| may be larger than the largest Ritz value."""
    lam = np.concatenate([np.linspace(0.0, 1.0, 5000), [1.02]])
    measure, _ = measured(lam, 2, 10)
    estimate = measure.intrinsic_dimension()
    assert measure.spectral_norm < 1.02
    assert estimate.low < measure.trace(lambda x: x).value / 1.02 < estimate.high


def test_zero_has_rank_zero():
    measure, _ = measured(np.zeros(20), 2, 5)
    for estimate in (
        measure.intrinsic_dimension(), measure.stable_rank(), measure.effective_rank()
    ):  # fmt: skip
        assert estimate.interval(0.95) == (0.0, 0.0)


def test_a_count_leaves_the_measure_of_the_operator_itself(rng):
    lam = np.linspace(0.1, 1.0, 300)
    A = gallery.dense(lam, rng)
    result = symrank.count(A, 0.3, 0.5, method="lanczos", rng=2)
    low, high = result.measure.trace(np.sqrt, kind="bernstein").interval(0.99999)
    assert low <= np.sqrt(lam).sum() <= high


def test_what_has_no_meaning_is_refused():
    measure, _ = measured(np.linspace(-1.0, 1.0, 100), 2, 20)
    for call in (measure.intrinsic_dimension, lambda: measure.degrees_of_freedom(0.1)):
        with pytest.raises(OptionError, match=r"said to start at 0, but a Ritz value is -"):
            call()
    with pytest.raises(OptionError, match="start at 2, but"):
        measure.trace(np.log, kind="bernstein", lower=2.0)
    for c in (0.0, -1.0, 1e-18, float("nan")):
        with pytest.raises(OptionError, match="positive and above the rounding"):
            measure.degrees_of_freedom(c)
    with pytest.raises(OptionError, match=r"tau=0\.0 must be positive"):
        measure.log_pseudo_determinant(0.0)
    with pytest.raises(OptionError, match="kind='convex' is not"):
        measure.trace(np.exp, kind="convex")
    with pytest.raises(OptionError, match=r"confidence=1\.5"):
        measure.trace(np.exp).interval(1.5)


def test_log_at_zero_has_one_open_end():
    measure, _ = measured(np.linspace(0.01, 1.0, 100), 2, 10)
    estimate = measure.trace(np.log, kind="bernstein")
    assert isinstance(estimate, Estimate)
    assert estimate.low == -np.inf
    assert np.isfinite(estimate.high)
    assert estimate.interval(0.95)[0] == -np.inf
