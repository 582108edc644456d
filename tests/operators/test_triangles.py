"""What a triangular piece proves of singular values, against LAPACK."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import structural_rank as matching_size

from symrank.operators.patterns import structural_rank
from symrank.operators.triangles import norm_between, num_above, triangle

EPS = float(np.finfo(float).eps)
LEVELS = (1e-10, 1e-3, 0.1, 0.3, 1.0, 3.0)


def random_rectangle(rng, dtype=np.float64):
    m, n = rng.integers(1, 25, 2)
    density = min(1.0, rng.uniform(0.5, 3.0) / max(m, n))
    X = sp.random_array((m, n), density=density, rng=rng).tocsr().astype(dtype)
    X.data *= np.exp(rng.uniform(0.0, 3.0) * rng.standard_normal(X.nnz)).astype(X.real.dtype)
    phase = np.exp(2j * np.pi * rng.random(X.nnz)) if X.dtype.kind == "c" else 1.0
    X.data *= np.asarray(phase * rng.choice([-1.0, 1.0], X.nnz)).astype(X.dtype)
    return X


def path(weights):
    return sp.diags_array([weights, weights], offsets=[-1, 1], format="csr")


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_the_piece_is_a_triangle_and_no_proof_exceeds_the_singular_values(rng, dtype):
    sharp = total = 0
    for _ in range(150):
        X = random_rectangle(rng, dtype)
        piece = triangle(X)
        T = X[piece.rows][:, piece.columns].toarray()
        assert (np.tril(T, -1) == 0.0).all()
        assert (np.diag(T) != 0.0).all()
        assert piece.rows.size == structural_rank(X).low
        sigma = np.linalg.svd(X.toarray(), compute_uv=False)
        error = 100 * np.finfo(dtype).eps
        for level in LEVELS:
            proved = num_above(X, piece, level)
            assert proved <= (sigma > level * (1.0 - error)).sum()
            sharp, total = sharp + proved, total + (sigma > level).sum()
    assert sharp > 0.6 * total  # the bound is of use: leaves are most of so sparse a matrix


def test_groups_are_independent_rows_and_columns(rng):
    X = sp.random_array((300, 400), density=5e-3, rng=rng).tocsr()
    piece = triangle(X)
    start = 0
    for end in piece.ends:
        block = X[piece.rows[start:end]][:, piece.columns[start:end]]
        assert block.nnz == end - start  # its diagonal
        start = end


def test_pivots_of_one_prove_nothing_where_they_grow():
    """A path of matching edges 1 and others 2: all pivots are 1, two eigenvalues are 2^-60."""
    A = path(np.where(np.arange(119) % 2, 2.0, 1.0))
    piece = triangle(A)
    assert piece.rows.size == matching_size(A) == 120
    cut = 500 * EPS * norm_between(A)[1]
    values = np.abs(np.linalg.eigvalsh(A.toarray()))
    assert num_above(A, piece, cut) == (values > cut).sum() == 118
    assert num_above(A, piece, 0.0) == 120


@pytest.mark.parametrize("growth", [1.1, 2.0, 1e3])
def test_a_growing_triangle_keeps_all_pivots_but_those_that_grew(growth):
    n = 200
    T = sp.csr_array(np.eye(n) - growth * np.eye(n, k=1))
    sigma = np.linalg.svd(T.toarray(), compute_uv=False)
    for level in (1e-3, 1e-8, 1e-12):
        proved = num_above(T, triangle(T), level)
        lost = n * np.log(growth) / np.log(1.0 / level) + 1  # each pivot left out starts anew
        assert proved <= (sigma > level).sum()
        assert proved >= n - 2 * lost


@pytest.mark.parametrize("is_turned", [False, True])
def test_a_long_column_of_the_inverse_is_seen(is_turned):
    """Rows of T^-1 have sums of 2, its last column one of n: sigma_min is some n^(-1/2)."""
    n = 400
    T = np.eye(n)
    T[:-1, -1] = -1.0
    X = sp.csr_array(T.T if is_turned else T)
    sigma = np.linalg.svd(T, compute_uv=False)
    for level in (0.01, 0.2):
        assert num_above(X, triangle(X), level) <= (sigma > level).sum()
    assert num_above(X, triangle(X), 1.0 / 410) == n


def test_a_sparse_rectangle_is_proved_to_have_the_rank_of_its_pattern(rng):
    X = sp.random_array((20_000, 30_000), density=1e-4, rng=rng).tocsr()
    low, high = structural_rank(X)
    piece, norm = triangle(X), norm_between(X)[1]
    assert piece.rows.size == low
    assert num_above(X, piece, 500 * EPS * norm) == low == high


def test_extreme_numbers_are_left_out_and_never_counted():
    X = sp.csr_array(np.array([[5e-324, 1.0], [0.0, 1e300]]))
    piece = triangle(X)
    assert piece.rows.size == 2
    assert num_above(X, piece, 1e-300) == 1
    assert num_above(X, piece, 1e301) == 0
    empty = sp.csr_array((3, 4))
    assert num_above(empty, triangle(empty), 0.0) == 0
    stored = sp.csr_array((np.zeros(2), ([0, 1], [0, 1])), shape=(2, 2))
    assert triangle(stored).rows.size == 0


def test_the_norm_lies_between_its_bounds(rng):
    for _ in range(50):
        X = random_rectangle(rng)
        low, high = norm_between(X)
        norm = np.linalg.norm(X.toarray(), 2) if X.nnz else 0.0
        assert low <= norm <= high
