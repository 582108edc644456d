"""Matrices that are not symmetric are counted by their singular values."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import RankResult, Status
from symrank.errors import NonFiniteError, NotSymmetricError, OperatorError, OptionError
from symrank.files import load_matrix
from symrank.operators import PaddedMatrix

EPS = float(np.finfo(float).eps)
LEVEL = 1.0 - 1e-9  # of an interval that a right method leaves once in 1e9 runs


def with_singular_values(sigma, m, n, seed=0):
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((k, len(sigma))))[0] for k in (m, n))
    return (U * sigma) @ V.T


X = with_singular_values(np.linspace(1.0, 0.5, 30), 90, 60)
FORMS = {
    "tall": X,
    "wide": X.T,
    "sparse": sp.csc_matrix(X),
    "by products": spla.aslinearoperator(X),
    "wide by products": spla.aslinearoperator(X.T),
    "single": X.astype(np.float32),
    "complex": X * (1.0 + 1.0j),
    "lists": X.tolist(),
    "tiny": X * 1e-290,
    "huge by products": spla.aslinearoperator(X * 1e290),
    "integers": np.rint(X * 2**20).astype(np.int64) @ np.ones((60, 60), np.int64),
}


@pytest.mark.parametrize("method", [None, "dense", "lanczos", "inertia"])
@pytest.mark.parametrize("name", FORMS)
def test_the_rank_of_any_matrix(name, method):
    A = FORMS[name]
    if method == "inertia" and "by products" in name:
        return
    result = symrank.rank(A, method, rng=1, precision=0.1)
    truth = 1 if name == "integers" else 30
    low, high = result.interval(LEVEL)
    assert low <= truth <= high
    shape = np.shape(A) if isinstance(A, list) else A.shape
    assert result.shape == shape
    assert (result.n, result.nullity) == (shape[1], shape[1] - result.rank)
    low, high = result.interval()
    assert result.nullity_interval() == (shape[1] - high, shape[1] - low)
    assert result.inertia is None
    assert f"{shape[0]}x{shape[1]}, its singular values" in result.reason
    assert f"{shape[0]}x{shape[1]}" in str(result)
    if method != "lanczos":
        assert (result.rank, result.status) == (truth, Status.EXACT)
    record = json.loads(json.dumps(result.to_dict(measure=True)))
    assert RankResult.from_dict(record).to_dict(measure=True) == result.to_dict(measure=True)


@pytest.mark.parametrize("shape", [(0, 7), (7, 0), (0, 0)])
def test_no_entries_no_rank(shape):
    result = symrank.rank(np.zeros(shape), hermitian=False)
    assert (result.rank, result.nullity, result.interval()) == (0, shape[1], (0, 0))
    assert symrank.rank(sp.csr_array((3, 5)), rng=1).nullity == 5


def test_square_and_clearly_unsymmetric_is_counted_by_singular_values():
    A = np.triu(np.ones((6, 6)), 1)  # eigenvalues are all zero
    for B in (A, sp.csr_array(A)):
        result = symrank.rank(B, rng=1)
        assert (result.rank, result.shape, result.status) == (5, (6, 6), Status.EXACT)
        assert "max|A - A^H| is 1 of max|A|" in result.reason
    assert symrank.count(A, 1.5, np.inf).rank == int((np.linalg.svd(A)[1] > 1.5).sum())


@pytest.mark.parametrize("size", [1e-4, 1e-9])
def test_nearly_symmetric_is_a_question(size):
    A = np.eye(6)
    A[0, 1] = size
    with pytest.raises(NotSymmetricError, match=r"\(A \+ A\.T\)/2.*hermitian=False"):
        symrank.rank(A)
    assert symrank.rank(A, hermitian=False).shape == (6, 6)
    hidden = spla.aslinearoperator(np.triu(np.ones((6, 6))))
    with pytest.raises(NotSymmetricError, match="hermitian=False"):
        symrank.rank(hidden)
    assert symrank.rank(hidden, hermitian=False).rank == 6


def test_hermitian_is_what_the_caller_knows():
    assert symrank.rank(np.diag([1.0, -1.0, 0.0]), hermitian=True).inertia == (1, 1, 1)
    assert symrank.rank(np.diag([1.0, -1.0, 0.0]), hermitian=False).rank == 2
    assert symrank.rank(np.diag([1.0, -1.0]), hermitian=False).inertia is None
    with pytest.raises(OperatorError, match=r"hermitian=True.*90x60"):
        symrank.rank(X, hermitian=True)
    with pytest.raises(NotSymmetricError):
        symrank.rank(np.triu(np.ones((3, 3))), hermitian=True)
    with pytest.raises(OptionError, match="hermitian='yes'"):
        symrank.rank(X, hermitian="yes")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "chebyshev"}, "counts eigenvalues"),
        ({"deflate": np.eye(60, 1)}, "null vectors of a symmetric operator"),
        ({"preconditioner": "jacobi"}, "belongs to a symmetric operator"),
    ],
)
def test_what_only_symmetric_operators_have(options, message):
    with pytest.raises(OptionError, match=message):
        symrank.rank(X, **options)


@pytest.mark.parametrize("method", [None, "dense", "lanczos", "inertia"])
def test_counts_of_singular_values(method):
    options = {"rng": 1, "precision": 0.1}
    for A in (X, X.T, symrank.gram(X), symrank.gram(X, "rows")):
        power = 2 if isinstance(A, symrank.operators.GramOperator) else 1
        inside = symrank.count(A, 0.7**power, np.inf, method, **options)
        low, high = inside.interval(LEVEL)
        assert low <= 18 <= high
        zeros = symrank.count(A, -1.0, 0.25**power, method, **options)
        low, high = zeros.interval(LEVEL)
        assert low <= zeros.n - 30 <= high
        assert zeros.n == (60 if power == 1 else A.n)
    if method != "inertia":
        table = symrank.count(X, [-1.0, 0.25, 0.7, 2.0], None, method, **options)
        for row, truth in zip(table, (30, 12, 18), strict=True):
            low, high = row.interval(LEVEL)
            assert low <= truth <= high


def test_the_cut_is_that_of_numpy_where_rows_are_few():
    sigma = np.geomspace(1.0, 1e-18, 60)
    A = with_singular_values(sigma, 80, 60)
    result = symrank.rank(A)
    assert result.threshold == pytest.approx(80 * EPS)
    low, high = result.interval()
    assert low <= np.linalg.matrix_rank(A) <= high
    for options in ({"atol": 1e-6}, {"rtol": 1e-6}):
        assert symrank.rank(A, **options).rank == int((sigma > 1e-6).sum())
        assert symrank.rank(symrank.gram(A), rtol=1e-12).rank == int((sigma > 1e-6).sum())


def test_a_cut_that_grows_with_the_rows_is_pointed_out():
    """NumPy's own would be 0.0036 sigma_1 of 30 000 rows in single precision."""
    sigma = np.array([1.0, 0.5, 2e-3])
    A = np.sqrt(1e4) * np.kron(np.ones((10_000, 1)) / np.sqrt(1e4), np.diag(sigma))
    result = symrank.rank(A.astype(np.float32), rng=1)
    assert result.interval()[1] == 3
    assert np.linalg.matrix_rank(A.astype(np.float32)) == 2
    assert result.threshold == pytest.approx(500 * np.finfo(np.float32).eps * 1e2, rel=5e-3)
    assert "numpy.linalg.matrix_rank would cut" in result.notes[-1]
    assert "count 2" in result.notes[-1]
    assert symrank.rank(A, rng=1).notes == ()


def test_a_tall_matrix_by_blocks_and_its_equal_by_products():
    rng = np.random.default_rng(4)
    A = rng.standard_normal((5000, 12)) @ rng.standard_normal((12, 40))
    for B in (A, A.T, sp.csr_array(A), A.astype(np.float32), spla.aslinearoperator(A)):
        result = symrank.rank(B, rng=1)
        assert (result.rank, result.status, result.method) == (12, Status.EXACT, "dense")


@pytest.mark.parametrize("make", [np.asarray, spla.aslinearoperator])
def test_products_resolve_what_squares_hide(make):
    """Singular values of 1e-9 and zeros: gram of them by another road sees half of the rank."""
    A = with_singular_values(np.repeat([1.0, 1e-9], [40, 40]), 200, 160)
    result = symrank.rank(make(A), "lanczos", rng=1, max_matvecs=4000, precision=0.05)
    low, high = result.interval(LEVEL)
    assert low <= 80 <= high
    assert result.status is Status.CONVERGED
    assert result.threshold == pytest.approx(500 * EPS, rel=1e-6)
    squared = symrank.rank(
        symrank.gram(make(A)), "lanczos", rng=1, max_matvecs=4000, precision=0.05
    )
    assert squared.interval() == result.interval()
    assert squared.threshold == pytest.approx(result.threshold**2)
    by_squares = symrank.rank(symrank.gram(make(A)), "chebyshev", rng=1, precision=0.05)
    assert by_squares.interval(LEVEL)[0] <= 40


def test_a_sampled_rectangle_can_be_refined_and_asked():
    A = with_singular_values(np.linspace(1.0, 0.5, 150), 500, 400)
    rough = symrank.rank(A, "lanczos", rng=2, precision=0.1)
    fine = rough.refine(0.02)
    assert fine.shape == (500, 400)
    assert fine.num_matvecs > rough.num_matvecs
    for result in (rough, fine):
        low, high = result.interval(LEVEL)
        assert low <= 150 <= high
    _, low, high = fine.counting_function([0.75, 1e-5], LEVEL)
    assert (low <= [75, 150]).all()
    assert (high >= [75, 150]).all()
    curve = fine.cdf([0.0, 0.75], LEVEL)
    assert (curve.low <= [250, 325]).all()
    assert (curve.high >= [250, 325]).all()
    true = (np.linalg.norm(A) / np.linalg.norm(A, 2)) ** 2
    low, high = fine.measure.stable_rank().interval(LEVEL)
    assert low <= true <= high
    low, high = fine.measure.intrinsic_dimension().interval(LEVEL)
    assert low <= np.linalg.norm(A, "nuc") / np.linalg.norm(A, 2) <= high


def test_units_of_columns_are_a_question_as_everywhere():
    A = with_singular_values(np.ones(5), 30, 5) * [1.0, 1.0, 1e-20, 1.0, 1.0]
    result = symrank.rank(A, rng=1)
    assert (result.interval(), result.status) == ((4, 5), Status.NO_GAP_FOUND)
    assert symrank.rank(A, rng=1, preconditioner="equilibrate").rank == 5
    assert symrank.rank(A, rng=1, atol=1e-10).rank == 4


def test_a_rank_of_both_signs_is_even():
    A = with_singular_values(np.linspace(1.0, 0.5, 37), 300, 200)
    for method in (None, "lanczos", "chebyshev", "sketch"):
        result = symrank.rank(symrank.augmented(A), method, rng=1, max_matvecs=3000)
        ends = result.interval()
        assert (result.rank % 2, ends[0] % 2, ends[1] % 2) == (0, 0, 0)
        assert ends[0] <= 74 <= ends[1]


def test_empty_rows_of_a_huge_rectangle_count_as_nothing(tmp_path):
    path = tmp_path / "A.mtx"
    text = "%%MatrixMarket matrix coordinate real general\n2147483648 5 2\n7 2 1\n2147483648 5 3\n"
    path.write_text(text)
    matrix = load_matrix(path)
    assert isinstance(matrix, PaddedMatrix)
    result = symrank.rank(matrix, rng=0)
    assert (result.rank, result.shape, result.nullity) == (2, (2147483648, 5), 3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, spla.aslinearoperator])
def test_what_is_not_finite_is_refused(make, value):
    A = np.ones((4, 3))
    A[2, 1] = value
    with pytest.raises(NonFiniteError):
        symrank.rank(make(A), rng=1)


def test_a_plan_of_a_rectangle():
    plan = symrank.plan(X)
    assert plan.choice.method.name == "dense"
    assert symrank.plan(spla.aslinearoperator(X)).choice.method.name == "dense"


@pytest.mark.parametrize("budget", [1, 9, 30])
def test_signs_of_a_twin_are_even_where_a_budget_leaves_them_open(budget, rng):
    """An odd order, whose last eigenvalue is zero: no count of either sign is its half."""
    found = symrank.inertia(
        symrank.augmented(rng.standard_normal((10, 21))), "inertia", rng=1, max_matvecs=budget
    )
    plus, zero, minus = found
    assert plus == minus
    assert sum(found) == 31
    for number, (low, high) in zip((plus, zero, minus), found.intervals(), strict=True):
        assert low <= number <= high
