"""Rows that are multiples of others: singular values and eigenvalues stay."""

import numpy as np
import pytest
import scipy.sparse as sp

from symrank.operators.merged import lines_of, merged, merged_hermitian

FACTORS = np.array([1.0, -1.0, 2.0, 3.0, 0.5, -7.0])


def doubled(rng, dtype):
    """Return a matrix of few integers with rows and columns that are multiples of others."""
    m, n = rng.integers(1, 20, 2)
    X = np.rint(4 * sp.random_array((m, n), density=0.4, rng=rng).toarray())
    factors = FACTORS[:2] if np.dtype(dtype).kind == "c" else FACTORS
    rows, columns = rng.integers(0, m, m + 5), rng.integers(0, n, n + 5)
    X = (rng.choice(factors, m + 5)[:, None] * X[rows])[:, columns] * rng.choice(factors, n + 5)
    return X.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_singular_values_stay_and_multiples_go(rng, dtype):
    for _ in range(100):
        X = doubled(rng, dtype) * np.dtype(dtype).type(2.0 ** rng.integers(-60, 60))
        left = merged(sp.csr_array(X)).toarray()
        sigma = np.linalg.svd(X, compute_uv=False)
        found = np.linalg.svd(left, compute_uv=False)
        norm, k = float(sigma[0]), min(sigma.size, found.size)
        error = 50 * np.finfo(dtype).eps * norm
        np.testing.assert_allclose(found[:k], sigma[:k], atol=error)
        assert (sigma[k:] <= error).all()
        assert (found[k:] <= error).all()
        assert left.shape[0] <= X.shape[0] - 5
        assert left.shape[1] <= X.shape[1] - 5


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_eigenvalues_stay_with_their_signs(rng, dtype):
    for _ in range(100):
        X = doubled(rng, dtype)
        signs = rng.choice([-1.0, 1.0], X.shape[1])
        A = ((X * signs) @ X.conj().T).astype(dtype)
        B = merged_hermitian(sp.csr_array(A)).toarray()
        np.testing.assert_array_equal(B, B.conj().T)
        values = np.linalg.eigvalsh(A)
        found = np.append(np.linalg.eigvalsh(B), np.zeros(A.shape[0] - B.shape[0]))
        error = 50 * np.finfo(dtype).eps * float(np.abs(values).max())
        np.testing.assert_allclose(np.sort(found), values, atol=error)


def test_to_be_proportional_is_exact():
    third = 1.0 / 3.0
    rows = np.array([[1.0, third], [3.0, 1.0], [3.0, 3.0 * third], [0.1, 0.3], [1.0, 3.0]])
    assert 3.0 * third == 1.0  # rounded: rows 0 and 1 are not parallel, and their quotients equal
    assert lines_of(sp.csr_array(rows)).rows.size == 4
    assert lines_of(sp.csr_array(rows[[0, 3, 4]])).rows.size == 3  # 0.3 / 0.1 is not 3
    assert lines_of(sp.csr_array(rows[[1, 2]])).rows.size == 1


def test_quotients_that_round_to_the_same_are_told_apart(rng):
    """Among rows of random numbers some have the same rounded quotient, and none is parallel."""
    a = 1.0 + rng.integers(1, 2**30, 4000) * 2.0**-30
    q = 1.0 + rng.integers(1, 4, 4000) * 2.0**-52
    rows = np.stack([a, a * q], axis=1)
    found = lines_of(sp.csr_array(rows))
    exact = {(int(x * 2**60), int(y * 2**60)) for x, y in rows}
    parallel = {tuple(np.array(pair, object) // np.gcd.reduce(np.array(pair, object)))
                for pair in exact}  # fmt: skip
    assert found.rows.size >= len(parallel)
    assert len({y / x for x, y in rows}) < 10


def test_extreme_rows_are_merged_without_overflow():
    X = np.array([[1e-300, 2e-300], [2e-300, 4e-300], [1e300, 2e300], [5e-324, 1e-323]])
    found = lines_of(sp.csr_array(X))
    assert np.isfinite(found.lengths).all()
    assert 2 in found.rows
    assert lines_of(sp.csr_array((3, 4))).rows.size == 0


def test_one_hot_rows_are_counted_once(rng):
    levels = [rng.integers(0, k, 5000) for k in (4, 5, 3)]
    X = np.concatenate([np.eye(k)[x] for k, x in zip((4, 5, 3), levels, strict=True)], axis=1)
    left = merged(sp.csr_array(X))
    assert left.shape == (60, 12)
    np.testing.assert_allclose(
        np.linalg.svd(left.toarray(), compute_uv=False)[:10],
        np.linalg.svd(X, compute_uv=False)[:10],
        rtol=1e-12,
    )
