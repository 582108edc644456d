"""Answers from the structure of a matrix, and intervals that it cuts."""

import dataclasses
import json

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import RankResult, Status, gallery
from symrank.choice.structure import first_look
from symrank.errors import OptionError
from symrank.methods import Goal, Summary
from symrank.methods.proved import inside, proved
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import budget_of
from symrank.spectrum.intervals import BetaInterval, ExactInterval, Within
from tests.operators.test_incidence import edges as rows_of_edges
from tests.operators.test_laplacians import graph, plain
from tests.operators.test_perron import normalised

N = 1300  # above that all eigenvalues would be computed


@pytest.fixture(scope="module")
def edges():
    return graph(np.random.default_rng(3), N, 2 * N)


@pytest.fixture(scope="module")
def components(edges):
    return N - gallery.laplacian_rank(plain(edges))


def looked(A, **asked):
    """Return what the first look tells, and the job that it leaves."""
    options = Options(seed=1, **asked)
    budget = budget_of(options, None)
    return first_look(prepare(A, options, budget, is_chosen=True), budget)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("unit", [1.0, -1.0, 3e-200, 2.0**800])
def test_a_laplacian_is_counted_without_a_product(edges, components, dtype, unit):
    L = (unit * plain(edges)).astype(dtype)
    result = symrank.rank(L, rng=1)
    assert (result.method, result.status, result.num_matvecs) == ("structure", Status.EXACT, 0)
    assert result.rank == N - components
    null = components
    assert result.inertia == ((N - null, null, 0) if unit > 0 else (0, null, N - null))
    assert result.structural_rank[1] >= result.rank
    assert 0.0 < result.threshold < 1e-3 * abs(unit)


@pytest.mark.parametrize("unit", [1.0, 3e-30])
def test_the_floor_of_single_precision_is_proved_for_small_components(unit):
    L = (unit * sp.block_diag([gallery.grid_laplacian((5, 5))] * 60)).astype(np.float32)
    result = symrank.rank(L, rng=1)
    assert (result.method, result.rank, result.status) == ("structure", 24 * 60, Status.EXACT)
    one = symrank.rank((unit * gallery.grid_laplacian((37, 37))).astype(np.float32), rng=1)
    low, high = one.interval()  # 4 / (m D) is not above its floor, 4e-4, and a method knows more
    assert one.status is not Status.EXACT
    assert 37**2 - 12 <= low < one.rank == high == 37**2 - 1


def test_counts_of_signs_are_exact_too(edges, components):
    L = plain(edges)
    full = N - components
    for A, a, b, known in (
        (L, 0.0, np.inf, full), (L, -np.inf, 0.0, components), (L, -1.0, 0.0, components),
        (-L, 0.0, np.inf, 0), (-L, 0.0, 1.0, 0), (-L, -np.inf, 0.0, N),
    ):  # fmt: skip
        result = symrank.count(A, a, b, rng=1)
        assert (result.method, result.rank, result.status) == ("structure", known, Status.EXACT)
        assert result.between == (a, b)
        assert result.inertia is None


def test_a_window_inside_the_spectrum_is_counted_as_ever(edges, components):
    L = plain(edges)
    values = np.linalg.eigvalsh(L.toarray())
    for a, b in ((-1.0, 0.5), (0.5, np.inf)):
        result = symrank.count(L, a, b, rng=1)
        assert result.method != "structure"
        assert result.rank == int(((values > a) & (values <= b)).sum())


def test_a_weak_link_is_named_and_the_interval_reaches_down(edges, components):
    W = sp.lil_array(edges)
    leaf = int(np.flatnonzero(edges.sum(axis=1) == 1)[0])
    other = int(edges[[leaf]].indices[0])
    W[leaf, other] = W[other, leaf] = 1e-300
    result = symrank.rank(plain(sp.csr_array(W)), rng=1)
    assert result.interval() == (N - components - 1, N - components)
    assert result.status is Status.CONVERGED
    (note,) = result.notes
    assert all(word in note for word in (str(leaf), str(other), "1e-300"))
    with pytest.raises(OptionError, match="no run to go on from"):
        result.refine(1.0)


def test_what_is_open_too_wide_goes_to_a_method_with_what_is_proved():
    n = 1400  # two paths whose edges fall below the floor one after another
    w = np.logspace(0, -30, n - 1)
    w[n // 2] = 0.0
    d = np.append(w, 0.0) + np.append(0.0, w)
    L = sp.diags_array([-w, d, -w], offsets=[-1, 0, 1], format="csr")
    result = symrank.rank(L, atol=1e-9, rng=1)
    low, high = result.interval()
    true = int((np.linalg.eigvalsh(L.toarray()) > 1e-9).sum())
    assert result.method != "structure"
    assert low <= true <= high <= n - 2


def test_a_laplacian_with_anything_beside_it_is_counted_as_ever(edges):
    L = plain(edges)
    tiny = L + 1e-3 * sp.eye_array(N)
    assert symrank.rank(tiny, rng=1).rank == N
    assert symrank.rank(tiny, rng=1).method != "structure"
    assert symrank.rank(L, "inertia", rng=1).method == "inertia"
    assert symrank.rank(L, preconditioner=np.ones(N), rng=1).method != "structure"
    ones = np.ones((N, 1))
    assert symrank.rank(L, deflate=ones, rng=1).method != "structure"


def test_rows_that_balance_up_to_more_than_the_floor_are_no_proof():
    hub = np.zeros(N - 1, int)
    W = sp.coo_array((np.ones(N - 1), (hub, 1 + np.arange(N - 1))), shape=(N, N)).tocsr()
    L = plain(sp.csr_array(W + W.T)).tolil()
    assert symrank.rank(L, rng=1).method == "structure"
    L[0, 0] *= 1.0 + 1200 * np.finfo(float).eps  # less than row length x eps x sum of moduli
    result = symrank.rank(L, rng=1)
    assert result.method != "structure"
    assert result.interval()[0] <= N - 1 <= result.interval()[1]


def test_an_answer_from_structure_has_no_spectrum_and_says_so(edges):
    result = symrank.rank(plain(edges), rng=1)
    for ask in (
        result.plot, result.plot_cdf, result.plot_density, lambda: result.cdf(0.0),
        lambda: result.counting_function(0.1), lambda: result.quantiles(0.5),
    ):  # fmt: skip
        with pytest.raises(OptionError, match=r"method='structure' .*run method='lanczos'"):
            ask()
    assert result.refine(0.001) is result
    again = RankResult.from_dict(json.loads(json.dumps(result.to_dict())))
    assert str(again) == str(result)
    assert again.structural_rank == result.structural_rank


@pytest.mark.parametrize("unit", [1.0, -1.0, 3e-200, 2.0**800])
def test_a_normalised_laplacian_with_weights_is_counted_without_a_product(edges, components, unit):
    W = edges.copy()
    W.data = 1.0 + np.round(np.abs(np.sin(np.arange(W.nnz))), 2)
    N = normalised(sp.csr_array(W + W.T))
    result = symrank.rank(unit * N, rng=1)
    assert (result.method, result.status, result.num_matvecs) == ("structure", Status.EXACT, 0)
    assert result.rank == N.shape[0] - components
    nearly = unit * (N + 1e-3 * sp.eye_array(N.shape[0]))
    assert looked(sp.csr_array(nearly))[0] is None


def test_an_incidence_matrix_is_counted_without_a_product():
    rng = np.random.default_rng(11)
    X = sp.block_diag([
        rows_of_edges(rng, 900, 800, sign="plain"), sp.csr_array((3, 20)),
        rows_of_edges(rng, 700, 600, sign="signed", ground=3),
    ], format="csr")  # fmt: skip
    sigma = np.linalg.svd(X.toarray(), compute_uv=False)
    known = int((sigma > 1e-12).sum())
    for unit, dtype in (
        (1.0, float), (-1.0, complex), (1e-150, float), (2.0**800, float), (3e-30, np.float32),
    ):  # fmt: skip
        for A, times in (
            ((unit * X).astype(dtype), 1), ((unit * X.T).tocsr().astype(dtype), 1),
            (symrank.gram((unit * X).astype(dtype)), 1),
            (symrank.gram((unit * X).astype(dtype), "rows"), 1),
            (symrank.augmented((unit * X).astype(dtype)), 2),
        ):  # fmt: skip
            result = symrank.rank(A, rng=1)
            assert (result.method, result.status) == ("structure", Status.EXACT)
            assert result.rank == times * known
            assert result.num_matvecs == 0 or not isinstance(A, sp.csr_array)  # those of the check
            assert result.structural_rank[1] >= result.rank
            if result.inertia is not None:
                minus = known if times == 2 else 0
                assert result.inertia == (known, A.shape[0] - times * known, minus)


def test_cuts_and_windows_of_an_incidence_matrix():
    n = 2000  # a path: singular values 2 sin(pi k / 2n), of at least 1.6e-3
    X = sp.diags_array([np.ones(n), -np.ones(n - 1)], offsets=[0, 1], shape=(n - 1, n)).tocsr()
    sigma = 2.0 * np.sin(0.5 * np.pi * np.arange(1, n) / n)
    for atol in (1e-9, 1e-4, 2e-3, 0.5):
        told, job = looked(X, atol=atol)
        above = int((sigma > atol).sum())
        assert (told is not None) == (atol < 1e-3)
        least, most = job.goal.zeros
        assert least <= n - 1 - above <= most
        assert told is None or told.interval() == (above, above)
    for a, b, known in ((0.0, np.inf, n - 1), (-np.inf, 0.0, 0), (-1.0, 0.0, 0)):
        result = symrank.count(X, a, b, rng=1)
        assert (result.method, result.rank, result.status) == ("structure", known, Status.EXACT)
    assert symrank.count(symrank.gram(X), -1.0, 0.0, rng=1).rank == 1  # of the shape
    for A, a, b in ((X, 0.5, 1.0), (X, 0.0, 1.0), (symrank.augmented(X), 0.0, np.inf)):
        told, _ = looked(A, between=(a, b))
        assert told is None


def test_a_weak_row_of_an_incidence_matrix_is_named():
    rng = np.random.default_rng(4)
    half = rows_of_edges(rng, 700, 2500, sign="plain")
    rank = gallery.laplacian_rank(sp.csr_array(half.T @ half))
    bridge = sp.csr_array((np.array([1e-14, -1e-14]), np.array([3, 900]), [0, 2]), shape=(1, 1400))
    X = sp.csr_array(sp.vstack([sp.block_diag([half, half]), bridge]))
    for A, times in ((X, 1), (symrank.augmented(X), 2)):
        told, job = looked(A)
        assert told.interval() == (times * 2 * rank, times * (2 * rank + 1))
        assert (told.status, told.inertia) == (Status.CONVERGED, None)
        assert "3 and 900" in told.notes[0]
        assert job.goal.zeros == tuple(job.goal.n - end for end in told.interval()[::-1])


def test_the_plan_says_that_nothing_will_run(edges):
    plan = symrank.plan(plain(edges))
    assert "none of this will run: the matrix is a graph Laplacian" in str(plan)


def test_a_chosen_interval_stays_within_the_structural_rank(edges):
    high = symrank.rank(edges, rng=1).structural_rank[1]
    big = sp.block_diag([edges] * 4, format="csr")
    for seed in range(3):
        result = symrank.rank(big, precision=0.05, rng=seed)
        assert result.structural_rank[1] == 4 * high
        assert result.interval()[1] <= 4 * high
        assert result.interval(0.5)[1] <= result.interval(0.9999)[1] <= 4 * high
        window = symrank.count(big, -0.1, 0.1, precision=0.05, rng=seed)
        assert window.interval()[0] >= 4 * (N - high)


GOAL = Goal(
    n=1000, dtype=np.dtype(float), atol=None, rtol=None, half_width=5.0, open_ended=True,
    confidence=0.95, max_matvecs=100, seed=0, zeros=(100, None),
)  # fmt: skip


def summary(law, status=Status.CONVERGED):
    low, high = law(0.95)
    return Summary(
        rank=high, estimate=float(high), stderr=1.0, bounds=(float(low), float(high)),
        threshold=0.0, status=status, evidence=law,
    )  # fmt: skip


def beta(share, probes=8):
    return BetaInterval(n=1000, num_probes=probes, null_low=share, null_high=share)


def test_an_interval_is_cut_at_what_is_proved():
    found = inside(GOAL, summary(beta(0.105)))
    assert found.evidence(0.95)[1] == 900
    assert found.evidence(0.95)[0] == beta(0.105)(0.95)[0]
    assert not found.notes
    assert found.status is Status.CONVERGED
    assert found.evidence(0.01)[1] <= 900  # where the raw one may miss


def test_a_miss_that_is_seen_widens_the_interval_and_is_said():
    law = beta(0.08)
    assert law(0.95)[0] > 900 >= law(1 - 1e-6)[0]
    found = inside(GOAL, summary(law))
    assert found.evidence(0.95) == (law(1 - 1e-6)[0], 900)
    assert found.evidence(0.99) == found.evidence(0.95)
    assert "sampling miss" in found.notes[0]
    assert found.status is Status.CONVERGED
    assert isinstance(found.evidence, Within)
    assert found.evidence.num_looks == 1


def test_two_proofs_that_contradict_each_other_prove_nothing():
    for law in (beta(0.01, 64), ExactInterval(low=950, high=950)):
        found = inside(GOAL, summary(law, Status.EXACT))
        assert found.evidence(0.95) == (0, 1000)
        assert found.status is Status.NO_GAP_FOUND
        assert "nothing is claimed" in found.notes[-1]


def test_a_window_takes_the_zeros_on_its_side():
    def within(a, b):
        return proved(dataclasses.replace(GOAL, between=(a, b)))

    assert within(-1.0, 1.0) == within(-1.0, 0.0) == (100, 1000)
    assert within(0.0, 1.0) == within(0.5, 1.0) == within(-1.0, -0.5) == (0, 900)
    assert proved(dataclasses.replace(GOAL, zeros=(100, 200))) == (800, 900)
