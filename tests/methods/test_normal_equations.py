"""Singular values by the pivots of X X^H and by null vectors, beside those of LAPACK."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import symrank
from symrank import Status
from symrank.methods.pivots import inertia, predicted
from symrank.methods.pivots import normal_equations as squares
from symrank.operators.factor import as_factor
from symrank.operators.modulus import LONGEST, Modulus

try:
    import feral  # noqa: F401
except ImportError:
    pytestmark = pytest.mark.skip(reason="feral-solver is not installed (the extra 'inertia')")

EPS = float(np.finfo(float).eps)
LOST = 2.0 * squares.WIDTH**0.5  # of sigma_1: above, squares count whatever the rows are


def long_matrix(sigma, rng, dtype=np.float64, height=3):
    """Return a sparse matrix with these singular values, `height` times as long as wide.

    Dense blocks of up to eight of them, with rows and columns permuted.
    """
    sigma, blocks = rng.permutation(sigma), []
    for part in np.array_split(sigma, -(-sigma.size // 8)):
        k = part.size
        left, right = (rng.standard_normal((rows, k)) for rows in (height * k, k))
        if np.dtype(dtype).kind == "c":
            left, right = (M + 1j * rng.standard_normal(M.shape) for M in (left, right))
        Q, R = np.linalg.qr(left)[0], np.linalg.qr(right)[0]
        blocks.append((Q * part) @ R.conj().T)
    X = sp.csr_array(sp.block_diag(blocks), dtype=dtype)
    return X[rng.permutation(X.shape[0])][:, rng.permutation(X.shape[1])]


def spectrum(rng, n=60, zeros=5, least=1e-5):
    """Return n singular values between `least` and 1, and some zeros."""
    return np.concatenate([[1.0], rng.uniform(least, 1.0, n - 1 - zeros), np.zeros(zeros)])


@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.float32])
@pytest.mark.parametrize("is_wide", [False, True])
def test_a_clear_gap_is_exact(rng, dtype, is_wide):
    X = long_matrix(spectrum(rng, least=1e-3), rng, dtype)
    result = symrank.rank(X.T if is_wide else X, method="inertia", rng=1)
    assert Modulus(as_factor(X)).facts.entry_power == 2
    assert (result.rank, result.status, result.interval()) == (55, Status.EXACT, (55, 55))
    assert result.shape == (X.T.shape if is_wide else X.shape)


@pytest.mark.parametrize("unit", [2.0**-400, 1e-150, 1e150, 2.0**480])
def test_units_are_of_no_matter(rng, unit):
    X = long_matrix(spectrum(rng), rng)
    result, scaled = (symrank.rank(A, method="inertia", rng=1) for A in (X, unit * X))
    assert (scaled.rank, scaled.status, scaled.num_matvecs) == (
        55,
        Status.EXACT,
        result.num_matvecs,
    )
    assert scaled.threshold == pytest.approx(unit * result.threshold, rel=1e-6)


def test_gram_is_counted_by_them(rng):
    """Three singular values of 1e-6: their squares are 1e-12, and were rounding before."""
    X = long_matrix(np.r_[spectrum(rng), [1e-6] * 3], rng)
    result = symrank.rank(symrank.gram(X), method="inertia", rng=1)
    assert (result.rank, result.status, result.inertia) == (58, Status.EXACT, (58, 5, 0))


@given(
    small=st.lists(st.floats(-18.0, -4.0), max_size=12),
    zeros=st.integers(0, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_interval_holds_whatever_is_small(small, zeros, seed):
    """What is within the rounding of the blocks, 50 eps, of a bound of the floor is on neither."""
    rng = np.random.default_rng(seed)
    sigma = np.concatenate(
        [[1.0], rng.uniform(1e-3, 1.0, 30), 10.0 ** np.array(small), np.zeros(zeros)]
    )
    result = symrank.rank(long_matrix(sigma, rng), method="inertia", rng=1)
    low, high = result.interval()
    tau, error = result.threshold, 50.0 * EPS
    assert low <= (sigma > tau - error).sum()
    assert high >= (sigma > tau + error).sum()
    if result.status is Status.EXACT:  # nothing that a product could take for rounding
        assert (
            not ((sigma > tau + error) & (sigma < 0.9 * LOST)).any() or low == (sigma > tau).sum()
        )


def test_what_squares_lose_and_no_vector_shows_is_left_open(rng):
    sigma = np.r_[spectrum(rng), [1e-10] * 4]  # above the floor, and its squares are rounding
    result = symrank.rank(long_matrix(sigma, rng), method="inertia", rng=1)
    assert result.interval() == (55, 59)
    assert result.status is not Status.EXACT
    chosen = symrank.rank(long_matrix(sigma, rng), rng=1)
    assert (chosen.rank, chosen.status) == (59, Status.EXACT)


def test_null_vectors_are_found_beside_what_is_just_seen(rng):
    """Twenty singular values just above sqrt(WIDTH): the first factor leaves them in the block."""
    sigma = np.r_[spectrum(rng), np.linspace(1.2, 2.0, 20) * LOST]
    result = symrank.rank(long_matrix(sigma, rng), method="inertia", rng=1)
    assert (result.rank, result.status) == (75, Status.EXACT)


@pytest.mark.parametrize(("a", "b"), [(0.25, 0.5), (-1.0, 0.5), (0.0, 0.5), (0.3, 9.0)])
def test_counts_of_an_interval(rng, a, b):
    sigma = spectrum(rng)
    result = symrank.count(long_matrix(sigma, rng), a, b, method="inertia", rng=1)
    truth = int(((sigma > max(a, 1e-12 if a == 0.0 else a)) & (sigma <= b)).sum())
    assert (result.interval(), result.status) == ((truth, truth), Status.EXACT)


@pytest.mark.parametrize("tau", [0.3, 1e-3, 1e-9])
def test_a_cut_of_the_callers(rng, tau):
    sigma = np.r_[spectrum(rng, least=2e-3), 0.31, 0.29, 1e-5]
    result = symrank.rank(long_matrix(sigma, rng), method="inertia", atol=tau, rng=1)
    truth = int((sigma > tau).sum())
    assert (result.interval(), result.status) == ((truth, truth), Status.EXACT)


def test_a_cut_on_a_singular_value_is_left_open(rng):
    sigma = np.r_[spectrum(rng, least=2e-3), [0.25] * 3]
    result = symrank.rank(long_matrix(sigma, rng), method="inertia", atol=0.25, rng=1)
    low, high = result.interval()
    assert low <= (sigma > 0.2501).sum() < (sigma > 0.2499).sum() <= high


def test_the_square_is_off_by_no_more_than_the_bound(rng):
    """Against exact fractions: rounding, and the mean of both triangles, are in eq. (1)."""
    X = sp.csr_array(rng.standard_normal((7, 40)) * 10.0 ** rng.integers(-8, 8, (7, 1)))
    normal = squares.normal_equations(X, 1.0)
    rows = [[Fraction(x) for x in row] for row in X.toarray().tolist()]
    true = [[sum(map(Fraction.__mul__, p, q)) for q in rows] for p in rows]
    off = normal.square.toarray()
    error = [[float(Fraction(off[i, j]) - true[i][j]) for j in range(7)] for i in range(7)]
    assert 0.0 < np.linalg.norm(error, 2) <= normal.rounding < 1e-12 * np.linalg.norm(off, 2)


def test_nothing_is_proved_within_the_rounding_of_the_square(rng, monkeypatch):
    """A square that may be off by 1e-3, and a shift of 1e-13: what is counted there is unknown."""
    monkeypatch.setattr(squares, "SAFETY", 0.0)
    made = squares.normal_equations

    def worse(*given):
        return dataclasses.replace(made(*given), rounding=1e-3)

    monkeypatch.setattr(inertia, "normal_equations", worse)
    result = symrank.rank(long_matrix(spectrum(rng), rng), method="inertia", rng=1)
    assert (result.interval(), result.status) == ((0, 60), Status.NO_GAP_FOUND)


def test_too_many_null_vectors_are_not_looked_for(rng, monkeypatch):
    X = long_matrix(spectrum(rng), rng)
    monkeypatch.setattr(squares, "MOST_NUMBERS", 10)
    result = symrank.rank(X, method="inertia", rng=1)
    assert result.interval() == (55, 60)
    assert result.status is not Status.EXACT


def test_a_budget_that_holds_no_vectors_leaves_them_open(rng):
    X = long_matrix(spectrum(rng), rng)
    result = symrank.rank(X, method="inertia", rng=1, max_matvecs=100)
    assert (result.interval(), result.status) == ((55, 60), Status.BUDGET_SPENT)
    assert result.num_matvecs <= 100


def test_the_choice_takes_them_where_the_twin_is_no_way(rng):
    """A band, seven columns of which are sums of their neighbours."""
    n = 2000
    bands = (
        sp.diags_array(rng.uniform(1.0, 2.0, (3, n)), offsets=[-1, 0, 1], shape=(n, n))
        for _ in range(3)
    )
    X = sp.lil_array(sp.vstack(list(bands)))
    for j in 100 + 250 * np.arange(7):
        X[:, [j]] = X[:, [j - 1]] + X[:, [j + 1]]
    result = symrank.rank(sp.csr_array(X), rng=1)
    assert (result.method, result.rank, result.status) == ("inertia", n - 7, Status.EXACT)


def test_pivots_of_a_long_augmented_matrix_are_not_offered(rng):
    X = long_matrix(spectrum(rng), rng)
    for rows, is_offered in ((X.shape[0], False), (LONGEST * X.shape[1], True)):
        plan = symrank.plan(symrank.augmented(X[:rows]))
        assert ("inertia" in [one.method.name for one in (plan.choice, *plan.others)]) is is_offered


def test_the_pattern_of_a_narrow_square_is_not_analysed(rng, monkeypatch):
    X = sp.random_array((400, 1200), density=1e-2, rng=rng, format="csr")
    assert predicted.predict(Modulus(as_factor(X)).facts) is not None
    monkeypatch.setattr(predicted, "LEAST_SQUARES", 100)
    assert predicted.predict(Modulus(as_factor(X)).facts) is None
