"""Files that are whole or not there, and a lock that dies with its process.

A file is written under another name, flushed to the disk, and only then given its name, which the
system does in one step; the folder is flushed as well, or the name could be lost with the power.
Whoever reads sees the file before or the file after, whenever the writer was killed.

The lock is one of the operating system on an open file. It ends with the process that holds it,
however that ends, so there is nothing to clean up. A child that is forked closes its copy of the
file at once: it would hold the lock for a parent that has died.
"""

import os
import stat
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["Lock", "opened", "write"]

NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none, nor the next
NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a pipe under the name of a file would wait for a writer
BINARY = getattr(os, "O_BINARY", 0)


def write(path: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Write a file by ``fill(file)`` so that it is there as a whole, or as it was before.

    Raises
    ------
    OSError
        Where it cannot be written; nothing of it is left then.
    """
    part = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK | BINARY
    try:
        with os.fdopen(os.open(part, flags, 0o666), "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file to read it: no link, no pipe and no device.

    Raises
    ------
    OSError
        Where there is none.
    """
    descriptor = os.open(path, os.O_RDONLY | NO_LINK | NO_WAIT | BINARY)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path.name} is no ordinary file")
        yield file


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Lock:
    """A lock on a file of its own; only one holder at a time, of all processes and threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        _HELD.add(self)

    def take(self) -> bool:
        """Take the lock; False where another one holds it.

        Raises
        ------
        OSError
            Where the file cannot be opened, or the file system has no locks.
        """
        flags = os.O_RDWR | os.O_CREAT | NO_LINK | NO_WAIT | BINARY
        descriptor = os.open(self.path, flags, 0o666)
        try:
            is_mine = _locked(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if is_mine:
            self._descriptor = descriptor
        else:
            os.close(descriptor)
        return is_mine

    def drop(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_HELD: "weakref.WeakSet[Lock]" = weakref.WeakSet()


def _drop_in_child() -> None:
    for lock in list(_HELD):
        lock.drop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_in_child)


def _locked(descriptor: int) -> bool:
    """Lock an open file; False where another one has."""
    try:
        import fcntl
    except ImportError:
        return _locked_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked_on_windows(descriptor: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True
