"""NumPy files: one array in .npy, an array or a sparse matrix in the .npz archive.

Of every array the header is read first, and its shape times its dtype must be the bytes that follow
it, before memory is taken. Nothing is unpickled.
"""

import io
import math
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from symrank.errors import OperatorError
from symrank.files.limits import CHUNK, DENSE_COPIES, Allowance
from symrank.files.names import shown
from symrank.files.sparse import FORMATS, compact, format_name, from_members
from symrank.support.typing import Array

__all__ = ["array_of", "read"]

NUMPY_SIGNATURE = b"\x93NUMPY"
ZIP_SIGNATURE = b"PK"
HEADERS = {
    (1, 0): ("<H", np.lib.format.read_array_header_1_0),
    (2, 0): ("<I", np.lib.format.read_array_header_2_0),
}
LONGEST_HEADER = 4096  # bytes: that of a matrix of numbers has 128
MANY = 8  # names that a message lists
SPARSE = {"format", "shape", "data"}


def read(path: Path, allowance: Allowance) -> Any:
    """Return the array or the sparse matrix of a ``.npy`` or ``.npz`` file."""
    with path.open("rb") as file:
        start = file.read(len(NUMPY_SIGNATURE))
        file.seek(0)
        if start == NUMPY_SIGNATURE:
            return _Member(path, allowance, file, allowance.size).array()
        if start.startswith(ZIP_SIGNATURE):
            with zipfile.ZipFile(file) as archive:
                return _from_archive(path, allowance, archive)
    raise OperatorError(
        f"{shown(path)} is no NumPy file: it begins with {start!r}, and .npy begins with "
        f"{NUMPY_SIGNATURE!r}, .npz with {ZIP_SIGNATURE!r}. Save it with numpy.save; "
        "a pickle is never loaded."
    )


def array_of(path: Path, allowance: Allowance, stream: Any, size: int) -> Array:
    """Return the array of a stream in the format of `numpy.save`, of which `size` bytes follow.

    Raises
    ------
    OperatorError
        Where it takes more memory than is free, or holds Python objects.
    ValueError
        Where it is damaged.
    """
    return _Member(path, allowance, stream, size).array()


def _from_archive(path: Path, allowance: Allowance, archive: zipfile.ZipFile) -> Any:
    """Return the sparse matrix or the one array of an .npz archive."""
    entries = archive.infolist()
    names = [entry.filename.removesuffix(".npy") for entry in entries]
    twice = [name for name in set(names) if names.count(name) > 1] if len(names) < 999 else []
    if twice:
        raise ValueError(f"it holds two arrays of the name {shown(sorted(twice)[0])}")
    by_name = dict(zip(names, entries, strict=True))

    def load(name: str) -> Array:
        entry = by_name[name]
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"the array {shown(name)} is packed in a way NumPy never uses")
        with archive.open(entry) as stream:
            member = _Member(path, allowance, stream, entry.file_size)
            return member.array(is_packed=entry.compress_type != zipfile.ZIP_STORED)

    if set(names) >= SPARSE:
        kind = format_name(load("format"))
        wanted = [
            name for name in ("format", "shape", "_is_array", *FORMATS[kind]) if name in by_name
        ]
        allowance.weigh(sum(by_name[name].file_size for name in wanted), "a sparse matrix")
        return compact(from_members({name: load(name) for name in wanted}))
    if len(names) == 1:
        return load(names[0])
    listed = ", ".join(map(shown, names[:MANY])) + (", ..." if len(names) > MANY else "")
    raise OperatorError(
        f"{shown(path)} holds {len(names)} arrays ({listed}), and exactly one is needed, or "
        "what scipy.sparse.save_npz writes. Save the matrix alone."
    )


class _Member:
    """One array in the format of `numpy.save`, and the number of bytes that it has."""

    def __init__(self, path: Path, allowance: Allowance, stream: Any, size: int) -> None:
        self.path, self.allowance, self.stream, self.size = path, allowance, stream, size

    def array(self, *, is_packed: bool = False) -> Array:
        """Return the array, once its size is known to be the one it declares."""
        shape, is_fortran, dtype, left = self._header()
        if dtype.hasobject:
            raise OperatorError(
                f"{shown(self.path)} holds Python objects, which are pickled and could run "
                "any code when loaded: they are never read. Save numbers, for example "
                "A.astype(float)."
            )
        if dtype.itemsize == 0 or dtype.subdtype is not None:
            raise ValueError(f"its entries are {shown(dtype)}")
        size = math.prod(shape) * dtype.itemsize
        if size != left:
            raise ValueError(f"it declares {size} bytes of entries, {shape}, and holds {left}")
        what = f"an array of {shape} {dtype}"
        self.allowance.weigh(size, what)
        if is_packed:
            self.allowance.weigh_unpacked(DENSE_COPIES * size, what)
        flat = np.empty(math.prod(shape), dtype=dtype)
        self._fill(flat.view(np.uint8).data)
        return flat.reshape(shape[::-1]).T if is_fortran else flat.reshape(shape)

    def _header(self) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
        """Return shape, order, dtype and the number of bytes that follow."""
        start = self.stream.read(len(NUMPY_SIGNATURE) + 2)
        version = tuple(start[len(NUMPY_SIGNATURE) :])
        if not start.startswith(NUMPY_SIGNATURE) or version not in HEADERS:
            raise ValueError(f"an array begins with {start!r}, which is no signature of NumPy")
        form, parse = HEADERS[version]
        raw = self.stream.read(struct.calcsize(form))
        length = struct.unpack(form, raw)[0] if len(raw) == struct.calcsize(form) else 0
        if length > LONGEST_HEADER:
            raise ValueError(f"the header of an array has {length} bytes, which is no header")
        text = self.stream.read(length)
        try:
            shape, is_fortran, dtype = parse(io.BytesIO(raw + text))
        except (MemoryError, RecursionError) as error:
            raise ValueError("the header of an array is nested too deeply") from error
        if any(type(size) is not int or size < 0 for size in shape):
            raise ValueError(f"an array cannot have the shape {shown(shape)}")
        return shape, is_fortran, dtype, self.size - len(start) - len(raw) - len(text)

    def _fill(self, target: memoryview) -> None:
        """Read what the memory holds; at the last byte an archive compares its checksum."""
        done = 0
        while done < len(target):
            self.allowance.tick()
            count = self.stream.readinto(target[done : done + CHUNK])
            if not count:
                raise ValueError(f"it ends after {done} of {len(target)} bytes")
            done += count
