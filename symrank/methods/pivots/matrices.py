"""The matrices whose pivots are counted, as the solvers take them."""

import math
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from symrank.errors import OptionError
from symrank.operators import Operator
from symrank.operators.facts import Facts

__all__ = [
    "core_of",
    "hermitian",
    "is_dense",
    "is_expander",
    "matrix_of",
    "reaches_all_soon",
    "real_twin",
    "seems_semidefinite",
]

HUB = 10.0  # times the mean of entries in a row: taken out, as what hangs by it alone fills nothing
ROUNDS = 2.0  # times log2 n
SPARSE = 1.2  # edges for each vertex: with fewer it is nearly a tree
TILE = 128  # rows and columns of a dense matrix that are added at a time: they stay in the cache


def is_dense(facts: Facts) -> bool:
    """Tell whether all n^2 entries are stored, so that LAPACK takes them as they are."""
    return facts.is_full and facts.is_explicit and facts.n > 0


def matrix_of(operator: Operator, max_entries: float) -> Any:
    """Return the real symmetric CSR matrix whose pivots are counted, every diagonal stored."""
    entries = operator.sparse_entries(max_entries)
    if entries is None:
        raise OptionError(
            f"method='inertia' factorises entries, and this {operator.name} is known by "
            "its products alone. Pass a sparse matrix, or use method='lanczos'."
        )
    return real_twin(entries)


def real_twin(entries: Any) -> Any:
    """Return the real twin of Hermitian `entries`, symmetric to the last bit."""
    if entries.dtype.kind == "c":
        entries = entries.astype(np.complex128)
        entries = sp.block_array([[entries.real, -entries.imag], [entries.imag, entries.real]])
    entries = sp.csr_array(entries, dtype=np.float64)
    half = entries * 0.5  # first: a sum may overflow
    diagonal = sp.eye_array(entries.shape[0], format="csr")
    return sp.csr_array(half + half.T + 0.0 * diagonal)


def hermitian(entries: Any) -> Any:
    """Return fresh dense entries in double precision, Hermitian to the last bit."""
    entries = entries.astype(np.complex128 if entries.dtype.kind == "c" else np.float64, copy=False)
    entries *= 0.5  # first: a sum may overflow
    for i in range(0, entries.shape[0], TILE):
        for j in range(0, i + 1, TILE):
            upper = entries[j : j + TILE, i : i + TILE]
            both = entries[i : i + TILE, j : j + TILE] + upper.conj().T
            entries[i : i + TILE, j : j + TILE], upper[...] = both, both.conj().T
    return entries


def seems_semidefinite(matrix: Any) -> bool:
    """Tell whether the diagonal allows it: positive, but in rows of zeros."""
    diagonal = matrix.diagonal().real
    rows = matrix[diagonal == 0.0]
    return bool((diagonal >= 0.0).all()) and not (rows != 0.0).sum()


def is_expander(matrix: Any) -> bool:
    """Tell whether the graph of a CSR matrix has no small separators, as its diameter shows.

    If log2 n steps from a vertex reach all that is reached at all, and that is most of it, whatever
    is eliminated first leaves a dense front of a share of n: so it is for random rectangles.
    """
    degrees = np.diff(matrix.indptr)
    kept = np.flatnonzero((degrees <= HUB * max(degrees.mean(), 1.0)) & (degrees > 1))
    if 2 * kept.size < matrix.shape[0]:
        return False
    A = sp.csr_array(matrix[kept][:, kept])
    A.data = np.ones(A.nnz)
    if A.nnz - kept.size < 2.0 * SPARSE * kept.size:
        return False
    return reaches_all_soon(A, float(np.log2(kept.size)), 0.5 * matrix.shape[0])


def reaches_all_soon(A: Any, most_steps: float, least: float) -> bool:
    """Tell whether a vertex of the largest component reaches all of it, more than `least`."""
    if not A.shape[0]:
        return False
    _, component = csgraph.connected_components(A, directed=False)
    start = int(np.argmax(component == np.bincount(component).argmax()))
    steps = np.asarray(csgraph.shortest_path(A, directed=False, indices=start, unweighted=True))
    reached = np.isfinite(steps)
    return bool(reached.sum() > least and steps[reached].max() <= most_steps)


def core_of(matrix: Any) -> Any:
    """Return the graph of a symmetric CSR matrix without vertices of fewer than three neighbours.

    Eliminating those fills nothing: a leaf leaves no edge, and a vertex between two leaves one. In
    a random graph trees and chains are of log n vertices: as many rounds end them, and those of
    another graph stay, where they take its diameter beyond any multiple of log n.
    """
    A, last = _without_loops(matrix), matrix.shape[0]
    place = np.random.default_rng(0).permutation(last)  # a chain loses a third in a round
    for _ in range(math.ceil(ROUNDS * math.log2(max(last, 2)))):
        degrees = np.diff(A.indptr)
        mine = np.where(degrees <= 2, place, last)
        theirs = np.full(A.shape[0], last)
        np.minimum.at(theirs, np.repeat(np.arange(A.shape[0]), degrees), mine[A.indices])
        goes = (degrees <= 2) & (mine < theirs)
        if not goes.any():
            break
        links = A[np.flatnonzero(goes)][:, ~goes]
        A, place = _without_loops(A[~goes][:, ~goes] + links.T @ links), place[~goes]
    return A


def _without_loops(matrix: Any) -> Any:
    """Return the pattern of a matrix beside its diagonal, as ones."""
    part = sp.coo_array(matrix)
    i, j = part.coords
    beside = (i != j) & (part.data != 0.0)
    ones = np.ones(int(beside.sum()))
    A = sp.csr_array(sp.coo_array((ones, (i[beside], j[beside])), shape=part.shape))
    A.data[:] = 1.0
    return A
