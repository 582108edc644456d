"""What a file may take: bytes of memory, and seconds.

A size that a file declares is weighed before memory is taken: against the size of the file, against
what the machine has free and, where the file is packed, against

    UNPACKED max(size of the file, 1 MiB),

so that a small file cannot unpack to more than an honest matrix of its size would.
"""

import contextlib
import math
import os
import time
from pathlib import Path

from symrank.errors import OperatorError, OptionError
from symrank.files.names import shown

__all__ = ["CHUNK", "DENSE_COPIES", "LARGEST", "MAX_DEFLATE", "Allowance", "free_bytes"]

CHUNK = 1 << 20  # bytes between two looks at the clock
UNPACKED = 256  # times its size: text of ten times the size of its .gz takes 100 times in a csr
LARGEST = 2**53  # rows or columns: a count is also computed as a float
DENSE_COPIES = 6  # three that counting takes, twice: its seconds grow with the cube of the order
MAX_DEFLATE = 1032  # bytes that one byte of a deflated stream can stand for
MEBI = 2**20
CGROUP = Path("/sys/fs/cgroup")


class Allowance:
    """What reading one file may take.

    Parameters
    ----------
    path
        Of the file.
    max_seconds
        From now on.
    """

    def __init__(self, path: Path, max_seconds: float | None = None) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.unpacked = 0  # bytes so far
        self.max_seconds = max_seconds
        self.end = time.monotonic() + (math.inf if max_seconds is None else max_seconds)

    def tick(self) -> None:
        """Raise `OptionError` once the time is up."""
        if time.monotonic() > self.end:
            raise OptionError(
                f"max_seconds={self.max_seconds:g} were over while {shown(self.path)} was "
                "read: there is no answer yet. Allow more, or save the matrix as .npy or .npz, "
                "which are read fastest."
            )

    def weigh(self, num_bytes: int, what: str) -> None:
        """Raise `OperatorError` where the machine has not that much memory free."""
        free = free_bytes()
        if num_bytes > free:
            raise OperatorError(
                f"{shown(self.path)} holds, or claims to hold, {what}, which does not fit in "
                f"memory: it takes {_mebi(num_bytes)} and {_mebi(free)} are free. Save it in a "
                "sparse format, or write an operator that computes its products."
            )

    def weigh_unpacked(self, num_bytes: int, what: str) -> None:
        """Raise `OperatorError` where a packed file, all in all, grows out of proportion."""
        most = UNPACKED * max(self.size, MEBI)
        self.unpacked += num_bytes
        if self.unpacked > most:
            raise OperatorError(
                f"{shown(self.path)} has {self.size} bytes and unpacks to {what}, which takes "
                f"{_mebi(self.unpacked)}: above {_mebi(most)}, {UNPACKED} times the size of a file "
                f"({UNPACKED} MiB where it is below 1 MiB), it is taken for a trap. If it is none, "
                "unpack it first, or save it uncompressed."
            )


def free_bytes() -> float:
    """Return the memory that this process may still take; infinity where nothing tells."""
    return max(0.0, min(_free_on_machine(), _free_in_group(), _free_in_process()))


def _free_on_machine() -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    return math.inf


def _free_in_group() -> float:
    """Return what the memory limit of a container leaves; the page cache gives way."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
            most = int((CGROUP / limit).read_text())
            stat = (CGROUP / limit).parent / "memory.stat"
            cached = [line.split() for line in stat.read_text().splitlines()]
            gives_way = sum(int(row[1]) for row in cached if row[0] == "inactive_file")
            return float(most - int((CGROUP / used).read_text()) + gives_way)
    return math.inf


def _free_in_process() -> float:
    """Return what ``ulimit -v`` leaves."""
    with contextlib.suppress(ImportError, OSError, ValueError, IndexError):
        import resource  # there is none on Windows

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            return float(most - pages * resource.getpagesize())
    return math.inf


def _mebi(num_bytes: float) -> str:
    if num_bytes < 1e4 * MEBI:
        return f"{num_bytes / MEBI:.3g} MiB"
    return f"{num_bytes / 2**30:.3g} GiB"
