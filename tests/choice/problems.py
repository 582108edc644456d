"""What the tests of choices share: operators, goals, and a choice from a menu."""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank.choice.auto import choose_and_run
from symrank.methods import Goal
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import budget_of


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


def congruent(L):
    """Return D L D, which is no Laplacian and has the rank of one."""
    d = sp.diags_array(np.random.default_rng(7).uniform(1.0, 2.0, L.shape[0]))
    return (d @ L @ d).tocsr()
