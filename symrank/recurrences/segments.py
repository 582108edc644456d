r"""A segment of a recurrence on blocks that may live on a device: its columns, its pace.

Columns. They do not know each other, so a block that does not fit into what is free on the device
is taken through the segment by as many columns at a time as fit, and rests on the host meanwhile.
The bits are the same whatever the width.

Pace. A launch returns at once, and a host that only launches would be thousands of steps ahead of
the device: the clock would be looked at long before the products it allows are made, progress would
tell of work not done, and Ctrl-C would wait for all of it. Reading a number back every step would
end that, and leave the device idle while the host thinks. So after the launches of a step the host
waits for the end of the step before: the device has one step to do at any time, and the host is
ahead by no more.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import ModuleType
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from symrank.errors import DeviceMemoryError
from symrank.support.blocks import empty_block
from symrank.support.typing import Array, FloatArray

__all__ = [
    "Pace",
    "State",
    "by_columns",
    "enough_memory",
    "first_lost",
    "gathered",
    "is_on_host",
    "joined",
    "on_host",
    "side_by_side",
    "slices",
]

SHARE = 0.8  # of the free memory: partial sums and the library's own workspace take some as well
BESIDE = 3  # columns: a product, the copy of a block for the caller's code, and a wrapper's own


@dataclasses.dataclass(kw_only=True)
class State:
    """Blocks of columns that do not know each other, and what is known of each."""

    blocks: ClassVar[tuple[str, ...]]  # fields that live where the kernel does; the first is (n, k)
    known: ClassVar[tuple[str, ...]]  # fields on the host, (..., k)

    @property
    def num_columns(self) -> int:
        """Number of columns k."""
        return int(getattr(self, self.blocks[0]).shape[1])

    @property
    def num_blocks(self) -> int:
        """Number of (n, k) blocks."""
        return sum(x.ndim == 2 for x in _each(self, self.blocks, lambda x: x).values())

    def part(self, first: int, last: int) -> Self:
        """Return the columns first..last-1 of a state that rests on the host."""
        names = (*self.blocks, *self.known)
        return dataclasses.replace(self, **_each(self, names, lambda x: x[..., first:last]))


AnyState = TypeVar("AnyState", bound=State)


def is_on_host(kernel: ModuleType) -> bool:
    """Whether the blocks of a kernel live in the memory of the host."""
    return not hasattr(kernel, "free_bytes")


def on_host(array: Any) -> Any:
    """Return an array of a device as one of the host, and anything else as it is."""
    is_elsewhere = not isinstance(array, np.ndarray) and hasattr(array, "get")
    return array.get() if is_elsewhere else array


class Pace:
    """Keeps the host at most one step ahead of a device; nothing on the host itself."""

    def __init__(self, kernel: ModuleType) -> None:
        self._record = getattr(kernel, "record", None)
        self._before: Any = None

    def step(self) -> None:
        """Wait for the end of the step before the one that was launched last."""
        if self._record is None:
            return
        event = self._record()
        if self._before is not None:
            self._before.synchronize()
        self._before = event


def by_columns(
    kernel: ModuleType,
    state: AnyState,
    column_bytes: int,
    walk: Callable[[AnyState], AnyState],
) -> AnyState:
    """Return ``walk(state)``, on a device by as many columns at a time as fit into its memory.

    Parameters
    ----------
    kernel
        Tells where its blocks live.
    state
        Used up. On a device it may come from there, or from the host.
    column_bytes
        What a column of a block takes there.
    walk
        Takes a state whose blocks live where the kernel runs.

    Raises
    ------
    DeviceMemoryError
        Where not even one column fits.
    """
    if is_on_host(kernel):
        return walk(state)
    k, held = state.num_columns, state.num_blocks * column_bytes
    taken = held + BESIDE * column_bytes
    with enough_memory(kernel, taken):
        if not _rests(state):
            if fitting(kernel, taken, k * held) >= k:
                return _kept(kernel, walk(state), k * taken)
            state = _moved(state, kernel.host)
        done = gathered(kernel, k, taken, lambda a, b: walk(_moved(state.part(a, b), kernel.block)))
        return done if _rests(done) else _kept(kernel, done, k * taken)


def gathered(
    kernel: ModuleType, k: int, column_bytes: int, make: Callable[[int, int], AnyState]
) -> AnyState:
    """Return ``make(0, k)``, or where that does not fit the device the parts of it, at rest.

    ``make(a, b)`` returns the state of the columns a..b-1.
    """
    if is_on_host(kernel):
        return make(0, k)
    with enough_memory(kernel, column_bytes):
        width = fitting(kernel, column_bytes)
        if width >= k:
            return make(0, k)
        parts = [_moved(make(first, last), kernel.host) for first, last in slices(k, width)]
    return joined(parts)


def slices(num_columns: int, width: int) -> list[tuple[int, int]]:
    """Split the columns 0..num_columns-1 into parts of almost equal width, `width` at most."""
    count = -(-num_columns // width)
    edges = [j * num_columns // count for j in range(count + 1)]
    return list(pairwise(edges))


def fitting(kernel: ModuleType, column_bytes: int, held: int = 0) -> int:
    """Return how many columns fit into the free memory of the device and `held` bytes of it."""
    free = int(SHARE * kernel.free_bytes()) + held
    if free < column_bytes:
        raise DeviceMemoryError(column_bytes, free)
    return free // max(column_bytes, 1)


@contextmanager
def enough_memory(kernel: ModuleType, column_bytes: int) -> Iterator[None]:
    """Say what a column takes where an allocation on the device fails all the same."""
    try:
        yield
    except getattr(kernel, "OUT_OF_MEMORY", ()) as error:
        raise DeviceMemoryError(column_bytes, int(kernel.free_bytes())) from error


def first_lost(*rows: FloatArray) -> int | None:
    """Return the first row that holds a number which is not finite; None where none does."""
    lost = ~np.logical_and.reduce([np.isfinite(each).all(axis=1) for each in rows])
    return int(np.flatnonzero(lost)[0]) if lost.any() else None


def _rests(state: State) -> bool:
    """Whether the blocks lie on the host, as those of a start do."""
    return isinstance(getattr(state, state.blocks[0]), np.ndarray)


def _moved(state: AnyState, move: Callable[[Any], Any]) -> AnyState:
    return dataclasses.replace(state, **_each(state, state.blocks, move))


def _kept(kernel: ModuleType, state: AnyState, num_bytes: int) -> AnyState:
    """Let a state stay on the device where there is room beside it for another as large."""
    has_room = SHARE * kernel.free_bytes() >= num_bytes
    return state if has_room else _moved(state, kernel.host)


def joined(parts: Sequence[AnyState]) -> AnyState:
    """Return the state of all columns; what belongs to none of them is that of the first."""
    first = parts[0]
    names = (*first.blocks, *first.known)
    return dataclasses.replace(
        first,
        **{
            name: side_by_side([getattr(part, name) for part in parts])
            for name in names
            if getattr(first, name) is not None
        },
    )


def side_by_side(columns: Sequence[Array]) -> Array:
    """Return the columns of all arrays (..., k) in one; of blocks, on cache lines."""
    if columns[0].ndim != 2:
        return np.concatenate(columns, axis=-1)
    whole = empty_block(len(columns[0]), sum(x.shape[1] for x in columns), columns[0].dtype)
    return np.concatenate(columns, axis=-1, out=whole)


def _each(state: State, names: Sequence[str], change: Callable[[Any], Any]) -> dict[str, Any]:
    values = {name: getattr(state, name) for name in names}
    return {name: change(x) for name, x in values.items() if x is not None}
