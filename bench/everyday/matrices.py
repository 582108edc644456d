"""Forty everyday matrices, each with its rank by construction and the tool that a user would take.

A rank that no construction gives is taken from the tool, which is exact there: matchings,
components, all singular values. `None` as a tool: no single call of NumPy or SciPy answers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse import csgraph

from symrank import gallery

Build = Callable[[np.random.Generator], Any]


class Matrix(NamedTuple):
    """What is asked, of whom, and what is right."""

    build: Build
    tool: str  # of TOOLS
    rank: Callable[[Any], int] | int | None = None  # None: what the tool says
    is_bound: bool = False  # the tool's answer bounds the rank from above


def product(m: int, n: int, r: int, dtype: Any = np.float64) -> Build:
    """Return dense m x n matrices of rank r."""

    def build(rng: np.random.Generator) -> Any:
        left, right = rng.standard_normal((m, r)), rng.standard_normal((r, n))
        return (left.astype(dtype) @ right.astype(dtype)) / np.sqrt(dtype(r))

    return build


def symmetric(n: int, r: int, dtype: Any = np.float64) -> Build:
    """Return dense symmetric matrices of rank r, of both signs."""

    def build(rng: np.random.Generator) -> Any:
        U = rng.standard_normal((n, r)).astype(dtype)
        return (U * np.where(np.arange(r) % 2, 1, -1).astype(dtype)) @ U.T / dtype(n)

    return build


def covariance(samples: int, features: int, dtype: Any = np.float64) -> Build:
    """Return sample covariances: rank min(samples - 1, features)."""

    def build(rng: np.random.Generator) -> Any:
        return np.cov(rng.standard_normal((samples, features)), rowvar=False).astype(dtype)

    return build


def sparse(m: int, n: int, density: float) -> Build:
    """Return sparse rectangles at random."""
    return lambda rng: sp.random_array((m, n), density=density, rng=rng, format="csr")


def duplicated(m: int, n: int, copies: int, density: float) -> Build:
    """Return sparse m x n rectangles whose last columns are copies of the first."""

    def build(rng: np.random.Generator) -> Any:
        A = sp.random_array((m, n - copies), density=density, rng=rng, format="csc")
        A = sp.csc_array(A + sp.eye_array(m, n - copies, format="csc"))  # full column rank
        return sp.csr_array(sp.hstack([A, A[:, :copies]]))

    return build


def one_hot(rows: int, *levels: int) -> Build:
    """Return designs of factors, one column a level: each factor sums to the column of ones."""

    def build(rng: np.random.Generator) -> Any:
        parts = []
        for k in levels:
            chosen = np.concatenate([np.arange(k), rng.integers(0, k, rows - k)])
            ones = np.ones(rows)
            parts.append(sp.csr_array((ones, (np.arange(rows), chosen)), shape=(rows, k)))
        return sp.csr_array(sp.hstack([np.ones((rows, 1)), *parts]))

    return build


def graph(nodes: int, edges: int, weights: bool = False) -> Build:
    """Return adjacency matrices of random graphs."""

    def build(rng: np.random.Generator) -> Any:
        i, j = rng.integers(0, nodes, (2, edges))
        keep = i != j
        values = rng.random(keep.sum()) + 0.5 if weights else np.ones(keep.sum())
        half = sp.coo_array((values, (i[keep], j[keep])), shape=(nodes, nodes))
        return sp.csr_array(half + half.T)

    return build


def laplacian(build: Build, **kind: bool) -> Build:
    """Return the Laplacian of an adjacency matrix."""
    return lambda rng: sp.csr_array(csgraph.laplacian(build(rng), **kind))


def incidence(nodes: int, edges: int) -> Build:
    """Return signed incidence matrices, edges x nodes."""

    def build(rng: np.random.Generator) -> Any:
        i, j = rng.integers(0, nodes, (2, edges))
        keep = i != j
        rows = np.arange(keep.sum())
        plus = sp.coo_array((np.ones(rows.size), (rows, i[keep])), shape=(rows.size, nodes))
        minus = sp.coo_array((np.ones(rows.size), (rows, j[keep])), shape=(rows.size, nodes))
        return sp.csr_array(plus - minus)

    return build


def tree(nodes: int) -> Build:
    """Return adjacency matrices of random trees, whose rank is twice a matching."""

    def build(rng: np.random.Generator) -> Any:
        child = np.arange(1, nodes)
        parent = (rng.random(nodes - 1) * child).astype(int)
        half = sp.coo_array((np.ones(nodes - 1), (child, parent)), shape=(nodes, nodes))
        return sp.csr_array(half + half.T)

    return build


def kkt(n: int, m: int, duplicates: int) -> Build:
    """Return [[H, B'], [B, 0]] with H > 0 and some rows of B twice: rank n + m - duplicates."""

    def build(rng: np.random.Generator) -> Any:
        H = gallery.grid_laplacian((n // 100, 100)) + sp.eye_array(n)
        B = sp.random_array((m - duplicates, n), density=3.0 / n, rng=rng, format="csr")
        B = sp.csr_array(B + sp.eye_array(m - duplicates, n))
        B = sp.csr_array(sp.vstack([B, B[:duplicates]]))
        return sp.csr_array(sp.block_array([[H, B.T], [B, None]]))

    return build


def blocks(count: int, size: int, rank: int) -> Build:
    """Return block diagonal matrices of small blocks."""

    def build(rng: np.random.Generator) -> Any:
        U = rng.standard_normal((count, size, rank))
        return sp.csr_array(sp.block_diag(list(U @ U.transpose(0, 2, 1)), format="csr"))

    return build


def rods(cells: int) -> Build:
    """Return the stiffness of a free plane truss: three rigid motions cost nothing."""

    def build(rng: np.random.Generator) -> Any:  # noqa: ARG001
        side = np.arange(cells * cells).reshape(cells, cells)
        pairs = [(side[:, :-1], side[:, 1:]), (side[:-1], side[1:]), (side[:-1, :-1], side[1:, 1:])]
        i = np.concatenate([a.ravel() for a, _ in pairs])
        j = np.concatenate([b.ravel() for _, b in pairs])
        at = np.stack([np.arange(cells * cells) % cells, np.arange(cells * cells) // cells], axis=1)
        along = (at[j] - at[i]).astype(float)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        rows = np.repeat(np.arange(i.size), 4)
        columns = np.stack([2 * i, 2 * i + 1, 2 * j, 2 * j + 1], axis=1).ravel()
        values = np.concatenate([-along, along], axis=1).ravel()
        E = sp.csr_array((values, (rows, columns)), shape=(i.size, 2 * cells * cells))
        return sp.csr_array(E.T @ E)

    return build


def updated(n: int, r: int) -> Build:
    """Return I minus the projection onto r directions: rank n - r."""

    def build(rng: np.random.Generator) -> Any:
        Q, _ = np.linalg.qr(rng.standard_normal((n, r)))
        return np.eye(n) - Q @ Q.T

    return build


def nilpotent(n: int) -> Build:
    """Return shifts, which are not symmetric and all of whose eigenvalues are zero."""
    return lambda _: np.diag(np.ones(n - 1), 1)


def components(A: Any) -> int:
    """Return the number of vertices less that of components."""
    return int(A.shape[0] - csgraph.connected_components(A)[0])


MATRICES: dict[str, Matrix] = {
    "tall": Matrix(product(200_000, 300, 120), "matrix_rank", 120),
    "tall, float32": Matrix(product(100_000, 200, 80, np.float32), "matrix_rank", 80),
    "tall, full": Matrix(product(60_000, 150, 150), "matrix_rank", 150),
    "wide": Matrix(product(300, 50_000, 90), "matrix_rank", 90),
    "square": Matrix(product(2000, 2000, 700), "matrix_rank", 700),
    "square, float32": Matrix(product(2000, 2000, 700, np.float32), "matrix_rank", 700),
    "square, full": Matrix(lambda rng: rng.standard_normal((1500, 1500)), "matrix_rank", 1500),
    "square, small": Matrix(product(60, 60, 17), "matrix_rank", 17),
    "nilpotent": Matrix(nilpotent(1000), "matrix_rank", 999),
    "triangular": Matrix(lambda rng: np.triu(rng.standard_normal((800, 800)), 3), "matrix_rank"),
    "symmetric": Matrix(symmetric(1500, 600), "symmetric_rank", 600),
    "symmetric, float32": Matrix(symmetric(1500, 600, np.float32), "symmetric_rank", 600),
    "symmetric, large": Matrix(symmetric(4500, 300), "symmetric_rank", 300),
    "symmetric, large, full": Matrix(symmetric(4200, 4200), "symmetric_rank", 4200),
    "covariance, few samples": Matrix(covariance(200, 600), "symmetric_rank", 199),
    "covariance, many samples": Matrix(covariance(3000, 500), "symmetric_rank", 500),
    "covariance, large": Matrix(covariance(800, 4500), "symmetric_rank", 799),
    "covariance, float32": Matrix(covariance(300, 900, np.float32), "symmetric_rank", 299),
    "rank-one update": Matrix(updated(1800, 1), "symmetric_rank", 1799),
    "projection": Matrix(updated(2000, 500), "symmetric_rank", 1500),
    "sparse rectangle": Matrix(sparse(20_000, 30_000, 1e-4), "structural_rank", is_bound=True),
    "sparse rectangle, small": Matrix(sparse(3000, 2000, 1e-3), "matrix_rank"),
    "sparse, copied columns": Matrix(duplicated(4000, 3000, 500, 1e-3), "matrix_rank", 2500),
    "one-hot design": Matrix(one_hot(30_000, 60, 40, 25), "matrix_rank", 60 + 40 + 25 - 3 + 1),
    "one-hot design, large": Matrix(one_hot(100_000, 500, 300), "svdvals of X'X", 799),
    "Laplacian": Matrix(laplacian(graph(1_000_000, 800_000)), "components", components),
    "Laplacian, connected": Matrix(laplacian(graph(50_000, 300_000)), "components", components),
    "Laplacian, weights": Matrix(laplacian(graph(100_000, 90_000, True)), "components", components),
    "Laplacian, normalised": Matrix(
        laplacian(graph(60_000, 90_000), normed=True), "components", components
    ),
    "grid": Matrix(lambda _: gallery.grid_laplacian((500, 400)), "components", components),
    "adjacency of a tree": Matrix(tree(200_000), "structural_rank"),
    "adjacency": Matrix(graph(1_000_000, 3_000_000), "structural_rank", is_bound=True),
    "adjacency, sparse": Matrix(graph(300_000, 120_000), "structural_rank", is_bound=True),
    "incidence": Matrix(incidence(3000, 2500), "matrix_rank"),
    "incidence, large": Matrix(incidence(200_000, 150_000), "structural_rank", is_bound=True),
    "KKT": Matrix(kkt(8000, 2000, 0), "splu", 10_000),
    "KKT, duplicate rows": Matrix(kkt(10_000, 2000, 500), "splu", 11_500),
    "truss": Matrix(rods(60), "splu", 2 * 60 * 60 - 3),
    "small blocks": Matrix(blocks(5000, 6, 4), "splu", 20_000),
    "mass matrix": Matrix(
        lambda _: sp.csr_array(gallery.grid_laplacian((200, 200)) + sp.eye_array(40_000)),
        "splu", 40_000,
    ),
}  # fmt: skip


def splu_rank(A: Any) -> int:
    """Count the pivots of SuperLU that are not noise, as one would; wrong or an error at times."""
    with np.errstate(all="ignore"):
        try:
            pivots = np.abs(sp.linalg.splu(sp.csc_array(A)).U.diagonal())
        except RuntimeError:  # exactly singular: there is no factor to count in
            return -1
    return int((pivots > pivots.max() * max(A.shape) * np.finfo(float).eps).sum())


def dense_of(A: Any) -> Any:
    return A.toarray() if sp.issparse(A) else A


TOOLS: dict[str, Callable[[Any], int]] = {
    "matrix_rank": lambda A: int(np.linalg.matrix_rank(dense_of(A))),
    "symmetric_rank": lambda A: int(np.linalg.matrix_rank(A, hermitian=True)),
    "svdvals of X'X": lambda A: int(
        (scipy.linalg.svdvals((A.T @ A).toarray()) > 1e-9 * A.shape[0]).sum()
    ),
    "structural_rank": lambda A: int(csgraph.structural_rank(sp.csr_array(A))),
    "components": components,
    "splu": splu_rank,
}
GRAPH_TOOLS = ("structural_rank", "components")
