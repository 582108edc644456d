"""Where the blocks of a matrix lie, and how a product gets there and back.

With a client of `distributed` the blocks are held by its workers, and a product is

    X, cut    ->  every worker its rows, one message each: from the first to the last row of X that
                  one of its blocks needs. Where these are more than TREE n in all, X whole to one
                  worker, and on from worker to worker
    one graph ->  a task a block, and a sum in the order of the columns where they are cut as well
    Y, pieces <-  n x k numbers in all, as they are done.

The blocks themselves stay where they are. What a worker was doing when it died is done
again by others: its blocks are made anew from what made them, its rows of X are sent again. As
often as `ATTEMPTS` says; then, and where no worker is left, where the cluster was closed, or where
a block was sent there and has nothing that makes it, the run ends with what was known before.

Without a client the graph is computed by Dask's scheduler in this process, and blocks that are not
in memory are made anew in every product.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

import dask

from symrank.errors import LostWorkersError, SymrankError
from symrank.operators.row_blocks import added, multiplied
from symrank.support import foreign
from symrank.support.typing import Array

__all__ = ["Cluster", "Here", "Place"]

POLL = 1.0  # seconds between two looks at who is there
ATTEMPTS = 5  # of a product: four workers may die one after another
PAUSE = 0.2  # seconds before the second attempt, twice as many before each further one
COMING = 5.0  # seconds that a message waits for a worker that was there a moment ago
TREE = 4  # copies of X that the driver sends itself: two workers hand on what one has, at a time

Tiles = Sequence[Sequence[Any]]  # what stands for the blocks, by row and column of blocks
Hulls = Sequence[Sequence[tuple[int, int]]]  # the rows of X that each needs


class Place(ABC):
    """Where blocks lie, and who multiplies by them."""

    is_here = False

    @abstractmethod
    def hold(self, blocks: list[Any]) -> list[Any]:
        """Return blocks as they stay from product to product."""

    @abstractmethod
    def ask(self, questions: list[Any]) -> list[Any]:
        """Return the answers, numbers or short arrays, of a graph."""

    @abstractmethod
    def rows(self, tiles: Tiles, hulls: Hulls, X: Array) -> Iterator[tuple[int, Array]]:
        """Yield the products of all rows of blocks, in any order."""


def _row(
    tiles: Sequence[Any], hulls: Sequence[tuple[int, int]], pieces: Sequence[Any], dtype: str
) -> Any:
    """Return the task of a row of blocks; a piece is an array and the row that it begins with."""
    product = dask.delayed(multiplied, pure=False)
    parts = [
        product(tile, piece, start - first, dtype)
        for tile, (start, _), (piece, first) in zip(tiles, hulls, pieces, strict=True)
    ]
    return parts[0] if len(parts) == 1 else dask.delayed(added, pure=False)(parts)


class Here(Place):
    """The process of the caller, by the scheduler that Dask is set to."""

    is_here = True

    def hold(self, blocks: list[Any]) -> list[Any]:
        """See `Place.hold`: what is not in memory stays a recipe."""
        return blocks

    def ask(self, questions: list[Any]) -> list[Any]:
        """See `Place.ask`."""
        with foreign.callers_code():
            return list(dask.compute(*questions))

    def rows(self, tiles: Tiles, hulls: Hulls, X: Array) -> Iterator[tuple[int, Array]]:
        """See `Place.rows`."""
        graph = [
            _row(row, needs, [(X[start:stop], start) for start, stop in needs], str(X.dtype))
            for row, needs in zip(tiles, hulls, strict=True)
        ]
        yield from enumerate(self.ask(graph))


class Cluster(Place):
    """The workers of a client."""

    def __init__(self, client: Any, patience: float) -> None:
        self.client, self.patience = client, patience

    def hold(self, blocks: list[Any]) -> list[Any]:
        """See `Place.hold`: computed by the workers, and kept by them."""
        with foreign.callers_code():
            return list(self.client.compute(blocks))

    def ask(self, questions: list[Any]) -> list[Any]:
        """See `Place.ask`."""
        found = dict(self._answers(len(questions), lambda left: [questions[i] for i in left], []))
        return [found[i] for i in range(len(questions))]

    def rows(self, tiles: Tiles, hulls: Hulls, X: Array) -> Iterator[tuple[int, Array]]:
        """See `Place.rows`."""

        def graph(left: list[int]) -> list[Any]:
            sent = self._sent([tiles[i] for i in left], [hulls[i] for i in left], X)
            return [
                _row(tiles[i], hulls[i], pieces, str(X.dtype))
                for i, pieces in zip(left, sent, strict=True)
            ]

        yield from self._answers(len(tiles), graph, [one for row in tiles for one in row])

    def _sent(self, tiles: Tiles, hulls: Hulls, X: Array) -> list[list[tuple[Any, int]]]:
        """Send X to where it is needed; return what stands for it there, for every block."""
        who = self.client.who_has([one for row in tiles for one in row])
        workers = [[next(iter(who.get(one.key, ())), None) for one in row] for row in tiles]
        spans: dict[Any, tuple[int, int]] = {}
        for names, needs in zip(workers, hulls, strict=True):
            for name, (start, stop) in zip(names, needs, strict=True):
                first, last = spans.get(name, (start, stop))
                spans[name] = min(first, start), max(last, stop)
        if sum(stop - start for start, stop in spans.values()) > TREE * len(X):
            whole = self.client.scatter(X, broadcast=True, hash=False, timeout=COMING)
            return [[(whole, 0) for _ in names] for names in workers]
        pieces = {}
        for name, (start, stop) in spans.items():
            only = None if name is None else [name]
            rows = X[start:stop]
            piece = self.client.scatter(rows, workers=only, hash=False, timeout=COMING)
            pieces[name] = piece, start
        return [[pieces[name] for name in names] for names in workers]

    def _answers(
        self, count: int, graph: Callable[[list[int]], list[Any]], blocks: list[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Yield `count` answers as they come; ask again for those that are lost with a worker."""
        left, why = list(range(count)), None
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * 2.0 ** (attempt - 1))
            order = list(left)
            try:
                self._await_workers()
                for j, answer in self._done(self.client.compute(graph(order))):
                    left.remove(order[j])
                    yield order[j], answer
            except Exception as error:  # of all kinds, where a worker goes at the wrong moment
                if foreign.is_callers(error) or isinstance(error, SymrankError):
                    raise
                why = error
            if not left:
                return
            self._look(blocks, why)
        raise LostWorkersError(
            f"{len(left)} of {count} tasks were lost {ATTEMPTS} times in a row, though there are "
            f"workers{_said(why)}. Look at the logs of the workers: do they run out of memory?"
        ) from why

    def _look(self, blocks: list[Any], why: Exception | None) -> None:
        """Raise where another attempt has no chance."""
        if self.client.status not in ("running", "connecting"):
            raise LostWorkersError(
                f"the Dask client is {self.client.status}{_said(why)}. Keep the client and its "
                "cluster open until the run ends, and pass the blocks again."
            ) from why
        gone = sum(one.status == "cancelled" for one in blocks)
        if gone:
            raise LostWorkersError(
                f"{gone} of {len(blocks)} blocks went with a worker, and nothing is known that "
                "makes them anew. Let workers make them, by client.map(make, ...) or "
                "dask.delayed(make)(...), in place of client.scatter; or put them on two workers "
                "by client.replicate."
            ) from why

    def _done(self, futures: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield what the futures hold as they are done; leave out those that are cancelled."""
        left = dict(enumerate(futures))
        while left:
            if not self._news(list(left.values())):
                self._await_workers()
                continue
            settled = [i for i, one in left.items() if one.status not in ("pending", "lost")]
            for i in settled:
                if left[i].status == "error":
                    _raise(left[i])
            ready = [i for i in settled if left[i].status == "finished"]
            for i, answer in zip(ready, self.client.gather([left[i] for i in ready]), strict=True):
                yield i, answer
            for i in settled:
                del left[i]

    def _await_workers(self) -> None:
        """Wait until there is a worker, as long as the patience lasts."""
        end = time.monotonic() + self.patience
        while not self.client.nthreads():
            if time.monotonic() > end:
                raise LostWorkersError(
                    f"for {self.patience:.3g} s the cluster has had no workers. Start some, or "
                    "pass a larger patience=... where they take longer to come."
                )
            time.sleep(PAUSE)

    def _news(self, futures: list[Any]) -> bool:
        """Wait until one of them is settled; tell whether one is."""
        from distributed import wait

        try:
            wait(futures, timeout=POLL, return_when="FIRST_COMPLETED")
        except TimeoutError:
            return False
        except CancelledError:
            return True
        return True


def _raise(future: Any) -> None:
    """Raise what a task raised, or what became of its workers."""
    from distributed.scheduler import KilledWorker

    error = future.exception()
    if isinstance(error, KilledWorker):
        raise LostWorkersError(
            f"workers died one after another at one task: {str(error).splitlines()[0]} Look at "
            "their logs: a block and its product may not fit into their memory. Cut the rows into "
            "more blocks."
        ) from error
    if isinstance(error, SymrankError):
        raise error
    with foreign.callers_code():
        raise error


def _said(why: Exception | None) -> str:
    return "" if why is None else f" ({type(why).__name__}: {(str(why).splitlines() or [''])[0]})"
