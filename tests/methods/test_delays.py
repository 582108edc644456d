"""Delayed pivots: small trees by hand, and what the solver does with KKT matrices."""

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import gallery
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
    more = without_scaling(A)
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
