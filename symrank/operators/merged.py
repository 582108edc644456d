r"""A sparse matrix whose proportional rows, and columns, are one each: the same singular values.

Rows i in a group are s_i r, r one of them. With S the (m, k) matrix that has the s_i of a group in
its column, and D the diagonal matrix of their lengths |s|, S = U D with orthonormal columns U, so

    X = S R = U (D R),                                                                          (1)

and the singular values of X are those of D R, k rows, and zeros. Likewise for the columns of R,
which are proportional where those of X are. The rows of a Hermitian A are its columns too, so
A = U (D L D) U*, L the rows and columns of one of each group, and the eigenvalues of A are those of
D L D, and zeros.

Whether rows are proportional is no matter of rounding: real ones are where a_k b_0 = b_k a_0 for
all k, in exact arithmetic; complex ones where they are equal up to a sign. A product of two numbers
is that of the mantissas, rounded, and its rounding error, both known exactly (T. J. Dekker, Numer.
Math. 18, 1971), and the exponents.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from symrank.operators.patterns import stored_nonzeros
from symrank.operators.twins import alike, signs_of
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Lines", "lines_of", "merged", "merged_hermitian"]

SPLITTER = 2.0**27 + 1.0  # halves of 53 bits


class Lines(NamedTuple):
    """One row of each group, and the length |s| of the group with s = 1 there, each (k,)."""

    rows: IntArray
    lengths: FloatArray


def lines_of(matrix: Any) -> Lines:
    """Return the groups of proportional rows of a CSR array with finite entries.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from symrank.operators.merged import lines_of
    >>> X = sp.csr_array(np.array([[1.0, -1.0], [0.0, 0.0], [-3.0, 3.0], [1.0, 2.0]]))
    >>> found = lines_of(X)
    >>> found.rows.tolist(), (found.lengths**2).round(3).tolist()
    ([2, 3], [1.111, 1.0])
    """
    A = stored_nonzeros(matrix)
    A = A if A.has_sorted_indices else A.sorted_indices()
    lengths = np.diff(A.indptr).astype(np.int64)
    filled = np.flatnonzero(lengths)
    if not filled.size:
        return Lines(filled, np.empty(0))
    lead = A.data[A.indptr[filled]]
    if A.dtype.kind == "c":
        unit = signs_of(lead)
        size = np.ones(filled.size)
        group = alike(A, A.data * np.repeat(unit, lengths[filled]))
    else:
        with np.errstate(over="ignore", under="ignore"):
            quotients = A.data.astype(np.float64) / np.repeat(lead, lengths[filled])
        size = np.abs(lead.astype(np.float64))
        group = alike(A, quotients, _are_proportional)
    group = group[filled]
    order = np.lexsort((-size, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    first = order[starts]  # the largest row of a group
    shares = size / size[first][group]
    squares = np.bincount(group, shares * shares)
    return Lines(filled[first], np.sqrt(squares))


def merged(matrix: Any, least: float = 0.0) -> Any:
    """Return a CSR array with the singular values of an m x n one, but for zeros.

    None where fewer than `least` rows and columns go away.
    """
    rows = lines_of(matrix)
    part = matrix[rows.rows]  # as they are: rounded, columns would be multiples no more
    columns = lines_of(part.T.tocsr())
    if sum(matrix.shape) - rows.rows.size - columns.rows.size < least:
        return None
    return _scaled(part[:, columns.rows], rows.lengths, columns.lengths)


def merged_hermitian(matrix: Any, least: float = 0.0) -> Any:
    """Return one with the eigenvalues of a Hermitian CSR array, but for zeros.

    It is Hermitian to the last bit where `matrix` is, and has to be. None where fewer than `least`
    rows go away.
    """
    found = lines_of(matrix)
    if matrix.shape[0] - found.rows.size < least:
        return None
    return _scaled(matrix[found.rows][:, found.rows], found.lengths, found.lengths)


def _scaled(part: Any, left: FloatArray, right: FloatArray) -> Any:
    """Return D L D', of the two diagonals."""
    part = sp.csr_array(part)
    weights = np.repeat(left, np.diff(part.indptr)) * right[part.indices]
    return sp.csr_array(
        ((part.data * weights).astype(part.dtype), part.indices, part.indptr), shape=part.shape
    )


def _are_proportional(A: Any, left: IntArray, right: IntArray, i: Array, j: Array) -> Array:
    """Tell of each pair of entries i, j in rows `left` and `right` whether a_k b_0 = b_k a_0."""
    a, b = A.data[i], A.data[j]
    a_0, b_0 = A.data[A.indptr[left]], A.data[A.indptr[right]]
    return _equal_products((a, b_0), (b, a_0))


def _equal_products(one: tuple[Array, Array], two: tuple[Array, Array]) -> Array:
    """Tell which products of two numbers that are not zero are equal, without rounding."""
    high, low, power = _product(*one)
    other_high, other_low, other_power = _product(*two)
    shift = np.clip(power - other_power, -4, 4)
    same = (np.ldexp(high, shift) == other_high) & (np.ldexp(low, shift) == other_low)
    return np.asarray(same & (np.abs(power - other_power) <= 3))


def _product(a: Array, b: Array) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return a b as the sum of two numbers times a power of two."""
    (x, p), (y, q) = (np.frexp(part.astype(np.float64)) for part in (a, b))
    high = x * y
    x_1, y_1 = (SPLITTER * part - (SPLITTER * part - part) for part in (x, y))
    x_2, y_2 = x - x_1, y - y_1
    low = ((x_1 * y_1 - high) + x_1 * y_2 + x_2 * y_1) + x_2 * y_2
    return high, low, p.astype(np.int64) + q
