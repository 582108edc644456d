"""Pools: who takes errands. Threads of this process, and executors of the caller's."""

import contextlib
import os
import threading
import uuid
from abc import ABC, abstractmethod
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from symrank.errors import LostWorkersError
from symrank.run.crew import Common
from symrank.run.workers import packing
from symrank.run.workers.errands import Errand, Outcome, perform
from symrank.run.workers.far import Address, Package, addressed, serve
from symrank.support.temporary import TemporaryFolder

__all__ = ["Executors", "Folder", "OwnThreads", "Pool", "Threads", "num_processors", "written"]

Reply = Future[Outcome]


def num_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool(ABC):
    """Takes errands, and promises their outcomes."""

    num_workers: int | None = None
    """None: nobody knows."""

    @abstractmethod
    def submit(self, work: Common, errand: Errand) -> Reply:
        """Take an errand of this work."""

    def submit_whole(self, work: Common, errand: Errand) -> Reply:
        """Take it again, for a worker that lacked the package."""
        return self.submit(work, errand)

    def submit_again(self, work: Common, errand: Errand) -> Reply | None:  # noqa: ARG002
        """Take an errand again whose reply was lost; None: the pool has nobody to give it to."""
        return None

    @abstractmethod
    def stop(self) -> None:
        """Let errands that are under way end soon; later ones are taken again."""

    @abstractmethod
    def close(self) -> None:
        """End what the pool has started."""


class Threads(Pool):
    """The threads of an executor of the caller's: nothing is sent anywhere."""

    def __init__(self, executor: Executor, num_workers: int | None) -> None:
        self.executor, self.num_workers = executor, num_workers
        self._is_unwanted = threading.Event()

    def submit(self, work: Common, errand: Errand) -> Reply:
        """See `Pool.submit`."""
        is_unwanted = self._is_unwanted.is_set
        return self.executor.submit(copy_context().run, perform, work, errand, is_unwanted)

    def stop(self) -> None:
        """See `Pool.stop`."""
        self._is_unwanted.set()
        self._is_unwanted = threading.Event()

    def close(self) -> None:
        """Leave the executor to its owner."""


class OwnThreads(Threads):
    """A thread for each processor, until the end of the call."""

    def __init__(self) -> None:
        count = num_processors()
        super().__init__(ThreadPoolExecutor(count, thread_name_prefix="symrank-worker"), count)

    def close(self) -> None:
        """See `Pool.close`."""
        self.executor.shutdown(wait=False, cancel_futures=True)


class Folder:
    """A temporary folder with the packages of a run; it goes with its owner."""

    def __init__(self) -> None:
        self._folder = TemporaryFolder()
        self.path = self._folder.path
        self._packages: dict[tuple[int, int, int], tuple[Address, Any]] = {}

    def package(self, work: Common) -> Address:
        """Return the address of the package for this work, written once."""
        package = Package.of(work)
        if package.key not in self._packages:
            token = uuid.uuid4().hex
            address = Address(token, os.path.join(self.path, f"{token}.package"))
            written(package, address.path)
            self._packages[package.key] = address, package  # which keeps the ids from others
        return self._packages[package.key][0]

    def withdraw(self) -> None:
        """Take the packages away, which ends the errands that need them."""
        for address, _ in self._packages.values():
            with contextlib.suppress(OSError):
                os.unlink(address.path)
        self._packages.clear()

    def close(self) -> None:
        """Remove the folder."""
        self._packages.clear()
        self._folder.close()


def written(what: Any, path: str) -> None:
    """Write a file for workers of this machine.

    Raises
    ------
    LostWorkersError
        Where there is no room for it.
    """
    try:
        packing.dump(what, path)
    except OSError as error:
        raise LostWorkersError(
            f"nothing can be handed to a worker: {error}. Set TMPDIR to a folder with room for A "
            "and for the vectors of a round; executor='threads' needs none."
        ) from error


class Executors(Pool):
    """An executor of the caller's, whose workers may be anywhere."""

    def __init__(self, executor: Executor, num_workers: int | None = None) -> None:
        self.executor, self.num_workers = executor, num_workers
        self._folder = Folder()

    def submit(self, work: Common, errand: Errand) -> Reply:
        """See `Pool.submit`."""
        return self.executor.submit(
            serve, self._folder.package(work), None, addressed(work, errand)
        )

    def submit_whole(self, work: Common, errand: Errand) -> Reply:
        """Send the package along: the worker is of another machine."""
        address = self._folder.package(work)
        parcel = packing.packed(Package.of(work))
        return self.executor.submit(serve, address, parcel, addressed(work, errand))

    def stop(self) -> None:
        """See `Pool.stop`."""
        self._folder.withdraw()

    def close(self) -> None:
        """Leave the executor to its owner, and nothing else behind."""
        self._folder.close()
