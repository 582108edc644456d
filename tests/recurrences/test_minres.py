"""MINRES by blocks: the solution, the least residual, continuation, rest."""

from functools import partial

import numpy as np
import pytest

from symrank import gallery
from symrank.recurrences import minres
from tests.recurrences import problems
from tests.recurrences.problems import NULL, N, definite

SIGNED = np.concatenate([np.linspace(-2.0, -0.5, 12), np.zeros(NULL), np.linspace(0.5, 1.5, 18)])
ROUNDING = 500  # units of eps |b|: the condition number 4 and what 30 steps add up
DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


def problem(rng, dtype=np.float64, columns=3, lam=SIGNED):
    return problems.problem(rng, lam, dtype, columns)


run = partial(problems.run, minres)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_solution_is_that_of_the_pseudo_inverse(rng, dtype):
    A, B = problem(rng, dtype)
    eps = np.finfo(dtype).eps
    state = run(A, B, tolerance=100 * eps)
    expected = np.linalg.pinv(A.astype(np.complex128), rtol=1e-4, hermitian=True) @ B
    atol = ROUNDING * eps * np.linalg.norm(B, axis=0).max()
    np.testing.assert_allclose(state.X, expected, rtol=0, atol=atol)
    assert state.X.dtype == dtype
    assert state.is_done


def test_with_g_the_solution_is_the_one_in_g_range_a(rng):
    A, B = problem(rng)
    G = definite(rng)
    state = run(A, B, G=G, tolerance=1e-13)
    root = np.linalg.cholesky(G)
    inner = np.linalg.pinv(root.T @ A @ root, rtol=1e-10, hermitian=True)
    expected = root @ inner @ root.T @ B  # pinv of S* A S: y orthogonal to its null space
    np.testing.assert_allclose(state.X, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("preconditioned", [False, True])
def test_the_residual_is_the_least_in_the_krylov_space_and_known(rng, preconditioned):
    A, B = problem(rng, columns=1)
    G = definite(rng) if preconditioned else np.eye(N)
    root = np.linalg.cholesky(G)
    powers = [G @ B]
    for steps in range(1, 7):
        state = run(A, B, num_steps=steps, G=G)
        K, _ = np.linalg.qr(np.hstack(powers))
        y, *_ = np.linalg.lstsq(root.T @ A @ K, root.T @ B, rcond=None)
        np.testing.assert_allclose(state.X, K @ y, atol=1e-9)
        R = B - A @ state.X
        np.testing.assert_allclose(state.rho, [(R.T @ G @ R)[0, 0]], rtol=1e-9)
        powers.append(G @ A @ powers[-1])


def test_a_column_at_its_tolerance_leaves_the_block(rng):
    A, B = problem(rng)
    state = run(A, B, tolerance=1e-5)
    left = np.linalg.norm(B - A @ state.X, axis=0)
    assert (left <= 1e-5).all()
    assert (left > 1e-9).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spectrum", ["log-uniform", "indefinite", "clustered", "zero"])
def test_running_on_past_rounding_does_no_harm(rng, dtype, spectrum):
    A, B = problem(rng, dtype, lam=gallery.SPECTRA[spectrum](N))
    state = run(A, B, num_steps=300)
    left = np.linalg.norm(B - A @ state.X, axis=0)
    eps = np.finfo(dtype).eps
    size = np.linalg.norm(B, axis=0) + np.linalg.norm(state.X, axis=0)
    assert (left <= 1e-2 * np.linalg.norm(B, axis=0) + ROUNDING * eps * size).all()


def test_ritz_values_of_a_full_run_are_the_eigenvalues_of_g_a(rng):
    lam = np.concatenate([np.linspace(-1.0, -0.5, 3), np.zeros(6), np.linspace(0.5, 2.0, 3)])
    A, B = problem(rng, lam=lam)
    G = definite(rng, 12)
    for matrix, state in ((A, run(A, B, num_steps=6)), (G @ A, run(A, B, num_steps=6, G=G))):
        values = np.sort(np.linalg.eigvals(matrix).real)
        expected = values[np.abs(values) > 1e-8]
        np.testing.assert_allclose(minres.ritz_values(state, 1), expected, rtol=1e-8)
