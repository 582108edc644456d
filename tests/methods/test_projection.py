"""Projection: unbiased with any G, honest intervals, exact small nullities, and what it refuses."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats

import symrank
from symrank import Preconditioner, Projection, Status, gallery
from symrank.errors import OptionError
from symrank.methods import Goal
from symrank.spectrum import threshold

Z = 4.5  # a correct estimator fails one such check in 150 000
N = 120
SEEDS = 25
GAPPED = np.concatenate([np.zeros(60), np.linspace(0.4, 1.0, 60)])
SIGNED = GAPPED * np.where(np.arange(N) % 3, 1.0, -1.0)


def products(n, seed=3, decades=1.0):
    """A dense G that does not commute with A, known by its products."""
    G = gallery.dense(10.0 ** np.linspace(-decades, decades, n), seed)
    return Preconditioner.from_products(lambda R: G.astype(R.dtype) @ R, n, work=2.5)


def diagonal(n, seed=3):
    return 10.0 ** np.random.default_rng(seed).uniform(-1.0, 1.0, n)


def laplacian(seed=4):
    return gallery.grid_laplacian((14, 14), remove=0.55, rng=seed)


PROBLEMS = {
    "no G": lambda: (gallery.dense(GAPPED, 1), None, 60),
    "no G, indefinite": lambda: (gallery.dense(SIGNED, 1), None, 60),
    "no G, complex": lambda: (gallery.dense(SIGNED, 1, complex), None, 60),
    "diagonal G": lambda: (gallery.dense(GAPPED, 1), diagonal(N), 60),
    "from_products": lambda: (gallery.dense(GAPPED, 1), products(N), 60),
    "from_products, indefinite": lambda: (gallery.dense(SIGNED, 1), products(N), 60),
    "from_products, complex": lambda: (gallery.dense(GAPPED, 1, complex), products(N), 60),
    "from_products, float32": lambda: (
        gallery.dense(GAPPED, 1, np.float32), products(N, decades=0.3), 60,
    ),
    "amg": lambda: (laplacian(), "amg", gallery.laplacian_rank(laplacian())),
}  # fmt: skip


@pytest.fixture(params=PROBLEMS)
def problem(request):
    if request.param == "amg":
        pytest.importorskip("pyamg", reason='preconditioner="amg" is built on it')
    return PROBLEMS[request.param]()


def projection(A, G=None, rng=5, **options):
    return symrank.rank(A, "projection", preconditioner=G, rng=rng, **options)


def one_look(A, G, seed):
    method = Projection(num_probes=8)
    return symrank.rank(A, method, preconditioner=G, rng=seed, precision=0.45, check=False)


def test_the_estimate_is_unbiased(problem):
    A, G, rank = problem
    results = [one_look(A, G, seed) for seed in range(SEEDS)]
    samples = np.concatenate([r.samples for r in results])
    assert samples.size == 8 * SEEDS
    slack = np.mean([r.diagnostics["slack"] for r in results])  # proved bound on the solves' error
    error = abs(samples.mean() - rank)
    assert error <= Z * samples.std(ddof=1) / samples.size**0.5 + slack
    assert slack < (
        0.6 if G is not None else 0.1
    )  # ENOUGH of the sampling error of 2.7, and float32


@pytest.mark.parametrize("kind", ["no G", "from_products", "from_products, indefinite"])
def test_the_spread_is_that_of_an_orthogonal_projector_for_any_g(kind):
    # the variance of q on the sphere is 2 n / (n + 2) (d - d^2 / n) for d = 60 of n = 120
    A, G, _ = PROBLEMS[kind]()
    samples = np.concatenate([one_look(A, G, seed).samples for seed in range(SEEDS)])
    variance = 2 * N / (N + 2) * (60 - 60**2 / N)
    # relative standard deviation of a sample variance of nearly normal numbers
    assert abs(samples.var(ddof=1) / variance - 1.0) < Z * (2 / samples.size) ** 0.5


def random_problem(seed):
    rng = np.random.default_rng([seed, 7])
    n = int(rng.integers(60, 140))
    lam = np.zeros(n)
    rank = int(rng.integers(n // 4, n - 20))
    lam[:rank] = 10.0 ** -rng.uniform(0.0, 1.0, rank)
    if seed % 2:
        lam[:rank] *= rng.choice([-1.0, 1.0], rank)
    A = gallery.dense(lam, rng, complex if seed % 5 == 0 else float)
    G = (None, products(n, seed), diagonal(n, seed))[seed % 3]
    return A, G, rank


def test_intervals_cover_as_often_as_they_say():
    covered, widths = [], []
    for seed in range(70):
        A, G, rank = random_problem(seed)
        low, high = (result := one_look(A, G, seed)).interval()
        assert low <= result.rank <= high
        covered.append(low <= rank <= high)
        widths.append(high - low)
    least = scipy.stats.binom.ppf(1e-5, len(covered), 0.95)
    assert sum(covered) >= least
    assert np.mean(widths) < 40  # and not by saying nothing: n is 100 on average


def test_precision_is_bought_with_probes(problem):
    A, G, rank = problem
    result = projection(A, G, precision=6, max_matvecs=200_000)
    low, high = result.interval()
    assert result.status in (Status.CONVERGED, Status.EXACT)
    assert high - low <= 12
    low, high = result.interval(1 - 1e-5)
    assert low <= rank <= high


def test_it_is_the_method_for_a_g_without_a_factor():
    result = symrank.rank(gallery.dense(GAPPED, 1), preconditioner=products(N), rng=1)
    assert result.method == "projection"
    assert result.preconditioner == "products"
    d = result.diagnostics
    assert d["cycle_work"] == 2.5
    assert d["num_cycles"] > 0
    # what it counts as work: the products of the method (checks apart), and cycles in their unit
    assert d["total_work"] <= result.num_matvecs + 2.5 * d["num_cycles"]
    assert d["total_work"] >= 2.5 * d["num_cycles"]


@pytest.mark.parametrize("cut", [{"atol": 1e-3}, {"rtol": 1e-3}])
def test_a_tolerance_is_refused_with_the_alternative(cut):
    with pytest.raises(OptionError, match=r"atol or rtol asks for a higher cut.*lanczos"):
        projection(gallery.dense(GAPPED, 1), **cut)


@pytest.mark.parametrize("method", ["lanczos", "langevin", "dense"])
def test_other_methods_refuse_a_g_without_a_factor_and_name_those_that_take_it(method):
    message = rf"method='{method}' needs .* G = S S\*.*Pass method='projection', 'sketch'"
    with pytest.raises(OptionError, match=message):
        symrank.rank(gallery.dense(GAPPED, 1), method, preconditioner=products(N))


def test_one_probe_has_no_spread():
    with pytest.raises(OptionError, match=r"num_probes=1 must be at least 2"):
        Projection(num_probes=1)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("preconditioned", [False, True])
def test_a_spectrum_without_a_gap_is_never_called_sure(seed, preconditioned):
    rng = np.random.default_rng([seed, 1])
    n = int(rng.integers(100, 250))
    lam = 10.0 ** -np.sort(rng.uniform(0.0, 22.0, n))
    if seed % 2:
        lam *= rng.choice([-1.0, 1.0], n)
    G = products(n, seed, decades=0.5) if preconditioned else None
    result = projection(gallery.diagonal(lam), G, rng=seed, max_matvecs=6000)
    assert result.status is Status.NO_GAP_FOUND or result.status is Status.BUDGET_SPENT


@pytest.mark.parametrize("units", [2, 5, 20, 50])
@pytest.mark.parametrize("preconditioned", [False, True])
def test_eigenvalues_just_above_the_floor_are_held_and_seen(units, preconditioned):
    level = units * threshold.cut(1.0, np.finfo(float).eps, None, None)
    lam = np.concatenate([np.zeros(100), np.full(60, level), np.linspace(0.5, 1.0, 90)])
    G = products(250, decades=0.1) if preconditioned else None
    for seed in range(5):
        result = projection(gallery.diagonal(lam), G, rng=seed, precision=0.4)
        low, high = result.interval(1 - 1e-5)
        assert low <= 150 <= high
        narrow = high - low <= 200
        assert result.status in ((Status.CONVERGED, Status.EXACT) if narrow else Status)


@pytest.mark.parametrize("nullity", [0, 1, 4, 7])
@pytest.mark.parametrize("kind", ["no G", "from_products", "diagonal"])
def test_a_small_nullity_is_exact(nullity, kind, seed):
    lam = np.concatenate([np.zeros(nullity), np.linspace(0.2, 1.0, 200 - nullity)])
    G = {"no G": None, "from_products": products(200), "diagonal": diagonal(200)}[kind]
    result = projection(gallery.dense(lam, seed), G, rng=seed)
    assert result.rank == 200 - nullity
    assert result.interval() == (200 - nullity, 200 - nullity)
    assert result.status is Status.EXACT
    assert result.samples.size == 0


def test_a_connected_graph_is_exact_by_amg_in_few_products():
    pytest.importorskip("pyamg", reason='preconditioner="amg" is built on it')
    L = gallery.grid_laplacian((60, 60))
    plain, cycle = projection(L), projection(L, "amg")
    for result in (plain, cycle):
        assert (result.rank, result.status) == (3599, Status.EXACT)
    assert cycle.num_matvecs < plain.num_matvecs / 10


def test_the_seed_replays_a_preconditioned_run():
    pytest.importorskip("pyamg", reason='preconditioner="amg" is built on it')
    L = laplacian()
    first, again = (projection(L, "amg", rng=9).to_dict() for _ in range(2))
    assert first | {"seconds": 0} == again | {"seconds": 0}


@pytest.mark.parametrize("budget", [1, 3, 20, 100, 400])
@pytest.mark.parametrize("kind", ["no G", "from_products"])
def test_the_budget_is_kept_and_the_interval_holds(budget, kind):
    A, G, rank = PROBLEMS[kind]()
    result = projection(A, G, max_matvecs=budget, check=False)
    assert result.num_matvecs <= budget
    low, high = result.interval(1 - 1e-5)
    assert low <= rank <= high


def test_looks_are_fixed_in_advance_and_few():
    def goal(n, half_width, max_matvecs=100_000):
        return Goal(
            n=n, dtype=np.dtype(float), atol=None, rtol=None, half_width=half_width,
            open_ended=True, confidence=0.95, max_matvecs=max_matvecs, seed=0,
        )  # fmt: skip

    sizes = Projection().stages(goal(1000, 1.0))
    assert sizes[0] == 8
    assert sizes == sorted(sizes)
    assert len(sizes) <= 4
    assert Projection().stages(goal(10**6, 5000.0)) == [8]


def test_an_empty_row_and_scales_far_apart_cost_nothing_with_jacobi():
    scale = 10.0 ** np.linspace(-5, 5, 100)
    B = gallery.dense(np.concatenate([np.zeros(3), np.linspace(0.5, 1.0, 97)]), 3)
    A = sp.csr_array(sp.block_diag([scale[:, None] * B * scale, sp.csr_array((1, 1))]))
    result = projection(A, "jacobi")
    assert (result.rank, result.status) == (97, Status.EXACT)
