"""What a sparse rectangle tells before a product: a triangle, components, multiples."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import structural_rank as matching_size

import symrank
from symrank import RankResult, Status, augmented, gram
from symrank.choice.structure import first_look
from symrank.operators.triangles import norm_between, num_above, triangle
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import budget_of
from symrank.spectrum.threshold import CROWD

EPS = float(np.finfo(float).eps)
LEVEL = 1.0 - 1e-9  # of an interval that a right method leaves once in 1e9 runs


@pytest.fixture(scope="module")
def wide():
    """One whose singular values would take more than a tenth of a second: it is looked at."""
    return sp.random_array((900, 1350), density=2e-3, rng=np.random.default_rng(2)).tocsr()


@pytest.fixture(scope="module")
def sigma(wide):
    return np.linalg.svd(wide.toarray(), compute_uv=False)


@pytest.fixture
def sampled(monkeypatch):
    """No exact method makes an offer."""
    for method in (symrank.Dense, symrank.Inertia):
        monkeypatch.setattr(method, "offer", lambda *_: None)


@pytest.fixture(scope="module")
def known(wide):
    return int(matching_size(wide))


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("unit", [1.0, 3e-200, 2.0**800])
def test_a_triangle_proves_the_rank_that_the_pattern_allows(wide, known, unit, dtype):
    X = (unit * wide).astype(dtype)
    result = symrank.rank(X, rng=1)
    assert (result.method, result.rank, result.status) == ("structure", known, Status.EXACT)
    assert result.interval(LEVEL) == result.structural_rank == (known, known)
    assert (result.num_matvecs, result.shape, result.n) == (0, (900, 1350), 1350)
    assert 0.0 < result.threshold < 1e-10 * unit
    again = RankResult.from_dict(json.loads(json.dumps(result.to_dict())))
    assert str(again) == str(result)


def test_whatever_is_made_of_a_rectangle_has_its_rank(wide, known):
    for A, times in ((gram(wide), 1), (gram(wide, "rows"), 1), (augmented(wide), 2)):
        result = symrank.rank(A, rng=1)
        assert (result.method, result.status) == ("structure", Status.EXACT)
        assert result.rank == times * known
        minus = known if times == 2 else 0
        assert result.inertia == (known, A.n - times * known, minus)
    square = sp.csr_array(sp.vstack([wide, sp.csr_array((450, 1350))]))
    result = symrank.rank(square, hermitian=False, rng=1)
    assert (result.method, result.rank, result.shape) == ("structure", known, (1350, 1350))


def test_a_cut_above_the_proof_is_counted_as_ever(wide, sigma):
    for atol in (0.1, 1e-3):
        result = symrank.rank(wide, atol=atol, rng=1)
        low, high = result.interval(LEVEL)
        assert low <= (sigma > atol).sum() <= high
    assert symrank.rank(wide, rtol=1e-9, rng=1).rank == (sigma > 1e-9 * sigma[0]).sum()


def test_windows_that_are_a_rank_of_singular_values(wide, known, sigma):
    for a, b in ((0.0, np.inf), (1e-12, np.inf), (0.0, 100.0)):
        result = symrank.count(wide, a, b, rng=1)
        assert (result.method, result.rank, result.status) == ("structure", known, Status.EXACT)
        assert result.between == (a, b)
    for a, b in ((-1.0, np.inf), (0.0, 1.0), (-1.0, 0.0), (0.5, np.inf)):
        result = symrank.count(wide, a, b, rng=1)
        assert result.method != "structure"
        low, high = result.interval(LEVEL)
        floor = 1e-12
        assert low <= ((sigma > (a or floor)) & (sigma <= (b or floor))).sum() <= high


def path(n, other):
    weights = np.where(np.arange(n - 1) % 2, other, 1.0)
    return sp.diags_array([weights, weights], offsets=[-1, 1], format="csr")


def test_a_symmetric_matrix_is_proved_by_its_leaves_or_bounded():
    tame = path(1400, 0.5)  # 1400 pivots off a path, two a round, of no growth
    result = symrank.rank(tame, rng=1)
    assert (result.method, result.rank, result.status) == ("structure", 1400, Status.EXACT)
    assert result.inertia is None
    wild = path(1400, 2.0)
    values = np.abs(np.linalg.eigvalsh(wild.toarray()))
    cut = 500 * EPS * norm_between(wild)[1]
    truth = int((values > cut).sum())
    assert truth == 1398
    result = symrank.rank(wild, rng=1)
    low, high = result.interval()
    assert result.structural_rank == (1400, 1400)
    assert low <= truth <= high <= 1400
    assert not (result.status is Status.EXACT and result.rank == 1400)


def test_a_matrix_that_is_only_said_to_be_symmetric_is_no_proof():
    below, above = (np.where(np.arange(1399) % 2, other, 1.0) for other in (1e-3, 0.9))
    A = sp.diags_array([below, above], offsets=[-1, 1], format="csr")
    assert symrank.rank(path(1400, 0.9), rng=1).method == "structure"
    assert symrank.rank(A, check=False, rng=1).method != "structure"


def test_an_entry_that_one_triangle_lacks_adds_to_the_cut():
    """A path with one entry on the lower side alone, within the check's rounding."""
    A = path(1400, 0.5).tolil()
    A[0, 1399] = 1e-13
    result = symrank.rank(sp.csr_array(A), rng=1)
    assert result.interval()[0] <= 1400 <= result.interval()[1]


@pytest.mark.usefixtures("sampled")
def test_a_proof_from_below_cuts_an_interval_of_sampling(wide, known):
    grown = sp.csr_array(wide * 1.0)
    grown.data **= 30.0  # entries from 1e-100 to 1: some pivots prove nothing
    sigma = np.linalg.svd(grown.toarray(), compute_uv=False)
    norm = norm_between(grown)[1]
    proved = num_above(grown, triangle(grown), CROWD * 500 * EPS * norm)
    assert 0.3 * known < proved < 0.9 * known
    options = Options(seed=1, precision=0.2, max_matvecs=64)
    budget = budget_of(options, None)
    told, job = first_look(prepare(grown, options, budget, is_chosen=True), budget)
    assert told is None
    assert job.goal.zeros == (900 - known, 900 - proved)
    result = symrank.rank(grown, precision=0.2, max_matvecs=64, rng=1)
    low, high = result.interval()
    above = [int((sigma > cut * sigma[0]).sum()) for cut in (500 * EPS, 5 * EPS)]
    assert proved <= above[0]
    assert low <= above[1]
    assert high >= above[0]


def components_of(rng):
    shapes = rng.integers(1, 6, (300, 2))
    blocks = [rng.standard_normal(shape) for shape in shapes.tolist()]
    X = sp.csr_array(sp.block_diag([*blocks, sp.csr_array((40, 70))]))
    X = X[rng.permutation(X.shape[0])][:, rng.permutation(X.shape[1])]
    return X, np.linalg.svd(X.toarray(), compute_uv=False)


@pytest.fixture(scope="module")
def small():
    return components_of(np.random.default_rng(4))


def test_small_components_of_a_rectangle_are_counted_exactly(small):
    X, sigma = small
    rank = int((sigma > 1e-12).sum())
    result = symrank.rank(X, rng=1)
    assert (result.method, result.rank, result.status) == ("components", rank, Status.EXACT)
    assert (result.n, result.nullity) == (X.shape[1], X.shape[1] - rank)
    assert result.inertia is None
    for a, b in ((0.0, np.inf), (0.3, 1.1), (-1.0, 0.3), (2.0, np.inf)):
        count = symrank.count(X, a, b, rng=1)
        low = 1e-12 if a == 0.0 else a
        assert count.rank == ((sigma > low) & (sigma <= b)).sum()
    assert symrank.rank(X, atol=0.5, rng=1).rank == (sigma > 0.5).sum()
    both = symrank.rank(augmented(X), rng=1)
    assert (both.method, both.rank, both.inertia) == (
        "components", 2 * rank, (rank, sum(X.shape) - 2 * rank, rank),
    )  # fmt: skip
    squares = symrank.rank(gram(X), rng=1)
    assert (squares.rank, squares.inertia) == (rank, (rank, X.shape[1] - rank, 0))


@pytest.mark.parametrize("make", [lambda X: X, augmented, gram])
@pytest.mark.usefixtures("sampled")
def test_what_is_large_is_sampled_beside_them(small, monkeypatch, make):
    monkeypatch.setattr("symrank.operators.components.MOST_ROWS", 100)
    rng = np.random.default_rng(5)
    B = sp.random_array((900, 600), density=0.006, rng=rng) + sp.eye_array(900, 600)
    B = sp.csr_array(sp.hstack([B, B[:, :200] @ sp.eye_array(200) + B[:, 200:400]]))
    X = sp.csr_array(sp.block_diag([B, small[0]]))
    inner = np.linalg.svd(B.toarray(), compute_uv=False)
    truth = int((inner > 1e-10).sum()) + int((small[1] > 1e-12).sum())
    times = 2 if make is augmented else 1
    for seed in range(3):
        result = symrank.rank(make(X), precision=0.05, rng=seed)
        low, high = result.interval(LEVEL)
        assert result.method == "components"
        assert low <= times * truth <= high
        assert result.interval()[0] <= result.rank <= result.interval()[1]
    if result.resume is not None:
        fine = result.refine(0.01)
        low, high = fine.interval(LEVEL)
        assert low <= times * truth <= high
        assert fine.n == result.n


@pytest.mark.usefixtures("sampled")
def test_an_interruption_beside_components_is_one_of_the_whole(small, monkeypatch):
    monkeypatch.setattr("symrank.operators.components.MOST_ROWS", 100)
    rng = np.random.default_rng(5)
    B = sp.random_array((700, 700), density=0.004, rng=rng)
    X = sp.csr_array(sp.block_diag([B, small[0]]))

    def stop(told):
        if told.interval is not None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        symrank.rank(X, precision=0.001, rng=1, progress=stop)
    partial = caught.value.result
    assert partial.shape == X.shape
    assert partial.n == X.shape[1]
    truth = int((np.linalg.svd(X.toarray(), compute_uv=False) > 1e-10).sum())
    low, high = partial.interval(LEVEL)
    assert low <= truth <= high


def test_a_design_of_factors_is_counted_by_its_distinct_rows(monkeypatch):
    rng = np.random.default_rng(6)
    monkeypatch.setattr("symrank.choice.entries.CHEAP", 0.0)
    m, sizes = 20_000, (60, 12, 4)
    X = sp.hstack([
        sp.csr_array((np.ones(m), (np.arange(m), rng.integers(0, k, m))), shape=(m, k))
        for k in sizes
    ])  # fmt: skip
    X = sp.csr_array(sp.hstack([X, 3.0 * X[:, [0]], X[:, [1]] + X[:, [2]]]))
    result = symrank.rank(X, rng=1)
    assert (result.rank, result.status) == (sum(sizes) - 2, Status.EXACT)
    assert "multiples of others" in result.reason
    assert result.shape == X.shape
    assert symrank.count(X, 0.0, np.inf, rng=1).rank == sum(sizes) - 2
    two = sp.csr_array(X[:, :72])  # two factors: no column is a multiple, and rows are
    result = symrank.rank(two, rng=1)
    assert (result.rank, result.n, result.method) == (71, 72, "structure")  # edges of a graph
    two.data *= np.where(two.indices < 60, 1.0, 2.0)
    result = symrank.rank(two, rng=1)
    assert (result.rank, result.n) == (71, 72)
    assert f"{m - 60 * 12} rows or columns are zero or multiples of others" in result.reason


def test_a_symmetric_matrix_with_doubled_rows():
    rng = np.random.default_rng(7)
    n, k = 700, 260
    H = sp.random_array((n, n), density=0.003, rng=rng)
    H = sp.csr_array(H + H.T + sp.diags_array([rng.uniform(1.0, 2.0, n)], offsets=[0]))
    B = sp.csr_array(sp.random_array((k, n), density=0.004, rng=rng))
    B = sp.vstack([B, -2.0 * B, sp.csr_array((50, n))])
    K = sp.csr_array(sp.block_array([[H, B.T], [B, None]]))
    values = np.linalg.eigvalsh(K.toarray())
    size = np.abs(values) > 1e-10
    result = symrank.rank(K, rng=1)
    assert (result.rank, result.status) == (int(size.sum()), Status.EXACT)
    assert "multiples of others" in result.reason
    if result.inertia is not None:
        plus = int((values > 1e-10).sum())
        assert result.inertia == (plus, K.shape[0] - size.sum(), size.sum() - plus)
    assert result.structural_rank[1] <= K.shape[0] - k - 50
    for a, b in ((-np.inf, 0.0), (0.0, np.inf), (-1.0, 1.0), (0.5, 1.5)):
        count = symrank.count(K, a, b, rng=1)
        floor = 1e-10
        low, high = (floor if x == 0.0 else x for x in (a, b))
        assert count.rank == ((values > low) & (values <= high)).sum()
