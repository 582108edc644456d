"""The choice of a method: by predicted cost, the same at every run, never a worse answer."""

import dataclasses
import sys

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Status, choose, gallery
from symrank._costs import SECONDS, product_seconds
from symrank._rounds import counter_of
from symrank._setup import Options, prepare
from symrank.errors import OptionError
from symrank.intervals import ExactInterval
from symrank.methods import Inertia
from symrank.operators import as_operator, augmented, gram, shift


def products_of(matrix, n=None):
    """An operator that hides its entries."""
    n = matrix.shape[0]
    return spla.LinearOperator((n, n), matvec=lambda x: matrix @ x, dtype=float)


def low_rank(n, r, seed):
    B = np.random.default_rng(seed).standard_normal((n, r))
    return spla.LinearOperator(
        (n, n), matvec=lambda x: B @ (B.T @ x), matmat=lambda X: B @ (B.T @ X), dtype=float
    )


def test_small_dense_matrices_get_all_eigenvalues(rng):
    B = rng.standard_normal((300, 100))
    result = symrank.rank(B @ B.T, rng=1)
    assert (result.method, result.rank, result.status) == ("dense", 100, Status.EXACT)
    assert "300" in result.reason


def test_sparse_matrices_of_little_fill_get_their_pivots_counted():
    L = gallery.grid_laplacian((90, 90), remove=0.4, rng=1)
    result = symrank.rank(L, rng=2)
    assert (result.method, result.status) == ("inertia", Status.EXACT)
    assert result.rank == gallery.laplacian_rank(L)
    assert "pivots" in result.reason


def test_a_large_fill_leads_to_sampling(monkeypatch):
    monkeypatch.setattr("symrank._candidates.ANALYSIS_SECONDS", 2.0)
    plan = symrank.plan(gallery.grid_laplacian((45, 45, 45)))
    assert plan.choice.method.name == "lanczos"
    assert [other.method.name for other in plan.others] == ["inertia"]
    assert plan.others[0].seconds[1] > choose.EXACT_SECONDS
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


def test_the_products_of_a_dense_copy_are_weighed_against_a_first_look():
    A = products_of(gallery.grid_laplacian((50, 60)))
    plan = symrank.plan(A)  # 3000 products are more than twice the first round's 512
    assert plan.choice.method.name == "lanczos"
    small = symrank.rank(products_of(gallery.grid_laplacian((20, 20))), rng=1)
    assert (small.method, small.rank) == ("dense", 399)
    poor = symrank.rank(gram(np.eye(500)), rng=1, max_matvecs=100)
    assert poor.num_matvecs <= 100
    assert poor.method == "inertia"  # of the identity: no product is needed for the pivots


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


def test_what_a_sketch_cannot_settle_goes_back_to_sampling(monkeypatch):
    class Failing(symrank.Sketch):
        def summarise(self, goal, states, previous):
            summary = super().summarise(goal, states, previous)
            memo = dataclasses.replace(summary.memo, is_settled=True)  # stop here
            return dataclasses.replace(
                summary, status=Status.BUDGET_SPENT, evidence=ExactInterval(low=0, high=6000),
                memo=memo,
            )  # fmt: skip

    monkeypatch.setattr(choose, "Sketch", Failing)
    A = low_rank(6000, 25, 3)
    result = symrank.rank(A, rng=4)
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


def test_pivots_that_prove_too_little_are_replaced(monkeypatch):
    monkeypatch.setattr(choose, "proves_too_little", lambda summary: True)
    small = symrank.rank(gallery.grid_laplacian((40, 40)), rng=1)
    assert (small.method, small.status) == ("dense", Status.EXACT)
    assert "pivots proved too little" in small.reason
    L = gallery.grid_laplacian((70, 70), remove=0.4, rng=1)
    large = symrank.rank(L, rng=1)
    assert large.rank == gallery.laplacian_rank(L)
    assert large.method == "inertia"  # the narrower of the two, as its answer was exact


def test_shifts_without_proof_are_seen():
    L = gallery.grid_laplacian((40, 40))
    result = symrank.rank(L, "inertia", rng=1)
    shifts = result.diagnostics["shifts"]
    assert not choose.proves_too_little(result)
    doubted = [dict(one, is_proof=False) for one in shifts]
    open_ = dataclasses.replace(result, status=Status.NO_GAP_FOUND, diagnostics={"shifts": doubted})
    assert choose.proves_too_little(open_)
    gave_up = dataclasses.replace(open_, diagnostics={"shifts": []})
    assert choose.proves_too_little(gave_up)
    proved = dataclasses.replace(open_, diagnostics={"shifts": shifts})
    assert not choose.proves_too_little(proved)


def test_without_the_solver_the_choice_still_stands(monkeypatch):
    from symrank.errors import MissingBackendError

    def missing(*_, **__):
        raise MissingBackendError("feral is not installed")

    monkeypatch.setattr("symrank._candidates.predict", missing)
    result = symrank.rank(gallery.grid_laplacian((40, 40)), rng=1)
    assert (result.method, result.rank) == ("dense", 1599)


def test_without_the_solver_the_reason_says_what_would_be_exact(monkeypatch):
    def grid():
        return gallery.grid_laplacian((70, 70), remove=0.4, rng=1)

    pytest.importorskip("feral", reason="the solver has no wheel here")
    with_it = symrank.rank(grid(), rng=1)
    monkeypatch.setitem(sys.modules, "feral", None)
    result = symrank.rank(grid(), rng=1)
    assert (with_it.method, result.method) == ("inertia", "lanczos")
    lacking = "an exact count by pivots needs feral-solver, which is not installed"
    assert lacking in result.reason
    assert lacking in symrank.plan(grid()).reason
    low, high = result.interval()
    assert low <= with_it.rank <= high
    few = symrank.rank(products_of(grid()), rng=1)  # without entries there are no pivots to miss
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

    plan = symrank.plan(spla.LinearOperator((3000, 3000), matvec=slow, dtype=float))
    dense = plan.others[0]
    assert dense.seconds[1] > 3000 * 2e-3
    assert f"{dense.seconds[1]:.2g} s and 3000 products" in plan.reason
    assert f"not {dense}" in str(plan)


def test_a_choice_quotes_no_seconds_of_products_that_it_knows_nothing_about():
    options = Options(seed=1)
    job = prepare(products_of(gallery.grid_laplacian((50, 60))), options, counter_of(options, None))
    reason = choose.propose(job.facts, job.goal).reason
    assert "predicted to take 3000 products" in reason


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
    most = {one.method.name: one.num_matvecs[1] for one in (poor.choice, *poor.others)}
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
    assert by_name.measure.n == 9000  # what the caller asked for


def test_the_plan_of_a_gram_operator_is_that_of_the_shorter_side(rng):
    A = gram(hidden(rng.standard_normal((50, 6000))))
    plan = symrank.plan(A)
    assert (plan.choice.method.name, plan.choice.num_matvecs) == ("dense", (50, 50))
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


def _worths(monkeypatch, A):
    """Return what each look would have paid for the analysis of a pattern, in sampling's own."""
    worths = []

    def nothing(operator, goal, worth):
        worths.append(worth)
        return []

    monkeypatch.setattr("symrank._auto.exact_candidates", nothing)
    monkeypatch.setattr("symrank.choose.exact_candidates", nothing)
    symrank.rank(A, rng=1, max_matvecs=4000)
    return worths[1:]  # the first is the proposal's


def test_an_interval_that_stays_open_is_worth_any_analysis(monkeypatch):
    rng = np.random.default_rng(0)
    lam = np.concatenate([np.zeros(2500), 10.0 ** rng.uniform(-9.0, 0.0, 2500)])
    assert np.isinf(_worths(monkeypatch, gallery.diagonal(lam))).all()
    nearly_full = np.linspace(1e-4, 1.0, 5000) ** 2  # met, and a few zeros are open
    assert np.isinf(_worths(monkeypatch, gallery.diagonal(nearly_full))[-1])
    settled = np.concatenate([np.zeros(2500), rng.uniform(0.5, 1.0, 2500)])
    assert np.isfinite(_worths(monkeypatch, gallery.diagonal(settled))).all()


def test_a_pattern_is_analysed_only_after_as_much_sampling(monkeypatch):
    """A dear analysis: an interval that the first round settles goes without it."""
    seen = []
    true = symrank._candidates.predict
    monkeypatch.setattr(symrank._candidates, "predict", lambda A: seen.append(A) or true(A))
    A = gallery.grid_laplacian((70, 70), remove=0.4, rng=1)
    first = symrank.rank(A, rng=1)
    assert first.method == "inertia"
    assert len(seen) == 1
    monkeypatch.setattr("symrank._candidates.ANALYSIS_SECONDS", 0.0)
    later = symrank.rank(A, rng=1)
    assert (later.method, later.rank) == ("inertia", gallery.laplacian_rank(A))
    assert later.num_matvecs >= first.num_matvecs + 512  # sampling came first


def result_of(method, low, high, evidence=None):
    from symrank.intervals import ExactInterval
    from symrank.result import RankResult

    return RankResult(
        rank=low, estimate=float(low), stderr=0.0, bounds=(float(low), float(high)), threshold=0.0,
        status=Status.EXACT, n=100, dtype="float64", method=method, confidence=0.95,
        evidence=evidence or ExactInterval(low=low, high=high),
    )  # fmt: skip


def test_an_exact_count_that_sampling_rules_out_is_not_believed():
    from symrank._auto import _unless_contradicted
    from symrank.intervals import BetaInterval

    law = BetaInterval(n=100, num_probes=400, null_low=0.5, null_high=0.5)
    sampled = result_of("lanczos", 50, 50, law)
    low, high = law(1 - 1e-9)
    for rank in (low, 50, high):
        assert _unless_contradicted(result_of("sketch", rank, rank), sampled).rank == rank
        assert _unless_contradicted(result_of("sketch", rank, rank), sampled).status is Status.EXACT
    for rank in (low - 1, high + 1):
        result = _unless_contradicted(result_of("sketch", rank, rank), sampled)
        assert result.status is Status.NO_GAP_FOUND
        assert result.interval() == (0, 100)  # neither is trusted
        assert f"sketch finds [{rank}, {rank}]" in result.notes[0]


def test_two_intervals_that_miss_each_other_give_their_hull():
    from symrank._auto import _both

    first, second = result_of("lanczos", 10, 20), result_of("sketch", 21, 25)
    result = _both(first, second)
    assert result.interval() == (10, 25)
    assert result.status is Status.NO_GAP_FOUND
    assert "miss each other" in result.notes[0]
    assert _both(first, result_of("sketch", 20, 25)).interval() == (20, 25)  # the narrower one
