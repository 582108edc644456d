"""What conjugate gradients and MINRES by blocks have in common: columns, continuation, rest."""

import numpy as np
import pytest

from symrank.recurrences import conjugate_gradient, minres
from tests.recurrences.problems import definite, problem, run
from tests.recurrences.test_conjugate_gradient import LAM
from tests.recurrences.test_minres import SIGNED

pytestmark = pytest.mark.parametrize(
    ("solver", "lam"), [(conjugate_gradient, LAM), (minres, SIGNED)], ids=["cg", "minres"]
)


def test_columns_do_not_see_each_other(rng, solver, lam):
    A, B = problem(rng, lam, columns=4)
    whole = run(solver, A, B, num_steps=9)
    for j in range(4):
        single = run(solver, A, B[:, [j]], num_steps=9)
        np.testing.assert_allclose(whole.X[:, [j]], single.X, atol=1e-12)


def test_going_on_is_the_same_as_going_through(rng, solver, lam):
    A, B = problem(rng, lam)
    G = definite(rng)
    through = run(solver, A, B, num_steps=12, G=G)
    parts = run(solver, A, B, num_steps=5, G=G)
    solver.extend(parts, lambda X: A @ X, 7, lambda _: None, np.zeros(3), lambda R: G @ R)
    np.testing.assert_array_equal(parts.X, through.X)
    np.testing.assert_array_equal(parts.alpha, through.alpha)
    assert parts.num_steps == 12


def test_a_column_with_nothing_left_to_do_leaves_the_block(rng, solver, lam):
    A, B = problem(rng, lam)
    _, vectors = np.linalg.eigh(A)
    B[:, 0], B[:, 1] = 0.0, vectors[:, -1]  # nothing to do; done after one step
    ticks = []
    state = run(solver, A, B, num_steps=4, tolerance=1e-10, tick=ticks.append)
    assert ticks == [2, 1, 1, 1]
    assert list(state.active) == [False, False, True]
