"""Sketch: exact rank of small range or small null space, honest evidence, and never EXACT wrong."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from hypothesis import given
from hypothesis import strategies as st

import symrank
from symrank import RankResult, Sketch, Status, gallery
from symrank.errors import OptionError
from symrank.methods import Goal, Seen
from symrank.methods.spaces import range_space
from symrank.operators.facts import Facts, Work
from symrank.spectrum import threshold

EPS = np.finfo(float).eps
ORTHONORMAL = 100  # units of eps, a vector
NEARLY_DEPENDENT = {98: 772, 168: 90212}  # seed of the columns, and of the matrix
DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


def sketch(A, side=None, rng=5, **options):
    return symrank.rank(A, Sketch(side=side, basis=True), rng=rng, **options)


def matrix(lam, seed, dtype=np.float64):
    return spla.aslinearoperator(gallery.dense(lam, seed, dtype))


def assert_exact(result, rank):
    assert result.status is Status.EXACT
    assert result.rank == rank
    assert result.interval() == (rank, rank)


def assert_spans(basis, A, lam_space, atol):
    """The basis is orthonormal and lies in the space of these orthonormal vectors."""
    V = basis.vectors.astype(np.complex128)
    k = V.shape[1]
    assert k == lam_space.shape[1]
    np.testing.assert_allclose(V.conj().T @ V, np.eye(k), atol=atol)
    inside = lam_space @ (lam_space.conj().T @ V)
    np.testing.assert_allclose(V, inside, rtol=0, atol=atol)


def eigenspace(A, is_null):
    lam, vectors = np.linalg.eigh(A.astype(np.complex128))
    small = np.abs(lam) < 1e-5 * np.abs(lam).max()
    return vectors[:, small == is_null]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("rank", [1, 15, 40])
def test_a_small_rank_is_exact_with_its_inertia_and_range(rank, sign, dtype, seed):
    lam = np.zeros(260)
    lam[:rank] = np.linspace(0.5, 2.0, rank)
    lam[: rank // 2] *= sign
    A = gallery.dense(lam, seed, dtype)
    result = sketch(spla.aslinearoperator(A), "range")
    assert_exact(result, rank)
    minus = rank // 2 if sign < 0 else 0
    assert result.inertia == (rank - minus, 260 - rank, minus)
    assert result.basis.space == "range"
    assert result.basis.vectors.dtype == dtype
    eps = np.finfo(dtype).eps
    assert_spans(result.basis, A, eigenspace(A, is_null=False), 1000 * eps)
    Q = result.basis.vectors
    outside = np.linalg.norm(A - Q @ (Q.conj().T @ A), 2)
    assert outside <= result.basis.residual * (1 + 1e-3) + 100 * eps
    assert result.basis.residual <= 1e4 * eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spectrum", ["definite", "indefinite"])
@pytest.mark.parametrize("nullity", [0, 1, 7])
def test_a_small_nullity_is_exact_with_its_null_space(nullity, spectrum, dtype, seed):
    lam = np.linspace(0.5, 1.0, 260)  # of float32 no more than 0.02 is clear of the noise floor
    if spectrum == "indefinite":
        lam[::3] *= -1.0
    lam[:nullity] = 0.0
    A = gallery.dense(lam, seed, dtype)
    result = sketch(spla.aslinearoperator(A), "null")
    assert_exact(result, 260 - nullity)
    assert result.basis.space == "null"
    eps = np.finfo(dtype).eps
    assert_spans(result.basis, A, eigenspace(A, is_null=True), 300 * eps)
    residual = np.linalg.norm(A @ result.basis.vectors, 2) if nullity else 0.0
    assert residual <= result.basis.residual + 20 * eps
    assert result.basis.residual <= 100 * eps
    assert result.diagnostics["null_residual"] == pytest.approx(result.basis.residual, rel=0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spectrum", ["definite", "indefinite"])
@pytest.mark.parametrize(("columns", "at_most"), [(98, 0.013), (168, 0.0075)])
def test_null_vectors_of_nearly_dependent_columns_are_as_good_as_any(
    columns, at_most, spectrum, dtype
):
    """Eight columns of which a combination of seven null parts is far smaller than each.

    An orthonormal basis divides by it, so that errors of eps |A||z| in the z would be 60 to 500
    eps |A|, near or above the floor of 490: which side, the last bits of the products would say.
    """
    lam = np.linspace(0.5, 1.0, 260)
    lam[::3] *= 1.0 if spectrum == "definite" else -1.0
    lam[:7] = 0.0
    A = gallery.dense(lam, NEARLY_DEPENDENT[columns], dtype)
    result = sketch(spla.aslinearoperator(A), "null", rng=columns)
    least, vanished = result.diagnostics["gap"]
    assert vanished < 1e-3 * at_most < least < at_most  # what makes the case
    assert_exact(result, 253)
    eps = np.finfo(dtype).eps
    # a vector may have 30 eps |A| (ROUNDING), seven together sqrt(7) times that at most
    assert result.basis.residual <= 80 * eps
    assert_spans(result.basis, A, eigenspace(A, is_null=True), 300 * eps)


@pytest.mark.parametrize("components", [1, 3, 20])
@pytest.mark.parametrize("preconditioner", [None, "jacobi", "amg"])
def test_laplacians_with_several_components(components, preconditioner):
    if preconditioner == "amg":
        pytest.importorskip("pyamg", reason='preconditioner="amg" is built on it')
    parts = [gallery.grid_laplacian((9, 3 + k % 4)) for k in range(components)]
    L = sp.csr_array(sp.block_diag([*parts, gallery.grid_laplacian((15, 14))]))
    result = sketch(L, "null", preconditioner=preconditioner)
    assert_exact(result, gallery.laplacian_rank(L))
    assert result.basis.vectors.shape == (L.shape[0], components + 1)
    if preconditioner != "jacobi":  # there the basis is that of S L S
        assert np.linalg.norm(L @ result.basis.vectors, 2) < 1e-10


def test_without_a_side_the_small_one_is_found():
    assert_exact(sketch(gallery.spiked_covariance(900, 20, rng=0)), 20)
    assert_exact(sketch(gallery.grid_laplacian((30, 30))), 899)
    wide = sketch(
        gallery.spiked_covariance(600, 250, rng=0)
    )  # the range again, after the null space
    assert_exact(wide, 250)


@pytest.mark.parametrize("side", [None, "range", "null"])
@pytest.mark.parametrize("n", [1, 20, 300])
def test_the_zero_matrix(side, n):
    result = sketch(sp.csr_array((n, n)), side)
    assert_exact(result, 0)
    assert result.basis.vectors.shape == ((n, n) if result.basis.space == "null" else (n, 0))


@pytest.mark.parametrize("side", [None, "range", "null"])
@pytest.mark.parametrize("lam", [np.ones(150), np.linspace(-2.0, -1.0, 150)])
def test_full_rank(side, lam):
    assert_exact(sketch(matrix(lam, 4), side), 150)


@pytest.mark.parametrize("side", ["range", "null"])
def test_a_cut_of_the_caller_counts_above_it(side, seed):
    small, large = (12, 190) if side == "range" else (190, 12)
    lam = np.concatenate([np.linspace(1.0, 2.0, small), np.full(large, 1e-9)])
    if side == "null":  # eigenvalues below the cut are null vectors where a solve cannot see them
        lam[small:] = 1e-17
    result = sketch(matrix(lam, seed), side, atol=1e-6)
    assert result.threshold == pytest.approx(1e-6)
    assert_exact(result, small)
    relative = sketch(matrix(lam, seed), side, rtol=1e-6)
    assert_exact(relative, small)


def test_a_cut_inside_a_continuum_is_covered_and_never_exact_by_luck(seed):
    lam = np.sort(np.random.default_rng(seed).uniform(-1.0, 1.0, 300))
    truth = np.count_nonzero(np.abs(lam) > 0.3)
    for side in ("range", "null"):
        result = sketch(matrix(lam, seed), side, atol=0.3, max_matvecs=2000)
        low, high = result.interval()
        assert low <= truth <= high
        assert result.status is not Status.EXACT or result.rank == truth


@pytest.mark.parametrize("side", [None, "range", "null"])
@pytest.mark.parametrize("budget", [1, 2, 5, 40, 300])
def test_the_budget_is_kept_and_the_interval_holds(side, budget):
    lam = np.concatenate([np.zeros(150), np.logspace(-4, 0, 150)])
    A = gallery.dense(lam, 4)
    result = sketch(A, side, max_matvecs=budget, check=False)
    assert result.num_matvecs <= budget
    low, high = result.interval()
    assert low <= 150 <= high
    assert budget == 300 or result.status is not Status.EXACT


def test_max_columns_bounds_the_sketch():
    A = gallery.spiked_covariance(500, 60, rng=0)
    narrow = symrank.rank(A, Sketch(side="range", max_columns=50), rng=1)
    assert narrow.status is Status.BUDGET_SPENT
    assert narrow.diagnostics["num_columns"] <= 50
    assert narrow.interval()[0] <= 60 <= narrow.interval()[1]
    assert_exact(symrank.rank(A, Sketch(side="range", max_columns=80), rng=1), 60)


@pytest.mark.parametrize("rank", [3, 40, 100, 400])
def test_a_range_costs_a_tenth_more_than_the_rank(rank, seed):
    result = sketch(gallery.spiked_covariance(2000, rank, rng=seed), "range", check=False)
    assert_exact(result, rank)
    assert result.inertia == (rank, 2000 - rank, 0)
    # the columns suffice: at most a panel and two sixteenths are wasted, and a look a doubling
    assert result.num_matvecs <= 1.2 * rank + 5 * range_space.RANGE_TEST


def test_a_range_at_the_noise_floor_is_not_exact():
    floor = threshold.cut(1.0, EPS, None, None)
    near, far = 3 * floor, 2 * threshold.CROWD * floor
    for level, status in ((near, Status.NO_GAP_FOUND), (far, Status.EXACT)):
        lam = np.concatenate([np.linspace(0.5, 1.0, 10), [level], np.zeros(200)])
        result = sketch(gallery.diagonal(lam), "range", precision=1e-3)
        assert result.rank == 11
        assert result.status is status


@pytest.mark.parametrize("units", [0.3, 0.9, 1.1, 3.0, 30.0])
def test_an_eigenvalue_just_above_the_noise_floor_forbids_an_exact_nullity(units, seed):
    # the solve resolves it, so |W| is small and no null vector is missing: |Y| tells
    level = units * threshold.cut(1.0, EPS, None, None)
    lam = np.concatenate([np.zeros(2), [level], np.linspace(0.5, 1.0, 200)])
    result = sketch(gallery.diagonal(lam), "null", rng=seed)
    low, high = result.interval()
    assert low <= 200 + (units > 1) <= high
    assert units < 1 or result.status is not Status.EXACT


@st.composite
def spectra(draw):
    """Eigenvalues with the largest 1, and some at levels about the noise floor."""
    n = draw(st.integers(70, 200))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    side = draw(st.sampled_from(["range", "null"]))
    few = draw(st.integers(0, 9))
    levels = 10.0 ** np.array(draw(st.lists(st.floats(-17, -9), max_size=4)))
    rest = n - few - levels.size
    zeros, bulk = (rest, few) if side == "range" else (few, rest)
    decades = draw(st.sampled_from([0.3, 3.0]))
    lam = np.concatenate([np.zeros(zeros), levels, 10.0 ** -rng.uniform(0, decades, bulk)])
    lam *= rng.choice([-1.0, 1.0], n) if draw(st.booleans()) else 1.0
    return lam, side if draw(st.booleans()) else None


@given(spectra(), st.sampled_from([None, 1e-12, 1e-6]), st.integers(0, 10**6))
def test_exact_is_never_wrong_whatever_lies_at_the_floor(case, atol, seed):
    lam, side = case
    result = sketch(gallery.diagonal(lam), side, rng=seed, atol=atol, max_matvecs=30_000)
    cut = threshold.cut(float(np.abs(lam).max()), EPS, atol, None)
    truth = np.count_nonzero(np.abs(lam) > cut)
    low, high = result.interval()
    assert low <= truth <= high
    assert low <= result.rank <= high
    if result.status is Status.EXACT:
        assert result.rank == truth


def test_the_basis_is_kept_only_on_request():
    A = gallery.spiked_covariance(300, 5, rng=0)
    assert symrank.rank(A, "sketch", rng=1).basis is None
    assert symrank.rank(A, Sketch(basis=True), rng=1).basis is not None


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_basis_survives_json(dtype):
    lam = np.zeros(80)
    lam[:3] = 1.0
    result = sketch(matrix(lam, 3, dtype), "range")
    record = json.loads(json.dumps(result.to_dict(basis=True), allow_nan=False))
    again = RankResult.from_dict(record)
    np.testing.assert_array_equal(again.basis.vectors, result.basis.vectors)
    assert again.basis.vectors.dtype == dtype
    assert (again.basis.space, again.basis.residual) == ("range", result.basis.residual)
    assert again.to_dict(basis=True) == result.to_dict(basis=True)
    assert "basis" not in result.to_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": "left"}, r"side='left' is unknown. Pass \"range\", \"null\" or None"),
        ({"max_columns": 0}, r"max_columns=0 must be at least 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        Sketch(**options)


def test_a_side_is_offered_where_columns_or_solves_fit():
    n = 10_000
    goal = Goal(
        n=n, dtype=np.dtype(float), atol=None, rtol=None, half_width=1, open_ended=True,
        confidence=0.95, max_matvecs=2000, seed=0,
    )  # fmt: skip
    facts = Facts.of_products(n, work=Work(rows=n))

    def offer(side, low, high, likely, solve_length=np.inf):
        seen = Seen(
            low=low, high=high, likely=likely, is_met=True, is_resolved=False,
            solve_length=solve_length, seconds=0.1,
        )  # fmt: skip
        return Sketch(side=side).offer(facts, goal, seen)

    assert offer("range", 40, 50, 45.0).products == (50 + 2 * range_space.spare(50),) * 2
    assert "at most 50" in offer("range", 40, 50, 50.0).why
    assert "likely below 44" in offer("range", 40, n, 40.0).why
    assert offer("range", 5000, 5000, 5000.0) is None
    assert offer("null", n - 1, n, n, 2.5).products == (20 * 2.5 * 20,) * 2
    assert offer("null", n - 65, n, n, 2.5) is None
    assert offer("null", n - 1, n, n, 1e6) is None  # solves of hours
    assert offer("null", n - 1, n, n) is None
    assert Sketch(side="range").offer(facts, goal) is None  # nothing was seen yet
