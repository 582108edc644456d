"""Sparse matrices from arrays that nobody has checked; and without their empty rows.

For major dimension m, minor dimension n and `nnz` entries, a compressed format promises

    0 = indptr[0] <= indptr[1] <= ... <= indptr[m] = len(indices) = len(data),
    0 <= indices[k] < n,

and the compiled conversions of SciPy go out of their arrays where that is not so.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.files.limits import LARGEST
from symrank.files.numbers import INTEGERS, NUMBERS, native
from symrank.operators.padded import PaddedMatrix
from symrank.support.typing import Array

__all__ = ["compact", "compressed", "from_members", "is_mostly_empty"]

ORDINARY = 2**17  # rows that are never too many, whatever they hold
ROWS_PER_ENTRY = 4  # above: most rows are empty
FORMATS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}


def compact(matrix: Any) -> "sp.csr_array[Any] | PaddedMatrix":
    """Return a valid sparse matrix as CSR; rows without entries are counted where they are many."""
    if is_mostly_empty(matrix.shape, matrix.nnz):
        return PaddedMatrix.from_coo(matrix.tocoo())
    csr = sp.csr_array(matrix)
    if csr.nnz < matrix.nnz and matrix.dtype.kind in INTEGERS + "b":
        return sp.csr_array(matrix.astype(np.float64))  # sums of duplicates would wrap around
    return csr


def is_mostly_empty(shape: tuple[int, ...], num_entries: int) -> bool:
    """Tell whether a matrix has so many rows or columns that most hold no entry."""
    return max(shape) > ORDINARY + ROWS_PER_ENTRY * num_entries


def from_members(members: Mapping[str, Any]) -> Any:
    """Return the sparse matrix whose arrays `scipy.sparse.save_npz` wrote.

    Parameters
    ----------
    members
        By name: ``format``, ``shape``, ``data`` and what the format needs, as they were read.

    Raises
    ------
    ValueError
        Where they do not fit together.
    """
    kind = format_name(members["format"])
    missing = [name for name in FORMATS[kind] if name not in members]
    if missing:
        raise ValueError(f"a sparse matrix of format {kind} needs the array {missing[0]}")
    shape = _shape(members["shape"])
    data, *places = (native(members[name]) for name in FORMATS[kind])
    if data.dtype.kind not in NUMBERS or data.ndim != {"bsr": 3, "dia": 2}.get(kind, 1):
        raise ValueError(f"the data of format {kind} are {data.ndim}-D {data.dtype}")
    for array in places:
        if array.dtype.kind not in INTEGERS or array.ndim != 1:
            raise ValueError(f"indices must be 1-D integers, and are {array.ndim}-D {array.dtype}")
    suffix = "array" if "_is_array" in members and members["_is_array"].any() else "matrix"
    build = getattr(sp, f"{kind}_{suffix}")
    if kind == "dia":
        return _from_diagonals(build, data, places[0], shape)
    if kind == "coo":
        return _from_triplets(build, data, places[0], places[1], shape)
    return compressed(kind, build, data, places[0], places[1], shape)


def format_name(array: Array) -> str:
    """Return the name of a sparse format from the array that holds it."""
    name = array.item() if array.size == 1 and array.dtype.kind in "SU" else None
    kind = name.decode("latin-1") if isinstance(name, bytes) else name
    if kind not in FORMATS:
        raise ValueError(f"its sparse format is none of {', '.join(FORMATS)}")
    return str(kind)


def compressed(
    kind: str, build: Any, data: Array, indices: Array, indptr: Array, shape: tuple[int, int]
) -> Any:
    """Return a csr, csc or bsr matrix; see the module for what is checked."""
    blocks = data.shape[1:] if kind == "bsr" else (1, 1)
    if min(blocks) < 1 or any(n % b for n, b in zip(shape, blocks, strict=True)):
        raise ValueError(f"blocks of {blocks} do not tile a matrix of {shape}")
    major, minor = (n // b for n, b in zip(shape, blocks, strict=True))
    if kind == "csc":
        major, minor = minor, major
    if indptr.size != major + 1:
        raise ValueError(f"indptr has {indptr.size} entries and needs {major + 1}")
    if not data.shape[0] == indices.size == int(indptr[-1]) or int(indptr[0]) != 0:
        raise ValueError(
            f"indptr goes from {indptr[0]} to {indptr[-1]}, and there are {indices.size} indices "
            f"and {data.shape[0]} entries"
        )
    if (indptr[1:] < indptr[:-1]).any():
        raise ValueError("indptr decreases")
    _check_range(indices, minor, "indices")
    return build((data, indices, indptr), shape=shape)


def _from_triplets(build: Any, data: Array, row: Array, col: Array, shape: tuple[int, int]) -> Any:
    if not data.size == row.size == col.size:
        raise ValueError(f"{data.size} entries have {row.size} rows and {col.size} columns")
    _check_range(row, shape[0], "row")
    _check_range(col, shape[1], "col")
    return build((data, (row, col)), shape=shape)


def _from_diagonals(build: Any, data: Array, offsets: Array, shape: tuple[int, int]) -> Any:
    if data.shape[0] != offsets.size:
        raise ValueError(f"{data.shape[0]} diagonals have {offsets.size} offsets")
    if np.unique(offsets).size != offsets.size:
        raise ValueError("two diagonals have the same offset")
    wide = offsets.astype(np.int64)
    if offsets.size and not (-shape[0] < wide.min() and int(offsets.max()) < shape[1]):
        raise ValueError("the offset of a diagonal lies outside the matrix")
    if not is_mostly_empty(shape, data.size):
        return build((data, offsets), shape=shape)
    col = np.broadcast_to(np.arange(data.shape[1]), data.shape)
    row = col - wide[:, None]
    held = (row >= 0) & (row < shape[0]) & (col < shape[1]) & (data != 0)
    return sp.coo_array((data[held], (row[held], col[held])), shape=shape)


def _check_range(indices: Array, size: int, name: str) -> None:
    if indices.size and not (int(indices.min()) >= 0 and int(indices.max()) < size):
        raise ValueError(
            f"{name} goes from {indices.min()} to {indices.max()}, and must lie in [0, {size})"
        )


def _shape(array: Array) -> tuple[int, int]:
    if array.dtype.kind not in INTEGERS or array.shape != (2,):
        raise ValueError(f"the shape is {array.shape} {array.dtype}, and must be two integers")
    rows, columns = (int(size) for size in array)
    if not (0 <= rows <= LARGEST and 0 <= columns <= LARGEST):
        raise ValueError(f"a matrix of {rows}x{columns} cannot be: sizes go from 0 to 2^53")
    return rows, columns
