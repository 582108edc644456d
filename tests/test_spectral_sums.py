"""Traces of functions: unbiased, proved brackets where they are promised, honest intervals."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import symrank
from symrank import gallery, probes
from symrank.errors import OptionError
from symrank.measure import RitzMeasure
from symrank.operators import as_operator
from symrank.recurrences import lanczos


def measured(lam, num_probes, num_steps, seed, dtype=np.float64, scale=1.0):
    """Return the measure of diag(lam), and what f gives with exact quadrature on its probes."""
    dtype = np.dtype(dtype)
    A = as_operator(gallery.diagonal(lam).astype(dtype))
    Z = probes.gaussian(seed, 0, num_probes, lam.size, dtype)
    squares = np.abs(Z.astype(np.complex128)) ** 2
    share = squares.sum(axis=1) / squares.sum()
    state = lanczos.extend(lanczos.start(Z), A, num_steps, lambda _: None)
    runs = lanczos.runs(state, float(np.finfo(dtype).eps))
    measure = RitzMeasure(runs=runs, n=lam.size, is_complex=dtype.kind == "c", scale=scale)
    return measure, lambda f: lam.size * float(share @ f(scale * lam))


def inverse(c):
    return lambda x: 1.0 / (x + c)


@settings(max_examples=60)
@given(
    n=st.integers(5, 300),
    zeros=st.floats(0.0, 0.9),
    num_steps=st.integers(1, 60),
    c=st.floats(1e-4, 10.0),
    decades=st.floats(0.0, 12.0),
    dtype=st.sampled_from(["f4", "f8", "c8", "c16"]),
    seed=st.integers(0, 2**31),
)
def test_brackets_of_completely_monotone_functions_hold(
    n, zeros, num_steps, c, decades, dtype, seed
):
    rng = np.random.default_rng(seed)
    lam = 10.0 ** -rng.uniform(0.0, decades, n)
    lam[: int(zeros * n)] = 0.0
    lam = lam.astype(np.dtype(dtype).type(0).real.dtype).astype(float)  # as the operator has them
    measure, exact = measured(lam, 3, num_steps, seed, dtype)
    found = measure.trace(inverse(c), completely_monotone=True)
    truth = exact(inverse(c))
    assert found.bounds[0] <= truth <= found.bounds[1]
    if found.is_bound and num_steps >= 50 and c > 1e-2:
        allowed = 2 * 2.0**15 * np.finfo(dtype).eps / c  # two allowances for rounding
        assert found.bounds[1] - found.bounds[0] <= n * (1e-6 / c + allowed)
    freedom = measure.degrees_of_freedom(c)
    assert freedom.bounds[0] - 1e-9 * n <= n - c * truth <= freedom.bounds[1] + 1e-9 * n


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("f", [np.exp, lambda x: x, np.sin, inverse(0.3)])
def test_the_estimate_is_unbiased_and_its_error_is_right(f, dtype):
    """z-test over 200 measures; 4.5 sigma leaves 7e-6, and chi-square bounds the spread."""
    lam = np.random.default_rng(1).uniform(0.0, 2.0, 120)
    truth = float(f(lam).sum())
    sums = [measured(lam, 6, 30, seed, dtype)[0].trace(f) for seed in range(200)]
    values = np.array([s.value for s in sums])
    assert abs(values.mean() - truth) < 4.5 * values.std() / np.sqrt(200)
    claimed = np.sqrt(np.mean([s.stderr**2 for s in sums]))
    assert 0.8 < claimed / values.std() < 1.25


def test_intervals_cover():
    lam = np.random.default_rng(2).uniform(0.0, 2.0, 150)
    truth = float(np.exp(lam).sum())
    inside = 0
    for seed in range(300):
        low, high = measured(lam, 8, 25, seed)[0].trace(np.exp).interval(0.9)
        inside += low <= truth <= high
    # q is not quite normal: a tenth of alpha is left to that
    assert inside >= scipy.stats.binom(300, 0.89).ppf(0.001)
    assert inside <= scipy.stats.binom(300, 0.92).ppf(0.9999)


def test_the_estimated_error_of_the_quadrature_shrinks_with_the_steps():
    lam = np.linspace(0.01, 1.0, 400)
    errors = []
    for num_steps in (8, 16, 32):
        measure, exact = measured(lam, 4, num_steps, 3)
        found = measure.trace(np.sqrt)
        assert not found.is_bound
        low, high = found.bounds
        assert abs(found.value - exact(np.sqrt)) <= high - low  # of the size that is said
        errors.append(high - low)
    assert errors[0] > 4 * errors[1] > 16 * errors[2]


def test_a_closed_krylov_space_leaves_no_error_of_quadrature():
    lam = np.repeat([0.0, 1.0, 2.0], 50)
    measure, exact = measured(lam, 3, 20, 5)
    found = measure.trace(np.exp)
    assert found.bounds == (pytest.approx(found.value),) * 2
    assert found.value == pytest.approx(exact(np.exp), rel=1e-12)


def test_the_scale_is_that_of_the_caller():
    lam = np.random.default_rng(4).uniform(0.5, 1.0, 200)
    measure, exact = measured(lam, 3, 30, 6, scale=1e6)
    assert measure.trace(np.log).value == pytest.approx(exact(np.log), rel=1e-9)
    c = 3e5
    assert measure.degrees_of_freedom(c).value == pytest.approx(
        200 - c * exact(inverse(c)), rel=1e-9
    )
    assert measure.log_pseudo_determinant(1e3).value == pytest.approx(exact(np.log), rel=1e-9)


def test_log_pseudo_determinant_and_effective_rank_on_a_known_spectrum():
    lam = np.concatenate([np.zeros(500), np.random.default_rng(5).uniform(0.5, 1.0, 1500)])
    result = symrank.rank(gallery.diagonal(lam), "lanczos", rng=3)
    measure = result.measure
    low, high = measure.log_pseudo_determinant(result.threshold).interval(0.9999)
    assert low < np.log(lam[500:]).sum() < high
    low, high = measure.effective_rank().interval(0.9999)
    assert low < lam.sum() / lam.max() < high
    assert high - low < 200
    low, high = measure.degrees_of_freedom(0.1).interval(0.9999)
    assert low < (lam / (lam + 0.1)).sum() < high


def test_the_zero_operator():
    measure, _ = measured(np.zeros(30), 2, 5, 1)
    assert measure.effective_rank().value == 0.0
    assert measure.degrees_of_freedom(1.0).value == pytest.approx(0.0)
    assert measure.log_pseudo_determinant(1.0).value == 0.0


def test_one_probe_has_no_spread():
    measure, _ = measured(np.linspace(0.1, 1.0, 50), 1, 10, 1)
    found = measure.trace(np.exp)
    assert found.stderr == np.inf
    assert found.interval() == (-np.inf, np.inf)
    assert float(found) == found.value


def test_what_has_no_meaning_is_refused():
    measure, _ = measured(np.linspace(-1.0, 1.0, 50), 2, 20, 1)
    with pytest.raises(OptionError, match="a Ritz value is -"):
        measure.degrees_of_freedom(1.0)
    with pytest.raises(OptionError, match="effective_rank is of a positive"):
        measure.effective_rank()
    assert not measure.trace(np.exp, completely_monotone=True).is_bound
    positive, _ = measured(np.linspace(0.1, 1.0, 50), 2, 20, 1)
    with pytest.raises(OptionError, match="c=0"):
        positive.degrees_of_freedom(0)
    with pytest.raises(OptionError, match="tau=0"):
        positive.log_pseudo_determinant(0)
    with pytest.raises(OptionError, match="confidence=1"):
        positive.trace(np.exp).interval(1)
