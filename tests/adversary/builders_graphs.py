"""Matrices of graphs: incidence matrices, and the normalised Laplacian of one with weights."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, laplacian

from tests.adversary.builders import eps_of, permuted
from tests.adversary.problems import Problem

NODES = 60
APART = 3.0  # x / y of two singular values that a grounded edge can have


def incidence(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return a tall incidence matrix with these singular values, rows and columns permuted.

    An edge alone has x and 0, one node that is grounded x, and one of the two nodes of an edge
    that is grounded, [[a, 0], [b, -b]] with a b = x y and a^2 + 2 b^2 = x^2 + y^2, x and y.
    """
    n = lam.size
    filled = np.sort(lam[lam > 0.0])[::-1].tolist()
    zeros, blocks = n - len(filled), []
    while filled:
        x, sign = filled.pop(0), rng.choice([-1.0, 1.0])
        if zeros and rng.integers(2):
            zeros -= 1
            blocks.append(np.sqrt(0.5) * np.array([[x, sign * x]]))
        elif filled and x > APART * filled[-1]:
            t = filled.pop() / x
            square = (1.0 + t * t + np.sqrt((1.0 + t * t) ** 2 - 8.0 * t * t)) / 4.0
            b = np.sqrt(square)
            blocks.append(x * np.array([[t / b, 0.0], [b, sign * b]]))
        else:
            blocks.append(np.array([[x]]))
    blocks += [np.zeros((0, 1))] * zeros
    missing = max(0, n + 1 - sum(len(block) for block in blocks))
    F = sp.csr_array(sp.block_diag([*blocks, np.zeros((missing, 0))]))
    F.eliminate_zeros()
    return permuted(F, lam, level, rng, error=16.0)


def weighted_graph(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return a normalised Laplacian: zeros by components, the rest by LAPACK and its rounding."""
    i, j = rng.integers(NODES, size=(2, NODES - 10))
    w = np.exp(rng.standard_normal(i.size))
    W = sp.coo_array((w[i != j], (i[i != j], j[i != j])), shape=(NODES, NODES)).tocsr()
    W = sp.csr_array(W + W.T)
    A = sp.csr_array(laplacian(W, normed=True))
    count, label = connected_components(W)
    found = np.linalg.eigvalsh(A.toarray())
    error = 10.0 * np.sqrt(NODES) * eps_of(float) * float(found[-1])
    low, high = found - error, found + error
    low[:count], high[:count] = -error, error  # D^-1/2 is rounded
    null = (label[:, None] == np.arange(count)) * np.sqrt(np.maximum(W.sum(axis=1), 1.0 * (
        np.diff(W.indptr) == 0)))[:, None]  # fmt: skip
    return Problem(
        A=A, low=low, high=high, eps=eps_of(float), level=level, order=NODES, null=null
    )  # fmt: skip
