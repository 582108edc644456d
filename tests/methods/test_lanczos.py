"""Lanczos: no confident wrong answer on spectra made to fool it; policy and cost."""

import numpy as np
import pytest

import symrank
from symrank import Lanczos, Status, gallery

SURE = (Status.CONVERGED, Status.EXACT)


def lanczos(lam, seed, **options):
    A = gallery.diagonal(lam)
    return symrank.rank(A, method="lanczos", rng=seed, check=False, **options)


def traps():
    """Two levels as in a badly scaled linear program, and clusters below a bulk."""
    rng = np.random.default_rng(12)
    for zeros in (0, 1, 500):
        high = np.full(66, 1e10) * (1 + 1e-3 * rng.random(66))
        low = 10 ** rng.uniform(-1, 4, 990)
        yield f"levels-{zeros}", np.concatenate([high, low, np.zeros(zeros)])
        for size in (74, 2500):
            for level in (1e-4, 1e-8, 2e-10, 1e-12):
                bulk = rng.uniform(0.1, 1.0, 3000)
                cluster = level * rng.uniform(0.5, 1.0, size)
                lam = np.concatenate([bulk, cluster, np.zeros(zeros)])
                yield f"cluster-{size}-{level}-{zeros}", lam


TRAPS = dict(traps())
# every trap of each size at each level, with one number of zeros; all of them just above the floor
SOME = [
    name
    for j, name in enumerate(TRAPS)
    if "levels" in name or "2e-10" in name or (j + j // 9) % 3 == 0
]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in SOME else pytest.mark.slow) for name in TRAPS]
)
def test_no_trap_gives_a_confident_wrong_answer(name):
    lam = TRAPS[name]
    result = lanczos(lam, seed=len(name) * 7919)
    low, high = result.interval(1 - 1e-4)  # 27 traps: a tail at 95 % would strike one or two
    truth = np.count_nonzero(np.abs(lam) > result.threshold)
    assert low <= truth <= high
    if result.status in SURE:
        assert abs(result.rank - np.count_nonzero(lam)) <= max(1, 0.01 * lam.size)


@pytest.mark.parametrize(
    "seed", [pytest.param(s, marks=[] if s < 20 else pytest.mark.slow) for s in range(50)]
)
def test_a_spectrum_without_a_gap_is_never_called_converged(seed):
    rng = np.random.default_rng([seed, 1])
    n = int(rng.integers(300, 900))
    lam = 10.0 ** -np.sort(rng.uniform(0.0, 22.0, n))
    if seed % 2:
        lam *= rng.choice([-1.0, 1.0], n)
    result = lanczos(lam, seed, max_matvecs=4000)
    assert result.status not in SURE
    low, high = result.interval(1 - 1e-4)
    assert low <= np.count_nonzero(np.abs(lam) > result.threshold) <= high


def test_a_power_law_is_not_called_converged():
    lam = np.arange(1, 2001.0) ** -6.0  # from 1 to 1.6e-20, through the noise floor
    result = lanczos(lam, 3)
    assert result.status is Status.NO_GAP_FOUND


def test_eigenvalues_just_above_the_floor_forbid_convergence_where_they_are_proved():
    # 50 at some 10 to 100 floors: a wide precision is met, but the count is not well defined. That
    # they are not zero shows by the copies that rounding makes of Ritz values, now and then
    seen = 0
    for level in (1e-12, 5e-12, 8e-12):
        for seed in range(4):
            lam = np.concatenate([np.zeros(1000), np.full(50, level), np.linspace(0.5, 1.0, 3950)])
            result = lanczos(lam, seed, precision=0.04)
            low, high = result.interval(1 - 1e-6)
            assert low <= 4000 <= high
            crowding = result.diagnostics["crowding"]
            assert 0 <= crowding <= 50  # proved, so never more than there are
            assert (result.status is Status.NO_GAP_FOUND) == (crowding > 0)
            if crowding:
                assert "within 100 noise floors above the cut" in result.notes[0]
            seen += crowding > 0
    assert seen  # five to nine of twelve, by the order in which a kernel adds


def test_intervals_of_gapped_problems_cover_and_are_close_to_the_beta_interval(seed):
    n, r = 3000, 2000
    lam = np.concatenate([np.zeros(n - r), np.linspace(0.2, 1.0, r)])
    result = lanczos(lam, seed)
    low, high = result.interval(1 - 1e-5)
    assert low <= r <= high
    assert result.status is Status.CONVERGED
    m = result.diagnostics["num_probes"]
    ideal = 2 * 1.96 * np.sqrt(2 * r * (n - r) / (m * n))
    low, high = result.interval()
    assert high - low <= 1.3 * ideal


def test_a_user_cut_inside_a_continuum_is_covered(seed):
    lam = np.sort(np.random.default_rng(seed).uniform(-1.0, 1.0, 1500))
    result = lanczos(lam, seed, atol=0.3)
    low, high = result.interval(1 - 1e-5)
    assert low <= np.count_nonzero(np.abs(lam) > 0.3) <= high
    assert result.threshold == 0.3


def test_steps_double_and_are_not_repeated():
    lam = np.concatenate([np.zeros(500), np.linspace(1e-3, 1.0, 4500)])
    result = lanczos(lam, 4)
    spent = [products for products, _, _ in result.history]
    m, k = result.diagnostics["num_probes"], result.diagnostics["num_steps"]
    assert spent[-1] == m * k
    assert spent[:2] == [8 * 64, 8 * 128]


def test_more_precision_takes_more_probes():
    lam = np.concatenate([np.zeros(5000), np.linspace(0.5, 1.0, 5000)])
    widths = []
    for precision in (0.02, 0.005, 0.0015):
        result = lanczos(lam, 4, precision=precision)
        low, high = result.interval()
        assert high - low <= 2 * precision * 10_000
        assert result.status is Status.CONVERGED
        widths.append((result.num_matvecs, high - low))
    assert [w for _, w in widths] == sorted((w for _, w in widths), reverse=True)
    assert [c for c, _ in widths] == sorted(c for c, _ in widths)


def test_the_budget_is_kept_and_named():
    lam = np.linspace(1e-9, 1.0, 6000)
    result = lanczos(lam, 4, max_matvecs=700, atol=1e-3, precision=1)
    assert result.num_matvecs <= 700
    assert result.status is Status.BUDGET_SPENT
    tiny = lanczos(lam, 4, max_matvecs=3)
    assert tiny.num_matvecs <= 3
    low, high = tiny.interval()
    assert low <= 6000 <= high


@pytest.mark.parametrize("budget", [1500, 5000, 15_000])
def test_a_budget_that_cannot_meet_the_precision_is_spent(budget):
    lam = np.concatenate([np.zeros(1125), np.linspace(0.1, 1.0, 446)])
    result = lanczos(lam, 0, max_matvecs=budget, precision=1e-9)
    assert result.status is Status.BUDGET_SPENT
    assert 0.8 * budget <= result.num_matvecs <= budget


def test_a_stage_that_the_budget_cuts_short_is_still_used():
    """Steps have doubled, so that the probes of the next stage are out of reach: fewer are in."""
    lam = np.concatenate([np.zeros(1125), np.linspace(0.01, 1.0, 446)])
    result = lanczos(lam, 0, max_matvecs=6000, precision=1e-9)
    m, k = result.diagnostics["num_probes"], result.diagnostics["num_steps"]
    sizes = Lanczos().stages(_goal(n=1571, half_width=0.5, max_matvecs=6000))
    assert k > 64
    assert m not in sizes
    assert 6000 * 8 / 9 - k < result.num_matvecs <= 6000  # an eighth of the steps kept back


@pytest.mark.parametrize("seed", [53, 36])
def test_the_last_probes_leave_products_for_those_that_prove_nothing(seed):
    """A hole round zero: at any one step some probe of a hundred has a Ritz value in it."""
    rng = np.random.default_rng([seed, 4])
    n = int(rng.integers(300, 2000))
    lam = rng.uniform(0.05, 1.0, n) * rng.choice([-1.0, 1.0], n)
    lam[: int(rng.integers(0, n))] = 0.0
    result = lanczos(lam, seed, atol=0.02, precision=1e-9)
    low, high = result.interval()
    assert low <= np.count_nonzero(lam) <= high
    assert result.diagnostics["num_probes"] > 100
    assert result.diagnostics["slack"] < 0.25 * (high - low)


def test_the_integer_of_an_open_interval_is_the_likely_one():
    """The middle of what is proved would be 1750 of 4000, and says nothing of the spectrum."""
    lam = np.concatenate([np.zeros(3500), np.linspace(1e-3, 1.0, 500) ** 2])
    result = lanczos(lam, 4, max_matvecs=8 * 64)
    assert (result.status, result.interval()[1]) == (Status.NO_GAP_FOUND, 4000)
    sigma = np.sqrt(2.0 * 500 * 3500 / (8 * 4000))
    assert abs(result.rank - 500) < 4.5 * sigma + 0.005 * 4000
    # each probe is placed in its own bracket, so that they scatter as the count does
    assert result.samples.mean() == pytest.approx(result.estimate, abs=1.0)
    assert 0.3 < result.samples.std(ddof=1) / (sigma * np.sqrt(8)) < 2.2  # chi, 7 degrees, 0.1 %


def test_counting_function_costs_no_product():
    lam = np.linspace(0.0, 1.0, 5000)
    result = lanczos(lam, 9)
    estimate, low, high = result.counting_function([0.1, 0.5, 0.9])
    truth = np.array([4500, 2500, 500])
    assert (low <= truth).all()
    assert (truth <= high).all()
    assert (np.abs(estimate - truth) < 300).all()


def test_looks_are_fixed_in_advance():
    goal_sizes = Lanczos().stages(_goal(n=500, half_width=2.5, max_matvecs=20_000))
    assert goal_sizes == sorted(goal_sizes)
    assert len(goal_sizes) <= 3
    assert Lanczos().stages(_goal(n=100_000, half_width=500.0, max_matvecs=20_000)) == [8]


def _goal(**fields):
    from symrank.methods import Goal

    common = {
        "dtype": np.dtype(float), "atol": None, "rtol": None, "open_ended": False,
        "confidence": 0.95, "seed": 0,
    }  # fmt: skip
    return Goal(**common, **fields)
