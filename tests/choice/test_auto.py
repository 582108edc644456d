"""A run without a method given: never a worse answer, the same at every run."""

import dataclasses
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import Status, gallery
from symrank.choice import policy
from symrank.methods import Dense, Inertia
from symrank.methods.pivots.counts import Counts
from symrank.operators import as_operator, gram
from symrank.spectrum.intervals import ExactInterval
from tests.choice.problems import chosen_from, congruent, goal_of, low_rank, products_of


def test_small_dense_matrices_get_all_eigenvalues(rng):
    B = rng.standard_normal((300, 100))
    result = symrank.rank(B @ B.T, rng=1)
    assert (result.method, result.rank, result.status) == ("dense", 100, Status.EXACT)
    assert "300" in result.reason


def test_sparse_matrices_of_little_fill_get_their_pivots_counted():
    L = gallery.grid_laplacian((90, 90), remove=0.4, rng=1)
    result = symrank.rank(congruent(L), rng=2)
    assert (result.method, result.status) == ("inertia", Status.EXACT)
    assert result.rank == gallery.laplacian_rank(L)
    assert "pivots" in result.reason


class Eager(Inertia):
    """Pivots that are offered whatever the analysis takes."""

    def price(self, facts, goal):
        return 0.0


def test_a_large_fill_leads_to_sampling():
    facts = as_operator(gallery.grid_laplacian((45, 45, 45))).facts
    menu = policy.Menu(exact=(Dense(), Eager()), once_seen=())
    plan = policy.propose(facts, goal_of(facts.n), menu)
    assert plan.choice.method.name == "lanczos"
    assert [other.method.name for other in plan.others] == ["inertia"]
    assert plan.others[0].seconds[1] > policy.EXACT_SECONDS
    assert "inertia would be exact" in plan.reason


def test_products_alone_lead_to_sampling_and_a_small_rank_to_a_sketch():
    A = low_rank(6000, 25, 3)
    assert symrank.plan(A).choice.method.name == "lanczos"
    result = symrank.rank(A, rng=4)
    assert (result.method, result.rank, result.status) == ("sketch", 25, Status.EXACT)
    assert "by sampling" in result.reason
    history = [used for used, _, _ in result.history]
    assert min(history) > 512  # the products of the sampling are counted too


def test_the_products_of_a_dense_copy_are_weighed_against_a_whole_run():
    plan = symrank.plan(products_of(gallery.grid_laplacian((75, 80))))
    assert plan.choice.method.name == "lanczos"  # 6000 products are more than it likely takes
    plan = symrank.plan(products_of(gallery.grid_laplacian((50, 60))))
    assert plan.choice.method.name == "lanczos"  # a sixth of 3000 tells whether the rank is small
    plan = symrank.plan(products_of(gallery.grid_laplacian((40, 50))))
    assert plan.choice.method.name == "dense"  # and a quarter of 2000 is too much for that
    facts = as_operator(gallery.grid_laplacian((50, 60)).toarray()).facts
    assert policy.propose(facts, goal_of(3000)).choice.method.is_exact
    hurried = policy.propose(facts, goal_of(3000), seconds_left=0.2)
    assert not hurried.choice.method.is_exact  # nothing ends all eigenvalues
    plan = symrank.plan(products_of(gallery.grid_laplacian((50, 60))), precision=0.05)
    assert plan.choice.method.name == "lanczos"  # eight probes are enough for five percent
    small = symrank.rank(products_of(gallery.grid_laplacian((20, 20))), rng=1)
    assert (small.method, small.rank) == ("dense", 399)
    poor = symrank.rank(gram(np.eye(500)), rng=1, max_matvecs=100)
    assert poor.num_matvecs <= 100
    assert poor.method in (
        "dense",
        "inertia",
    )  # the singular values of the identity take no product


def test_a_small_nullity_is_settled_by_null_vectors():
    lam = np.concatenate([np.zeros(3), np.linspace(0.5, 1.0, 7997)])
    A = products_of(sp.diags_array(lam))
    result = symrank.rank(A, rng=5)
    assert (result.method, result.rank, result.status) == ("sketch", 7997, Status.EXACT)
    assert "null vectors" in result.reason


def test_a_requested_precision_is_not_paid_for_twice():
    lam = np.concatenate([np.zeros(3), np.linspace(0.5, 1.0, 7997)])
    result = symrank.rank(products_of(sp.diags_array(lam)), rng=5, precision=0.01)
    assert (result.method, result.status) == ("lanczos", Status.CONVERGED)
    assert result.num_matvecs < 600


class Failing(symrank.Sketch):
    """A sketch that stops before it has settled anything."""

    def summarise(self, goal, states, previous):
        summary = super().summarise(goal, states, previous)
        memo = dataclasses.replace(summary.memo, is_settled=True)
        return dataclasses.replace(
            summary, status=Status.BUDGET_SPENT, evidence=ExactInterval(low=0, high=6000), memo=memo
        )


def test_what_a_sketch_cannot_settle_goes_back_to_sampling():
    A = low_rank(6000, 25, 3)
    menu = dataclasses.replace(policy.MENU, once_seen=(Failing(side="range"),))
    result = chosen_from(menu, A, seed=4)
    plain = symrank.rank(A, "lanczos", rng=4)
    assert result.method == "lanczos"
    assert result.interval() == plain.interval()
    assert result.num_matvecs > plain.num_matvecs  # those of the failed sketch


def test_all_eigenvalues_are_the_last_word():
    lam = np.logspace(-20, 0, 1500)  # runs through the noise floor without a gap
    seen = []
    result = symrank.rank(products_of(sp.diags_array(lam)), rng=1, progress=seen.append)
    assert (result.method, result.status) == ("dense", Status.NO_GAP_FOUND)
    assert seen[-1].num_matvecs == result.num_matvecs  # sampling does not go on after it


class Doubtful(Inertia):
    """Pivots whose proofs do not reach."""

    def summarise(self, goal, states, previous):
        return dataclasses.replace(super().summarise(goal, states, previous), is_final=False)


def test_pivots_that_prove_too_little_are_replaced():
    menu = policy.Menu(exact=(Dense(), Doubtful()), once_seen=policy.MENU.once_seen)
    small = chosen_from(menu, gallery.grid_laplacian((40, 40)), seed=1)
    assert (small.method, small.status) == ("dense", Status.EXACT)
    assert "pivots proved too little" in small.reason
    L = gallery.grid_laplacian((100, 100), remove=0.4, rng=1)
    large = chosen_from(menu, L, seed=1)
    assert large.rank == gallery.laplacian_rank(L)
    assert large.method == "inertia"  # the narrower of the two, as its answer was exact


def pivots(*proofs, **fields):
    """What factorisations at some shifts have left open; `proofs` holds (shift, is_proof)."""
    goal = goal_of(100)
    shifts = [
        {"shift": shift, "is_proof": is_proof, "error": 0.0, "fill": 1, "num_flagged": 0}
        for shift, is_proof in proofs
    ]
    counts = Counts(
        n=100, copies=1, region=goal.region(1.0), norm=1.0, cost=None,
        ends={1: (50, 60), -1: (0, 0)}, shifts=shifts, **fields,
    )  # fmt: skip
    return Inertia().summarise(goal, {("pivots",): counts}, None)


def test_shifts_without_proof_are_seen():
    assert pivots((1.0, True), (2.0, True)).is_final  # eigenvalues near a shift: no method tells
    assert pivots((1.0, False), (1.0, True), (2.0, True)).is_final  # in the second style
    assert not pivots((1.0, True), (2.0, False)).is_final
    assert not pivots().is_final  # the solver gave up
    assert not pivots((1.0, True), is_cut_short=True).is_final  # the budget ended
    given_up = pivots((1.0, True), given_up="too long")
    assert not given_up.is_final
    assert given_up.given_up == "too long"
    assert symrank.rank(gallery.grid_laplacian((40, 40)), "inertia", rng=1).status is Status.EXACT


def test_without_the_solver_the_choice_still_stands(monkeypatch):
    monkeypatch.setitem(sys.modules, "feral", None)
    result = symrank.rank(congruent(gallery.grid_laplacian((40, 40))), rng=1)
    assert (result.method, result.rank) == ("dense", 1599)


def test_without_the_solver_the_reason_says_what_would_be_exact(monkeypatch):
    def grid():
        return congruent(gallery.grid_laplacian((100, 100), remove=0.4, rng=1))

    pytest.importorskip("feral", reason="the solver has no wheel here")
    with_it = symrank.rank(grid(), rng=1)
    monkeypatch.setitem(sys.modules, "feral", None)
    result = symrank.rank(grid(), rng=1, max_matvecs=2000)
    assert (with_it.method, result.method) == ("inertia", "lanczos")
    lacking = "an exact count by pivots needs feral-solver, which is not installed"
    assert lacking in result.reason
    assert lacking in symrank.plan(grid()).reason
    low, high = result.interval()
    assert low <= with_it.rank <= high
    few = symrank.rank(
        products_of(grid()), rng=1, max_matvecs=500
    )  # without entries there are no pivots to miss
    assert "feral" not in few.reason


def test_the_same_seed_makes_the_same_choice(monkeypatch):
    A = low_rank(5000, 12, 1)
    first = symrank.rank(A, rng=7)
    clock = iter(np.cumsum(np.random.default_rng(0).exponential(5.0, 100_000)))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))  # a wild machine
    again = symrank.rank(A, rng=7)
    assert (again.method, again.num_matvecs, again.history) == (
        first.method, first.num_matvecs, first.history,
    )  # fmt: skip


def test_a_cut_of_the_caller_is_kept():
    lam = np.concatenate([np.ones(200), np.full(200, 1e-4), np.zeros(100)])
    assert symrank.rank(gallery.diagonal(lam), rng=1, atol=1e-2).rank == 200
    A = products_of(sp.diags_array(np.concatenate([lam, np.zeros(6000)])))
    low, high = symrank.rank(A, rng=1, atol=1e-2).interval()
    assert low <= 200 <= high


def test_interrupted_in_the_second_method_the_first_answers(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(symrank.Sketch, "run", interrupt)
    result = symrank.rank(low_rank(6000, 25, 3), rng=4)
    assert (result.method, result.status) == ("lanczos", Status.INTERRUPTED)
    low, high = result.interval()
    assert low <= 25 <= high
