"""Consistent singular systems for the solvers, and how a solver is run on one."""

import numpy as np

from symrank import gallery

N, NULL = 40, 10


def problem(rng, lam, dtype=np.float64, columns=3):
    A = gallery.dense(lam, rng, dtype)
    V = rng.standard_normal((2, lam.size, columns))
    V = (V[0] + 1j * V[1] if np.dtype(dtype).kind == "c" else V[0]).astype(dtype)
    return A, A @ V


def definite(rng, n=N):
    return gallery.dense(np.linspace(0.3, 3.0, n), rng)


def run(solver, A, B, num_steps=200, tolerance=0.0, G=None, tick=lambda _: None):
    tolerance = np.full(B.shape[1], tolerance)
    product = None if G is None else lambda R: np.asarray(G @ R, dtype=R.dtype)
    state = solver.start(B, product)
    return solver.extend(state, lambda X: A @ X, num_steps, tick, tolerance, product)
