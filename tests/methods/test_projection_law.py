"""Projection's sampling law for a G known by its products, and its bounds near the noise floor."""

import numpy as np
import pytest
import scipy.stats

import symrank
from symrank import Preconditioner, Status, gallery
from symrank.errors import NonFiniteError, OptionError
from symrank.methods import Goal
from symrank.methods.spaces.null_space import advance
from symrank.methods.spaces.probe import Probe, num_seen
from symrank.operators import as_operator
from symrank.spectrum import threshold
from symrank.spectrum.intervals import BetaInterval

N = 24
SAMPLES = 2000
RANKS = (1, 3, N // 2, N - 3, N - 1)
UNLIKELY = 1e-4  # a correct law is refused so often, for each of the fixed seeds below
SURE = (Status.CONVERGED, Status.EXACT)


def spd(n, seed, decades=1.0, dtype=float):
    return gallery.dense(10.0 ** np.linspace(-decades, decades, n), seed, dtype)


def root_of(G):
    lam, U = np.linalg.eigh(G)
    return (U * np.sqrt(lam)) @ U.conj().T


def by_products(G):
    return Preconditioner.from_products(lambda R: G.astype(R.dtype) @ R, len(G))


def spectrum(rank, signed):
    lam = np.concatenate([np.zeros(N - rank), np.linspace(0.4, 1.0, rank)])
    return lam * np.where(np.arange(N) % 3, 1.0, -1.0) if signed else lam


def a_block(A, G, num_vectors=200, seed=5, tolerance=1e-4):
    """A block solved to the end."""
    operator = as_operator(A)
    goal = Goal(
        n=operator.n, dtype=operator.dtype, atol=None, rtol=None, half_width=1.0, open_ended=False,
        confidence=0.95, max_matvecs=10**9, seed=seed, preconditioner=G,
    )  # fmt: skip
    block = None
    while block is None or not block.is_finished:
        probe = Probe(is_drawn=False, tolerance=tolerance)
        block = advance(block, operator, goal, 0, num_vectors, 400, lambda _: None, probe)
    return block


@pytest.fixture(scope="module", params=["definite", "indefinite", "complex"])
def solved(request):
    """Of SAMPLES probes a rank: |z|^2, bounds on the null part and its likely value."""
    dtype = complex if request.param == "complex" else float
    G = by_products(spd(N, 3, dtype=dtype))

    def parts(rank):
        A = gallery.dense(spectrum(rank, request.param != "definite"), rank, dtype)
        masses = [a_block(A, G, 100, seed).mass for seed in range(SAMPLES // 100)]
        rows = [(mass.length2, *mass.bounds(), mass.likely()) for mass in masses]
        return [np.concatenate(part) for part in zip(*rows, strict=True)]

    return {rank: parts(rank) for rank in RANKS}, 1.0 if dtype is complex else 0.5


@pytest.mark.parametrize("rank", RANKS)
def test_the_null_part_of_a_probe_has_the_beta_law_of_an_orthogonal_projector(solved, rank):
    length2, _, _, likely = solved[0][rank]
    h, shares = solved[1], likely / length2
    law = scipy.stats.beta((N - rank) * h, rank * h)
    assert scipy.stats.kstest(shares, law.cdf).pvalue > UNLIKELY


@pytest.mark.parametrize("rank", RANKS)
def test_intervals_of_eight_probes_cover_for_every_rank(solved, rank):
    (length2, low, high, _), h = solved[0][rank], solved[1]
    covered = 0
    trials = SAMPLES // 8
    for part in np.split(np.arange(SAMPLES), trials):
        total = length2[part].sum()
        interval = BetaInterval(
            n=N, num_probes=8, null_low=low[part].sum() / total,
            null_high=high[part].sum() / total, is_complex=h == 1.0,
        )  # fmt: skip
        ends = interval(0.95)
        covered += ends[0] <= rank <= ends[1]
    assert covered >= scipy.stats.binom.ppf(UNLIKELY, trials, 0.95)


@pytest.mark.parametrize("signed", [False, True])
def test_a_factor_and_the_products_of_one_g_give_the_same_value_for_the_same_z(signed):
    A, G = gallery.dense(spectrum(12, signed), 1), spd(N, 3)
    S = root_of(G)
    factored = a_block(S @ A @ S, None, 50).mass
    products = a_block(A, by_products(G), 50, tolerance=1e-5).mass
    # |Q z^| differs from |Q z| by the error of the square root at most, and 2 |z| times it squared
    allowed = 3.0 * products.error * np.sqrt(products.length2) + 1e-6
    assert (np.abs(products.likely() - factored.likely()) <= allowed).all()
    assert (products.error <= 1e-5 * np.sqrt(products.length2)).all()


def test_the_bounds_hold_the_null_part_that_is_known():
    lam = spectrum(12, signed=True)
    A, G = gallery.dense(lam, 1), spd(N, 3)
    S = root_of(G)
    values, U = np.linalg.eigh(S @ A @ S)
    null = U[:, np.abs(values) < 1e-12]
    block = a_block(A, by_products(G), 200, tolerance=1e-2)
    Z = symrank.support.probes.gaussian(5, 0, 200, N, np.dtype(float))
    true = np.sum((null.T @ Z) ** 2, axis=0)
    low, high = block.mass.bounds()
    assert (low <= true).all()
    assert (true <= high).all()


FLOOR = threshold.cut(1.0, np.finfo(float).eps, None, None)


@pytest.mark.parametrize("share", [0.03, 0.1, 0.3, 0.6, 0.95, 3.0, 10.0])
@pytest.mark.parametrize("multiplicity", [1, 3, 75])
@pytest.mark.parametrize("kind", ["no G", "factor", "products", "indefinite"])
def test_what_lies_below_the_floor_is_never_counted_with_confidence(kind, multiplicity, share):
    n, large = 300, 150
    lam = np.zeros(n)
    lam[:large] = np.linspace(0.5, 1.0, large)
    lam[large : large + multiplicity] = share * FLOOR
    g = np.full(n, 1.0)
    if kind == "indefinite":
        lam[:large:2] *= -1.0
    if kind in ("factor", "products"):
        g = np.linspace(0.5, 2.0, n)
    A = gallery.diagonal(lam / g)
    G = None
    if kind == "factor":
        G = Preconditioner.diagonal(g)
    if kind == "products":
        G = Preconditioner.from_products(lambda R: g[:, None].astype(R.dtype) * R, n)
    result = symrank.rank(
        A, "projection", preconditioner=G, rng=1, precision=0.05, max_matvecs=4000
    )
    true = large + (multiplicity if share > 1.0 else 0)
    low, high = result.interval(1 - 1e-9)
    assert low <= true <= high
    assert result.bounds[0] <= result.bounds[1]
    if result.status is Status.CONVERGED:
        low, high = result.interval()
        assert high - low <= 2 * 0.05 * n
    elif multiplicity < 8 and share <= 0.1:
        pytest.fail(f"{result.status} for {multiplicity} eigenvalues far below the floor")


def test_eigenvalues_that_a_solve_could_resolve_below_the_floor_are_null():
    # 500 of 2000 at 0.54 of the floor; a solve to rounding would count them
    lam = np.concatenate([np.linspace(0.5, 1.0, 250), np.full(125, 6e-14), np.zeros(125)])
    A = as_operator(gallery.diagonal(lam)).to_scipy()  # of no entries: units are another question
    result = symrank.rank(A, "projection", rng=1)
    low, high = result.interval()
    assert low <= 250 <= high < 375
    assert result.threshold > 6e-14


@pytest.mark.parametrize("rank", [0, 1, 3, 7])
@pytest.mark.parametrize("kind", ["no G", "products"])
def test_a_small_rank_is_exact(kind, rank, seed):
    lam = np.concatenate([np.zeros(200 - rank), np.linspace(0.4, 1.0, rank)])
    G = by_products(spd(200, 3)) if kind == "products" else None
    result = symrank.rank(gallery.dense(lam, seed), "projection", preconditioner=G, rng=seed)
    assert (result.rank, result.status) == (rank, Status.EXACT)
    assert result.interval() == (rank, rank)


def test_a_small_rank_is_not_exact_where_g_shows_more():
    # one eigenvalue above the noise floor of A, twelve above that of G A
    lam = np.zeros(100)
    lam[:12] = 0.5 * FLOOR
    lam[0] = 1.0
    g = np.where(lam > 0.0, 1.0 / np.where(lam > 0.0, lam, 1.0), 1.0)
    G = Preconditioner.from_products(lambda R: g[:, None] * R, 100)
    result = symrank.rank(gallery.diagonal(lam), "projection", preconditioner=G, rng=1)
    low, high = result.interval(1 - 1e-5)
    assert low <= 12 <= high
    assert result.status is not Status.EXACT


VECTOR = np.random.default_rng(0).standard_normal(150)
VECTOR /= np.linalg.norm(VECTOR)
MASK = (np.arange(150) % 3 == 0)[:, None]
FEW = np.arange(150)[:, None] < 3
BAD = {
    "zero": (lambda R: 0.0 * R, OptionError, "is zero"),
    "masked": (lambda R: np.where(MASK, 0.0, R), OptionError, "is singular"),
    "projector": (lambda R: R - np.outer(VECTOR, VECTOR @ R), OptionError, "is singular"),
    "a few signs": (lambda R: np.where(FEW, -R, R), OptionError, "not positive definite"),
    "negative": (lambda R: -R, OptionError, "not positive definite"),
    "not symmetric": (lambda R: R + 0.3 * np.roll(R, 1, axis=0), OptionError, "not symmetric"),
    "not linear": (lambda R: R * np.abs(R), OptionError, "not linear"),
    "wrong shape": (lambda R: R[:-1], OptionError, "of the same shape"),
    "not finite": (lambda R: R * np.nan, NonFiniteError, "infinities or NaN"),
}  # fmt: skip
GOOD = {
    "in place": lambda R: R.__imul__(2.0),
    "huge": lambda R: 1e250 * R,
    "tiny": lambda R: 1e-300 * R,
}


def half_rank():
    return gallery.diagonal(np.where(np.arange(150) % 2, np.linspace(0.3, 1.0, 150), 0.0))


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_g_is_refused_with_what_is_wrong(kind):
    product, error, message = BAD[kind]
    with pytest.raises(error, match=message):
        symrank.rank(
            half_rank(), "projection", preconditioner=Preconditioner.from_products(product, 150)
        )


@pytest.mark.parametrize("kind", GOOD)
def test_a_definite_g_of_any_scale_gives_the_answer_of_the_identity(kind):
    G = Preconditioner.from_products(GOOD[kind], 150)
    result = symrank.rank(half_rank(), "projection", preconditioner=G, rng=1, precision=0.1)
    plain = symrank.rank(half_rank(), "projection", rng=1, precision=0.1)
    assert result.status is Status.CONVERGED
    assert abs(result.rank - plain.rank) <= 1
    scale = {"in place": 2.0, "huge": 1e250, "tiny": 1e-300}[kind]
    assert result.threshold == pytest.approx(scale * plain.threshold, rel=0.05)


def test_a_g_that_is_too_ill_conditioned_widens_the_interval_and_says_so():
    g = np.where(np.arange(150) < 50, 1e-11, 1.0)
    G = Preconditioner.from_products(lambda R: g[:, None] * R, 150)
    result = symrank.rank(half_rank(), "projection", preconditioner=G, rng=1, max_matvecs=2000)
    low, high = result.interval(1 - 1e-9)
    assert low <= 75 <= high
    assert result.status not in SURE
    assert "condition number of the preconditioner" in " ".join(result.notes)


def test_columns_count_as_dependent_only_where_g_shows_no_more():
    B = np.array([[1.0, 1.0, 2.0], [1e-13, 2e-13, 1e-13], [0.0, 0.0, 0.0]])
    assert num_seen(B, B) == 1
    assert num_seen(B, np.array([[1.0], [1e13], [1.0]]) * B) == 3  # in doubt: all of them
    assert num_seen(0.0 * B, 0.0 * B) == 0
