"""What a plan says, and the shape in which a matrix is counted."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Status, gallery
from symrank.choice import policy
from symrank.errors import OptionError
from symrank.methods import Inertia
from symrank.methods.costs import SECONDS, product_seconds
from symrank.operators import as_operator, augmented, gram, shift
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import budget_of
from tests.choice.problems import products_of


def test_a_plan_says_that_the_pattern_was_not_looked_at():
    plan = symrank.plan(gallery.grid_laplacian((45, 45, 45)))
    assert plan.choice.method.name == "lanczos"
    assert "analysis of the pattern" in plan.reason


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
