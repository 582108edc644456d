"""Laplacians of all kinds against their eigenvalues; what is none; and links too weak to see."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import laplacian as laplacian_of

from symrank.operators.laplacians import laplacian

EPS = float(np.finfo(float).eps)


def graph(rng, n, m, *, weighted=False):
    i, j = rng.integers(n, size=(2, m))
    i, j = i[i < j], j[i < j]
    weights = rng.uniform(0.1, 1.0, i.size) if weighted else np.ones(i.size)
    A = sp.coo_array((weights, (i, j)), shape=(n, n)).tocsr()
    if not weighted:
        A.data[:] = 1.0
    return sp.csr_array(A + A.T)


def plain(W):
    return sp.csr_array(sp.diags_array(np.asarray(abs(W).sum(axis=1)).ravel()) - W)


def with_signs(W, rng):
    S = sp.triu(W, 1).tocsr()
    S.data *= rng.choice([-1.0, 1.0], size=S.nnz)
    return sp.csr_array(S + S.T)


KINDS = {
    "plain": lambda W, rng: plain(W),
    "minus": lambda W, rng: -plain(W),
    "signless": lambda W, rng: plain(-W),
    "minus signless": lambda W, rng: -plain(-W),
    "signed": lambda W, rng: plain(with_signs(W, rng)),
    "complex": lambda W, rng: plain(W).astype(np.complex128),
    "normalised": lambda W, rng: sp.csr_array(laplacian_of(W.sign(), normed=True)),
    "normalised, signless": lambda W, rng: sp.csr_array(abs(laplacian_of(W.sign(), normed=True))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_are_those_of_the_eigenvalues(rng, kind):
    for _ in range(40):
        n = int(rng.integers(2, 50))
        W = graph(rng, n, int(rng.integers(1, 3 * n)), weighted=bool(rng.integers(2)))
        if not W.nnz:
            continue
        A = KINDS[kind](W, rng)
        found = laplacian(A)
        sizes = np.abs(np.linalg.eigvalsh(A.toarray()))
        norm, cut = sizes.max(), 500.0 * EPS * sizes.max()
        assert found.norm[0] <= norm * (1.0 + 1e-12) <= found.norm[1] * (1.0 + 2e-12)
        assert found.delta < cut
        zeros = found.zeros(cut)
        assert zeros.least == zeros.most == int((sizes <= cut).sum())
        for level in (0.01 * norm, 0.3 * norm):  # far above what (3) proves
            assert found.zeros(level).most >= int((sizes <= level).sum())


def test_what_is_no_laplacian(rng):
    L = plain(graph(rng, 60, 100))
    tiny = L + 1e-12 * sp.eye_array(60)
    d = sp.diags_array(rng.uniform(1.0, 2.0, 60))
    both = sp.csr_array(np.diag([1.0, -1.0]))
    for A in (tiny, d @ L @ d, L @ L, L - L, both, sp.csr_array((5, 5)), 1j * (L - L.T)):
        assert laplacian(sp.csr_array(A)) is None
    turned = sp.csr_array(np.array([[1.0, 1j], [-1j, 1.0]]))
    assert laplacian(turned) is None


def test_rows_off_by_rounding_are_a_laplacian_and_the_remainder_holds_them(rng):
    W = graph(rng, 400, 3000, weighted=True)
    L = plain(W)
    L.setdiag(L.diagonal() * (1.0 + EPS * rng.integers(-2, 3, 400)))
    found = laplacian(L)
    low = np.linalg.eigvalsh(L.toarray())[0]
    assert 0.0 < abs(low) <= found.delta < 500.0 * EPS * found.norm[0]


def test_rounded_entries_that_differ_across_the_diagonal_are_in_the_remainder(rng):
    L = plain(graph(rng, 50, 200, weighted=True))
    exact = laplacian(L).delta
    k = np.flatnonzero(L.indices != np.repeat(np.arange(50), np.diff(L.indptr)))[0]
    by = L.data[k] * 4.0 * EPS
    L.data[k] += by
    assert laplacian(L).delta >= exact + 0.9 * abs(by)


def test_a_star_of_a_million_leaves_has_a_small_remainder():
    n = 10**5
    hub, leaves = np.zeros(n - 1, int), np.arange(1, n)
    w = np.full(n - 1, 0.1)
    W = sp.coo_array((w, (hub, leaves)), shape=(n, n)).tocsr()
    L = plain(sp.csr_array(W + W.T))
    found = laplacian(L)
    assert found.delta < 500.0 * EPS * found.norm[0]
    assert found.zeros(500.0 * EPS * found.norm[1]).most == 1


@pytest.mark.parametrize("weight", [1e-14, 1e-300, 5e-324])
def test_a_weak_edge_leaves_one_eigenvalue_open_and_is_named(rng, weight):
    dense = np.ones((20, 20)) - np.eye(20)
    W = sp.block_diag([dense, dense], format="lil")
    W[3, 27] = W[27, 3] = weight
    L = plain(sp.csr_array(W))
    found = laplacian(L)
    zeros = found.zeros(500.0 * EPS * found.norm[1])
    assert (zeros.least, zeros.most) == (1, 2)
    assert "3 and 27" in zeros.link
    assert f"{weight:.3g}" in zeros.link


def test_a_path_too_long_for_the_proof_is_cut_in_few_pieces():
    n = 30_000
    d = np.full(n, 2.0)
    d[[0, -1]] = 1.0
    L = sp.diags_array([-np.ones(n - 1), d, -np.ones(n - 1)], offsets=[-1, 0, 1], format="csr")
    found = laplacian(L)
    assert found.zeros(1e-9).most == 1  # its second eigenvalue is 1.1e-8
    wide = found.zeros(2e-8)  # and its third 4.4e-8
    assert wide.least == 1 < 2 <= wide.most <= 8
    assert found.zeros(2e-8, is_split=False).most == n
