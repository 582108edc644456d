"""Laplacians of weighted graphs, normalised: found, and told from what is nearly one."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.sparse.csgraph import laplacian as laplacian_of

from symrank.operators import perron
from symrank.operators.laplacians import laplacian
from symrank.operators.perron import perron_vector
from tests.operators.test_laplacians import EPS, graph, with_signs


def weighted(rng, n, m, spread=1.0):
    """Return the adjacency matrix of a random graph with weights of many sizes."""
    W = sp.triu(graph(rng, n, m, weighted=True), 1).tocsr()
    W.data = np.exp(spread * rng.standard_normal(W.nnz))
    return sp.csr_array(W + W.T)


def normalised(W):
    return sp.csr_array(laplacian_of(abs(W), normed=True)) if (W.data > 0).all() else signed(W)


def signed(W):
    """Return D^-1/2 (D - W) D^-1/2 for weights of both signs, D of their moduli."""
    degree = np.asarray(abs(W).sum(axis=1)).ravel()
    scale = sp.diags_array(np.where(degree > 0.0, 1.0 / np.sqrt(np.maximum(degree, 1e-300)), 0.0))
    return sp.csr_array(sp.diags_array((degree > 0.0) * 1.0) - scale @ W @ scale)


@pytest.mark.parametrize("kind", ["plain", "signless", "signed", "minus", "lazy", "complex"])
@given(n=st.integers(2, 50), share=st.floats(0.3, 3.0), spread=st.floats(0.0, 1.5),
       seed=st.integers(0, 2**32))  # fmt: skip
def test_zeros_are_those_of_the_eigenvalues(kind, n, share, spread, seed):
    rng = np.random.default_rng(seed)
    W = weighted(rng, n, max(1, round(share * n)), spread)
    if not W.nnz:
        return
    A = {
        "plain": lambda: normalised(W),
        "signless": lambda: signed(-W),
        "signed": lambda: signed(with_signs(W, rng)),
        "minus": lambda: -3.0 * normalised(W),
        "lazy": lambda: 0.5 * normalised(W),
        "complex": lambda: normalised(W).astype(complex),
    }[kind]()
    found = laplacian(A)
    sizes = np.abs(np.linalg.eigvalsh(A.toarray()))
    cut = 500.0 * EPS * sizes.max()
    assert found.delta < cut
    zeros = found.zeros(cut)
    rank = np.linalg.matrix_rank(A.toarray(), hermitian=True)
    assert zeros.least == int((sizes <= cut).sum()) == n - rank
    assert zeros.most == zeros.least
    if kind in ("plain", "minus", "lazy", "complex"):
        assert zeros.least == connected_components(W)[0]
    for level in (0.01 * sizes.max(), 0.3 * sizes.max()):
        assert found.zeros(level).most >= int((sizes <= level).sum())


def connected(rng, n):
    W = weighted(rng, n, 4 * n)
    return sp.csr_array(W + sp.diags_array([np.ones(n - 1)] * 2, offsets=[-1, 1]))


@pytest.mark.parametrize("gap", [1e-1, 1e-6, 1e-10, 3e-13, -3e-13, -1e-10, -1e-6, -1e-1])
def test_a_matrix_that_is_nearly_one_is_none_or_has_its_gap_in_the_remainder(rng, gap):
    """No u has rows that are off by less than the Perron value is off one."""
    n = 300
    N = normalised(connected(rng, n))
    off = sp.eye_array(n) - N
    A = sp.csr_array(sp.eye_array(n) - (1.0 - gap) * off)
    assert np.linalg.eigvalsh(A.toarray())[0] == pytest.approx(gap, abs=1e-14)
    found = laplacian(A)
    assert found is None or found.delta >= abs(gap)
    one = sp.block_diag([N, A], format="csr")  # one component is a Laplacian, the other is not
    found = laplacian(one)
    assert found is None or found.delta >= abs(gap)
    assert laplacian(N).zeros(1e-12).most == 1


@given(seed=st.integers(0, 2**32), scale=st.floats(-3.0, 3.0))
def test_whatever_u_is_believed_the_rows_bound_the_perron_value(seed, scale):
    """Collatz and Wielandt, eq. (2): for any u > 0 at all."""
    rng = np.random.default_rng(seed)
    n = 30
    P = np.abs((sp.eye_array(n) - normalised(connected(rng, n))).toarray())
    P *= 1.0 + 10.0**scale * rng.choice([-1.0, 1.0]) * 0.1
    u = np.exp(rng.standard_normal(n))
    off = np.abs(1.0 - P @ u / u).max()
    assert off >= abs(1.0 - np.linalg.eigvalsh(P)[-1]) * (1.0 - 1e-9)


def test_single_precision_leaves_what_its_rounding_is(rng):
    N = normalised(connected(rng, 200)).astype(np.float32)
    found = laplacian(N)
    eps = float(np.finfo(np.float32).eps)
    least = np.abs(np.linalg.eigvalsh(N.toarray().astype(float))).min()
    assert 1e-10 < least <= found.delta < 500.0 * eps
    zeros = found.zeros(500.0 * eps)
    assert zeros.least == 1 <= zeros.most


def test_what_has_no_such_vector_takes_no_step(rng, monkeypatch):
    """Diagonals of two sizes, an entry above them, a radius above one and one below it."""

    def none(*_):
        raise AssertionError("a step was taken")

    monkeypatch.setattr(perron, "_projected", none)
    n = 400
    N = normalised(connected(rng, n))
    two = sp.csr_array(N + sp.diags_array(np.where(np.arange(n) % 2, 1e-9, 0.0)))
    off = sp.eye_array(n) - N
    above, below = (sp.csr_array(sp.eye_array(n) - by * off) for by in (2.0, 0.3))
    large = N.tolil()
    large[3, 4] = large[4, 3] = -1.5
    broken = N.copy()
    broken.data[7] = np.nan
    for A in (two, above, below, sp.csr_array(large), broken):
        assert laplacian(A) is None


def wide():
    n = 20_000
    w = np.random.default_rng(3).uniform(0.1, 1.0, n - 1)
    return normalised(sp.csr_array(sp.diags_array([w, w], offsets=[-1, 1])))


def definite():
    n = 2000
    N = normalised(connected(np.random.default_rng(4), n))
    return sp.csr_array(0.99 * N + 0.01 * sp.eye_array(n))


@pytest.mark.parametrize(("make", "most"), [(wide, 400), (definite, 170)])
def test_what_steps_do_not_find_is_given_up_soon(make, most):
    N = make()
    products = []

    def multiply(u):
        products.append(1)
        return N @ u

    tolerance = np.full(N.shape[0], 7 * EPS)
    assert perron_vector(multiply, np.ones(N.shape[0]), tolerance, N.nnz) is None
    assert len(products) < most


def test_random_graphs_with_parallel_edges_are_counted_by_their_components(rng):
    """The residual of the steps rises again where it has met rounding, and rows are not there."""
    for n in (20_000, 60_000):
        i, j = rng.integers(n, size=(2, 3 * n // 2))
        half = sp.coo_array((np.ones(i.size), (i, j)), shape=(n, n)).tocsr()
        half.setdiag(0.0)
        half.data *= np.where(np.arange(half.nnz) % 50 == 0, 2.0, 1.0)
        W = sp.csr_array(half + half.T)
        found = laplacian(normalised(W))
        zeros = found.zeros(1e-12)
        assert zeros.least == zeros.most == connected_components(W)[0]
