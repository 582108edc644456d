"""Delayed pivots: small trees by hand, and what the solver does with KKT matrices."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import gallery
from symrank.methods.pivots import counts, ldl_far, matrices
from symrank.methods.pivots.delays import with_delays, without_scaling
from symrank.methods.pivots.ldl import STYLES, Solver, analyse

PATH = ([2.0, 2.0, 1.0], [1, 2, -1])  # a chain 0 - 1 - 2
STAR = ([2.0, 2.0, 2.0, 1.0], [3, 3, 3, -1])  # three leaves and their centre


def work(tree, zeros):
    counts, parents = tree
    found = with_delays(np.array(counts), np.array(parents), np.array(zeros, dtype=bool))
    return found.fill, found.flops


def test_without_zeros_nothing_is_delayed():
    assert work(PATH, [0, 0, 0]) == (5.0, 9.0)
    assert work(STAR, [0, 0, 0, 0]) == (7.0, 13.0)


def test_a_leaf_waits_for_its_parent():
    """0 waits: the front of 1 has three rows and eliminates two columns."""
    assert work(PATH, [1, 0, 0]) == (2 * 3 + 1, 2 * 9 + 1)


def test_an_inner_node_is_filled_in():
    assert work(PATH, [0, 1, 1]) == (5.0, 9.0)


def test_a_parent_takes_up_one_and_the_others_stand_alone():
    """Of three leaves one is paired with the centre, two have no partner and are scaled to one."""
    fill, flops = work(STAR, [1, 1, 1, 0])
    assert (fill, flops) == (2 + 2 + 2 * 2, 4 + 4 + 2 * 4)


def test_two_leaves_wait_on_a_chain():
    """Leaves 0 and 1 below 2 below 3: 2 takes up one, 3 the other."""
    fill, _ = work(([3.0, 3.0, 2.0, 1.0], [2, 2, 3, -1]), [1, 1, 0, 0])
    assert fill == 2 * (2 + 2) + 2 * (1 + 1)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4])
@pytest.mark.parametrize("has_hessian", [True, False])
def test_the_fill_of_kkt_matrices_is_predicted(share, has_hessian):
    """Within a factor of three, where the pattern alone is off by more for a zero Hessian."""
    H = gallery.grid_laplacian((30, 30)) if has_hessian else sp.csr_array((900, 900))
    n, m = 900, int(share * 900)
    rng = np.random.default_rng([m, 90210])
    B = sp.random_array((m, n), density=3 / n, rng=rng, format="csr")
    A = sp.block_array([[H, B.T], [B, None]])
    A = sp.csr_array(A)
    cost = analyse(A)
    F = Solver(STYLES[0]).factorise(sp.csr_array(A - 1e-13 * sp.eye_array(n + m)))
    assert cost.fill / 3 <= F.fill <= 3 * cost.fill + 5 * (n + m)


def test_what_no_matching_covers_is_one_dense_front():
    every = np.arange(35)
    A = sp.csr_array((np.repeat([1.0, 0.0], [5, 30]), (every, every)), shape=(35, 35))
    assert A.nnz == 35
    more = without_scaling(A, 35.0)
    assert (more.fill, more.flops) == (450.0, 9000.0)
    assert A.nnz == 35


def test_a_second_style_that_is_too_dear_is_not_tried():
    """Solves that are off make the first style fail; the second would have a front of order 500."""
    A = sp.block_diag([gallery.grid_laplacian((20, 20)), sp.csr_array((500, 500))], format="csr")
    full = symrank.rank(A, symrank.Inertia(), rng=3)
    assert (full.rank, full.status.name) == (399, "EXACT")
    cost = analyse(A)
    dear = cost.of_style(1, A)
    assert dear.flops >= 500**3 / 3
    assert cost.of_style(0, A) is cost


def random_square(num_rows, rng, entries_a_row=1.0):
    """Of full structural rank: a random matrix and a permutation."""
    X = sp.random_array((num_rows, num_rows), density=entries_a_row / num_rows, rng=rng)
    X = sp.csr_array(X + sp.eye_array(num_rows, format="csr")[rng.permutation(num_rows)])
    X.data = rng.standard_normal(X.nnz)
    return X


def twin(X):
    return matrices.real_twin(sp.block_array([[None, X], [X.T, None]], format="csr"))


@pytest.mark.parametrize("num_rows", [2500, 5000])
def test_without_scaling_what_waits_in_a_random_graph_ends_in_one_front(rng, num_rows):
    A = twin(random_square(num_rows, rng))
    cost = analyse(A)
    shift = 0.03 * sp.eye_array(A.shape[0], format="csr")  # 0.01 of the norm, about
    fill = Solver(STYLES[1]).factorise(A - shift).fill
    assert fill >= 3.0 * cost.fill  # 3.7 to 4.7 times were measured
    assert 0.6 <= fill / cost.of_style(1, A).fill <= 1.0


def test_what_is_eliminated_first_fills_nothing(rng):
    path = sp.diags_array([np.ones(2999), np.ones(2999)], offsets=[1, -1], format="csr")
    trees = twin(sp.random_array((4000, 4000), density=0.4 / 4000, rng=rng))
    for A in (path, trees):  # what two cycles have in common is left of a random graph
        assert matrices.core_of(A).shape[0] <= 10
    grid = matrices.core_of(gallery.grid_laplacian((40, 50)))
    assert grid.shape[0] == 2000 - 4  # less its corners
    assert not matrices.reaches_all_soon(grid, 1.5 * np.log2(1996), 998)


def test_a_second_style_that_lets_a_random_graph_wait_is_not_begun(rng, monkeypatch):
    """The first one proves nothing, and so would no other shift."""

    def too_large(B, F, workspace, number, allowed):
        workspace.error = np.inf
        return np.inf

    begun = []
    factorise = Solver.factorise
    monkeypatch.setattr(Solver, "factorise", lambda self, B: begun.append(B) or factorise(self, B))
    monkeypatch.setattr(counts, "backward_error", too_large)
    monkeypatch.setattr(ldl_far, "CHILD_SECONDS", np.inf)  # where it would not be seen
    X = random_square(3000, rng)
    cost = analyse(twin(X))
    most = cost.seconds + 0.5 * (cost.of_style(1, twin(X)).seconds - cost.seconds)
    monkeypatch.setattr(ldl_far, "LEAST_SECONDS", most)
    ask = partial(symrank.count, X, 0.1, np.inf, symrank.Inertia(patience=1.0), rng=1)
    assert ask(hermitian=False).status is not symrank.Status.EXACT
    assert len(begun) == 1
