"""Archives of arrays that tell whether they are what was written.

An archive is what `numpy.savez` writes, with one member more, ``state.json``: a line with the
digest of the rest, and the rest as JSON, which holds the digest of every array. All that is used of
a file is under a digest (SHA-256), so a byte that has changed is either seen or does not matter.

Nothing is unpickled, no member may be packed, and no array may claim more bytes than the file has.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from symrank.errors import OperatorError
from symrank.files.limits import Allowance
from symrank.files.numpy_files import array_of
from symrank.support import durable
from symrank.support.blocks import empty_block
from symrank.support.typing import Array

__all__ = ["DamagedError", "Reader", "dumped", "loaded", "save"]

TEXT = "state.json"
BLOCK = 2  # axes of a block of columns


class DamagedError(Exception):
    """A file is missing, or is not what was written."""


class _Digested:
    """A stream of which all bytes that pass are digested."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._sum = stream, hashlib.sha256()

    def write(self, data: Any) -> int:
        self._sum.update(data)
        return int(self._stream.write(data))

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        self._sum.update(data)
        return data

    def readinto(self, target: memoryview) -> int:
        count = int(self._stream.readinto(target))
        self._sum.update(target[:count])
        return count

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()


def dumped(record: Mapping[str, Any]) -> bytes:
    """Return a record as JSON under its digest."""
    text = json.dumps(record, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def loaded(data: bytes) -> dict[str, Any]:
    """Invert `dumped`.

    Raises
    ------
    DamagedError
        Where it is not what was written.
    """
    digest, _, text = data.partition(b"\n")
    if digest != hashlib.sha256(text).hexdigest().encode():
        raise DamagedError("its checksum is another one")
    record = json.loads(text)
    if not isinstance(record, dict):
        raise DamagedError("it holds no record")
    return record


def save(path: Path, record: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, str]:
    """Write an archive in one step; return the digests of the arrays.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    sums: dict[str, str] = {}

    def fill(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, array in arrays.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    stream = _Digested(member)
                    np.lib.format.write_array(stream, array, allow_pickle=False)
                    sums[name] = stream.digest
            archive.writestr(zipfile.ZipInfo(TEXT), dumped({**record, "sums": sums}))

    durable.write(path, fill)
    return sums


class Reader:
    """An archive of which the record was read, and found to be what was written.

    Raises
    ------
    DamagedError
        Where it is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.record = self._guarded(self._text)

    def arrays(self, names: Iterable[str], sums: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return arrays; `sums` are what their digests should be, by default what it says itself.

        Raises
        ------
        DamagedError
            Where one is not what was written.
        """
        wanted: Mapping[str, str] = self.record["sums"] if sums is None else sums
        found: dict[str, Any] = self._guarded(
            lambda archive: {name: self._array(archive, name, wanted[name]) for name in names}
        )
        return found

    def _guarded(self, read: Any) -> Any:
        """Read from the archive; what damage raises is not to be foreseen."""
        try:
            with durable.opened(self._path) as file, zipfile.ZipFile(file) as archive:
                return read(archive)
        except (MemoryError, OperatorError, DamagedError):  # the second: too little memory is free
            raise
        except FileNotFoundError as error:
            raise DamagedError("it is missing") from error
        except Exception as error:
            raise DamagedError(str(error).strip() or type(error).__name__) from error

    def _text(self, archive: zipfile.ZipFile) -> dict[str, Any]:
        entry = self._entry(archive, TEXT)
        return loaded(archive.read(entry))

    def _entry(self, archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
        entry = archive.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > self._path.stat().st_size:
            raise DamagedError("a member is packed, or larger than its file")
        return entry

    def _array(self, archive: zipfile.ZipFile, name: str, digest: str) -> Array:
        entry = self._entry(archive, f"{name}.npy")
        with archive.open(entry) as member:
            stream = _Digested(member)
            try:
                array = array_of(self._path, Allowance(self._path), stream, entry.file_size)
            except OperatorError as error:
                if "pickled" in str(error):
                    raise DamagedError("it holds Python objects") from error
                raise
        if stream.digest != digest:
            raise DamagedError("the checksum of an array is another one")
        return _settled(array)


def _settled(array: Array) -> Array:
    """Return an array as a run holds it: a block in C order starts on a cache line."""
    if array.ndim != BLOCK or not array.flags.c_contiguous:
        return array
    block = empty_block(array.shape[0], array.shape[1], array.dtype)
    block[...] = array
    return block
