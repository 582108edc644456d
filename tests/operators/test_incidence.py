"""Incidence matrices of all kinds against their singular values, and what is none."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from symrank.operators.graphs import zeros_of
from symrank.operators.incidence import incidence

EPS = float(np.finfo(float).eps)
LAPACK = 20.0 * EPS  # times sqrt(mn) |X|: more than svd moves a singular value


def edges(rng, n, m, *, sign, ground=0):
    """Return m weighted edges of n vertices as rows, `ground` of them with one end only."""
    i = rng.integers(n, size=m)
    j = (i + rng.integers(1, n, size=m)) % n if n > 1 else i
    w = rng.uniform(0.1, 1.0, m)
    signs = {"plain": -1.0, "unsigned": 1.0, "signed": rng.choice([-1.0, 1.0], m)}[sign]
    other = signs * w
    other[rng.permutation(m)[: m if n == 1 else ground]] = 0.0
    rows = np.concatenate([np.arange(m), np.arange(m)])
    X = sp.coo_array((np.concatenate([w, other]), (rows, np.concatenate([i, j]))), shape=(m, n))
    X = sp.csr_array(X)
    X.sum_duplicates()  # zeros stay stored where an end is missing
    return X


def counted(found, cut):
    """Return (least, most) singular values above the cut."""
    zeros = found.zeros(cut)
    return found.graph.n - zeros.most, found.graph.n - zeros.least


@pytest.mark.parametrize("sign", ["plain", "unsigned", "signed"])
@pytest.mark.parametrize("is_turned", [False, True])
@given(
    n=st.integers(1, 40), share=st.floats(0.2, 3.0), ground=st.integers(0, 3),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_ranks_are_those_of_the_singular_values(sign, is_turned, n, share, ground, seed):
    rng = np.random.default_rng(seed)
    X = edges(rng, n, max(1, round(share * n)), sign=sign, ground=ground)
    found = incidence(sp.csr_array(X.T) if is_turned else X)
    sigma = np.linalg.svd(X.toarray(), compute_uv=False)
    assert found.norm[0] <= sigma[0] * (1.0 + LAPACK) <= found.norm[1] * (1.0 + 2.0 * LAPACK)
    cut = 500.0 * EPS * found.norm[1]
    assert found.delta == 0.0
    rank = int((sigma > cut).sum())
    assert counted(found, cut) == (rank, rank) == (np.linalg.matrix_rank(X.toarray()),) * 2
    for level in (0.01 * sigma[0], 0.3 * sigma[0]):  # above what is proved at once
        least, most = counted(found, level)
        assert least <= int((sigma > level).sum()) <= most == rank


@given(n=st.integers(2, 30), share=st.floats(0.3, 3.0), ground=st.integers(0, 4),
       seed=st.integers(0, 2**32))  # fmt: skip
def test_what_is_below_a_level_is_never_more_than_is_said(n, share, ground, seed):
    """Of the Laplacian, put together from the edges of the graph."""
    rng = np.random.default_rng(seed)
    X = edges(rng, n, max(1, round(share * n)), sign="signed", ground=ground)
    found = incidence(X)
    graph = found.graph
    is_positive = np.zeros(graph.tails.size, bool)
    is_positive |= found.is_positive if found.is_positive is not None else False
    A = np.zeros((n, n))
    for i, j, w, same in zip(graph.tails, graph.heads, graph.weights, is_positive, strict=True):
        x = np.zeros(n)
        x[i] += 1.0
        x[j] += 1.0 if same else -1.0
        A += 0.5 * w * np.outer(x, x)  # an edge is there in both directions, a ground has x_i = 2
    np.testing.assert_allclose(A, (X.T @ X).toarray(), atol=1e-12)  # sums of some dozens of ones
    values = np.linalg.eigvalsh(A)
    for level in np.logspace(-6, 0, 13):
        zeros = zeros_of(graph, found.is_positive, level, is_split=True)
        assert zeros.most >= int((values <= level * (1.0 - 1e-9)).sum())


def test_an_edge_with_one_end_grounds_its_component():
    path = sp.diags_array([np.ones(5), -np.ones(4)], offsets=[0, 1], format="csr")
    found = incidence(path)  # the last row is (..., 0, 1): 5 vertices, 4 edges, one of them to none
    sigma = np.linalg.svd(path.toarray(), compute_uv=False)
    assert found.zeros(1e-3).most == 0 < sigma[-1]
    assert counted(incidence(sp.csr_array(path[:4])), 1e-3) == (4, 4)


def test_what_is_no_incidence_matrix(rng):
    X = edges(rng, 30, 40, sign="plain")
    three = sp.csr_array(np.ones((4, 3)))
    uneven = X.copy()
    full = np.flatnonzero(np.diff((abs(X) > 0).astype(int).tocsr().indptr) == 2)
    uneven.data[uneven.indptr[full[0]]] *= 1.0 + 1e-14
    phases = X.astype(complex)
    phases.data[0] *= 1j
    broken = X.copy()
    broken.data[3] = np.nan
    for A in (three, uneven, phases, broken, sp.csr_array((3, 4)), 0.0 * X):
        assert incidence(sp.csr_array(A)) is None
    assert incidence(X.astype(complex)).graph.n == 30


@pytest.mark.parametrize("ulps", [1, 3])
def test_moduli_apart_by_rounding_are_in_the_remainder(rng, ulps):
    X = edges(rng, 30, 200, sign="plain")
    Y = X.copy()
    Y.data[::2] *= 1.0 + ulps * EPS
    found = incidence(Y)
    low = np.linalg.svd((Y - X).toarray(), compute_uv=False)[0]
    assert low * (1.0 - 1e-6) <= found.delta <= 500.0 * EPS * found.norm[0]
    assert counted(found, 500.0 * EPS * found.norm[1]) == (29, 29)


@pytest.mark.parametrize("weight", [1e-14, 1e-100, 1e-300, 5e-324])
def test_a_weak_edge_leaves_one_singular_value_open_and_is_named(rng, weight):
    half = edges(rng, 20, 300, sign="plain")
    bridge = sp.csr_array((np.array([weight, -weight]), np.array([3, 27]), [0, 2]), shape=(1, 40))
    X = sp.csr_array(sp.vstack([sp.block_diag([half, half]), bridge]))
    found = incidence(X)
    zeros = found.zeros(500.0 * EPS * found.norm[1])
    assert (zeros.least, zeros.most) == (1, 2)
    assert "3 and 27" in zeros.link
    ground = sp.csr_array((np.array([weight]), np.array([7]), [0, 1]), shape=(1, 20))
    zeros = incidence(sp.csr_array(sp.vstack([half, ground]))).zeros(1e-12)
    assert (zeros.least, zeros.most) == (0, 1)
    assert "7 alone" in zeros.link


def test_a_long_path_is_proved_far_below_the_floor():
    """Its second singular value is pi / n, and the cut is squared: 1e-26 beside 4 / n^2."""
    n = 100_000
    X = sp.diags_array([np.ones(n - 1), -np.ones(n - 1)], offsets=[0, 1], shape=(n - 1, n))
    found = incidence(sp.csr_array(X))
    assert counted(found, 500.0 * EPS * found.norm[1]) == (n - 1, n - 1)
    assert counted(found, 1e-5) == (n - 1, n - 1)  # sigma_2 is 3.1e-5
    least, most = counted(found, 4e-5)
    assert least <= n - 2 < most == n - 1
