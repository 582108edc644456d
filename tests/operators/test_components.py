"""Parts of a direct sum against LAPACK on the whole."""

import numpy as np
import pytest
import scipy.sparse as sp

from symrank.operators import components
from symrank.operators.components import parts, parts_of_rectangle


def direct_sum(rng, sizes, dtype):
    blocks = []
    for k in sizes:
        B = rng.standard_normal((k, k)).astype(dtype)
        if np.dtype(dtype).kind == "c":
            B = B + 1j * rng.standard_normal((k, k))
        blocks.append(B + B.conj().T)
    A = sp.csr_array(sp.block_diag(blocks)).astype(dtype)
    order = rng.permutation(A.shape[0])
    return sp.csr_array(A[order][:, order])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.complex64])
def test_small_components_have_the_eigenvalues_of_the_whole(rng, dtype, monkeypatch):
    monkeypatch.setattr(components, "STACK", 200)  # several stacks of a size
    sizes = [*rng.integers(1, 9, 40), 1, 1, 17]
    A = direct_sum(rng, sizes, dtype)
    found = parts(A, 0)
    assert (found.num_components, found.num_small, found.largest) == (43, 43, 17)
    assert found.rest is None
    error = 100.0 * np.finfo(dtype).eps * 10.0
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(A.toarray()), atol=error)


def test_the_others_are_one_matrix_with_the_norm_of_the_whole(rng, monkeypatch):
    monkeypatch.setattr(components, "MOST_ROWS", 20)
    for unit in (0.01, 100.0):  # the largest eigenvalue is that of a large one, of a small one
        large, small = direct_sum(rng, [30, 30], float), direct_sum(rng, [5] * 8, float)
        A = sp.block_diag([large, unit * small])
        found = parts(sp.csr_array(A), 0)
        whole, rest = np.linalg.eigvalsh(A.toarray()), np.linalg.eigvalsh(found.rest.toarray())
        assert found.rest.shape == (65, 65)
        assert found.num_small == 7
        assert np.abs(rest).max() == pytest.approx(np.abs(whole).max())
        both = np.sort(np.append(rest, found.values))
        np.testing.assert_allclose(both, whole, atol=1e-12 * np.abs(whole).max())


def test_where_it_saves_nothing_there_are_no_parts(rng):
    assert parts(direct_sum(rng, [10], float), 0) is None
    A = direct_sum(rng, [1100, 5], float)
    assert parts(A, 6) is None
    assert parts(A, 5).num_small == 0  # the only small one has gone with the other


def test_empty_rows_and_stored_zeros_are_components_of_their_own():
    A = sp.csr_array(np.diag([3.0, 0.0, 0.0, 2.0]))
    A = sp.csr_array((np.append(A.data, 0.0), np.append(A.indices, 0), [0, 1, 1, 1, 3]), (4, 4))
    found = parts(A, 0)
    assert found.num_components == 4
    np.testing.assert_array_equal(found.values, [0.0, 0.0, 2.0, 3.0])


def blocks_of(rng, shapes, dtype=float):
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_small_rectangles_have_the_singular_values_of_the_whole(rng, dtype, monkeypatch):
    monkeypatch.setattr(components, "STACK", 50)
    shapes = [(1, 1), (1, 4), (3, 1), (2, 3), (2, 3), (5, 2), (7, 7), (0, 3), (2, 0)]
    X = sp.csr_array(sp.block_diag(blocks_of(rng, shapes, dtype)))
    X = X[rng.permutation(X.shape[0])][:, rng.permutation(X.shape[1])]
    found = parts_of_rectangle(X, 0)
    assert found.rest is None
    assert (found.num_components, found.num_small) == (7 + 3 + 2, 7 + 3 + 2)
    assert found.largest == 7
    sigma = np.linalg.svd(X.toarray(), compute_uv=False)[::-1]
    assert found.values.size == min(X.shape)
    np.testing.assert_allclose(found.values, sigma, atol=100 * np.finfo(dtype).eps * 5.0)


def test_other_rectangles_are_one_with_the_norm_of_the_whole(rng, monkeypatch):
    monkeypatch.setattr(components, "MOST_ROWS", 10)
    shapes = [(20, 30), (30, 11), (4, 2), (2, 4), (3, 3), (3, 0)]
    for unit in (0.01, 100.0):
        large, small = blocks_of(rng, shapes[:2]), blocks_of(rng, shapes[2:])
        X = sp.csr_array(sp.block_diag([*large, *(unit * block for block in small)]))
        found = parts_of_rectangle(X, 0)
        sigma = np.linalg.svd(X.toarray(), compute_uv=False)
        rest = np.linalg.svd(found.rest.toarray(), compute_uv=False)
        assert rest[0] == pytest.approx(sigma[0])
        both = np.sort(np.append(rest, found.values))[::-1]
        np.testing.assert_allclose(both, sigma, atol=1e-12 * sigma[0])
