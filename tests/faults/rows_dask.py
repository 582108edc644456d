"""Rows: workers of Dask that die, blocks that go with them, clusters that close."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from bench.scaling import circulants
from symrank.errors import LostWorkersError, SymrankError
from tests.cases.clusters import cluster_of
from tests.faults.row import Row

N, SIZE, EDGES = 600, 60, (0, 150, 300, 450, 600)
TRUTH = N - N // SIZE
# more than the first round, after whose end things happen
ASK: dict[str, Any] = {
    "method": symrank.Lanczos(num_probes=4), "rng": 3, "max_matvecs": 500, "precision": 0.001,
}  # fmt: skip
SOON = 60.0  # seconds in which a run without workers ends


def needs_dask() -> None:
    pytest.importorskip("distributed")


def made(client: Any, make: Callable[..., Any] = circulants.rows) -> list[Any]:
    """Blocks that workers make, and can make anew."""
    found: list[Any] = client.map(make, EDGES[:-1], EDGES[1:], n=N, size=SIZE, degree=5, pure=False)
    return found


def kill(client: Any, future: Any) -> None:
    """Kill the worker that has it."""
    address = client.who_has([future])[future.key][0]
    os.kill(client.run(os.getpid)[address], signal.SIGKILL)


class Once:
    """An observer that acts when the first round has told an interval."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act, self.is_done = act, False

    def __call__(self, progress: Any) -> None:
        if progress.interval is not None and not self.is_done:
            self.is_done = True
            self.act()


def is_whole(result: Any) -> None:
    low, high = result.interval()
    assert low <= TRUTH <= high, result


def one_dies(ask: Callable[..., Any], tmp: Path) -> None:
    """The bits of a run in which a worker is killed are those of another run."""
    needs_dask()
    with cluster_of(2) as client:
        H = symrank.on_dask(made(client))
        calm = ask(H)
        watch = Once(partial(kill, client, H._tiles[0][0]))
        found = ask(H, progress=watch)
    assert watch.is_done
    assert (found.estimate, found.history) == (calm.estimate, calm.history)
    is_whole(found)


def ends(ask: Callable[[], Any], kind: type[Exception], words: str, *, is_late: bool) -> None:
    """A run ends soon, by an error of this package that has what was known."""
    start = time.monotonic()
    with pytest.raises(kind, match=words) as raised:
        ask()
    assert time.monotonic() - start < SOON
    if is_late:
        is_whole(raised.value.result)  # type: ignore[attr-defined]


def all_die(ask: Callable[..., Any], tmp: Path) -> None:
    """No worker is left, and none comes."""
    needs_dask()
    with cluster_of(1) as client:
        H = symrank.on_dask(made(client), patience=2.0)
        watch = Once(partial(client.cluster.scale, 0))
        ends(lambda: ask(H, progress=watch), LostWorkersError,
             "the cluster has had no workers", is_late=True)  # fmt: skip


def counted(H: Any, **options: Any) -> Any:
    return symrank.count(H, 1e-6, float("inf"), **ASK, **options)


def signed(H: Any, **options: Any) -> Any:
    return symrank.inertia(H, **ASK, **options).result


def closes(what: str, tmp: Path) -> None:
    """The cluster or the client is closed by someone else."""
    needs_dask()
    with cluster_of(1) as client:
        H = symrank.on_dask(made(client), patience=2.0)
        watch = Once(client.close if what == "client" else client.cluster.close)
        ends(lambda: symrank.rank(H, **ASK, progress=watch), LostWorkersError,
             "the Dask client is closed|no workers|lost", is_late=True)  # fmt: skip
        ends(lambda: symrank.rank(H, **ASK), LostWorkersError, "Dask client is", is_late=False)


def was_sent(tmp: Path) -> None:
    """A block that was scattered dies with its worker: nothing makes it anew."""
    needs_dask()
    with cluster_of(2) as client:
        blocks = [circulants.rows(i, j, N, size=SIZE, degree=5) for i, j in ((0, 300), (300, N))]
        workers = list(client.nthreads())
        H = symrank.on_dask(
            [client.scatter(one, workers=[w], hash=False)
             for one, w in zip(blocks, workers, strict=True)]
        )  # fmt: skip
        is_whole(symrank.rank(H, **ASK))
        watch = Once(partial(kill, client, H._tiles[0][0]))
        ends(lambda: symrank.rank(H, **ASK, progress=watch), LostWorkersError,
             "nothing is known that makes them anew", is_late=True)  # fmt: skip


def another_one(first: int, last: int, folder: str, **options: Any) -> Any:
    """Return the rows, and twice as much the second time."""
    block = circulants.rows(first, last, **options)
    mark = Path(folder) / str(first)
    if mark.exists():
        return block * 2.0
    mark.touch()
    return block


def raises(first: int, last: int, folder: str, **options: Any) -> Any:
    mark = Path(folder) / str(first)
    if mark.exists():
        raise OSError("the disk is gone")
    mark.touch()
    return circulants.rows(first, last, **options)


def smaller(first: int, last: int, folder: str, **options: Any) -> Any:
    block = another_one(first, last, folder, **options)
    return block if block.data.max() < 11.0 else block[:-1]


def remade(make: Any, kind: type[Exception], words: str, tmp: Path) -> None:
    """What makes a block does not make the same the second time."""
    needs_dask()
    with cluster_of(2) as client:
        H = symrank.on_dask(made(client, partial(make, folder=str(tmp))))
        watch = Once(partial(kill, client, H._tiles[0][0]))
        ends(lambda: symrank.rank(H, **ASK, progress=watch), kind, words, is_late=True)


def kills(first: int, last: int, **options: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def no_memory(tmp: Path) -> None:
    """A block that kills every worker that makes it, as one that does not fit does."""
    needs_dask()
    with cluster_of(2) as client:
        ends(lambda: symrank.on_dask(made(client, kills)), LostWorkersError,
             "died one after another", is_late=False)  # fmt: skip


def not_finite(first: int, last: int, **options: Any) -> Any:
    block = circulants.rows(first, last, **options)
    if first == 0:
        block.data[3] = np.nan
    return block


def wrong_blocks(make: Any, words: str, tmp: Path) -> None:
    needs_dask()
    with cluster_of(1) as client:
        ends(lambda: symrank.rank(symrank.on_dask(made(client, make)), **ASK), SymrankError, words,
             is_late=False)  # fmt: skip


def triangle(first: int, last: int, **options: Any) -> Any:
    return sp.tril(circulants.rows(first, last, **options), k=first).tocsr()


def text(first: int, last: int, **options: Any) -> Any:
    return np.full((last - first, N), "a")


DOORS: dict[str, Callable[..., Any]] = {
    "rank": partial(symrank.rank, **ASK), "count": counted, "inertia": signed,
}  # fmt: skip
REMADE: dict[str, tuple[Any, type[Exception], str]] = {
    "is another one": (another_one, SymrankError, "changed while it was multiplied"),
    "has fewer rows": (smaller, SymrankError, "has become another one|has shape"),
    "raises": (raises, OSError, "the disk is gone"),
}
ROWS = [
    *(
        Row(group="dask", fault=fault, door=door, check=partial(check, ask), is_slow=door != "rank")
        for fault, check in (("a worker is killed", one_dies), ("all workers are gone", all_die))
        for door, ask in DOORS.items()
    ),
    Row(group="dask", fault="the cluster closes", door="rank", check=partial(closes, "cluster")),
    Row(group="dask", fault="the client closes", door="rank", check=partial(closes, "client"),
        is_slow=True),
    Row(group="dask", fault="a block that was sent is lost", door="rank", check=was_sent),
    Row(group="dask", fault="workers die of a block", door="on_dask", check=no_memory,
        is_slow=True),
    Row(group="dask", fault="an entry is NaN", door="rank",
        check=partial(wrong_blocks, not_finite, "infinities or NaN|not finite")),
    Row(group="dask", fault="not symmetric", door="rank",
        check=partial(wrong_blocks, triangle, "not symmetric")),
    Row(group="dask", fault="blocks of text", door="rank",
        check=partial(wrong_blocks, text, "number|dtype")),
    *(
        Row(group="dask", fault=f"a block that is made anew {name}", door="rank",
            check=partial(remade, *case), is_slow=name != "is another one")
        for name, case in REMADE.items()
    ),
]  # fmt: skip
