"""Which threads a launch has, and how much memory they share.

A thread has one column: of a chunk of rows, or of one row. Threads of a block are neighbouring
columns first, so that they read neighbouring numbers, then chunks. No result depends on it.
"""

from typing import NamedTuple

from symrank.kernels.compiled.langevin import ROWS
from symrank.kernels.compiled.sums import num_chunks

__all__ = ["THREADS", "Launch", "by_chunks", "by_rows", "in_a_row", "noise_bytes"]

THREADS = 128  # of a block: 8 chunks of 16 columns
SHARED = 48 * 1024  # bytes of shared memory that every device gives a block
LINE = 16  # a slice of a wide block has a multiple of so many columns, a line of doubles
WORD = 4  # bytes, of a word of noise


class Launch(NamedTuple):
    """Blocks of threads, threads of a block (columns, then chunks or rows), bytes they share."""

    grid: tuple[int, ...]
    block: tuple[int, ...]
    shared: int = 0


def by_chunks(n: int, k: int, room: int = 0) -> Launch:
    """Return the launch in which a thread has a column of a chunk, whose threads share `room`."""
    columns, slices = _slices(k)
    chunks = num_chunks(n)
    high = min(THREADS // columns, chunks)
    if room:
        high = max(1, min(high, SHARED // room))
    return Launch((-(-chunks // high), slices), (columns, high), high * room)


def by_rows(n: int, k: int) -> Launch:
    """Return the launch in which a thread has one number."""
    columns, slices = _slices(k)
    high = THREADS // columns
    return Launch((-(-n // high), slices), (columns, high))


def in_a_row(count: int, batch: int) -> Launch:
    """Return the launch of `count` threads for each of a batch."""
    return Launch((-(-count // THREADS), batch), (THREADS,))


def noise_bytes(k: int, chain: int, is_gaussian: bool, is_averaged: bool) -> int:
    """Return what a chunk keeps of its noise: numbers of each column, or words of 32 chains."""
    columns, slices = _slices(k)
    if is_gaussian:
        return columns * ROWS * WORD
    firsts = range(chain, chain + slices * columns, columns)
    lasts = (min(first + columns, chain + k) - 1 for first in firsts)
    groups = max(b // 32 - a // 32 + 1 for a, b in zip(firsts, lasts, strict=True))
    return groups * ROWS * WORD * (2 if is_averaged else 1)


def _slices(k: int) -> tuple[int, int]:
    """Return how many columns a block of threads has, and how many slices k columns make."""
    if k <= THREADS:
        return k, 1
    even = -(-k // -(-k // THREADS))
    columns = -(-even // LINE) * LINE
    return columns, -(-k // columns)
