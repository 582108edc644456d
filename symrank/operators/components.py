r"""The connected components of a sparse matrix: it is their direct sum.

With the rows put in order, a symmetric A = A_1 + A_2 + ... (direct), and its eigenvalues are those
of all A_k together. With rows and columns put in order by the graph that has an edge i-j for every
x_ij, a rectangle X = X_1 + X_2 + ..., and its min(m, n) singular values are the min(m_k, n_k) of
all X_k, and zeros. Components of a few rows are decomposed in stacks of one shape, which takes
LAPACK some microseconds for each; what is left is one matrix again, the direct sum of the others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from symrank.operators.patterns import stored_nonzeros
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Parts", "parts", "parts_of_rectangle"]

MOST_ROWS = 1024  # of a component whose eigenvalues are computed: 8 MiB
MOST_WORK = 3e10  # sum of rows^3 of all of them: two seconds
PER_COMPONENT = 2e4  # of that, whatever its size: the call
STACK = 1 << 22  # numbers of a stack: 32 MiB


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """A matrix in two: small components with their eigenvalues, and the others as one matrix.

    Attributes
    ----------
    values
        Eigenvalues of the small components, all together; of a rectangle singular values, and the
        zeros that no component has.
    largest
        Rows, or columns, of the largest of them.
    rest
        CSR array of all other components, and of the small one with the largest eigenvalue by
        modulus, so that its norm is that of the whole; None where all are small.
    num_small, num_components
        How many there are.
    """

    values: FloatArray
    largest: int
    rest: Any
    num_small: int
    num_components: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Components:
    """Components of rows and columns: the number of each, and how many rows and columns it has."""

    of_row: IntArray
    of_column: IntArray
    heights: IntArray
    widths: IntArray

    @classmethod
    def of(cls, count: int, of_row: IntArray, of_column: IntArray) -> "_Components":
        heights, widths = (np.bincount(label, minlength=count) for label in (of_row, of_column))
        return cls(of_row=of_row, of_column=of_column, heights=heights, widths=widths)

    @property
    def num_values(self) -> IntArray:
        """Eigenvalues or singular values of each."""
        return np.minimum(self.heights, self.widths)


def parts(matrix: Any, least: float) -> Parts | None:
    """Return the parts of a symmetric CSR array; None where fewer rows than `least` are small."""
    A = stored_nonzeros(matrix)
    count, labels = _labels(A)
    found = _Components.of(count, labels, labels)
    return _parted(A, found, least, _of_stack)


def parts_of_rectangle(matrix: Any, least: float) -> Parts | None:
    """Return those of any CSR array, by singular values; `least` of rows and columns together."""
    X = stored_nonzeros(matrix)
    m = X.shape[0]
    count, labels = _labels(sp.block_array([[None, X], [X.T, None]], format="csr"))
    found = _Components.of(count, labels[:m], labels[m:])
    return _parted(X, found, 0.5 * least, _singular)


def _labels(A: Any) -> tuple[int, IntArray]:
    """Return the number of connected components of a symmetric pattern, and that of each vertex."""
    edges = sp.csr_array((np.ones(A.nnz), A.indices, A.indptr), shape=A.shape)
    count, labels = connected_components(edges, directed=False)
    return int(count), labels.astype(np.int64)


def _parted(A: Any, found: _Components, least: float, decomposed: Any) -> Parts | None:
    """Return the parts of what has these components; see `parts`."""
    count = found.heights.size
    if count == 1:
        return None
    is_small = _affordable(found)
    rows_and_columns = found.heights + found.widths
    if rows_and_columns[is_small].sum() < 2 * max(least, 1):
        return None
    values, owners = _values(A, found, is_small, decomposed)
    rest, num_rest = None, 0
    if not is_small.all():
        if values.size:
            largest = owners[np.argmax(np.abs(values))]  # its norm goes with the rest
            values = values[owners != largest]
            is_small[largest] = False
        rest = A[~is_small[found.of_row]][:, ~is_small[found.of_column]]
        num_rest = min(rest.shape)
    num_zeros = min(A.shape) - num_rest - values.size
    sizes = np.maximum(found.heights, found.widths)
    return Parts(
        values=np.sort(np.concatenate([values, np.zeros(num_zeros)])),
        largest=int(sizes[is_small].max(initial=1)),
        rest=rest,
        num_small=int(is_small.sum()),
        num_components=count,
    )


def _affordable(found: _Components) -> Array:
    """Tell which components are decomposed: the smallest, as many as the work allows."""
    small, large = np.sort([found.heights, found.widths], axis=0).astype(
        np.float64
    )  # one of the two is zero of an empty row or column
    work = np.where(large > 1, large * small**2 + PER_COMPONENT, 1.0)
    order = np.argsort(work, kind="stable")
    is_small = np.zeros(large.size, bool)
    is_small[order] = (np.cumsum(work[order]) <= MOST_WORK) & (large[order] <= MOST_ROWS)
    return is_small


def _values(
    A: Any, found: _Components, is_small: Array, decomposed: Any
) -> tuple[FloatArray, IntArray]:
    """Return the values of the components that are small, and which one each belongs to."""
    at_row, at_column = _places(found.of_row), _places(found.of_column)
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    owner = found.of_row[rows]
    has_any = is_small & (found.num_values > 0)
    shapes = np.where(has_any, found.heights * (MOST_ROWS + 1) + found.widths, 0)
    shape_of_entry = shapes[owner]
    order = np.argsort(shape_of_entry, kind="stable")
    wanted = np.unique(shapes[has_any])
    begins, ends = (np.searchsorted(shape_of_entry[order], wanted, s) for s in ("left", "right"))
    values, owners = [np.empty(0)], [np.empty(0, np.int64)]
    number_of = np.empty(shapes.size, np.int64)  # of a component, among those of its shape
    for shape, begin, end in zip(wanted.tolist(), begins, ends, strict=True):
        height, width = divmod(shape, MOST_ROWS + 1)
        entries = order[begin:end]
        members = np.flatnonzero(shapes == shape)
        number_of[members] = np.arange(members.size)
        number = number_of[owner[entries]]
        step = max(1, STACK // (height * width))
        for first in range(0, members.size, step):
            chunk = members[first : first + step]
            is_mine = (number >= first) & (number < first + chunk.size)
            mine, at = entries[is_mine], number[is_mine] - first
            stack = np.zeros((chunk.size, height, width), A.dtype)
            stack[at, at_row[rows[mine]], at_column[A.indices[mine]]] = A.data[mine]
            values.append(decomposed(stack).astype(np.float64).ravel())
            owners.append(np.repeat(chunk, min(height, width)))
    return np.concatenate(values), np.concatenate(owners)


def _places(labels: IntArray) -> IntArray:
    """Number the members of each component."""
    nodes = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    place = np.empty(labels.size, np.int64)
    place[nodes] = np.arange(labels.size) - (np.cumsum(sizes) - sizes)[labels[nodes]]
    return place


def _of_stack(stack: Array) -> Array:
    """Return the eigenvalues of Hermitian matrices, (c, k)."""
    if stack.shape[-1] == 1:
        return np.asarray(stack[:, :, 0].real)
    half = 0.5 * stack
    return np.linalg.eigvalsh(half + half.conj().transpose(0, 2, 1))


def _singular(stack: Array) -> Array:
    """Return the singular values of matrices, (c, k)."""
    if min(stack.shape[1:]) == 1:
        return np.asarray(np.linalg.norm(stack, axis=(1, 2))[:, None])
    return np.linalg.svd(stack, compute_uv=False)
