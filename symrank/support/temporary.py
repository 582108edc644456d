"""A temporary folder that goes with its owner, or is removed by the next one.

A process that SIGKILL ends removes nothing, and on Linux its children end with it. So a folder

    symrank-run-HOST-XXXXXXXX

holds a lock that the system takes back from the dead (`symrank.support.durable`), and whoever makes
a folder removes those whose lock is free: of this user and this host, and OLD, as a new one may not
be locked yet.
"""

import os
import platform
import shutil
import tempfile
import time
import weakref
import zlib
from contextlib import suppress
from pathlib import Path

from symrank.support.durable import Lock

__all__ = ["TemporaryFolder"]

OLD = 600.0  # seconds since anything was made in it
LOCK = "lock"


class TemporaryFolder:
    """A folder for the files of a run.

    Attributes
    ----------
    path
        Where it is.

    Raises
    ------
    OSError
        Where none can be made.
    """

    def __init__(self) -> None:
        prefix = f"symrank-run-{zlib.crc32(platform.node().encode()):08x}-"
        _remove_those_of_the_dead(prefix)
        self.path = tempfile.mkdtemp(prefix=prefix)
        self._lock = Lock(Path(self.path) / LOCK)
        with suppress(OSError):  # a file system without locks: nobody else can take it either
            self._lock.take()
        self._remove = weakref.finalize(self, _removed, self.path, self._lock, os.getpid())

    def close(self) -> None:
        """Remove the folder."""
        self._remove()


def _removed(path: str, lock: Lock, owner: int) -> None:
    if os.getpid() == owner:  # and not in a fork of it
        lock.drop()
        shutil.rmtree(path, ignore_errors=True)


def _remove_those_of_the_dead(prefix: str) -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_old_and_mine(path) and (path / LOCK).is_file():
                lock = Lock(path / LOCK)
                if lock.take():
                    lock.drop()  # a file that is open cannot be removed everywhere
                    shutil.rmtree(path, ignore_errors=True)


def _is_old_and_mine(path: Path) -> bool:
    found = path.lstat()
    is_mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return is_mine and time.time() - found.st_mtime > OLD
