"""The choice of a method: by predicted cost, the same at every run, never a worse answer."""

import dataclasses
import sys

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Status, gallery
from symrank.choice import policy
from symrank.choice.auto import choose_and_run
from symrank.errors import OptionError
from symrank.methods import Dense, Goal, Inertia, Lanczos, Offer, Seen
from symrank.methods.costs import SECONDS, product_seconds
from symrank.methods.pivots.counts import Counts
from symrank.methods.quadrature import lanczos
from symrank.operators import as_operator, augmented, gram, shift
from symrank.operators.factor import as_factor
from symrank.operators.facts import Facts, Work
from symrank.operators.modulus import Modulus
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import budget_of, start
from symrank.spectrum.intervals import ExactInterval


def products_of(matrix, n=None):
    """An operator that hides its entries."""
    n = matrix.shape[0]
    return spla.LinearOperator((n, n), matvec=lambda x: matrix @ x, dtype=float)


def low_rank(n, r, seed):
    B = np.random.default_rng(seed).standard_normal((n, r))
    return spla.LinearOperator(
        (n, n), matvec=lambda x: B @ (B.T @ x), matmat=lambda X: B @ (B.T @ X), dtype=float
    )


def goal_of(n, **options):
    fields = {"half_width": 0.005 * n, "open_ended": True, "max_matvecs": 20_000, **options}
    return Goal(
        n=n, dtype=np.dtype(float), atol=None, rtol=None, confidence=0.95, seed=0, **fields
    )  # fmt: skip


def chosen_from(menu, A, **options):
    """Answer as `symrank.rank` does where these methods are asked."""
    options = Options(**options)
    budget = budget_of(options, None)
    return choose_and_run(prepare(A, options, budget), budget, menu)


def test_small_dense_matrices_get_all_eigenvalues(rng):
    B = rng.standard_normal((300, 100))
    result = symrank.rank(B @ B.T, rng=1)
    assert (result.method, result.rank, result.status) == ("dense", 100, Status.EXACT)
    assert "300" in result.reason


def congruent(L):
    """Return D L D, which is no Laplacian and has the rank of one."""
    d = sp.diags_array(np.random.default_rng(7).uniform(1.0, 2.0, L.shape[0]))
    return (d @ L @ d).tocsr()


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


def test_a_plan_says_that_the_pattern_was_not_looked_at():
    plan = symrank.plan(gallery.grid_laplacian((45, 45, 45)))
    assert plan.choice.method.name == "lanczos"
    assert "analysis of the pattern" in plan.reason


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


def test_product_seconds_follow_the_entries():
    L = gallery.grid_laplacian((30, 30))
    hidden_L = as_operator(products_of(L))

    def seconds(operator):
        return product_seconds(operator.facts.work)

    once = seconds(as_operator(L))
    assert seconds(as_operator(sp.block_diag([L, L]))) == pytest.approx(2 * once)
    assert seconds(shift(hidden_L, 1.0)) > seconds(hidden_L)
    B = np.ones((100, 40))
    assert seconds(gram(B)) > 2 * 4000 * SECONDS.dense_entry
    assert seconds(augmented(sp.csr_array(B))) > 2 * 4000 * SECONDS.entry


def test_a_plan_is_printed_with_what_it_takes():
    text = str(symrank.plan(gallery.grid_laplacian((50, 50))))
    assert text.startswith("inertia: ")
    for word in ("products", "s, ", "MiB", "not dense", "not lanczos"):
        assert word in text


def test_a_plan_times_a_product_it_knows_nothing_about():
    import time

    def slow(x):
        time.sleep(2e-3)
        return x

    A = spla.LinearOperator((5000, 5000), matvec=slow, dtype=float)
    plan = symrank.plan(A)
    assert plan.choice.seconds[0] > 512 * 2e-3


def test_the_reason_of_a_plan_quotes_its_own_table():
    import time

    def slow(x):
        time.sleep(2e-3)
        return x

    plan = symrank.plan(spla.LinearOperator((6000, 6000), matvec=slow, dtype=float))
    dense = plan.others[0]
    assert dense.seconds[1] > 6000 * 2e-3
    assert f"{dense.seconds[1]:.2g} s and 6000 products" in plan.reason
    assert f"not {dense}" in str(plan)


def test_a_choice_quotes_no_seconds_of_products_that_it_knows_nothing_about():
    options = Options(seed=1)
    job = prepare(products_of(gallery.grid_laplacian((75, 80))), options, budget_of(options, None))
    reason = policy.propose(job.operator.facts, job.goal).reason
    assert "predicted to take 6000 products" in reason


def test_a_plan_says_where_the_count_is_made_twice():
    mixed = sp.diags_array(np.append(np.full(60, 1e-7), np.full(60, 1e7))).tocsr()
    plan = symrank.plan(mixed)
    assert len(plan.notes) == 1
    assert "a second count, on a quarter of the budget" in plan.notes[0]
    assert plan.notes[0] in str(plan)
    assert "equilibrated" in symrank.rank(mixed, rng=1).diagnostics
    assert symrank.plan(sp.eye_array(120, format="csr")).notes == ()
    assert symrank.plan(mixed, preconditioner="equilibrate").notes == ()
    poor = symrank.plan(mixed, max_matvecs=400)
    most = {one.method.name: one.products[1] for one in (poor.choice, *poor.others)}
    assert most["lanczos"] == 300


@pytest.mark.parametrize("options", [{"atoll": 1.0}, {"method": "dense"}])
def test_a_plan_refuses_what_it_does_not_know(options):
    with pytest.raises(OptionError, match=f"no option {next(iter(options))!r}"):
        symrank.plan(np.eye(3), **options)


def test_a_plan_checks_its_options():
    with pytest.raises(OptionError, match="confidence=2"):
        symrank.plan(np.eye(3), confidence=2)


def test_inertia_is_offered_within_its_own_limits():
    L = gallery.grid_laplacian((30, 30))
    assert Inertia().max_fill > symrank.plan(L).choice.num_bytes > 0


def test_a_pattern_that_takes_long_to_form_is_not_formed(rng):
    B = sp.csr_array(rng.standard_normal((40_000, 60)))
    names = [choice.method.name for choice in symrank.plan(gram(B)).others]
    assert names == ["lanczos"]  # 1.4e8 multiplications, for 60 eigenvalues
    wide = symrank.plan(augmented(sp.vstack([B, B, B, B, B, B, B])))  # 3.4e7 nonzeros
    assert wide.choice.method.name == "dense"  # 60 singular values, by blocks of rows
    assert [choice.method.name for choice in wide.others] == ["lanczos"]


def test_of_a_rectangular_matrix_singular_values_are_enough(rng):
    B = sp.csr_array(rng.standard_normal((40_000, 30)) @ np.diag([*np.ones(20), *np.zeros(10)]))
    for A, rank, method in ((augmented(B), 40, "dense"), (gram(B, side="rows"), 20, "dense")):
        result = symrank.rank(A, rng=1)
        assert (result.method, result.rank, result.status) == (method, rank, Status.EXACT)
        assert result.num_matvecs < 30  # of the checks


def hidden(B):
    """The factor of a Gram operator that hides its entries."""
    return spla.LinearOperator(
        B.shape, matvec=lambda x: B @ x, rmatvec=lambda x: B.T @ x,
        matmat=lambda X: B @ X, rmatmat=lambda X: B.T @ X, dtype=float,
    )  # fmt: skip


def test_a_gram_operator_is_counted_on_its_shorter_side():
    """A^H A of a wide A: m - n zeros are known beforehand and cost neither products nor scatter."""
    B = sp.random_array((5000, 9000), density=2e-3, rng=np.random.default_rng(3)).tocsr()
    B = sp.vstack([B[:4900], B[:100]]).tocsr()  # rank 4900: the last rows come again
    for scale in (1.0, 1e-200):
        result = symrank.rank(gram(hidden(scale * B)), max_matvecs=4000, rng=1)
        low, high = result.interval()
        assert low <= 4900 <= high <= 5000
        assert (result.n, result.method) == (9000, "lanczos")
        measure = result.measure
        assert (measure.n, measure.num_zeros) == (5000, 4000)
        plus, zero, minus = result.inertia_intervals()
        assert plus[0] <= 4900 <= plus[1]
        assert zero[0] <= 4100 <= zero[1]
        assert minus[1] < 100
        half = 0.65 * (high - low)  # the looks of both precisions share alpha
        again = result.refine(half / 9000, max_matvecs=2000)  # a share of n, not of the side
        assert (again.n, again.num_matvecs) == (9000, result.num_matvecs)
        assert again.interval()[1] <= 5000
    by_name = symrank.rank(gram(hidden(B)), "lanczos", max_matvecs=2000, rng=1)
    assert (by_name.n, by_name.measure.n) == (9000, 5000)  # Golub-Kahan steps start on that side


def test_the_plan_of_a_gram_operator_is_that_of_the_shorter_side(rng):
    A = gram(hidden(rng.standard_normal((50, 6000))))
    plan = symrank.plan(A)
    assert (plan.choice.method.name, plan.choice.products) == ("dense", (50, 50))
    result = symrank.rank(A, rng=1)
    assert (result.rank, result.n, result.inertia) == (50, 6000, (50, 5950, 0))
    large = symrank.plan(gram(hidden(rng.standard_normal((5000, 6000)))))
    assert (large.choice.method.name, large.choice.num_bytes) == ("lanczos", 3 * 8 * 5000 * 8)


def test_a_likely_rank_is_enough_for_a_sketch():
    """Sampling leaves the interval open up to n; the sketch that the estimate suggests is exact."""
    n, r = 5000, 120
    Q = np.linalg.qr(np.random.default_rng(2).standard_normal((n, r)))[0]
    lam = np.geomspace(1e-7, 1.0, r)
    A = spla.LinearOperator(
        (n, n), matvec=lambda x: Q @ (lam * (Q.T @ x)), dtype=float,
        matmat=lambda X: Q @ (lam[:, None] * (Q.T @ X)),
    )  # fmt: skip
    result = symrank.rank(A, rng=1)
    assert (result.rank, result.status, result.method) == (r, Status.EXACT, "sketch")
    assert "likely below" in result.reason


def seen_of(goal, low, high, *, is_met=False, is_resolved=False):
    return Seen(
        low=low, high=high, likely=low, is_met=is_met, is_resolved=is_resolved,
        solve_length=np.inf, seconds=3.0,
    )  # fmt: skip


def test_what_an_offer_may_take_to_make():
    goal = goal_of(1000, half_width=5.0)

    def worth(*interval, **what):
        return policy.worth_of_sampling(goal, seen_of(goal, *interval, **what))

    assert worth(0, 10, is_met=True, is_resolved=True) == 3.0
    assert worth(0, 10, is_met=True) == np.inf
    assert worth(0, 80) == 6.0
    assert worth(0, 81) == np.inf


def worths(A):
    """What each round of sampling would have paid for the analysis of a pattern."""
    options = Options(seed=1, max_matvecs=4000)
    budget = budget_of(options, None)
    rounds = start(prepare(A, options, budget), Lanczos(), "", budget)
    return [
        policy.worth_of_sampling(rounds.goal, lanczos.seen(rounds.goal, summary, 1.0))
        for summary in rounds.each(budget)
    ]


def test_an_interval_that_stays_open_is_worth_any_analysis():
    rng = np.random.default_rng(0)
    lam = np.concatenate([np.zeros(2500), 10.0 ** rng.uniform(-9.0, 0.0, 2500)])
    assert np.isinf(worths(gallery.diagonal(lam))).all()
    nearly_full = np.linspace(1e-4, 1.0, 5000) ** 2  # met, and a few zeros are open
    assert np.isinf(worths(gallery.diagonal(nearly_full))[-1])
    settled = np.concatenate([np.zeros(2500), rng.uniform(0.5, 1.0, 2500)])
    assert np.isfinite(worths(gallery.diagonal(settled))).all()


def test_a_pattern_is_analysed_only_after_as_much_sampling():
    """A dear analysis: an interval that the first round settles goes without it."""
    asked = []

    class Watched(Inertia):
        def offer(self, facts, goal, seen=None):
            asked.append(facts)
            return super().offer(facts, goal, seen)

    class Dear(Watched):
        def price(self, facts, goal):
            return max(super().price(facts, goal), 2.0 * policy.ASKING_SECONDS)

    A = gallery.grid_laplacian((100, 100), remove=0.4, rng=1)
    first = chosen_from(policy.Menu(exact=(Dense(), Watched()), once_seen=()), A, seed=1)
    assert first.method == "inertia"
    assert len(asked) == 1
    later = chosen_from(policy.Menu(exact=(Dense(), Dear()), once_seen=()), A, seed=1)
    assert (later.method, later.rank) == ("inertia", gallery.laplacian_rank(A))
    assert later.num_matvecs >= first.num_matvecs + 512  # sampling came first


def test_what_ends_the_making_of_an_offer_leaves_what_was_sampled():
    """Ctrl-C in a long analysis of a pattern, and an error in it."""

    class Ending(Inertia):
        def price(self, facts, goal):
            return 2.0 * policy.ASKING_SECONDS

        def offer(self, facts, goal, seen=None):
            raise ENDS[0]

    lam = np.concatenate(
        [np.zeros(2500), 10.0 ** np.random.default_rng(0).uniform(-9.0, 0.0, 2500)]
    )
    menu = policy.Menu(exact=(Ending(),), once_seen=())
    ENDS[:] = [KeyboardInterrupt()]
    result = chosen_from(menu, gallery.diagonal(lam), seed=1)
    low, high = result.interval()
    assert (result.method, result.status) == ("lanczos", Status.INTERRUPTED)
    assert low <= 2500 <= high
    ENDS[:] = [MemoryError("the pattern")]
    with pytest.raises(MemoryError, match="the pattern"):
        chosen_from(menu, gallery.diagonal(lam), seed=1)


ENDS = []
FACTS = Facts.of_products(5000, work=Work(by_index=2e4, rows=5e3))


class Offering(Dense):
    """A method that offers what it is given."""

    def __init__(self, seconds, products=0):
        object.__setattr__(self, "terms", (products, seconds))

    def offer(self, facts, goal, seen=None):
        return Offer.certain(self, *self.terms, num_bytes=0, why="it is offered")


@pytest.mark.parametrize(
    ("seconds", "products", "options", "is_taken"),
    [
        (9.9, 0, {}, True),  # ten seconds where no precision is asked for
        (10.1, 0, {}, False),
        (0.036, 0, {"open_ended": False}, True),  # else twice the likely run, 30 probes of 64 steps
        (0.037, 0, {"open_ended": False}, False),
        (0.0, 2048, {}, True),  # four first rounds, 8 probes of 64 steps each
        (0.0, 2049, {}, False),
    ],
)
def test_the_offer_of_an_exact_count_is_taken_where_it_is_cheap(
    seconds, products, options, is_taken
):
    menu = policy.Menu(exact=(Offering(60.0), Offering(seconds, products)), once_seen=())
    plan = policy.propose(FACTS, goal_of(5000, **options), menu)
    assert plan.choice.method.is_exact is is_taken
    if is_taken:
        assert plan.reason == "it is offered"
        assert [other.method.name for other in plan.others] == ["dense", "lanczos"]


@pytest.mark.parametrize(
    ("seconds", "products", "left", "options", "is_taken"),
    [
        (9.9, 4096, (9000, 60.0), {}, True),
        (10.1, 0, (9000, 60.0), {}, False),
        (0.0, 4097, (9000, 60.0), {}, False),  # a switch takes 4096 products or twice those spent
        (0.0, 4096, (4000, 60.0), {}, False),  # and what the budget holds
        (9.9, 0, (9000, 5.0), {}, False),
        (0.0, 0, (9000, 60.0), {"atol": 1.0}, True),  # with a cut, too
    ],
)
def test_an_offer_after_sampling_is_taken_within_what_is_left(
    seconds, products, left, options, is_taken
):
    menu = policy.Menu(exact=(Offering(seconds, products),), once_seen=())
    goal = dataclasses.replace(goal_of(5000), **options)
    seen = dataclasses.replace(seen_of(goal, 0, 5000), seconds=1.0)
    offer = policy.reconsider(FACTS, goal, seen, 512, left, menu)
    assert (offer is not None) is is_taken
    met = dataclasses.replace(seen, is_met=True)
    asked = dataclasses.replace(goal, open_ended=False)
    assert policy.reconsider(FACTS, asked, met, 512, left, menu) is None


def test_what_multiplies_is_not_offered_where_there_are_no_products():
    """The singular values of a factor, whose few zeros a sketch would otherwise settle."""
    goal = goal_of(5000)
    seen = dataclasses.replace(seen_of(goal, 4998, 4999, is_met=True), solve_length=1.0)
    left, menu = (9000, 60.0), policy.Menu(exact=(), once_seen=policy.MENU.once_seen)
    assert policy.reconsider(FACTS, goal, seen, 512, left, menu) is not None
    modulus = Modulus(as_factor(sp.eye_array(7, 5)))
    assert not modulus.facts.has_products
    facts = dataclasses.replace(FACTS, halves=modulus.facts.halves)
    assert policy.reconsider(facts, goal, seen, 512, left, menu) is None


def result_of(method, low, high, evidence=None):
    from symrank.answer.result import RankResult
    from symrank.spectrum.intervals import ExactInterval

    return RankResult(
        rank=low, estimate=float(low), stderr=0.0, bounds=(float(low), float(high)), threshold=0.0,
        status=Status.EXACT, n=100, dtype="float64", method=method, confidence=0.95,
        evidence=evidence or ExactInterval(low=low, high=high),
    )  # fmt: skip


def test_an_exact_count_that_sampling_rules_out_is_not_believed():
    from symrank.choice.two_answers import unless_contradicted
    from symrank.spectrum.intervals import BetaInterval

    law = BetaInterval(n=100, num_probes=400, null_low=0.5, null_high=0.5)
    sampled = result_of("lanczos", 50, 50, law)
    low, high = law(1 - 1e-9)
    for rank in (low, 50, high):
        assert unless_contradicted(result_of("sketch", rank, rank), sampled).rank == rank
        assert unless_contradicted(result_of("sketch", rank, rank), sampled).status is Status.EXACT
    for rank in (low - 1, high + 1):
        result = unless_contradicted(result_of("sketch", rank, rank), sampled)
        assert result.status is Status.NO_GAP_FOUND
        assert result.interval() == (0, 100)  # neither is trusted
        assert f"sketch finds [{rank}, {rank}]" in result.notes[0]


def test_two_intervals_that_miss_each_other_give_their_hull():
    from symrank.choice.two_answers import both

    first, second = result_of("lanczos", 10, 20), result_of("sketch", 21, 25)
    result = both(first, second)
    assert result.interval() == (10, 25)
    assert result.status is Status.NO_GAP_FOUND
    assert "miss each other" in result.notes[0]
    assert both(first, result_of("sketch", 20, 25)).interval() == (20, 25)  # the narrower one
