"""Long matrices counted without their singular values: both bounds hold, and what they leave."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import Status
from symrank.choice import policy
from symrank.errors import NonFiniteError, OptionError
from symrank.methods import costs
from symrank.methods.eigenvalues import long, row_sketch, two_sided
from symrank.methods.eigenvalues.long import Long
from symrank.operators.factor import as_factor
from symrank.operators.modulus import Modulus

EPS = float(np.finfo(float).eps)
M, N = 2300, 40  # long, and longer than twice its sketch


@pytest.fixture
def tried(monkeypatch):
    """Matrices are tried whose singular values would take no time."""
    monkeypatch.setattr(long, "WORTH", -1.0)
    monkeypatch.setattr(long, "GAIN", float("inf"))


def with_singular_values(sigma, m=M, n=N, seed=0, dtype=float):
    """A dense m x n matrix with these singular values, and zeros."""
    rng = np.random.default_rng(seed)

    def basis(k):
        X = rng.standard_normal((k, len(sigma)))
        return np.linalg.qr(X + 1j * rng.standard_normal(X.shape) if dtype is complex else X)[0]

    return (basis(m) * np.asarray(sigma)) @ basis(n).conj().T


def few_rows(rng):
    """All but N rows are zero."""
    A = np.zeros((M, N))
    A[rng.choice(M, N, replace=False)] = with_singular_values(np.linspace(1.0, 0.5, 25), N)
    return A


def one_hot(rng):
    """A column of ones and two factors, which add up to it each."""
    levels = [sp.csr_array(np.eye(k)[rng.integers(0, k, M)]) for k in (12, 20)]
    return sp.csr_array(sp.hstack([np.ones((M, 1)), *levels]))


MATRICES = {
    "gap": lambda rng: with_singular_values(np.linspace(1.0, 0.5, 25)),
    "one column": lambda rng: np.ones((M, 1)),
    "small rank": lambda rng: with_singular_values(np.linspace(1.0, 0.5, 9)),
    "full": lambda rng: rng.standard_normal((M, N)),
    "complex": lambda rng: with_singular_values(np.linspace(1.0, 0.5, 25), dtype=complex),
    "by columns": lambda rng: np.asfortranarray(with_singular_values(np.linspace(1.0, 0.5, 25))),
    "shorter than its sketch": lambda rng: with_singular_values(np.linspace(1.0, 0.5, 9), 1150),
    "decay": lambda rng: with_singular_values([*np.geomspace(1.0, 1e-4, 30)]),
    "few rows": few_rows,
    "columns in units": lambda rng: rng.standard_normal((M, N)) * np.geomspace(1.0, 1e-9, N),
    "one-hot": one_hot,
    "sparse": lambda rng: sp.random_array((M, N), density=0.3, rng=rng, format="csr"),
    "whole numbers": lambda rng: rng.integers(-3, 4, (M, 7)) @ rng.integers(-2, 3, (7, N)) * 1.0,
    "empty columns": lambda rng: rng.standard_normal((M, N)) * (np.arange(N) % 3 > 0),
}


def dense(A):
    return A.toarray() if sp.issparse(A) else A


@pytest.mark.parametrize("name", MATRICES)
def test_both_bounds_hold(name, rng):
    """Against LAPACK's singular values, which err by some eps |A| themselves."""
    A = MATRICES[name](rng)
    found = two_sided.two_sided(A, 1.0, np.random.default_rng(1))
    sigma = np.linalg.svd(dense(A), compute_uv=False)
    error, r = 50.0 * EPS * sigma[0], found.rank
    assert found.num_vectors in ({0} if r == sigma.size else {r, sigma.size - r})
    assert 0.0 < found.above <= sigma[r - 1] + error
    assert not (sigma[r:] > found.most_below(EPS, sigma[0]) + error).any()
    low, high = found.norms
    assert 0.8 * sigma[0] <= low <= sigma[0] + error
    assert 1.0 <= high / np.linalg.norm(dense(A)) <= 1.001


def test_the_norm_of_what_adds_up_rows_is_known():
    """S is drawn by shapes and seed, so that unit vectors show its columns."""
    n, m = 20, 1000

    def columns(first):
        return row_sketch.compressed(np.eye(m)[:, first : first + n], 1.0, np.random.default_rng(3))

    parts = [columns(first) for first in range(0, m, n)]
    S = np.concatenate([part.matrix for part in parts], axis=1)
    assert S.shape[0] < m / 2
    assert (np.count_nonzero(S, axis=0) == row_sketch.TABLES).all()
    assert np.linalg.norm(np.abs(S), 2) <= parts[0].stretch <= 2.0 * np.linalg.norm(S, 2)


@pytest.mark.parametrize("distance", [7e-7, 1e-4])
def test_a_column_is_far_from_the_others_beyond_all_rounding(distance, rng):
    """At the root of the worst rounding of a sum of squares nothing is claimed, right as it was."""
    A = rng.standard_normal((M, N))
    A[:, 1] = A[:, 0] + distance * A[:, 1]
    found = two_sided.two_sided(A, 1.0, np.random.default_rng(1))
    assert (found is None) == (distance < 1e-6)


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("of", ["rank", "wide", "gram", "augmented"])
def test_the_count_is_that_of_all_singular_values(name, of, rng, tried):
    A = MATRICES[name](rng)
    if of == "wide":
        A = A.conj().T
    asked = {"gram": symrank.gram, "augmented": symrank.augmented}.get(of, lambda A: A)(A)
    found, known = symrank.rank(asked, rng=1), symrank.rank(asked, "dense", rng=1)
    assert "eigenvalues" not in found.diagnostics
    assert found.status is known.status is Status.EXACT
    assert (found.rank, found.inertia, found.notes) == (known.rank, known.inertia, known.notes)
    least = 0.8**2 if of == "gram" else 0.8  # of |A|
    assert least * known.threshold <= found.threshold <= known.threshold * (1.0 + 1e-9)
    if found.gaps and known.gaps:  # what is proved lies inside what is true
        mine, true = found.gaps[0], known.gaps[0]
        assert mine.count == true.count
        assert mine.high <= true.high * (1.0 + 1e-9)


OPEN = {
    "Lauchli": lambda: np.concatenate([np.ones((1, 3)), 1e-9 * np.eye(3), np.zeros((2000, 3))]),
    "between rounding and its root": lambda: with_singular_values([1.0, 0.5, 1e-10]),
    "crowds": lambda: with_singular_values([1.0, 0.5, 2e-12]),
    "just above the floor": lambda: with_singular_values([1.0, 0.5, 600 * EPS]),
    "power law": lambda: with_singular_values(np.arange(1.0, N + 1) ** -8.0),
    "a column of rounding": lambda: np.concatenate(
        [with_singular_values(np.ones(9), M, 9), 1e-18 * np.ones((M, 1))], axis=1
    ),
    "nothing": lambda: np.zeros((M, N)),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_neither_bound_reaches_is_left_to_the_singular_values(name, tried):
    A = OPEN[name]()
    found, known = symrank.rank(A, rng=1), symrank.rank(A, "dense", rng=1)
    assert "eigenvalues" in found.diagnostics
    assert (found.rank, found.status) == (known.rank, known.status)
    assert found.interval() == known.interval()
    assert found.history == known.history  # the attempt leaves no trace


@pytest.mark.parametrize("cut", [{"atol": 0.25}, {"rtol": 0.25}, {"atol": 0.25 - 1e-15}])
def test_a_cut_among_the_singular_values_is_left_to_them(cut, tried):
    A = with_singular_values([1.0, 0.5, *[0.25] * 5, 0.1])
    found = symrank.rank(A, rng=1, **cut)
    assert "eigenvalues" in found.diagnostics
    assert found.interval() == (2, 7)


@pytest.mark.parametrize("cut", [{"atol": 1e-6}, {"rtol": 1e-6}])
def test_a_cut_in_the_gap_needs_no_singular_values(cut, tried):
    A = with_singular_values(np.linspace(1.0, 0.5, 25))
    found = symrank.rank(A, rng=1, **cut)
    assert (found.rank, found.status) == (25, Status.EXACT)
    assert "eigenvalues" not in found.diagnostics
    assert found.threshold == pytest.approx(1e-6, rel=0.2)


@pytest.mark.parametrize("exponent", [-1000, -600, 600, 1000])
def test_units_do_not_matter(exponent, tried):
    A = np.ldexp(with_singular_values(np.linspace(1.0, 0.5, 25)), exponent)
    found = symrank.rank(A, rng=1)
    assert (found.rank, found.status) == (25, Status.EXACT)
    assert "eigenvalues" not in found.diagnostics
    assert 0.8 <= np.ldexp(found.threshold, -exponent) / (500 * EPS) <= 1.0 + 1e-9


@pytest.mark.parametrize("exponent", [-400, 400, 700])
def test_the_unit_of_a_factor_is_its_own(exponent, tried):
    """That of gram is not always brought near one."""
    A = symrank.gram(np.ldexp(with_singular_values(np.linspace(1.0, 0.5, 25)), exponent))
    found, known = symrank.rank(A, rng=1), symrank.rank(A, "dense", rng=1)
    assert "eigenvalues" not in found.diagnostics
    assert found.rank == known.rank == 25
    assert 0.64 * known.threshold <= found.threshold <= known.threshold * (1.0 + 1e-9)


@pytest.mark.parametrize("rows", [5, 24])
def test_a_sketch_that_misses_directions_settles_nothing(rows, tried, monkeypatch):
    """Whatever was drawn: what the sketch does not see is seen in the product."""

    def poor(tall, unit, rng):
        return row_sketch.Compressed(
            matrix=tall[:rows], stretch=1.0, num_terms=0, squares=np.square(tall).sum(axis=0)
        )

    monkeypatch.setattr(two_sided, "compressed", poor)
    A = with_singular_values(np.linspace(1.0, 0.5, 25))
    found = symrank.rank(A, rng=1)
    assert (found.rank, found.status) == (25, Status.EXACT)
    assert "eigenvalues" in found.diagnostics


@pytest.mark.parametrize("rank", [25, 9])
def test_a_bad_basis_settles_nothing(rank, tried, monkeypatch):
    """Directions that are not those of the null space have a product that is not small."""
    monkeypatch.setattr(two_sided, "_refined", lambda R, T, C, order: T * (1.0 + 1e-9))
    found = symrank.rank(with_singular_values(np.linspace(1.0, 0.5, rank)), rng=1)
    assert found.rank == rank
    assert "eigenvalues" in found.diagnostics


@pytest.mark.parametrize(
    ("A", "options"),
    [
        (with_singular_values(np.ones(9)).astype(np.float32), {}),
        (with_singular_values(np.ones(9)), {"noise": 1e-9}),
        (with_singular_values(np.ones(9))[:1100], {}),
    ],
    ids=["single precision", "noise", "short"],
)
def test_who_is_not_tried(A, options, tried):
    assert "eigenvalues" in symrank.rank(A, rng=1, **options).diagnostics


def test_a_window_is_counted_by_the_singular_values(tried):
    A = with_singular_values(np.linspace(1.0, 0.5, 25))
    for ends, number in (((0.1, 2.0), 25), ((-1.0, 1e-6), N - 25)):
        found = symrank.count(A, *ends, rng=1)
        assert "eigenvalues" in found.diagnostics
        assert found.rank == number


def test_numbers_that_are_none_are_refused(tried):
    A = with_singular_values(np.ones(9))
    A[1234, 5] = np.nan
    with pytest.raises(NonFiniteError):
        symrank.rank(A, rng=1, check=False)


def test_no_more_memory_than_is_said(tried):
    A = with_singular_values(np.linspace(1.0, 0.5, 60), 60_000, 120)
    operator = Modulus(as_factor(A))
    tracemalloc.start()
    try:
        assert symrank.rank(A, rng=1, check=False).rank == 60
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= long._num_bytes(operator.facts.dense, np.dtype(float).itemsize)


@pytest.mark.parametrize(
    ("seen", "cut", "is_settled"),
    [
        ({}, {}, True),
        ({"num_vectors": 3000}, {}, False),  # 10 eps |A| each, and the floor is at 500
        ({"below": 490 * EPS}, {}, False),
        ({"above": 4e4 * EPS}, {}, False),  # it crowds
        ({"norms": (1e-9, 1e3)}, {}, False),
        ({"below": 0.9e-6}, {"atol": 1e-6}, True),
        ({"below": 1.1e-6}, {"atol": 1e-6}, False),
        ({"above": 1.1e-6}, {"atol": 1e-6}, True),
        ({"above": 0.9e-6}, {"atol": 1e-6}, False),
        ({"above": 1.5e-6}, {"rtol": 1e-6}, False),  # |A| may be 2
    ],
)
def test_what_settles_a_count(seen, cut, is_settled):
    known = {"above": 0.1, "below": 100 * EPS, "num_vectors": 9, "norms": (1.0, 2.0)}
    found = two_sided.TwoSided(rank=5, shape=(10_000, 4000), **(known | seen))
    assert long._settles(dataclasses.replace(plain_goal(4000), **cut), found) == is_settled


def first(A):
    """The offer that comes before the plan, if any."""
    facts = Modulus(as_factor(A)).facts
    goal = plain_goal(facts.n)
    return policy.long_first(policy.propose(facts, goal), facts, goal)


def test_it_is_tried_where_all_singular_values_take_their_time():
    """Neither few rows, nor few columns, of which there is as little to spare."""
    shapes = (20_000, 200), (3000, 200), (400_000, 20)
    assert [first(np.zeros(shape)) is not None for shape in shapes] == [True, False, False]
    seconds = [costs.singular_seconds(*shape) for shape in shapes]
    assert seconds[1] <= long.WORTH < seconds[0]


def test_it_is_tried_where_all_singular_values_are_too_dear():
    m, n, each = 1_000_000, 300, 3  # entries a row: too many pairs for the pivots of X^H X
    columns = (np.arange(m)[:, None] + [0, 1, 7]) % n
    A = sp.csr_array((np.ones(each * m), columns.ravel(), each * np.arange(m + 1)), shape=(m, n))
    assert costs.singular_seconds(m, n) > policy.EXACT_SECONDS
    assert first(A) is not None


def test_pivots_that_take_less_come_first():
    A = sp.csr_array(sp.vstack([sp.eye_array(2000)] * 3))
    facts = Modulus(as_factor(A)).facts
    assert Long().offer(facts, plain_goal(2000)) is not None
    assert first(A) is None


def plain_goal(n):
    return symrank.methods.Goal(
        n=n, dtype=np.dtype(float), atol=None, rtol=None, half_width=0.01 * n, open_ended=True,
        confidence=0.95, max_matvecs=10_000, seed=1,
    )  # fmt: skip


def test_the_plan_says_so():
    A = np.random.default_rng(0).standard_normal((20_000, 200))
    assert any("a sketch of its rows" in note for note in symrank.plan(A).notes)
    assert not symrank.plan(A[:3000]).notes


def test_without_singular_values_there_is_no_curve(tried):
    result = symrank.rank(with_singular_values(np.linspace(1.0, 0.5, 25)), rng=1)
    for ask in (lambda: result.cdf(0.1), result.plot):
        with pytest.raises(OptionError, match=r"spectrum.*'dense' by name"):
            ask()


def test_an_attempt_that_leaves_the_count_open_is_not_made_again(monkeypatch):
    made, proved = [], long._proved

    def noted(*given):
        made.append(proved(*given))
        return made[-1]

    monkeypatch.setattr(long, "_proved", noted)
    rng = np.random.default_rng(3)
    left, _ = np.linalg.qr(rng.standard_normal((60_000, 100)))
    result = symrank.rank(left * np.r_[np.ones(60), np.full(40, 1e-10)], rng=1)
    assert (result.rank, made) == (100, [None])
