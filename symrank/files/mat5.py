"""Variables of a MATLAB file of version 5 to 7.

A header of 128 bytes is followed by elements, each a tag (type, number of bytes) and data padded to
eight bytes; up to four bytes may stand in the tag itself. A variable is an element of type
`MATRIX`, or one deflated into an element of type `DEFLATED`. Its parts are elements again:

    flags, dimensions, name,   then   real [imaginary]                        full
                                      row indices, pointers, real [imaginary]  sparse
                                      length of a field name, names, values    struct

Each is taken from the bytes of the one around it, so that no size leads out of the file.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.files.limits import CHUNK, DENSE_COPIES, Allowance
from symrank.files.numbers import joined, native
from symrank.files.sparse import compressed
from symrank.support.typing import Array

__all__ = ["variables"]

HEADER = 128  # bytes
MATRIX, DEFLATED = 14, 15
STORED = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
INT32, UINT32 = 5, 6
STRUCT, SPARSE = 2, 5  # classes of variables
NUMERIC = range(6, 16)
COMPLEX, LOGICAL = 0x0800, 0x0200
PADDING = 8


def variables(file: Any, allowance: Allowance) -> Iterator[tuple[str, Any]]:
    """Yield name and value of every numeric matrix, full or sparse, and of ``Problem.A``."""
    head = file.read(HEADER)
    orders = {b"IM": "<", b"MI": ">"}
    if len(head) < HEADER or head[126:] not in orders:
        raise ValueError("it does not begin with the header of a MATLAB file")
    order = orders[head[126:]]
    if struct.unpack(order + "H", head[124:126])[0] != 0x0100:
        raise ValueError("its header names an unknown version of the format")
    position = HEADER
    while position < allowance.size:
        tag = file.read(8)
        if len(tag) < 8:
            raise ValueError(f"it is cut within the tag at byte {position}")
        kind, size = struct.unpack(order + "II", tag)
        position += 8 + size
        if position > allowance.size:
            raise ValueError(f"an element ends at byte {position}, and the file at its end before")
        if kind not in (MATRIX, DEFLATED):
            raise ValueError(f"an element of type {kind} stands where a variable is expected")
        if kind == MATRIX:
            content = memoryview(bytearray(file.read(size)))
        else:
            content = memoryview(_inflated(file, size, order, allowance))
        yield from _variable(_Elements(content, order))


def _inflated(file: Any, size: int, order: str, allowance: Allowance) -> bytearray:
    """Return the content of the matrix in a deflated element, once its size has been weighed."""
    inflate, found, need = zlib.decompressobj(), bytearray(), 8
    is_known = False
    while size and not inflate.eof:
        allowance.tick()
        packed = file.read(min(size, CHUNK))
        size -= len(packed)
        while (packed and not inflate.eof) and len(found) < need + PADDING:
            found += inflate.decompress(packed, max(1, min(CHUNK, need + PADDING - len(found))))
            packed = inflate.unconsumed_tail
            if not is_known and len(found) >= 8:
                kind, length = struct.unpack(order + "II", found[:8])
                if kind != MATRIX:
                    raise ValueError(f"an element of type {kind} stands in a packed variable")
                what = f"a variable of {length} bytes"
                allowance.weigh_unpacked(DENSE_COPIES * length, what)
                allowance.weigh(length, what)
                need, is_known = 8 + length, True
        if packed and not inflate.eof:
            break
    if len(found) < need or len(found) >= need + PADDING or any(found[need:]):
        raise ValueError("a packed variable has not the length that it declares")
    if size or inflate.unused_data:
        file.read(size)
        raise ValueError("bytes follow the end of a packed variable")
    return found[8:need]


class _Elements:
    """The elements in the bytes of another one, from the first to the last."""

    def __init__(self, content: memoryview, order: str) -> None:
        self.content, self.order, self.position = content, order, 0

    def next(self) -> tuple[int, memoryview]:
        """Return type and bytes of the next element."""
        if self.position + 8 > len(self.content):
            raise ValueError("a variable ends within one of its parts")
        at = self.position
        kind, size = struct.unpack(self.order + "II", self.content[at : at + 8])
        if kind >> 16:
            kind, size, first = kind & 0xFFFF, kind >> 16, at + 4
            if size > 4:
                raise ValueError(f"a small element has {size} bytes, and room for 4")
            self.position = at + 8
        else:
            first = at + 8
            padded = first + -(-size // PADDING) * PADDING
            self.position = min(padded, len(self.content))
        if first + size > len(self.content):
            raise ValueError(f"a part of {size} bytes does not fit into its variable")
        return kind, self.content[first : first + size]

    def array(self, allowed: tuple[int, ...] = tuple(STORED)) -> Array:
        """Return the next element as numbers of the type in which they are stored."""
        kind, content = self.next()
        if kind not in allowed:
            raise ValueError(f"a part of type {kind} stands where numbers are expected")
        dtype = np.dtype(self.order + STORED[kind])
        if len(content) % dtype.itemsize:
            raise ValueError(f"{len(content)} bytes are no whole number of {dtype}")
        return native(np.frombuffer(content, dtype))

    def text(self) -> str:
        return bytes(self.next()[1]).decode("latin-1")

    @property
    def is_over(self) -> bool:
        return self.position >= len(self.content)


def _variable(parts: _Elements) -> Iterator[tuple[str, Any]]:
    """Yield what a variable holds of matrices: itself, or the field A of Problem."""
    kind, flags, shape, name = _start(parts)
    if kind == STRUCT and name == "Problem" and shape == (1, 1):
        value = _field(parts, "A")
        if value is not None:
            kind, flags, shape, _ = _start(value)
            if not _is_matrix(kind, shape):
                raise ValueError("Problem.A is no numeric matrix")
            yield "Problem.A", _matrix(value, kind, flags, shape)
    elif name and _is_matrix(kind, shape):
        yield name, _matrix(parts, kind, flags, shape)


def _is_matrix(kind: int, shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and (kind == SPARSE or kind in NUMERIC)


def _start(parts: _Elements) -> tuple[int, int, tuple[int, ...], str]:
    """Return class, flags, shape and name."""
    flags = parts.array((UINT32,))
    if flags.size != 2:
        raise ValueError(f"a variable has {flags.size} words of flags, and not 2")
    kind = int(flags[0]) & 0xFF
    if kind > 15:  # MATLAB's own objects have no dimensions
        return kind, 0, (), ""
    shape = tuple(int(size) for size in parts.array((INT32,)))
    if min(shape, default=0) < 0:
        raise ValueError(f"a variable cannot have the shape {shape}")
    return kind, int(flags[0]), shape, parts.text()


def _field(parts: _Elements, wanted: str) -> _Elements | None:
    """Return the parts of one field of a struct, or None where it has none of that name."""
    length = parts.array((INT32,))
    if length.size != 1 or length[0] < 1:
        raise ValueError("a struct has field names of no length")
    names = parts.text()
    step = int(length[0])
    fields = [names[k : k + step].split("\0")[0] for k in range(0, len(names), step)]
    for name in fields:
        kind, content = parts.next()
        if kind != MATRIX:
            raise ValueError(f"a field of type {kind} stands where a variable is expected")
        if name == wanted:
            return _Elements(content, parts.order)
    return None


def _matrix(parts: _Elements, kind: int, flags: int, shape: tuple[int, ...]) -> Any:
    """Return a full or sparse numeric matrix."""
    if kind == SPARSE:
        return _sparse(parts, flags, shape)
    values = _values(parts, flags)
    if values.size != math.prod(shape):
        raise ValueError(f"a matrix of {shape} holds {values.size} entries")
    return values.reshape(shape[::-1]).T


def _sparse(parts: _Elements, flags: int, shape: tuple[int, ...]) -> Any:
    """Return a sparse matrix; MATLAB may leave room for more entries than there are."""
    indices, indptr = parts.array((INT32, UINT32)), parts.array((INT32, UINT32))
    values = _values(parts, flags)
    count = int(indptr[-1]) if indptr.size else 0
    if not 0 <= count <= min(indices.size, values.size):
        raise ValueError(
            f"a sparse matrix of {count} entries has {indices.size} indices and "
            f"{values.size} values"
        )
    data = values[:count].astype(bool) if flags & LOGICAL else values[:count]
    return compressed("csc", sp.csc_matrix, data, indices[:count], indptr, (shape[0], shape[1]))


def _values(parts: _Elements, flags: int) -> Array:
    """Return the numbers of a variable, and see that nothing follows them."""
    values = parts.array()
    if flags & COMPLEX:
        values = joined(values, parts.array())
    if not parts.is_over:
        raise ValueError("bytes follow the last part of a variable")
    return values
