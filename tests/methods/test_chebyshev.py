"""Chebyshev filters: expectation and variance, what each resolves, intervals, and traps."""

import numpy as np
import pytest

import symrank
from symrank import Chebyshev, Status, gallery
from symrank.errors import OptionError
from symrank.methods.moments.polynomials import evaluate
from symrank.methods.moments.windows import FILTERS, polynomial

Z = 4.5  # a right estimator fails one such check in 150 000


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.slow] if k != "optimal" else []) for k in FILTERS]
)
def test_mean_and_spread_are_those_of_the_filter(kind, seed):
    lam = np.concatenate([np.zeros(300), np.geomspace(1e-5, 1.0, 700)])
    method = Chebyshev(filter=kind, degree=80, num_probes=300)
    result = symrank.rank(gallery.diagonal(lam), method, rng=seed, check=False)
    # epsilon is a tenth of the planned standard error over n, and ripple is measured with a margin
    d = 300.0
    epsilon = 0.1 * np.sqrt(2.0 * d * (1000 - d) / (300 * 1000)) / 1000
    phi = 1.0 - evaluate(polynomial(kind, 80, epsilon), 2.0 * lam - 1.0)
    samples = result.samples
    stderr = samples.std(ddof=1) / np.sqrt(samples.size)
    # the pilot's share of zeros sets epsilon and moves the filter a little
    assert abs(result.estimate - phi.sum()) < Z * stderr + 2.0
    # v'phi v over v'v on the sphere: 2 (tr phi^2 - (tr phi)^2 / n) / (n + 2) n^2 / n^2
    variance = 2.0 * ((phi**2).sum() - phi.sum() ** 2 / 1000) / 1002 * 1000
    # of a sample variance of 300: a share of sqrt(2 / 299)
    assert samples.var(ddof=1) == pytest.approx(variance, rel=Z * np.sqrt(2 / 299))


def test_the_optimal_filter_resolves_most_and_the_exponential_least(seed):
    lam = np.concatenate([np.zeros(500), np.geomspace(1e-4, 1.0, 1500)])
    ends, errors = [], []
    for kind in ("optimal", "exponential"):
        result = symrank.rank(
            gallery.diagonal(lam), Chebyshev(filter=kind, degree=200, num_probes=40), rng=seed
        )
        ends.append(result.diagnostics["transition"][1])
        errors.append(abs(result.estimate - 1500))
    assert 3.0 < ends[1] / ends[0] < 7.0  # 4, and what the series needs
    assert errors[0] < errors[1]


# every filter on every spectrum for a release, else each once with one of the other
PAIRS = [
    pytest.param(kind, name, marks=[] if i == j else pytest.mark.slow)
    for i, kind in enumerate(FILTERS)
    for j, name in enumerate(("gapped", "indefinite", "clustered"))
]


@pytest.mark.parametrize(("kind", "spectrum"), PAIRS)
def test_intervals_cover(kind, spectrum):
    lam = gallery.SPECTRA[spectrum](1000)
    truth, hits = np.count_nonzero(lam), 0
    for seed in range(15):
        result = symrank.rank(
            gallery.diagonal(lam), Chebyshev(filter=kind), rng=seed, check=False, max_matvecs=3000
        )
        low, high = result.interval()
        hits += low <= truth <= high
    assert hits >= 11  # at 95 %, fewer once in 1600


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_every_dtype_is_covered_and_double_precision_converges(dtype):
    lam = np.concatenate([np.zeros(200), np.linspace(0.3, 1.0, 300)])
    for sign in (1.0, np.where(np.arange(500) % 2, 1.0, -1.0)):
        A = gallery.dense(lam * sign, 3, dtype)
        result = symrank.rank(A, Chebyshev(), rng=3, precision=0.02)
        low, high = result.interval(1 - 1e-4)
        assert low <= 300 <= high
        # in single precision the pilot allows for rounding some eigenvalues across the cut
        assert result.status is Status.CONVERGED or dtype in (np.float32, np.complex64)
        assert high - low < 60


LEVELS = (1e-4, 1e-8, 1e-12, 2e-10)
# every filter just above the floor; at the other levels one filter each, all of them for a release
CLUSTERS = [
    pytest.param(kind, level, marks=[] if i == j or level == 2e-10 else pytest.mark.slow)
    for i, kind in enumerate(FILTERS)
    for j, level in enumerate(LEVELS)
]


@pytest.mark.parametrize(("kind", "level"), CLUSTERS)
def test_no_cluster_gives_a_confident_wrong_answer(kind, level):
    rng = np.random.default_rng(12)
    lam = np.concatenate(
        [np.zeros(500), level * rng.uniform(0.5, 1.0, 74), rng.uniform(0.1, 1.0, 3000)]
    )
    result = symrank.rank(gallery.diagonal(lam), Chebyshev(filter=kind), rng=7, check=False)
    low, high = result.interval(1 - 1e-4)
    assert low <= np.count_nonzero(lam > result.threshold) <= high
    if result.status is Status.CONVERGED:
        assert abs(result.rank - 3074) <= 36


def test_a_gapped_problem_converges_and_more_precision_takes_more_products():
    lam = np.concatenate([np.zeros(2000), np.linspace(0.2, 1.0, 3000)])
    spent = []
    for precision in (0.02, 0.005):
        result = symrank.rank(gallery.diagonal(lam), Chebyshev(), rng=3, precision=precision)
        low, high = result.interval()
        assert high - low <= 2 * precision * 5000
        assert result.status is Status.CONVERGED
        spent.append(result.num_matvecs)
    assert spent[0] < spent[1] < 6000


def test_the_same_answer_by_the_reference_kernel():
    A = gallery.dense(gallery.SPECTRA["gapped"](90), 5)
    found = [symrank.rank(A, Chebyshev(kernel=name), rng=4) for name in ("reference", None)]
    assert found[0].estimate == pytest.approx(found[1].estimate, abs=1e-6)
    assert found[0].interval() == found[1].interval()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": "sharp"}, r"filter='sharp' must be 'optimal' or 'step' or 'exponential'"),
        ({"degree": 0}, r"degree=0 must be at least 1"),
        ({"num_probes": -1}, r"num_probes=-1 must be at least 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        Chebyshev(**options)
