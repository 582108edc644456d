"""What a pattern proves of a rank, against a maximum matching and the rank of random values."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import structural_rank as matching_size

from symrank.operators import as_operator, augmented, gram, patterns, shift
from symrank.operators.patterns import is_symmetric, structural_rank, symmetric_rank


def random_graph(rng, n, density, *, loops):
    A = sp.random_array((n, n), density=density, rng=rng)
    A = sp.csr_array(A + A.T)
    if not loops:
        A.setdiag(0.0)
        A.eliminate_zeros()
    return A


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("is_matched", [True, False])
def test_a_small_symmetric_pattern_is_bounded_by_its_matching(rng, monkeypatch, loops, is_matched):
    if not is_matched:
        monkeypatch.setattr(patterns, "MATCHED_CORE", -1)
    for _ in range(150):
        A = random_graph(rng, int(rng.integers(1, 14)), 0.5 * rng.random(), loops=loops)
        low, high = symmetric_rank(A)
        true, matched = np.linalg.matrix_rank(A.toarray()), matching_size(A)
        assert low <= true <= matched <= high <= np.count_nonzero(np.diff(A.indptr))
        assert high == matched or not is_matched


@pytest.mark.parametrize("is_matched", [True, False])
def test_a_small_rectangle_is_bounded_by_its_matching(rng, monkeypatch, is_matched):
    if not is_matched:
        monkeypatch.setattr(patterns, "MATCHED_CORE", -1)
    for _ in range(150):
        shape = tuple(rng.integers(1, 14, size=2))
        X = sp.random_array(shape, density=0.5 * rng.random(), rng=rng).tocsr()
        low, high = structural_rank(X)
        true, matched = np.linalg.matrix_rank(X.toarray()), matching_size(X)
        assert low <= true <= matched <= high
        assert high == matched or not is_matched


def test_a_sparse_rectangle_has_the_rank_of_a_matching(rng):
    X = sp.random_array((20_000, 30_000), density=1e-4, rng=rng).tocsr()
    assert structural_rank(X).high == matching_size(X) < 19_000


def test_trees_lose_all_their_leaves_and_long_paths_stop(rng):
    n = 4000
    parents = (np.arange(1, n) * rng.random(n - 1)).astype(int)
    tree = sp.coo_array((np.ones(n - 1), (np.arange(1, n), parents)), shape=(n, n)).tocsr()
    tree = sp.csr_array(tree + tree.T)
    assert symmetric_rank(tree) == (matching_size(tree),) * 2
    path = sp.diags_array([np.ones(10**5)] * 2, offsets=[-1, 1], format="csr")
    low, high = symmetric_rank(path)  # 10^5 rounds would take their time
    assert low == 4 * patterns.MOST_ROUNDS
    assert high in (10**5, 10**5 + 1)


def test_stored_zeros_are_no_part_of_a_pattern():
    A = sp.csr_array(np.diag([1.0, 2.0, 0.0, 0.0]))
    A = sp.csr_array((np.append(A.data, 0.0), np.append(A.indices, 3), [0, 1, 2, 2, 3]), (4, 4))
    assert A.nnz == 3
    assert symmetric_rank(A) == (2, 2)
    assert structural_rank(A) == (2, 2)
    assert symmetric_rank(sp.csr_array((5, 5))) == structural_rank(sp.csr_array((5, 3))) == (0, 0)


def test_an_entry_on_one_side_alone_proves_nothing_from_below():
    A = sp.csr_array(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1e-17, 0.0, 0.0]]))
    assert not is_symmetric(A)
    assert symmetric_rank(A) == (0, 2)


def test_one_bit_on_one_side_is_seen(rng):
    A = random_graph(rng, 300, 0.02, loops=True)
    assert is_symmetric(A, with_values=True)
    k = np.flatnonzero(A.indices != np.repeat(np.arange(300), np.diff(A.indptr)))[0]
    A.data[k] = np.nextafter(A.data[k], 2.0)
    assert is_symmetric(A)
    assert not is_symmetric(A, with_values=True)


def test_symmetry_is_that_of_the_entries(rng):
    n = 4
    for _ in range(300):
        A = sp.csr_array(rng.integers(-1, 2, (n, n)).astype(float))
        is_so = bool((A.toarray() == A.toarray().T).all())
        assert is_symmetric(A, with_values=True) == is_so


def test_operators_take_it_from_their_factor_and_never_from_a_shift(rng):
    X = sp.random_array((300, 500), density=2e-3, rng=rng).tocsr()
    low, high = structural_rank(X)
    assert gram(X).facts.structural_rank() == (low, high)
    assert augmented(X).facts.structural_rank() == (2 * low, 2 * high)
    assert gram(X.toarray()).facts.structural_rank is None
    assert as_operator(np.eye(3)).facts.structural_rank is None
    assert shift(gram(X), 1.0).facts.structural_rank is None
