"""What the pilot bounds holds, and what is tuned on it is near the best that can be had."""

import dataclasses
import itertools

import numpy as np
import pytest

from symrank import gallery
from symrank.errors import OptionError
from symrank.methods import Goal
from symrank.methods.chains.tuning import Wishes, predict, tune
from symrank.methods.pilot import Pilot
from symrank.operators import as_operator
from symrank.recurrences import lanczos
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews
from symrank.spectrum.measure import RitzMeasure
from symrank.support import probes

FREE = Wishes(
    scheme="baoab", estimator="corrected", step_size=None, friction=None, num_steps=None,
    burn_in=None, num_chains=None,
)  # fmt: skip


def goal_of(n, **options):
    defaults = {
        "n": n, "dtype": np.dtype(float), "atol": None, "rtol": None, "half_width": 1.0,
        "open_ended": False, "confidence": 0.95, "max_matvecs": 10_000, "seed": 0,
    }  # fmt: skip
    return Goal(**(defaults | options))


def pilot_of(lam, num_steps, seed=1, num_probes=2, **options):
    n = lam.size
    A = as_operator(gallery.diagonal(lam))
    Z = probes.gaussian(seed, 0, num_probes, n, np.dtype(float))
    state = lanczos.extend(lanczos.start(Z), A, num_steps, lambda _: None)
    goal = goal_of(n, **options)
    measure = RitzMeasure(runs=lanczos.runs(state, goal.eps), n=n)
    return Pilot.of(measure, goal, num_steps)


@pytest.mark.parametrize(
    "kind", ["gapped", "log-uniform", "clustered", "half log-uniform", "low rank"]
)
@pytest.mark.parametrize(
    "scheme",
    [Baoab(1.9, 0.1), LeimkuhlerMatthews(1.5), EulerMaruyama(1.0, "energy")],
    ids=lambda scheme: type(scheme).__name__,
)
def test_bias_bound_is_violated_no_oftener_than_its_tails(kind, scheme):
    """Probes mislead it with probability TAIL each side, of 32 times: two are 2e-3."""
    lam = gallery.SPECTRA[kind](120)
    missed = 0
    for seed, num_steps in itertools.product(range(8), (5, 40)):
        pilot = pilot_of(lam, num_steps, seed)
        positive = lam[lam > pilot.tau]
        for first in (0, 300):
            low, high = pilot.bias(scheme, first, first + 200)
            bias = scheme.deviation(positive, first, first + 200).sum()
            rounding = 0.1 + 0.05 * abs(bias)  # of bins that are a tenth of a decade wide
            missed += not low - rounding <= bias <= high + rounding
    assert missed <= 1


def test_bias_bound_is_sharp_where_the_pilot_knows_all():
    lam = np.concatenate([np.zeros(40), np.linspace(0.5, 1.0, 60)])
    low, high = pilot_of(lam, 90).bias(Baoab(1.9, 0.5), 100, 400)
    assert abs(low) < 1e-3
    assert abs(high) < 1e-3


def test_bias_bound_spans_what_the_pilot_left_open():
    lam = np.concatenate([np.zeros(50), np.geomspace(1e-9, 1.0, 50)])
    low, high = pilot_of(lam, 20).bias(LeimkuhlerMatthews(1.5), 100, 400)
    assert low < -45  # the null space cannot be told from modes that have not moved
    assert -40 < high <= 0


def test_eigenvalues_below_a_cut_of_the_caller_are_counted_in():
    lam = np.concatenate([np.full(30, 0.01), np.linspace(0.5, 1.0, 70)])
    low, high = pilot_of(lam, 90, atol=0.1).bias(Baoab(1.9, 0.5), 2000, 4000)
    assert high >= 30  # the chains count them, the caller does not
    assert low == pytest.approx(0.0, abs=1e-3)


def test_spectrum_keeps_what_cannot_be_the_null_space():
    lam = np.geomspace(1e-6, 1.0, 200)
    _, counts = pilot_of(lam, 180).spectrum
    assert counts.sum() == pytest.approx(200, rel=0.1)
    lam = np.concatenate([np.zeros(150), np.linspace(0.5, 1.0, 50)])
    nodes, counts = pilot_of(lam, 100).spectrum
    assert counts.sum() == pytest.approx(50, rel=0.5)  # two probes
    assert nodes.min() > 0.4


def test_spectrum_is_continued_below_what_was_resolved():
    """A quarter of a decade's count in the next: 12 Lanczos steps see three decades of seven."""
    counts = (4.0 ** np.arange(7)).astype(int)
    lam = np.concatenate(
        [np.geomspace(10.0 ** (j - 6.9), 10.0 ** (j - 6), c) for j, c in enumerate(counts)]
    )
    lam = np.concatenate([np.zeros(10_000), lam])
    pilot = pilot_of(lam, 40)
    nodes, found = pilot.spectrum
    assert nodes.min() < 1e-5
    soft = found[nodes < 1e-3].sum()
    truth = ((lam > 0) & (lam < 1e-3)).sum()
    assert truth / 4 < soft < 4 * truth


def test_an_indefinite_pilot_speaks_of_the_square():
    lam = np.array([-2.0, 1.0, 0.5, 0.0, 0.0])
    pilot = pilot_of(lam, 5)
    assert pilot.is_indefinite
    assert pilot.lambda_max == pytest.approx(4.0, rel=1e-6)
    assert pilot.spectrum[0].max() == pytest.approx(4.0)


@pytest.mark.parametrize("scheme", ["baoab", "leimkuhler-matthews", "euler-maruyama"])
@pytest.mark.parametrize("kappa", [1e1, 1e3, 1e5])
def test_tuning_is_near_the_best(kappa, scheme):
    """No random parameters of the same scheme beat it by more than the slack for more chains."""
    spectrum = np.geomspace(1.0 / kappa, 1.0, 60), np.full(60, 10.0)
    wishes = dataclasses.replace(FREE, scheme=scheme)
    plan = tune(spectrum, 1.0, 8000, wishes)
    mse = plan.bias**2 + plan.stderr**2
    rng = np.random.default_rng(4)
    for _ in range(200):
        k = int(rng.choice([2, 4, 8, 16]))
        steps = 8000 // k
        burn_in = int(steps * rng.uniform(0.0, 0.6))
        if scheme == "baoab":
            h = rng.uniform(0.5, 1.97)
            other = Baoab(h, 10.0 ** rng.uniform(-2.5, 0.5) / h)
        elif scheme == "leimkuhler-matthews":
            other = LeimkuhlerMatthews(rng.uniform(0.1, 1.9))
        else:
            other = EulerMaruyama(rng.uniform(0.1, 1.9))
        rival = predict(spectrum, other, k, steps, burn_in)
        # 1.1 of slack, and a grid of parameters that is 1.5 apart
        assert mse <= 1.3 * (rival.bias**2 + rival.stderr**2)


def test_kinetic_chains_need_the_root_of_the_condition_number():
    """The claim of the scheme, on the predicted errors: 100 times kappa at the same budget."""
    errors = {}
    for scheme in ("baoab", "euler-maruyama"):
        for kappa in (1e3, 1e5):
            spectrum = np.geomspace(1.0 / kappa, 1.0, 60), np.full(60, 10.0)
            plan = tune(spectrum, 1.0, 16_000, dataclasses.replace(FREE, scheme=scheme))
            errors[scheme, kappa] = np.hypot(plan.bias, plan.stderr)
    assert errors["baoab", 1e5] < 5 * errors["baoab", 1e3]
    assert errors["euler-maruyama", 1e5] > 15 * errors["baoab", 1e5]


def test_what_the_caller_gave_stays():
    spectrum = np.array([0.1, 1.0]), np.array([5.0, 5.0])
    wishes = dataclasses.replace(
        FREE, step_size=0.7, friction=0.2, num_steps=100, burn_in=7, num_chains=3
    )
    plan = tune(spectrum, 1.0, 10, wishes)
    assert plan.scheme == Baoab(0.7, 0.2)
    assert (plan.num_steps, plan.burn_in, plan.num_chains) == (100, 7, 3)


def test_no_window_is_an_error():
    spectrum = np.array([1.0]), np.array([5.0])
    with pytest.raises(OptionError, match=r"with 3 steps left leave no window"):
        tune(spectrum, 1.0, 3, FREE)
