"""Own processes: a `symrank.support.child` for every worker, each fed by a thread of this process.

So they start from any script, without a guard round its main part, and without a fork; every
library has one thread there; Ctrl-C reaches this process alone; and none of them outlives it. An
errand and its outcome are files in the folder of the run, whose arrays are mapped and not copied
through a pipe.

A child that dies is replaced and its errand sent once more, to the new one, with the state that the
file still holds. An errand that has taken two workers with it is given up.
"""

import contextlib
import itertools
import os
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from symrank.errors import LostWorkersError
from symrank.run.crew import Common
from symrank.run.workers import packing
from symrank.run.workers.errands import Errand, Outcome
from symrank.run.workers.far import Address, addressed
from symrank.run.workers.pools import Folder, Pool, Reply, written
from symrank.support.child import Child, ChildDied, ChildNotStarted, ChildRaised

__all__ = ["Processes"]

FAR_SIDE = "symrank.run.workers.far:answer_in_a_file"
GIVEN_TO = 2  # workers, one after the other


class Unwanted(Exception):  # noqa: N818 - not an error: it ends a child
    """The run has ended."""


class Processes(Pool):
    """A number of processes, until the end of the call."""

    def __init__(self, num_workers: int) -> None:
        self.num_workers = num_workers
        self._folder = Folder()
        self._threads: Executor = ThreadPoolExecutor(num_workers, "symrank-worker")
        self._idle: queue.SimpleQueue[Child | None] = queue.SimpleQueue()
        for _ in range(num_workers):
            self._idle.put(None)  # started when it has something to do
        self._is_unwanted = threading.Event()
        self._numbers = itertools.count()

    def submit(self, work: Common, errand: Errand) -> Reply:
        """See `Pool.submit`."""
        address = self._folder.package(work)
        path = os.path.join(self._folder.path, f"{next(self._numbers)}.errand")
        written(addressed(work, errand), path)
        return self._threads.submit(self._served, address, errand.number, path, self._is_unwanted)

    def stop(self) -> None:
        """End all that is under way, and the children that are at it."""
        self._is_unwanted.set()
        self._is_unwanted = threading.Event()

    def close(self) -> None:
        """End the children and remove the folder; at most a few ticks of a child are waited for."""
        self._is_unwanted.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        with contextlib.suppress(queue.Empty):
            while True:
                child = self._idle.get_nowait()
                if child is not None:
                    child.close()
        self._folder.close()

    def _served(
        self, address: Address, number: int, path: str, is_unwanted: threading.Event
    ) -> Outcome:
        """Hand an errand to a child that is idle, and to another one where that dies."""
        child, died = self._idle.get(), None
        try:
            for _ in range(GIVEN_TO):
                try:
                    child = child or _started(is_unwanted)
                    return _asked(child, address, path, is_unwanted)
                except Unwanted:
                    child = None
                    return Outcome(number=number, is_unwanted=True)
                except (ChildNotStarted, ChildRaised) as error:
                    child = None if isinstance(error, ChildNotStarted) else child
                    raise LostWorkersError(
                        f"a worker process {error}. executor='threads' needs none."
                    ) from error
                except ChildDied as error:
                    child, died = None, error
        finally:
            self._idle.put(child)
        raise LostWorkersError(
            f"task {number} of a round has taken {GIVEN_TO} worker processes with it: the last one "
            f"{died}. Look for a crash in the products of A, or for too little memory for so many "
            "workers; executor='threads' shares it."
        ) from died


def _leaving(is_unwanted: threading.Event) -> Callable[[], None]:
    """Return what ends a child that nobody waits for."""

    def leave() -> None:
        if is_unwanted.is_set():
            raise Unwanted

    return leave


def _started(is_unwanted: threading.Event) -> Child:
    return Child(tick=_leaving(is_unwanted)).__enter__()


def _asked(child: Child, address: Address, path: str, is_unwanted: threading.Event) -> Outcome:
    """Return the outcome of the errand in a file, and remove the files."""
    child.tick, outcome_path = _leaving(is_unwanted), f"{path}.outcome"
    with contextlib.suppress(OSError):
        os.unlink(outcome_path)  # what a worker before this one has left of it
    child.call(
        FAR_SIDE,
        {
            "token": address.token,
            "package": address.path,
            "errand": path,
            "outcome": outcome_path,
            "folder": os.getcwd() if "" in sys.path else None,
        },
    )
    outcome: Outcome = packing.load(outcome_path, is_last=True)
    os.unlink(path)
    return outcome
