"""Random matrices of the statements, and roads to the loss that share nothing with the package."""

import numpy as np
import scipy.linalg
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


def definite(rng, n, spread=1.0):
    """Symmetric positive definite, condition number up to exp(2 spread)."""
    Q = scipy.linalg.qr(rng.standard_normal((n, n)))[0]
    return Q @ np.diag(np.exp(rng.uniform(-spread, spread, n))) @ Q.T


def semidefinite(rng, n, rank):
    """Of a given rank, nonzero eigenvalues between 0.3 and 3."""
    Q = scipy.linalg.qr(rng.standard_normal((n, n)))[0]
    lam = np.concatenate([rng.uniform(0.3, 3.0, rank), np.zeros(n - rank)])
    return Q @ np.diag(lam) @ Q.T


def indefinite(rng, n):
    """Eigenvalues between -1 and 1."""
    Q = scipy.linalg.qr(rng.standard_normal((n, n)))[0]
    return Q @ np.diag(rng.uniform(-1.0, 1.0, n)) @ Q.T


def loss_by_lyapunov(H, G, D, times):
    """tr(H C) / 2 with C' = -G H C - C H G + D, C(0) = 0, integrated step by step."""
    n = len(H)

    def moves(_, c):
        C = c.reshape(n, n)
        drift = G @ H @ C
        return (D - drift - drift.T).ravel()

    found = solve_ivp(
        moves, (0.0, max(times)), np.zeros(n * n), "DOP853", times, rtol=1e-11, atol=1e-12
    )
    return np.array([0.5 * np.trace(H @ c.reshape(n, n)) for c in found.y.T])


def printed_loss(H, G, Sigma, t):
    """Eq. (5) with its factors in the printed order."""
    return 0.25 * np.trace(Sigma @ G @ (np.eye(len(H)) - scipy.linalg.expm(-2.0 * t * G @ H)))


def limit_by_eigenvectors(product, G, Sigma):
    """Eq. (6), P the eigenvectors of a product: G H as printed, or H G."""
    lam, P = np.linalg.eig(product)
    J = np.diag((np.abs(lam) > 1e-9 * np.abs(lam).max()).astype(float))
    return 0.25 * np.trace(Sigma @ G @ P @ J @ np.linalg.inv(P)).real
