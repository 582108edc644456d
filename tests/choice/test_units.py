"""Units: where they decide the count, the answer says so and is not sure."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import RankResult, Status, gallery
from symrank.methods import Langevin, Sketch

SURE = (Status.EXACT, Status.CONVERGED)
LEVEL = 1 - 1e-6
INERTIA = (1600, 69, 295)  # of `saddle`, for every c: inertia of K, and of the Schur complement
RANK = 1895


def saddle(c):
    """[[c K, B*], [B, 0]]: K the Laplacian of a 40 x 40 grid, B of 364 rows and rank 295.

    69 rows of B repeat others. Every entry is a power of two times a whole number of one digit.
    """
    rng = np.random.default_rng(0)
    path = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(40, 40))
    K = sp.kron(path, sp.eye_array(40)) + sp.kron(sp.eye_array(40), path)
    B = sp.eye_array(295, 1600, format="csr")[:, rng.permutation(1600)] * 4.0
    B = B + sp.eye_array(295, 1600, format="csr")[:, rng.permutation(1600)]  # still of full rank
    B = sp.vstack([B, B[rng.integers(0, 295, 69)]])
    return sp.csr_array(sp.block_array([[c * K, B.T], [B, None]]))


def diagonal_with_small_rows():
    """200 rows of size 1, 100 of size 1e-10, and 100 that are empty."""
    return sp.csr_array(sp.diags_array(np.repeat([1.0, 0.5, 1e-20, 0.0], 100)))


def triples(n):
    """Zero diagonal, a_12 = 2^40, a_23 = 1: of size 2^60 and less than 1, and rank 2 anyhow."""
    one = np.array([[0.0, 2.0**40, 0.0], [2.0**40, 0.0, 1.0], [0.0, 1.0, 0.0]])
    return sp.csr_array(sp.kron(sp.eye_array(n), one))


def holds(result, *counts, level=LEVEL):
    low, high = result.interval(level)
    return all(low <= count <= high for count in counts)


@pytest.mark.parametrize("c", [1.0, 2e6, 2e11])
@pytest.mark.parametrize("method", [None, "lanczos"])
def test_equilibrated_the_count_is_one_for_every_unit(c, method):
    result = symrank.rank(saddle(c), method, preconditioner="equilibrate", rng=1)
    assert result.status in SURE
    assert holds(result, RANK)
    assert result.notes == ()
    if method is None:
        assert (result.inertia, result.status) == (INERTIA, Status.EXACT)


@pytest.mark.parametrize(
    ("method", "c"),
    [(None, 1.0), (None, 2e6), (None, 2e11), (None, 2e-11)]
    + [("lanczos", c) for c in (1.0, 2e6, 2e11, 2e-11)],
)
def test_the_count_of_a_saddle_point_is_right_or_not_sure(method, c):
    A = saddle(c)
    options = {"max_matvecs": 8000, "precision": 0.02} if method == "lanczos" else {}
    result = symrank.rank(A, method, rng=1, **options)
    assert holds(result, RANK)
    if c == 1.0:
        assert result.status in SURE
        assert result.notes == ()
        return
    assert result.status is Status.NO_GAP_FOUND
    if c > 1.0:  # at 2e-11 the rows of B hold those of K up: one unit for all, and the floor speaks
        (note,) = result.notes
        assert "364 of 1964 rows (1600, 1601, 1602, ...)" in note
        assert 'preconditioner="equilibrate"' in note
        assert "atol" in note
        assert c < 1e7 or holds(result, 1600)


def test_the_count_of_a_alone_stays_the_answer():
    A = saddle(2e11)
    for method in ("dense", "inertia"):
        result = symrank.rank(A, method, rng=1)
        assert (result.rank, result.interval(), result.bounds) == (1600, (1600, RANK), (1600, RANK))
        assert result.inertia == (1600, 364, 0)
        seen = result.diagnostics["equilibrated"]
        assert (seen["rank"], seen["status"], tuple(seen["inertia"])) == (RANK, "EXACT", INERTIA)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(
    ("values", "counts"),
    [([1.0, 1e-20], (1, 2)), ([1e30, 1.0, 0.0], (1, 2)), ([1e300, 1e-300, 1.0], (1, 3))],
)
def test_a_diagonal_of_two_units(form, values, counts):
    result = symrank.rank(form(np.diag(values)))
    assert result.rank == counts[0]
    assert result.interval() == counts
    assert result.status is Status.NO_GAP_FOUND
    assert len(result.notes) == 1


def test_the_sentence_names_the_fewer_rows():
    small = symrank.rank(np.diag([4.0**30, 4.0**31, 4.0**30, 1.0])).notes[0]
    assert small.startswith("1 of 4 rows (3) are of size 1, the others up to 2.1e+09: ")
    large = symrank.rank(np.diag([1.0, 4.0, 1.0, 4.0**30, 1.0])).notes[0]
    assert large.startswith("1 of 5 rows (3) are of size 1.1e+09, the others down to 1: ")


@pytest.mark.parametrize("method", [None, "dense", "inertia", "lanczos"])
def test_rounding_residue_is_no_eigenvalue_and_no_sure_zero(method):
    """The last of 60 rows is a combination of others; elimination leaves noise of 1e-17 of it."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((60, 60))
    A = X + X.T
    A[-1], A[:, -1] = 0.0, 0.0
    A[-1, -1] = 3e-17
    result = symrank.rank(A, method, rng=1)
    assert result.status not in SURE
    assert holds(result, 59, 60)
    assert "1 of 60 rows (59)" in result.notes[0]
    assert symrank.rank(A, method, atol=1e-12, rng=1).rank == 59


@pytest.mark.parametrize(
    "method",
    ["chebyshev", "dense", "inertia", "lanczos", "langevin", "projection", "sketch", "ubaru-saad"],
)
def test_every_method_asks(method):
    result = symrank.rank(diagonal_with_small_rows(), method, max_matvecs=2000, rng=1)
    assert result.status not in SURE
    assert holds(result, 200, 300)
    assert len(result.notes) == 1
    assert result.num_matvecs <= 2000


def test_a_method_without_a_certificate_is_left_alone():
    method = symrank.methods.UbaruSaad(variant="published")
    result = symrank.rank(diagonal_with_small_rows(), method, rng=1)
    assert result.status is Status.NOT_CERTIFIED
    assert result.notes == ()


def test_complex_single_and_augmented_matrices_ask_too():
    A = diagonal_with_small_rows()
    for B, counts in (
        (A.astype(np.float32), (200, 300)),
        (A.astype(complex) * 1.0, (200, 300)),
        (symrank.augmented(A), (400, 600)),
        (symrank.augmented(A.toarray()), (400, 600)),
        (symrank.gram(sp.vstack([A, A])), (200, 300)),
        (symrank.gram(A.toarray()[:, :350], "rows"), (200, 300)),
        (A * 1e-280, (200, 300)),
    ):
        result = symrank.rank(B, rng=1)
        assert result.status is Status.NO_GAP_FOUND
        assert result.interval() == counts
    assert "200 of 800 rows (200, 201, 202, ...)" in symrank.rank(symrank.augmented(A)).notes[0]


@pytest.mark.parametrize("method", ["dense", "inertia", "lanczos", "sketch"])
def test_who_says_what_is_zero_is_not_asked(method):
    A = diagonal_with_small_rows()
    null = np.eye(400)[:, 300:]
    budget = 2000
    for options in ({"atol": 1e-10}, {"rtol": 1e-3}, {"preconditioner": "jacobi"}):
        assert symrank.rank(A, method, max_matvecs=budget, rng=1, **options).notes == ()
    if method != "inertia":
        assert symrank.rank(A, method, max_matvecs=budget, deflate=null, rng=1).notes == ()
        assert symrank.rank(A, method, max_matvecs=budget, noise=1e-9, rng=1).notes == ()
        assert symrank.rank(spla.aslinearoperator(A), method, max_matvecs=budget, rng=1).notes == ()


@pytest.mark.parametrize("method", [None, "dense", "lanczos"])
def test_even_scales_cost_nothing_more(method):
    """A spread of 2^19 in d is not asked about, one of 2^20 is."""
    for exponent, is_asked in ((-38, False), (-40, True)):
        A = sp.csr_array(sp.diags_array(np.repeat([1.0, 2.0**exponent], 200)))
        result = symrank.rank(A, method, rng=1)
        assert ("equilibrated" in result.diagnostics) == is_asked


@pytest.mark.parametrize("method", [None, "dense", "inertia", "lanczos", "sketch"])
def test_where_units_decide_nothing_the_answer_is_as_sure_as_ever(method):
    result = symrank.rank(triples(60), method, precision=3, rng=1)
    assert result.status in SURE
    assert holds(result, 120)
    assert result.notes == ()
    assert "equilibrated" in result.diagnostics


def test_fewer_probes_of_the_second_count_take_nothing_away():
    """0.5 % of n takes more than a quarter of the budget; resolution is settled in a few steps."""
    result = symrank.rank(triples(300), "lanczos", rng=1, max_matvecs=12_000)
    assert result.status is Status.CONVERGED
    assert result.diagnostics["equilibrated"]["status"] == "BUDGET_SPENT"
    assert result.num_matvecs <= 12_000


@pytest.mark.parametrize("budget", [1, 2, 3, 40, 400, 4000])
@pytest.mark.parametrize("method", [None, "lanczos", "sketch", "chebyshev"])
def test_both_counts_share_one_budget(budget, method):
    A = diagonal_with_small_rows()
    told = []
    result = symrank.rank(
        A, method, max_matvecs=budget, rng=1, check=False, progress=told.append, precision=1
    )
    assert result.num_matvecs <= budget
    assert result.status not in SURE
    assert holds(result, 200, 300)
    assert [p.num_matvecs for p in told] == sorted(p.num_matvecs for p in told)
    assert all(p.max_matvecs == budget for p in told)
    assert budget < 40 or "equilibrated" in result.diagnostics  # the first leaves a quarter


def test_a_second_count_that_cannot_be_made_leaves_the_answer_open():
    """Four steps are left for the chains of D A D, and they take more."""
    A = triples(300)
    result = symrank.rank(A, Langevin(num_steps=200), max_matvecs=1000, rng=1)
    assert result.status not in SURE
    assert holds(result, 0, 900)
    assert "nothing was counted (" in result.notes[0]


def test_the_time_bounds_both_counts(monkeypatch):
    """A clock that a product moves on by a second; the first round of both counts is always run."""
    clock = [0.0]
    monkeypatch.setattr("symrank.run.budget.time.perf_counter", lambda: clock[0])

    def tick(progress):
        clock[0] += 1.0

    gone = symrank.rank(triples(300), "lanczos", precision=1, max_seconds=3, rng=1, progress=tick)
    assert gone.status is Status.BUDGET_SPENT
    assert gone.interval() == (0, 900)
    assert "the budget had ended" in gone.notes[0]
    assert clock[0] < 100


def test_an_interrupted_question_is_no_sure_answer():
    told = []

    def interrupt(progress):
        told.append(progress)
        if len(told) > 1 and progress.num_matvecs > whole.num_matvecs // 2:
            raise KeyboardInterrupt

    A = triples(40)
    whole = symrank.rank(A, Sketch(side="range"), rng=1, check=False)
    assert whole.status is Status.EXACT
    result = symrank.rank(A, Sketch(side="range"), rng=1, check=False, progress=interrupt)
    assert result.status is Status.INTERRUPTED
    assert result.interval() == (0, 120)
    assert "interrupted" in result.notes[0]


def test_the_inertia_of_an_open_question_is_open_too():
    """The rows in doubt may have either sign."""
    result = symrank.rank(saddle(2e11), "lanczos", precision=0.05, max_matvecs=3000, rng=1)
    for (low, high), truth in zip(result.inertia_intervals(LEVEL), INERTIA, strict=True):
        assert low <= truth <= high
    (plus_low, _), (zero_low, zero_high), _ = result.inertia_intervals()
    low, high = result.interval()
    assert plus_low > 1500
    assert zero_low <= 1964 - high
    assert zero_high >= 1964 - low
    exactly = symrank.rank(saddle(2e11), "dense").inertia_intervals()
    for (low, high), truth in zip(exactly, INERTIA, strict=True):
        assert low <= truth <= high


def test_refine_goes_on_with_both_counts():
    told = []
    rough = symrank.rank(triples(2000), "lanczos", precision=0.02, rng=1)
    assert rough.status is Status.CONVERGED
    fine = rough.refine(0.004, progress=told.append)
    assert fine.status is Status.CONVERGED
    assert fine.notes == ()
    assert holds(fine, 4000)
    assert rough.num_matvecs < fine.num_matvecs <= rough.num_matvecs + 20_000
    assert [p.num_matvecs for p in told] == sorted(p.num_matvecs for p in told)
    assert told[-1].num_matvecs == fine.num_matvecs
    short = fine.refine(0.003, max_matvecs=3)
    assert short.status is Status.BUDGET_SPENT
    assert short.num_matvecs <= fine.num_matvecs + 3

    hull = symrank.rank(diagonal_with_small_rows(), "lanczos", precision=0.1, rng=1)
    again = hull.refine(0.05)
    assert again.status is Status.NO_GAP_FOUND
    assert holds(again, 200, 300)
    assert len(again.notes) == 1


def test_a_hull_survives_its_record():
    for method in ("dense", "lanczos"):
        result = symrank.rank(diagonal_with_small_rows(), method, rng=1)
        record = json.loads(json.dumps(result.to_dict()))
        again = RankResult.from_dict(record)
        for level in (0.5, 0.95, LEVEL):
            assert again.interval(level) == result.interval(level)
        assert again.notes == result.notes


def test_a_laplacian_is_counted_once():
    result = symrank.rank(gallery.grid_laplacian((30, 30)), rng=1)
    assert result.status is Status.EXACT
    assert "equilibrated" not in result.diagnostics
