r"""Null vectors that a sparse matrix shows: rows of zeros, and rows that are equal up to a sign.

Rows i and j = s i, s = +-1, of a Hermitian A are columns too, so A (e_i - s e_j) = 0. With a group
of g rows s_i r and the unit vector u = s / sqrt(g) of that group,

    A = U B U*,   U orthonormal columns u, one a group,                                       (1)

B = D L D with L the rows and columns of the first of each group and D = diag(sqrt(g)). The
eigenvalues of A are those of B and zeros, and

    null(A) = span of what is orthogonal to u in every group  +  U null(B),                    (2)

orthogonal to each other. What is orthogonal to u are Helmert's contrasts,

    h_j = s * (1, ..., 1, -j, 0, ..., 0) / sqrt(j (j + 1)),   j ones, j = 1 .. g - 1.         (3)

Rows are compared to the last bit: nothing here is a matter of rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Twins", "alike", "signs_of", "twins_of"]

ODD = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of splitmix64


@dataclass(frozen=True, kw_only=True)
class Twins:
    """The groups of equal rows of an (n, n) matrix.

    Attributes
    ----------
    group
        (n,), number of the group of each row; -1 for a row of zeros.
    sign
        (n,), of each row against the first of its group.
    first
        (m,), the first row of each group.
    """

    group: IntArray
    sign: FloatArray
    first: IntArray

    @property
    def sizes(self) -> IntArray:
        """Rows of each group, (m,)."""
        return np.bincount(self.group[self.group >= 0], minlength=self.first.size)

    @property
    def num_null(self) -> int:
        """Null vectors that eq. (2) shows beside those of B."""
        return int(self.group.size - self.first.size)

    def reduced(self, entries: Any) -> Any:
        """Return B of eq. (1) as a CSR array."""
        part = sp.coo_array(entries[self.first][:, self.first])
        i, j = part.coords
        weights = np.sqrt((self.sizes[i] * self.sizes[j]).astype(np.float64))  # exact on a group
        data = (part.data * weights).astype(part.dtype)
        return sp.csr_array(sp.coo_array((data, (i, j)), shape=part.shape))

    def lifted(self, X: Array) -> Array:
        """Return U X, (n, k) from (m, k)."""
        rows = np.flatnonzero(self.group >= 0)
        group = self.group[rows]
        weight = self.sign[rows] / np.sqrt(self.sizes[group])
        lifted = np.zeros((self.group.size, X.shape[1]), dtype=X.dtype)
        lifted[rows] = X[group] * weight[:, None]
        return lifted

    def contrasts(self, dtype: Any) -> Array:
        """Return the null vectors of eq. (3) and of the rows of zeros, (n, num_null)."""
        vectors = np.zeros((self.group.size, self.num_null), dtype=dtype)
        empty = np.flatnonzero(self.group < 0)
        vectors[empty, np.arange(empty.size)] = 1.0
        column = empty.size
        order = np.argsort(self.group, kind="stable")[empty.size :]
        ends = np.cumsum(self.sizes)
        for end, size in zip(ends.tolist(), self.sizes.tolist(), strict=True):
            rows = order[end - size : end]
            for j in range(1, size):
                length = np.sqrt(j * (j + 1.0))
                vectors[rows[:j], column] = self.sign[rows[:j]] / length
                vectors[rows[j], column] = -j * self.sign[rows[j]] / length
                column += 1
        return vectors


def twins_of(entries: Any) -> Twins:
    """Return the groups of a Hermitian CSR array, which is symmetric to the last bit.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from symrank.operators.twins import twins_of
    >>> A = sp.csr_array(np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    >>> twins = twins_of(A)
    >>> twins.num_null, twins.reduced(A).toarray().tolist()
    (2, [[2.0]])
    """
    A = sp.csr_array(entries, copy=True)
    A.eliminate_zeros()
    A.sort_indices()
    lengths = np.diff(A.indptr).astype(np.int64)
    filled = np.flatnonzero(lengths)
    sign = np.ones(A.shape[0])
    sign[filled] = signs_of(A.data[A.indptr[filled]])
    group = alike(A, A.data * np.repeat(sign, lengths))
    first = np.full(int(group.max(initial=-1)) + 1, A.shape[0], dtype=np.int64)
    np.minimum.at(first, group[filled], filled)
    sign[filled] *= sign[first[group[filled]]]
    return Twins(group=group, sign=sign, first=first)


def alike(A: Any, data: Array, also: Callable[..., Array] | None = None) -> IntArray:
    """Number the groups of rows of a CSR array that would be equal if its entries were `data`.

    Parameters
    ----------
    A
        (n, n) or (m, n) CSR array without stored zeros, sorted.
    data
        In the place of its entries; compared to the last bit.
    also
        ``also(A, left, right, i, j)`` tells of entries i and j, of rows `left` and `right` whose
        data are equal, whether they pass for equal.

    Returns
    -------
    ndarray
        (m,), in the order of the first rows; -1 for a row of zeros.
    """
    n, lengths = A.shape[0], np.diff(A.indptr).astype(np.int64)
    filled, group = np.flatnonzero(lengths), np.full(A.shape[0], -1, dtype=np.int64)
    if not filled.size:
        return group
    keys = _keys(data, A.indices, A.indptr[filled], lengths[filled])
    order = np.lexsort((keys, lengths[filled]))
    rows = filled[order]
    same = np.append(False, (keys[order][1:] == keys[order][:-1]))
    same[1:] &= _are_equal(A, data, rows[:-1], rows[1:], same[1:], also)
    number = np.cumsum(~same) - 1
    first = np.full(int(number[-1]) + 1, n, dtype=np.int64)
    np.minimum.at(first, number, rows)
    again = np.argsort(first)
    place = np.empty(again.size, dtype=np.int64)
    place[again] = np.arange(again.size)
    group[rows] = place[number]
    return group


def signs_of(values: Array) -> FloatArray:
    """Return 1 or -1: which makes the real part positive, or the imaginary one where it is zero."""
    leading = np.where(values.real != 0.0, values.real, values.imag)
    return np.where(leading < 0.0, -1.0, 1.0)


def _keys(data: Array, columns: Array, starts: Array, lengths: Array) -> Any:
    """Return a hash of each row, by sums of integers, which know no order and no rounding."""
    wide = data.astype(np.complex128 if data.dtype.kind == "c" else np.float64) + 0.0  # no -0
    words = np.ascontiguousarray(wide).view(np.uint64).reshape(wide.size, -1)
    total = columns.astype(np.uint64) * np.uint64(ODD[0])
    for word in words.T:
        total = _mixed(total ^ (word * np.uint64(ODD[1])))
    assert int(lengths.sum()) == total.size
    return np.add.reduceat(total, starts)


def _mixed(x: Any) -> Any:
    """Return 64 bits that hang on all 64 of x."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(ODD[1])
    x = (x ^ (x >> np.uint64(27))) * np.uint64(ODD[2])
    return x ^ (x >> np.uint64(31))


def _are_equal(
    A: Any,
    data: Array,
    left: Array,
    right: Array,
    asked: Array,
    also: Callable[..., Array] | None,
) -> Array:
    """Tell which pairs of rows that are asked about hold the same entries."""
    found = np.zeros(left.size, dtype=bool)
    lengths = np.diff(A.indptr)
    pairs = np.flatnonzero(asked & (lengths[left] == lengths[right]))
    if not pairs.size:
        return found
    size = lengths[left[pairs]].astype(np.int64)
    ends = np.cumsum(size)
    within = np.arange(int(ends[-1])) - np.repeat(ends - size, size)
    i, j = (np.repeat(A.indptr[rows[pairs]], size) + within for rows in (left, right))
    differ = (A.indices[i] != A.indices[j]) | (data[i] != data[j])
    if also is not None:
        differ |= ~also(A, np.repeat(left[pairs], size), np.repeat(right[pairs], size), i, j)
    found[pairs] = ~np.logical_or.reduceat(differ, ends - size)
    return found
