"""The dual vectors of a solve, and its residual polynomial at the floor."""

import numpy as np
import pytest

from symrank import gallery
from symrank.recurrences import conjugate_gradient as cg
from symrank.recurrences import minres

N, STEPS = 60, 12
LAM = np.concatenate([np.zeros(10), np.linspace(0.2, 1.0, 50)])
SIGNED = LAM * np.where(np.arange(N) % 3, 1.0, -1.0)


def problem(signed, seed=2):
    A = gallery.dense(SIGNED if signed else LAM, seed)
    G = gallery.dense(np.geomspace(0.2, 5.0, N), seed + 1)
    return A, G, A @ np.random.default_rng(seed).standard_normal((N, 3))


def run(A, B, G, signed, num_steps=STEPS, **options):
    module = minres if signed else cg
    state = module.start(B, lambda R: G @ R, dual=True)
    return module.extend(
        state, lambda X: A @ X, num_steps, lambda _: None, np.zeros(3), lambda R: G @ R, **options
    )


@pytest.mark.parametrize("signed", [False, True])
def test_the_dual_vector_is_the_solution_without_g(signed):
    A, G, B = problem(signed)
    state = run(A, B, G, signed)
    assert np.abs(G @ state.Y - state.X).max() < 1e-10 * np.abs(state.X).max()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("tau", [1e-3, 1e-2, 5e-2])
def test_the_error_in_small_eigenvalues_is_damped_by_the_polynomial(signed, tau):
    # one eigenvalue at tau and one at -tau: what is left of b there is rho(lambda) b
    A, G, _ = problem(signed)
    lam = (SIGNED if signed else LAM).copy()
    lam[0], lam[1] = tau, (-tau if signed else tau)
    values = np.linalg.eigh(gallery.dense(lam, 2))
    A = (values[1] * values[0]) @ values[1].T
    G = np.eye(N)  # eigenvectors of A are those of G A
    B = A @ np.random.default_rng(1).standard_normal((N, 3))
    state = run(A, B, G, signed)
    c = minres.damping(state, tau) if signed else cg.damping(state.alpha, state.beta, tau)
    near = np.flatnonzero(np.abs(np.abs(values[0]) - tau) < 1e-9 * tau + 1e-14)
    assert near.size == 2
    U = values[1][:, near]
    rho = (U.T @ (B - A @ state.X)) / (U.T @ B)
    known = c > 0.0
    assert (rho[:, known] >= c[known] * (1 - 1e-6)).all()
    assert (rho[:, known] <= (1 + 1e-6) / c[known]).all()
    assert rho.min(axis=0)[known] == pytest.approx(c[known], rel=1e-5)
    assert known.any()


def test_a_ritz_value_below_the_cut_leaves_no_bound():
    A, G, B = problem(signed=False)
    state = run(A, B, G, signed=False, num_steps=40)
    least = min(cg.ritz_values(state, j).min() for j in range(3))
    assert (cg.damping(state.alpha, state.beta, 0.9 * least) > 0.0).all()
    most = max(cg.ritz_values(state, j).min() for j in range(3))
    assert (cg.damping(state.alpha, state.beta, 1.1 * most) == 0.0).all()


@pytest.mark.parametrize("signed", [False, True])
def test_a_column_rests_before_it_resolves_what_is_below_the_floor(signed):
    lam = (SIGNED if signed else LAM).copy()
    lam[:5] = 1e-6
    A = gallery.dense(lam, 2)
    B = A @ np.random.default_rng(1).standard_normal((N, 3))
    floor = 1e-5
    held = run(A, B, np.eye(N), signed, 200, floor=(floor, 0.0))
    free = run(A, B, np.eye(N), signed, 200)
    values, U = np.linalg.eigh(A)
    small = U[:, np.abs(np.abs(values) - 1e-6) < 1e-8]
    part = np.linalg.norm(small.T @ held.X, axis=0) / np.linalg.norm(small.T @ free.X, axis=0)
    assert small.shape[1] == 5
    assert (part < 0.1).all()
