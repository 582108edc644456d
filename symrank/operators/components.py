r"""The connected components of a symmetric sparse matrix: it is their direct sum.

With the rows put in order, A = A_1 + A_2 + ... (direct), and its eigenvalues are those of all A_k
together. Components of a few rows are decomposed in stacks of one size, which takes LAPACK some
microseconds for each; what is left is one matrix again, the direct sum of the others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from symrank.operators.patterns import stored_nonzeros
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Parts", "parts"]

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
        Eigenvalues of the small components, all together.
    largest
        Rows of the largest of them.
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


def parts(matrix: Any, least: float) -> Parts | None:
    """Return the parts of a symmetric CSR array; None where fewer rows than `least` are small."""
    A = stored_nonzeros(matrix)
    edges = sp.csr_array((np.ones(A.nnz), A.indices, A.indptr), shape=A.shape)
    count, found = connected_components(edges, directed=False)
    if count == 1:
        return None
    labels: IntArray = found.astype(np.int64)
    sizes: IntArray = np.bincount(labels, minlength=count).astype(np.int64)
    is_small = _affordable(sizes)
    if sizes[is_small].sum() < max(least, 1):
        return None
    values, owners = _eigenvalues(A, labels, np.where(is_small, sizes, 0))
    rest = None
    if not is_small.all():
        largest = owners[np.argmax(np.abs(values))]  # its norm goes with the rest
        values = values[owners != largest]
        is_small[largest] = False
        rows = np.flatnonzero(~is_small[labels])
        rest = A[rows][:, rows]
    return Parts(
        values=np.sort(values),
        largest=int(sizes[is_small].max(initial=1)),
        rest=rest,
        num_small=int(is_small.sum()),
        num_components=count,
    )


def _affordable(sizes: IntArray) -> Array:
    """Tell which components are decomposed: the smallest, as many as the work allows."""
    order = np.argsort(sizes, kind="stable")
    work = np.cumsum(np.where(sizes > 1, sizes.astype(np.float64) ** 3 + PER_COMPONENT, 1.0)[order])
    is_small = np.zeros(sizes.size, bool)
    is_small[order] = (work <= MOST_WORK) & (sizes[order] <= MOST_ROWS)
    return is_small


def _eigenvalues(A: Any, labels: IntArray, sizes: IntArray) -> tuple[FloatArray, IntArray]:
    """Return the eigenvalues of the components with a size, and which one each belongs to."""
    nodes = np.argsort(labels, kind="stable")
    starts = np.cumsum(np.bincount(labels)) - np.bincount(labels)
    place = np.empty(labels.size, np.int64)
    place[nodes] = np.arange(labels.size) - starts[labels[nodes]]
    of_row = np.repeat(np.arange(labels.size), np.diff(A.indptr))
    size_of_entry = sizes[labels[of_row]]
    order = np.argsort(size_of_entry, kind="stable")
    wanted = np.flatnonzero(np.bincount(sizes))[1 if (sizes == 0).any() else 0 :]
    ends = np.searchsorted(size_of_entry[order], wanted, "right")
    begins = np.searchsorted(size_of_entry[order], wanted, "left")
    values, owners = [], []
    for k, begin, end in zip(wanted.tolist(), begins, ends, strict=True):
        entries = order[begin:end]
        members = np.flatnonzero(sizes == k)
        number = np.searchsorted(members, labels[of_row[entries]])
        for first in range(0, members.size, max(1, STACK // k**2)):
            chunk = members[first : first + max(1, STACK // k**2)]
            mine = entries[(number >= first) & (number < first + chunk.size)]
            stack = np.zeros((chunk.size, k, k), A.dtype)
            at = np.searchsorted(chunk, labels[of_row[mine]])
            stack[at, place[of_row[mine]], place[A.indices[mine]]] = A.data[mine]
            values.append(_of_stack(stack).ravel())
            owners.append(np.repeat(chunk, k))
    return np.concatenate(values).astype(np.float64), np.concatenate(owners)


def _of_stack(stack: Array) -> Array:
    """Return the eigenvalues of Hermitian matrices, (c, k)."""
    if stack.shape[-1] == 1:
        return np.asarray(stack[:, :, 0].real)
    half = 0.5 * stack
    return np.linalg.eigvalsh(half + half.conj().transpose(0, 2, 1))
