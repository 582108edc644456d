r"""A triangular piece of a sparse matrix, and how many singular values it proves above a level.

Rows and columns with a single entry left, taken off one after another with the column or row of
that entry, are pivots (i_k, j_k). Column j_k had its last entry in row i_k (b), or row i_k its last
one in column j_k (a), so with all pivots (b) in their order, and after them all pivots (a) in the
order turned round,

    T = X[i_1 .. i_r, j_1 .. j_r]        is upper triangular,                                   (1)

none of its diagonal entries being zero. Singular values interlace: sigma_k(X) >= sigma_k(T), so X
has r singular values of at least sigma_min(T) = 1 / |T^-1|. That T has rank r in exact arithmetic
says nothing of that: with ones on the diagonal and twos beside it, sigma_min is some 2^-r.

With the comparison matrix M, |t_ii| on the diagonal and -|t_ij| beside it, |T^-1| <= M^-1 entry by
entry, and with e a vector of ones, two triangular solves bound it:

    |T^-1|_2^2 <= |M^-1|_inf |M^-1|_1 = max(M^-1 e) max(M^-T e).                                (2)

If M^-1 e is too large, pivots are left out. For a set S of pivots (M_SS)^-1 <= (M^-1)_SS, as for
every M-matrix, so T_S keeps what was proved, and pivot i is left out where the solve arrives at a
number above 1 / level: with both maxima below it, r' = |S| singular values of X are above `level`.

Rounding: all terms of a solve are positive. Each number has the relative error of a sum of at most
all entries, and that is taken off the limit.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from symrank.operators.patterns import matched_leaves, stored_nonzeros
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Triangle", "norm_between", "num_above", "triangle"]

SAFE = 1.0 - 1e-9  # norms: sums of as many terms as a row or column has entries
ROUNDINGS = 4  # of an entry: its modulus, the product, the sum and the quotient


class Triangle(NamedTuple):
    """Rows and columns of (1), each (r,); those of a group ``ends[k-1] .. ends[k]`` do not meet."""

    rows: IntArray
    columns: IntArray
    ends: IntArray


def triangle(matrix: Any) -> Triangle:
    """Return the triangular piece of an m x n CSR array that leaves give.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from symrank.operators.triangles import num_above, triangle
    >>> X = sp.csr_array(np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 1.0]]))
    >>> piece = triangle(X)
    >>> piece.rows.tolist(), piece.columns.tolist()
    ([0, 1], [0, 2])
    >>> num_above(X, piece, 0.5), num_above(X, piece, 1.5)
    (2, 1)
    """
    X = stored_nonzeros(matrix)
    m = X.shape[0]
    first: list[tuple[IntArray, IntArray]] = []
    last: list[tuple[IntArray, IntArray]] = []
    for leaves, others in matched_leaves(X) if X.nnz else []:
        is_row = leaves < m
        last.append((leaves[is_row], others[is_row] - m))
        first.append((others[~is_row], leaves[~is_row] - m))
    groups = [pair for pair in (*first, *last[::-1]) if pair[0].size]
    if not groups:
        none = np.empty(0, np.int64)
        return Triangle(none, none, none)
    rows, columns = (np.concatenate(part) for part in zip(*groups, strict=True))
    return Triangle(rows, columns, np.cumsum([pair[0].size for pair in groups]))


def num_above(matrix: Any, piece: Triangle, level: float) -> int:
    """Return how many singular values of a CSR array its triangular piece proves above `level`.

    Parameters
    ----------
    matrix
        (m, n) CSR array; its entries are finite.
    piece
        Of `triangle`, for the same array.
    level
        Not negative.
    """
    r = piece.rows.size
    if not r:
        return 0
    T = _moduli(matrix, piece)
    error = ROUNDINGS * (T.nnz + r) * float(np.finfo(np.float64).eps)
    limit = np.inf if level == 0.0 else (1.0 - 2.0 * error) / level
    if not (error < 0.1 and limit > 0.0):
        return 0
    ends = piece.ends.tolist()
    groups = list(zip([0, *ends[:-1]], ends, strict=True))
    kept = np.ones(r, bool)
    _leave_out(T, groups[::-1], limit, kept)
    _leave_out(T.T.tocsr(), groups, limit, kept)
    return int(kept.sum())


def norm_between(matrix: Any) -> tuple[float, float]:
    """Return bounds of |X|_2 of a CSR array: its longest row or column, and (|X|_1 |X|_inf)^1/2."""
    moduli = np.abs(matrix.data).astype(np.float64)
    X = sp.csr_array((moduli, matrix.indices, matrix.indptr), shape=matrix.shape)
    squares = sp.csr_array((moduli**2, matrix.indices, matrix.indptr), shape=matrix.shape)
    sums, lengths = (
        [float(part.sum(axis=axis).max(initial=0.0)) for axis in (0, 1)] for part in (X, squares)
    )
    return SAFE * np.sqrt(max(lengths)), np.sqrt(sums[0]) * np.sqrt(sums[1]) / SAFE


def _moduli(matrix: Any, piece: Triangle) -> Any:
    """Return |T| as a CSR array in double precision, rows and columns in the order of (1)."""
    X = stored_nonzeros(matrix)
    place = np.full(X.shape[1], -1, np.int64)
    place[piece.columns] = np.arange(piece.columns.size)
    part = X[piece.rows]
    rows = np.repeat(np.arange(piece.rows.size), np.diff(part.indptr))
    columns = place[part.indices]
    inside = columns >= 0
    values = np.abs(part.data[inside]).astype(np.float64)
    order = (piece.rows.size, piece.rows.size)
    return sp.csr_array(sp.coo_array((values, (rows[inside], columns[inside])), shape=order))


def _leave_out(T: Any, groups: list[tuple[int, int]], limit: float, kept: Array) -> None:
    """Solve M y = e group after group, and leave out of `kept` what would be above the limit."""
    y: FloatArray = np.zeros(kept.size)
    diagonal, starts = T.diagonal(), T.indptr[:-1].astype(np.int64)
    with np.errstate(over="ignore", divide="ignore"):
        for begin, end in groups:
            entries = slice(int(T.indptr[begin]), int(T.indptr[end]))
            terms = T.data[entries] * y[T.indices[entries]]
            sums = np.add.reduceat(terms, starts[begin:end] - entries.start)
            found = (1.0 + sums) / diagonal[begin:end]
            kept[begin:end] &= found <= limit
            y[begin:end] = np.where(kept[begin:end], found, 0.0)
