"""From what the caller passed as `executor` to the crew of a call.

=================================  ====================================================
executor                           crew
=================================  ====================================================
None                               this thread, with the threads of the kernels
a number, ``"processes"``          so many own processes, or one for each processor
``"threads"``                      an own thread for each processor
``ThreadPoolExecutor``             its threads; nothing is sent
another ``Executor``               its workers, to whom the operator is sent once
Dask ``Client``                    its workers; the operator is scattered once
=================================  ====================================================
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from symrank.errors import OptionError
from symrank.run.crew import Alone, Crew
from symrank.run.workers.on_dask import OnDask, is_client, is_client_executor
from symrank.run.workers.pools import Executors, OwnThreads, Pool, Threads, num_processors
from symrank.run.workers.processes import Processes
from symrank.run.workers.several import Several
from symrank.support.options import shown

__all__ = ["check_executor", "hired"]

MOST = 4096  # own processes


def check_executor(executor: Any) -> None:
    """Raise `OptionError` where `executor` is none that `hired` takes."""
    is_number = isinstance(executor, int | np.integer) and not isinstance(executor, bool)
    if is_number and 1 <= executor <= MOST:
        return
    if executor is None or isinstance(executor, Executor) or is_client(executor):
        return
    if isinstance(executor, str) and executor in ("processes", "threads"):
        return
    raise OptionError(
        f"executor={shown(executor)} must be None, a number of processes from 1 to {MOST}, "
        "'processes', 'threads', a concurrent.futures.Executor (an object, not its class) or a "
        "Dask Client."
    )


@contextmanager
def hired(executor: Any) -> Iterator[Crew]:
    """Give the crew of a call; who was started for it goes home at its end."""
    crew = Alone() if executor is None else Several(lambda: _pool(executor))
    with crew.at_work():
        yield crew


def _pool(executor: Any) -> Pool:
    if executor == "threads":
        return OwnThreads()
    if executor == "processes":
        return Processes(num_processors())
    if isinstance(executor, int | np.integer):
        return Processes(int(executor))
    if isinstance(executor, ThreadPoolExecutor):
        return Threads(executor, _number(executor))
    if is_client(executor) or is_client_executor(executor):
        return OnDask(executor)
    return Executors(executor, _number(executor))


def _number(executor: Executor) -> int | None:
    """Return how many workers an executor says it has; None where it does not say."""
    for name in ("num_workers", "_max_workers"):  # of mpi4py; of the standard library and of loky
        found = getattr(executor, name, None)
        if isinstance(found, int) and found > 0:
            return found
    return None
