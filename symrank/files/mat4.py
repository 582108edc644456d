"""Variables of a MATLAB file of version 4.

Each is five integers, MOPT rows columns is_complex length_of_name, then the name and the entries by
columns. The decimal digits of MOPT: M byte order, O = 0, P the type of the numbers, T = 0 full,
1 text, 2 sparse: rows (i, j, value...), of which the last one is (rows, columns, 0...).
"""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.files.limits import LARGEST, Allowance
from symrank.files.numbers import joined, native
from symrank.support.typing import Array

__all__ = ["variables"]

HEADER = struct.calcsize("5i")
STORED = ("f8", "f4", "i4", "i2", "u2", "u1")
ORDERS = "<>"
FULL, TEXT, SPARSE = range(3)


def variables(file: Any, allowance: Allowance) -> Iterator[tuple[str, Any]]:
    """Yield name and value of every matrix, full or sparse."""
    left = allowance.size
    while left:
        allowance.tick()
        head = file.read(HEADER)
        if len(head) < HEADER:
            raise ValueError("it is cut within the header of a variable")
        stored, kind, sizes = _header(head)
        rows, columns, is_complex, length = sizes
        count = rows * columns * (1 + is_complex)
        left -= HEADER + length + count * stored.itemsize
        if left < 0:
            raise ValueError(f"a {rows}x{columns} variable does not fit into the file")
        name = file.read(length).split(b"\0")[0].decode("latin-1")
        values = np.frombuffer(file.read(count * stored.itemsize), stored)
        if kind != TEXT:
            values = native(values)
            yield name, _matrix(values, rows, columns, bool(is_complex), kind == SPARSE)


def _header(head: bytes) -> tuple[np.dtype[Any], int, tuple[int, int, int, int]]:
    """Return type, kind, and (rows, columns, is_complex, length of the name)."""
    for order in ORDERS:
        mopt, rows, columns, is_complex, length = struct.unpack(order + "5i", head)
        thousands, hundreds, tens, ones = (mopt // 10**k % 10 for k in (3, 2, 1, 0))
        fits = 0 <= mopt < 2000 and thousands == ORDERS.index(order) and hundreds == 0
        if fits and tens < len(STORED) and ones <= SPARSE:
            break
    else:
        raise ValueError("the header of a variable is none of version 4")
    if min(rows, columns) < 0 or is_complex not in (0, 1) or length < 1:
        raise ValueError(f"a variable cannot have the sizes {rows}, {columns}, {length}")
    return np.dtype(order + STORED[tens]), ones, (rows, columns, is_complex, length)


def _matrix(values: Array, rows: int, columns: int, is_complex: bool, is_sparse: bool) -> Any:
    if is_complex:
        values = joined(values[: rows * columns], values[rows * columns :])
    full = values.reshape(columns, rows).T
    return _sparse(full) if is_sparse else full


def _sparse(table: Array) -> Any:
    """Return the matrix of a table of triplets."""
    if table.shape[0] < 1 or table.shape[1] not in (3, 4) or np.iscomplexobj(table):
        raise ValueError(f"a table of {table.shape} holds no sparse matrix")
    places, last = table[:-1, :2], table[-1, :2]
    if not (np.isfinite(places).all() and np.isfinite(last).all()):
        raise ValueError("a sparse matrix has places that are no numbers")
    whole = (places == np.floor(places)).all() and (last == np.floor(last)).all()
    if not whole or last.min() < 0 or last.max() > LARGEST:
        raise ValueError("a sparse matrix has places that are no whole numbers")
    if places.size and (places.min() < 1 or (places > last).any()):
        raise ValueError("a sparse matrix has entries outside its size")
    values = table[:-1, 2] if table.shape[1] == 3 else joined(table[:-1, 2], table[:-1, 3])
    row, col = (places[:, k].astype(np.int64) - 1 for k in (0, 1))
    return sp.coo_matrix((values, (row, col)), shape=(int(last[0]), int(last[1])))
