"""What a worker does with a block of a matrix: make it fit, describe it, multiply by it.

Nothing here knows who the worker is. A block is a tile of the matrix, some rows by some columns:

    Y[rows] = sum_j A[rows, columns_j] X[columns_j],    the sum in the order of j.

Rows are whole in one sum each, so how many blocks the rows are cut into moves no bit, and neither
does who multiplies; how many tiles the columns are cut into does. Of X a block needs no more than
the rows from the first to the last column that it has an entry in, its *hull*.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from symrank import kernels
from symrank.errors import OperatorError
from symrank.kernels.multiplicands import Csr
from symrank.operators.matrix import canonical, largest_entry
from symrank.operators.sums import is_single, multiply, widened
from symrank.support.typing import Array

__all__ = ["Block", "Tile", "added", "described", "diagonal_part", "multiplied", "prepared"]


class Tile(NamedTuple):
    """A block as a worker holds it: without the columns before and after its hull."""

    matrix: Any
    first: int  # column of the block that the matrix begins with
    num_columns: int  # of the block


class Block(NamedTuple):
    """What the driver knows of a block."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    num_entries: int
    num_bytes: int
    is_sparse: bool
    largest: float  # modulus of an entry; NaN where one is NaN
    hull: tuple[int, int]  # first column with an entry, and the one after the last


def prepared(block: Any, where: str) -> Tile:
    """Return a block as an ndarray or a canonical CSR array of a working dtype.

    Raises
    ------
    OperatorError
        Where it is no matrix of numbers.
    """
    is_matrix = sp.issparse(block) or isinstance(block, np.ndarray)
    if not is_matrix:
        raise OperatorError(
            f"{where} is a {type(block).__module__}.{type(block).__name__}, and every block is a "
            "scipy.sparse array or a NumPy array of some rows. Return one from what makes it."
        )
    if block.ndim != 2:
        raise OperatorError(
            f"{where} has shape {block.shape}, and a block has rows and columns. Pass x[None, :] "
            "for one row."
        )
    matrix, num_columns = canonical(block), int(block.shape[1])
    if isinstance(matrix, np.ndarray):
        return Tile(matrix, 0, num_columns)
    used = matrix.indices
    first, stop = (int(used.min()), int(used.max()) + 1) if used.size else (0, 0)
    indices = used - first if first else used
    shape = (matrix.shape[0], stop - first)
    return Tile(sp.csr_array((matrix.data, indices, matrix.indptr), shape), first, num_columns)


def described(tile: Tile) -> Block:
    """Return what the driver is to know of a block: some numbers."""
    matrix, first, num_columns = tile
    is_sparse = sp.issparse(matrix)
    parts = (matrix.data, matrix.indices, matrix.indptr) if is_sparse else (matrix,)
    return Block(
        shape=(matrix.shape[0], num_columns),
        dtype=matrix.dtype,
        num_entries=matrix.nnz if is_sparse else matrix.size,
        num_bytes=sum(part.nbytes for part in parts),
        is_sparse=is_sparse,
        largest=largest_entry(matrix),
        hull=(first, first + matrix.shape[1]),
    )


def multiplied(tile: Tile, piece: Array, first: int, dtype: str) -> Array:
    """Return the product with the rows of X that a block needs.

    Parameters
    ----------
    tile
        (m, n) block, prepared.
    piece
        (rows, k), rows of X by which the block is multiplied, and maybe others around them.
    first
        The row of `piece` that the tile begins with.
    dtype
        Of the operator, which another block may have made wider.
    """
    matrix = tile.matrix
    X = piece[first : first + matrix.shape[1]]
    if matrix.dtype != dtype:
        matrix = matrix.astype(dtype)
    if isinstance(matrix, np.ndarray) or matrix.dtype.kind != "f":
        return multiply(matrix, X)
    X = np.ascontiguousarray(X)
    return np.asarray(kernels.load().multiply(Csr(matrix.indptr, matrix.indices, matrix.data, X)))


def added(parts: Sequence[Array]) -> Array:
    """Return the sum of products, in their order; single precision is added in double."""
    if len(parts) == 1:
        return parts[0]
    dtype = parts[0].dtype
    total = parts[0].astype(widened(dtype) if is_single(dtype) else dtype, copy=True)
    for part in parts[1:]:
        total += part
    with np.errstate(over="ignore", invalid="ignore"):
        return total.astype(dtype, copy=False)


def diagonal_part(tile: Tile, row: int, column: int) -> tuple[int, Array]:
    """Return where the diagonal of the matrix enters a block at (row, column), and what is on it.

    The first is a row of the matrix; the diagonal may miss what is stored of the block.
    """
    matrix, column = tile.matrix, column + tile.first
    first, last = max(row, column), min(row + matrix.shape[0], column + matrix.shape[1])
    if last <= first:
        return first, np.zeros(0, matrix.dtype)
    return first, np.asarray(matrix.diagonal(row - column))[: last - first]
