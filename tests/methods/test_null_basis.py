"""The basis of null vectors: what a last pass may replace, and what it must leave."""

import numpy as np
import pytest

from symrank import gallery
from symrank.methods.spaces.null_basis import cleaned, coordinates, improved

N, K = 30, 3
LAM = np.concatenate([np.zeros(K), np.linspace(0.5, 1.0, N - K)])


@pytest.fixture
def case(seed):
    """A matrix, its inverse on the range, and a basis with one null vector off by 1e-4."""
    A = gallery.dense(LAM, seed)
    values, U = np.linalg.eigh(A)
    small = np.abs(values) < 1e-8
    inverse = (U[:, ~small] / values[~small]) @ U[:, ~small].T
    Q = U[:, small].copy()
    Q[:, 1] += 1e-4 * U[:, ~small][:, 4]
    Q[:, 1] /= np.linalg.norm(Q[:, 1])
    return A, inverse, Q


def test_one_solve_makes_a_poor_vector_a_null_vector(case):
    A, inverse, Q = case
    poor = np.array([1])
    new, image = improved(Q, A @ Q, poor, inverse @ (A @ Q[:, poor]), lambda X: A @ X)
    np.testing.assert_allclose(new.T @ new, np.eye(K), atol=1e-14)
    assert np.linalg.norm(A @ new, 2) < 1e-14
    np.testing.assert_array_equal(image, A @ new)


def test_a_solve_that_made_it_worse_changes_nothing(case):
    A, inverse, Q = case
    poor = np.array([1])
    new, _ = improved(Q, A @ Q, poor, -10.0 * (inverse @ (A @ Q[:, poor])), lambda X: A @ X)
    assert new is Q


def test_vectors_that_would_become_dependent_stay(case):
    # x such that q - x is the first null vector again: a count of K would be of K - 1
    A, _, Q = case
    poor = np.array([1])
    new, _ = improved(Q, A @ Q, poor, Q[:, poor] - Q[:, [0]], lambda X: A @ X)
    assert new is Q


def test_coordinates_leave_out_what_does_not_spread(rng):
    Z = rng.standard_normal((N, K)) @ rng.standard_normal((K, 5))
    Q, spread = coordinates(Z, 1e-8)
    assert Q.shape == (N, K)
    assert spread.shape == (5,)
    np.testing.assert_allclose(Q @ (Q.T @ Z), Z, atol=1e-12)


def test_only_rounding_along_the_null_vectors_is_cleaned(rng):
    Q = np.linalg.qr(rng.standard_normal((N, K)))[0]
    B = Q[:, :1] * np.array([1e-9, 1e-3]) + rng.standard_normal((N, 2)) * 1e-2
    B -= Q @ (Q.T @ B) - Q[:, :1] * np.array([1e-9, 1e-3])
    out = cleaned(B, Q, 1e-6)
    assert np.linalg.norm(Q.T @ out[:, 0]) < 1e-15
    np.testing.assert_array_equal(out[:, 1], B[:, 1])
