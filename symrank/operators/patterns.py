r"""What the places of the stored nonzeros say of a rank, whatever their values.

No matrix with the pattern of A has a rank above the size of a maximum matching of its rows and
columns, the *structural rank*. The number of eigenvalues with |lambda| > tau is at most the rank,
for every tau >= 0.

A leaf of the graph of a symmetric A is a vertex u with one neighbour v and no diagonal entry. Rows
and columns u and v hold a_uv alone besides column and row v, so elimination gives

    rank A = 2 + rank(A without u and v),                                                     (1)

in exact arithmetic, for any values; a vertex with a diagonal entry and nothing else adds 1. Leaves
go off in rounds (R. M. Karp, M. Sipser, "Maximum matchings in sparse random graphs", FOCS 1981)
until a core is left without any. So with k the rank of what went off, and m the vertices of the
core that have neighbours left,

    k <= rank A <= k + (structural rank of the core) <= k + m.

That takes linear time. Of a large core m is taken, as a matching of it would take seconds; random
cores have a matching that leaves out next to nothing.

A rectangle X has the graph of [[0, X], [X^H, 0]], of rank 2 rank(X). Its leaves are rows and
columns with a single entry left, and in their order they are a triangle
(`symrank.operators.triangles`).
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import structural_rank as matching_size

from symrank.support.typing import Array, IntArray

__all__ = [
    "RankBounds",
    "is_symmetric",
    "matched_leaves",
    "stored_nonzeros",
    "structural_rank",
    "symmetric_rank",
]

MOST_ROUNDS = 400  # of leaves: a path loses two a round, and 400 of them take some hundredths
MATCHED_CORE = 400_000  # nonzeros of a core that is matched: a tenth of a second


class RankBounds(NamedTuple):
    """What exact arithmetic proves of a rank from the pattern: ``low <= rank <= high``."""

    low: int
    high: int


def structural_rank(pattern: Any) -> RankBounds:
    """Bound the rank of any matrix whose nonzeros are those of an m x n sparse pattern.

    Parameters
    ----------
    pattern
        (m, n) CSR array; stored zeros are no part of it, and values do not matter otherwise.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from symrank.operators.patterns import structural_rank
    >>> structural_rank(sp.csr_array([[1.0, 1.0, 1.0], [2.0, 0.0, 0.0], [3.0, 0.0, 0.0]]))
    RankBounds(low=2, high=2)
    """
    X = stored_nonzeros(pattern)
    m = X.shape[0]
    if not X.nnz:
        return RankBounds(0, 0)
    twin = _twin(X)
    rank, core, _ = _without_leaves(twin)
    rows, columns = core[core < m], core[core >= m] - m
    most = min(rows.size, columns.size)
    if most and _entries_in(twin, core) <= 2 * MATCHED_CORE:
        most = int(matching_size(X[rows][:, columns]))
    return RankBounds(rank // 2, rank // 2 + most)


def symmetric_rank(pattern: Any) -> RankBounds:
    """Bound the rank of any symmetric (Hermitian) matrix with the nonzeros of a sparse one.

    Parameters
    ----------
    pattern
        (n, n) CSR array. Where it is not symmetric, as rounding may leave it, that of
        ``A + A^H`` is taken, and nothing is proved from below.
    """
    A = stored_nonzeros(pattern)
    if not A.nnz:
        return RankBounds(0, 0)
    filled = int(np.count_nonzero(np.diff(A.indptr)))
    if np.count_nonzero(A.diagonal()) == filled:  # the diagonal is a matching
        return RankBounds(filled if A.nnz == filled else 0, filled)
    has_both = is_symmetric(A)
    if not has_both:
        ones = sp.csr_array((np.ones(A.nnz), A.indices, A.indptr), shape=A.shape)
        A = sp.csr_array(ones + ones.T)
    rank, core, _ = _without_leaves(A)
    most = core.size
    if most and _entries_in(A, core) <= MATCHED_CORE:
        most = int(matching_size(A[core][:, core]))
    return RankBounds(rank if has_both else 0, rank + most)


def matched_leaves(X: Any) -> list[tuple[IntArray, IntArray]]:
    """Return the rows and columns that leaves match, (row, column) a pair, round by round.

    Rows and columns of a CSR array without stored zeros are vertices 0 .. m - 1 and m .. m + n - 1;
    the first of a pair is the leaf. None of a round is tied to the leaf of another pair of it.
    """
    return _without_leaves(_twin(X))[2]


def stored_nonzeros(matrix: Any) -> Any:
    """Return a CSR array without the stored zeros of `matrix`; itself where it has none."""
    if matrix.nnz == np.count_nonzero(matrix.data):
        return matrix
    matrix = matrix.copy()
    matrix.eliminate_zeros()
    return matrix


def is_symmetric(matrix: Any, *, with_values: bool = False) -> bool:
    """Tell whether a real CSR array has an entry, or its value too, at (j, i) as at (i, j)."""
    A = matrix if matrix.has_sorted_indices else matrix.sorted_indices()
    values = A.data if with_values else np.ones(A.nnz, np.int8)
    T = sp.csr_array((values, A.indices, A.indptr), shape=A.shape).T.tocsr()
    is_same = np.array_equal(T.indptr, A.indptr) and np.array_equal(T.indices, A.indices)
    return is_same and np.array_equal(T.data, values)


def _twin(X: Any) -> Any:
    """Return the pattern of [[0, X], [X^H, 0]], X not empty."""
    return sp.block_array([[None, X], [X.T, None]], format="csr")


def _without_leaves(A: Any) -> tuple[int, IntArray, list[tuple[IntArray, IntArray]]]:
    """Take leaves off a symmetric pattern; return their rank, the vertices of the core, and pairs.

    A vertex knows how many neighbours it has left, and the sum of their numbers, which of a leaf is
    the number of the last one.
    """
    n, indptr = A.shape[0], A.indptr.astype(np.int64)
    degree = np.diff(indptr)
    filled = np.flatnonzero(degree)
    total = np.zeros(n, np.int64)
    total[filled] = np.add.reduceat(A.indices, indptr[filled], dtype=np.int64)
    owner = np.full(n, -1, np.int64)
    rank, leaves = 0, np.flatnonzero(degree == 1)
    pairs = []
    for _ in range(MOST_ROUNDS):
        if not leaves.size:
            break
        last = total[leaves]
        owner[last] = leaves  # one leaf for each neighbour: the others are left without any
        is_first = owner[last] == leaves
        is_pair = degree[last] == 1  # an edge alone, or a diagonal entry
        kept = is_first & (~is_pair | (leaves <= last))
        rank += 2 * int(kept.sum()) - int((leaves == last).sum())
        gone = last[kept]
        pairs.append((leaves[kept], gone))
        places = _ranges(indptr[gone], indptr[gone + 1])
        touched = A.indices[places]
        np.subtract.at(degree, touched, 1)
        np.subtract.at(total, touched, np.repeat(gone, indptr[gone + 1] - indptr[gone]))
        degree[gone] = degree[leaves] = 0
        leaves = np.unique(touched[degree[touched] == 1]).astype(np.int64)
    core = np.flatnonzero(degree > 0)  # below: vertices that went off lose neighbours, too
    return rank, core, pairs


def _ranges(starts: IntArray, ends: IntArray) -> IntArray:
    """Return the integers of all ranges ``starts[k] .. ends[k] - 1``, one after another."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    places: IntArray = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return places


def _entries_in(A: Any, core: Array) -> int:
    """Bound the nonzeros of the rows of a core."""
    return int((A.indptr[core + 1] - A.indptr[core]).sum())
