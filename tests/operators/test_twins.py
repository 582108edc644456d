"""Equal rows: the null vectors that they show, and the matrix that is left."""

import numpy as np
import pytest
import scipy.sparse as sp

from symrank.operators.twins import twins_of

ROUNDING = 1e-14  # some eps, times rows of a few entries of size one


def with_twins(rng, n=60, *, dtype=float):
    """Return a sparse Hermitian matrix with rows repeated, turned in sign, and empty."""
    m = n // 2
    A = sp.random_array((m, m), density=0.1, rng=rng).toarray().astype(dtype)
    if np.dtype(dtype).kind == "c":
        A = A + 1j * sp.random_array((m, m), density=0.1, rng=rng).toarray()
    A = A + A.conj().T + np.diag(rng.permutation(m) + 1.0)  # no two rows alike by chance
    rows = np.concatenate([np.arange(m), rng.integers(0, m, n - m - 3)])
    sign = rng.choice([-1.0, 1.0], rows.size)
    whole = np.zeros((n, n), dtype)
    whole[: rows.size, : rows.size] = sign[:, None] * A[np.ix_(rows, rows)] * sign
    order = rng.permutation(n)
    return sp.csr_array(whole[np.ix_(order, order)]), n - m


@pytest.mark.parametrize("dtype", [float, complex, np.float32])
def test_what_is_left_and_the_contrasts_are_the_whole_matrix(rng, dtype):
    A, num_null = with_twins(rng, dtype=dtype)
    twins = twins_of(A)
    assert twins.num_null == num_null
    B = twins.reduced(A)
    lifted, contrasts = twins.lifted(np.eye(B.shape[0])), twins.contrasts(float)
    Q = np.hstack([contrasts, lifted])
    np.testing.assert_allclose(Q.T @ Q, np.eye(A.shape[0]), atol=ROUNDING)
    eps = np.finfo(dtype).eps
    assert np.abs(A @ contrasts).max() <= 4 * eps * np.abs(A).max()
    difference = np.abs(lifted @ B.toarray() @ lifted.T - A.toarray()).max()
    assert difference <= 8 * eps * np.abs(A).max()


def test_rows_that_differ_in_one_bit_are_no_twins():
    A = np.ones((3, 3))
    A[2, 2] = np.nextafter(1.0, 2.0)
    twins = twins_of(sp.csr_array(A))
    assert twins.num_null == 1
    assert sorted(twins.sizes.tolist()) == [1, 2]


def test_hashes_that_meet_make_no_twins(rng, monkeypatch):
    """Rows are compared, whatever their hashes say."""
    monkeypatch.setattr("symrank.operators.twins._mixed", np.zeros_like)
    A = sp.csr_array(np.diag(np.arange(1.0, 9.0)))
    assert twins_of(A).num_null == 0
    A = sp.csr_array(np.kron(np.diag([1.0, 2.0]), np.ones((2, 2))))
    assert twins_of(A).num_null == 2


@pytest.mark.parametrize("n", [0, 1, 4])
def test_a_matrix_of_zeros_has_no_groups(n):
    stored = sp.csr_array((np.zeros(n), np.arange(n), np.arange(n + 1)), shape=(n, n))
    for A in (sp.csr_array((n, n)), stored):
        twins = twins_of(A)
        assert twins.num_null == n
        assert twins.reduced(A).shape == (0, 0)
        np.testing.assert_array_equal(twins.contrasts(float), np.eye(n))
        assert twins.lifted(np.zeros((0, 2))).shape == (n, 2)
