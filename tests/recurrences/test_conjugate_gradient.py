"""Conjugate gradients by blocks: the solution, the Krylov space, rest, and what stops a run."""

from functools import partial

import numpy as np
import pytest

from symrank import gallery
from symrank.errors import OptionError
from symrank.recurrences import conjugate_gradient as cg
from tests.recurrences import problems
from tests.recurrences.problems import NULL, N, definite

LAM = np.concatenate([np.zeros(NULL), np.linspace(0.5, 2.0, N - NULL)])
ROUNDING = 200  # units of eps |v|: the condition number 4 and what 30 steps add up
DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


def problem(rng, dtype=np.float64, columns=3, lam=LAM):
    return problems.problem(rng, lam, dtype, columns)


run = partial(problems.run, cg)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_solution_is_that_of_the_pseudo_inverse(rng, dtype):
    A, B = problem(rng, dtype)
    state = run(A, B, tolerance=100 * np.finfo(dtype).eps)  # near zero a run only adds rounding
    expected = np.linalg.pinv(A.astype(np.complex128), rtol=1e-4, hermitian=True) @ B
    atol = ROUNDING * np.finfo(dtype).eps * np.linalg.norm(B, axis=0).max()
    np.testing.assert_allclose(state.X, expected, rtol=0, atol=atol)
    assert state.X.dtype == dtype
    assert not state.is_indefinite


def test_with_g_the_solution_is_the_one_in_g_range_a(rng):
    A, B = problem(rng)
    G = definite(rng)
    state = run(A, B, G=G, tolerance=1e-13)
    expected = G @ A @ np.linalg.pinv(A @ G @ A, rtol=1e-10, hermitian=True) @ B
    np.testing.assert_allclose(state.X, expected, rtol=0, atol=1e-11)


def test_the_energy_of_the_error_is_the_least_in_the_krylov_space(rng):
    A, B = problem(rng, columns=1, lam=LAM[NULL:])
    exact = np.linalg.solve(A, B)
    powers = [B]
    for steps in range(1, 6):
        state = run(A, B, num_steps=steps)
        K, _ = np.linalg.qr(np.hstack(powers))
        best = K @ np.linalg.solve(K.T @ A @ K, K.T @ B)
        np.testing.assert_allclose(state.X, best, atol=1e-11 * np.linalg.norm(exact))
        powers.append(A @ powers[-1])


def test_the_recurred_residual_is_the_residual(rng):
    A, B = problem(rng)
    state = run(A, B, num_steps=8, G=definite(rng))
    np.testing.assert_allclose(state.R, B - A @ state.X, atol=1e-12)


def test_a_column_at_its_tolerance_leaves_the_block(rng):
    tolerances = np.array([1e-12, 1e-3, 1e-7])
    A, B = problem(rng)
    state = cg.extend(cg.start(B), lambda X: A @ X, 200, lambda _: None, tolerances)
    left = np.linalg.norm(B - A @ state.X, axis=0)
    assert (left <= 1.01 * tolerances).all()  # rounding of a product apart
    assert (left[1:] > 10 * tolerances[[2, 0]]).all()


@pytest.mark.parametrize("dtype", [np.float64, np.complex64])
def test_a_negative_eigenvalue_is_seen(rng, dtype):
    lam = LAM.copy()
    lam[0] = -0.5
    A, B = problem(rng, dtype, lam=lam)
    state = run(A, B)
    assert state.is_indefinite
    assert state.is_done
    assert state.num_steps < 40


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spectrum", ["log-uniform", "clustered", "half log-uniform", "zero"])
def test_rounding_is_not_taken_for_a_negative_eigenvalue(rng, dtype, spectrum):
    A, B = problem(rng, dtype, lam=gallery.SPECTRA[spectrum](N))
    state = run(A, B, num_steps=500)
    assert not state.is_indefinite
    assert np.isfinite(state.X).all()


def test_ritz_values_of_a_full_run_are_the_eigenvalues_of_g_a(rng):
    lam = np.concatenate([np.zeros(6), np.linspace(0.5, 2.0, 6)])
    A, B = problem(rng, lam=lam)
    G = definite(rng, 12)
    for matrix, state in ((A, run(A, B, num_steps=6)), (G @ A, run(A, B, num_steps=6, G=G))):
        expected = np.sort(np.linalg.eigvals(matrix).real)[6:]
        np.testing.assert_allclose(cg.ritz_values(state, 1), expected, rtol=1e-8)


def test_a_g_that_is_not_positive_definite_is_refused(rng):
    A, B = problem(rng)
    with pytest.raises(OptionError, match=r"G is not positive definite: <r, G r> = -"):
        cg.start(B, lambda R: -R)
    signs = np.ones((N, 1))
    signs[: N // 2] = -1e3
    with pytest.raises(OptionError, match="symmetric positive definite G"):
        run(A, B, G=np.diag(signs[:, 0]))
    with pytest.raises(OptionError, match="nan"):
        cg.start(B, lambda R: np.nan * R)


def test_rounding_of_an_inner_product_with_g_is_no_refusal():
    R = np.eye(3)
    rho = cg.check_positive(np.full(3, -10 * np.finfo(float).eps), R, R)
    np.testing.assert_array_equal(rho, 0.0)
