"""Objects in files: what is small is pickled, large arrays lie beside it and are mapped.

A file is ``index | pickle | buffers``. The index holds 64-bit numbers: the size of the pickle, how
many buffers there are, and the first byte and the size of each. Buffers begin on cache lines. A
reader maps the file, copy on write: workers of one machine share the pages of a matrix, and read
those alone that they multiply with; what one of them writes is its own.

Functions and classes of ``__main__`` are pickled by cloudpickle where it is installed, which loky
and Dask bring along. Tensors of PyTorch travel as arrays.
"""

import contextlib
import io
import mmap
import os
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.errors import OptionError

__all__ = ["Packed", "dump", "load", "packed"]

LINE = 64  # bytes of a cache line
SIZE = 8  # bytes of a number of the index
SMALL = 4096  # bytes: below, a buffer of its own costs more than it saves


@dataclass(frozen=True)
class Packed:
    """A pickle and the buffers that belong to it."""

    head: bytes
    buffers: Sequence[Any]  # arrays of bytes, or what else has a buffer

    def unpacked(self) -> Any:
        """Return the object; its arrays may be written to."""
        own = [one if not memoryview(one).readonly else bytearray(one) for one in self.buffers]
        return pickle.loads(self.head, buffers=own)


def packed(what: Any) -> Packed:
    """Pack an object.

    Raises
    ------
    OptionError
        Where a part of it cannot be pickled.
    """
    buffers: list[pickle.PickleBuffer] = []

    def is_small(buffer: pickle.PickleBuffer) -> bool:
        with buffer.raw() as view:
            if view.nbytes < SMALL:
                return True
        buffers.append(buffer)
        return False

    stream = io.BytesIO()
    try:
        _pickler()(stream, protocol=5, buffer_callback=is_small).dump(what)
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise OptionError(
            f"executor sends A to other processes, and a part of it cannot be pickled: "
            f"{type(error).__name__}: {error}. {_remedy()} executor='threads' needs no pickling."
        ) from error
    return Packed(stream.getvalue(), [np.frombuffer(one.raw(), np.uint8) for one in buffers])


def dump(what: Any, path: str) -> None:
    """Write an object to a new file."""
    parcel = what if isinstance(what, Packed) else packed(what)
    sizes = [one.nbytes for one in parcel.buffers]
    begin = SIZE * (2 + 2 * len(sizes))
    first, places = _up(begin + len(parcel.head)), []
    for size in sizes:
        places += [first, size]
        first = _up(first + size)
    with open(path, "xb") as file:
        file.write(np.array([len(parcel.head), len(sizes), *places], np.int64).tobytes())
        file.write(parcel.head)
        for start, buffer in zip(places[::2], parcel.buffers, strict=True):
            file.seek(start)
            file.write(buffer)


def load(path: str, *, is_last: bool = False) -> Any:
    """Return the object of a file, mapped; the last reader takes the file away."""
    with open(path, "rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    if is_last:
        with contextlib.suppress(OSError):  # Windows keeps a file that is mapped
            os.unlink(path)
    size, count = np.frombuffer(whole, np.int64, 2)
    begin = SIZE * (2 + 2 * count)
    places = np.frombuffer(whole, np.int64, 2 * count, 2 * SIZE).reshape(-1, 2)
    buffers = [whole[start : start + length] for start, length in places]
    return pickle.loads(whole[begin : begin + size], buffers=buffers)


def _up(number: int) -> int:
    return -(-number // LINE) * LINE


def _remedy() -> str:
    if "cloudpickle" in sys.modules:
        return "Build A of functions and classes that can be; or leave executor out:"
    return "pip install cloudpickle, which pickles functions of a script; or:"


def _pickler() -> Any:
    """Return a class of picklers that know more functions, and tensors."""
    try:
        from cloudpickle import Pickler as Base
    except ModuleNotFoundError:
        from pickle import Pickler as Base

    class Pickler(Base):  # type: ignore[misc]
        def reducer_override(self, one: Any) -> Any:
            if "torch" in sys.modules and type(one) is sys.modules["torch"].Tensor:
                from symrank.networks.pytorch.sent import reduced

                found = reduced(one)
                if found is not NotImplemented:
                    return found
            known = getattr(super(), "reducer_override", None)
            return NotImplemented if known is None else known(one)

    return Pickler
