"""Processes that add up what each of them has, in an order that does not depend on how many.

Each of W processes of ``torch.distributed`` has some of the parts s_0, s_1, .. of a sum, the first
process the first ones and so on. What is wanted is

    ((s_0 + s_1) + s_2) + ..    to the last bit, on every process, whatever W is.

The all-reduce of the library adds in an order of its own, which changes with W. So the sum goes
from process to process, each adding its parts to what comes, and the last one tells all. It is cut
into pieces of PIECE numbers: while one process adds to a piece the next one adds to that before.
A process receives as many numbers as a sum has twice, once on the way and once at the end, which is
what an all-reduce takes as well.

Before every sum a few whole numbers are compared: processes that do not do the same thing, or fail,
are seen there, and what they would have added up to is never formed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist

from symrank.errors import LostWorkersError, OptionError

__all__ = ["Team"]

PIECE = 2**18  # numbers: 2 MiB, some times what a message of a network takes to start


class Team:
    """The processes of a group, or one that is alone.

    Parameters
    ----------
    group
        A process group; None is that of all processes, where there is one.

    Raises
    ------
    OptionError
        Where this process is not in the group.
    """

    def __init__(self, group: Any = None) -> None:
        is_there = dist.is_available() and dist.is_initialized()
        if group is not None and not is_there:
            raise OptionError(
                "a group was passed, and torch.distributed is not initialised. Call "
                "torch.distributed.init_process_group('gloo', ...) first, or leave the group out "
                "for one process."
            )
        self.group = group
        self.rank = dist.get_rank(group) if is_there else 0
        self.size = dist.get_world_size(group) if is_there else 1
        if self.rank < 0:
            raise OptionError(
                "this process is not in the group that was passed. Call from_shards in those "
                "processes alone that are."
            )

    def share(self, count: int) -> range:
        """Return which of `count` parts are of this process, in their order."""
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def agree(
        self, device: torch.device, words: Sequence[int], what: str, error: Exception | None = None
    ) -> None:
        """Compare some numbers below 2^63 with those of the others, and raise what they raise.

        Raises
        ------
        LostWorkersError
            Where another process has other numbers, or an error, or is gone.
        Exception
            `error`, where there is one.
        """
        if self.size == 1:
            if error is not None:
                raise error
            return
        own = torch.tensor([error is not None, *words], dtype=torch.int64, device=device)
        all_of_them = [torch.empty_like(own) for _ in range(self.size)]
        with self._heard():
            dist.all_gather(all_of_them, own, group=self.group)
        if error is not None:
            raise error
        failed = [r for r, one in enumerate(all_of_them) if one[0]]
        if failed:
            raise LostWorkersError(
                f"process {failed[0]} of {self.size} raised an error while {what}: it says which. "
                "All processes end here."
            )
        other = [r for r, one in enumerate(all_of_them) if not torch.equal(one, all_of_them[0])]
        if other:
            raise LostWorkersError(
                f"process {other[0]} of {self.size} does another thing than process 0 while "
                f"{what}. All run the same script on the same type of machine: the same model and "
                "num_shards, the same rng=... in every call, no max_seconds, and no executor."
            )

    def first_says(self, device: torch.device, words: Sequence[int]) -> list[int]:
        """Return the numbers of the first process."""
        told = torch.tensor(words, dtype=torch.int64, device=device)
        if self.size > 1:
            with self._heard():
                dist.broadcast(told, self._global(0), group=self.group)
        return [int(one) for one in told]

    def sum_in_order(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the sum of the parts of all processes, vectors of one length, in their order."""
        if self.size == 1:
            total = parts[0].clone()
            for part in parts[1:]:
                total += part
            return total
        total = torch.empty_like(parts[0])
        with self._heard():
            sent = [self._passed(*pieces) for pieces in _pieces(total, parts)]
            for one in sent:
                if one is not None:
                    one.wait()
            dist.broadcast(total, self._global(self.size - 1), group=self.group)
        return total

    def _passed(self, total: torch.Tensor, parts: Sequence[torch.Tensor]) -> Any:
        """Add this process's parts of a piece to what comes, and send it on."""
        if self.rank:
            dist.recv(total, self._global(self.rank - 1), group=self.group)
            total += parts[0]
        else:
            total.copy_(parts[0])
        for part in parts[1:]:
            total += part
        if self.rank + 1 < self.size:
            return dist.isend(total, self._global(self.rank + 1), group=self.group)
        return None

    def _global(self, rank: int) -> int:
        return rank if self.group is None else dist.get_global_rank(self.group, rank)

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Turn what the library raises, where a process is gone, into an error that says so."""
        try:
            yield
        except (RuntimeError, ValueError) as error:
            said = (str(error).splitlines() or [""])[0]
            raise LostWorkersError(
                f"process {self.rank} of {self.size} waited for another one, which is gone or has "
                f"ended its run before: {said} Look at what that one said; a shorter timeout=... "
                "of init_process_group ends the waiting sooner."
            ) from error


def _pieces(
    total: torch.Tensor, parts: Sequence[torch.Tensor]
) -> Iterator[tuple[torch.Tensor, list[torch.Tensor]]]:
    cut: Callable[[torch.Tensor], Any] = lambda one: torch.split(one, PIECE)  # noqa: E731
    for pieces in zip(cut(total), *map(cut, parts), strict=True):
        yield pieces[0], list(pieces[1:])
