"""Own threads: one call's chunks are shared by the calling thread and a small pool.

`spread` cuts chunks 0, .., c - 1 into ranges and calls `work(first, last)` on each, which leaves
the GIL alone and writes to places of its own chunks. The calling thread takes ranges from the
front, helpers from the back, until none is left; a helper that has not come by then is not waited
for. So

- a call ends whatever the pool does: it may be busy with other callers, or have no thread at all;
- results do not depend on the number of threads, as long as a chunk's do not depend on the range;
- nothing is left running when a call ends, be it by Ctrl-C.

The pool is made on first use. A child made by `fork` starts without one: threads do not survive a
fork, and locks would stay as they were.
"""

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context

import numba
from numba.np.ufunc import parallel

__all__ = ["limited", "number", "of_a_worker", "spread", "using"]

Work = Callable[[int, int], None]

WORTH = 250_000  # nanoseconds; to wake a helper and to wait for its end takes about 80 000
PIECES = 8  # ranges per thread: who comes late, or is held up by another process, takes fewer
LEAST = 20_000  # nanoseconds of a range; to start one takes some thousands


class _Pool:
    """The helpers of this process, and how many threads a call may have."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.executor: ThreadPoolExecutor | None = None

    def submit(self, call: Callable[[], None]) -> "Future[None] | None":
        """Hand a call to a helper; None where there can be none, as at the interpreter's end."""
        with self.lock:
            if self.executor is None:
                size = max(number(), int(vars(numba.config)["NUMBA_NUM_THREADS"])) - 1
                self.executor = ThreadPoolExecutor(max(1, size), thread_name_prefix="symrank")
        try:  # the context has the caller's np.errstate
            return self.executor.submit(copy_context().run, call)
        except RuntimeError:
            return None


_pool = _Pool()
_wanted: int | None = None
_limit: ContextVar[int | None] = ContextVar("limit", default=None)  # of the calling thread


def _renew() -> None:
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def number() -> int:
    """Return how many threads a call may have.

    ``NUMBA_NUM_THREADS``, or what `numba.set_num_threads` has made of it, at most one for each
    processor that this process may use. Numba's own threads are not started for the question.
    """
    limit = _limit.get()
    if limit is not None:
        return limit
    if _wanted is not None:
        return _wanted
    allowed = int(vars(numba.config)["NUMBA_NUM_THREADS"])
    if vars(parallel).get("_is_initialized"):
        allowed = int(numba.get_num_threads())
    if hasattr(os, "sched_getaffinity"):
        allowed = min(allowed, len(os.sched_getaffinity(0)))
    return max(1, allowed)


@contextmanager
def using(count: int) -> Iterator[None]:
    """Let calls have exactly so many threads, whatever the machine has; for tests and timings."""
    global _wanted
    before, _wanted = _wanted, count
    try:
        yield
    finally:
        _wanted = before


@contextmanager
def limited(count: int) -> Iterator[None]:
    """Let the calls of this thread have so many threads; those of others are not touched."""
    token = _limit.set(count)
    try:
        yield
    finally:
        _limit.reset(token)


def of_a_worker() -> int:
    """Return how many threads one of several workers may have: one, or ``NUMBA_NUM_THREADS``."""
    told = os.environ.get("NUMBA_NUM_THREADS", "")
    return max(1, int(told)) if told.isdigit() else 1


def spread(work: Work, num_chunks: int, cost: float) -> None:
    """Call ``work(first, last)`` on ranges of the chunks, which together are all of them.

    Parameters
    ----------
    work
        Releases the GIL, and calls nothing that calls `spread`.
    num_chunks
        Number of chunks.
    cost
        Nanoseconds that one thread takes for all of them, roughly.
    """
    threads = number() if num_chunks > 1 and cost >= WORTH else 1
    if threads == 1:
        work(0, num_chunks)
        return
    pieces = min(num_chunks, threads * PIECES, int(cost) // LEAST)
    ends = [num_chunks * j // pieces for j in range(pieces + 1)]
    left = deque(itertools.pairwise(ends))
    job = _Job(work, left)
    pool = _pool
    helpers = [pool.submit(job.help) for _ in range(min(threads, pieces) - 1)]
    try:
        job.lead()
    finally:
        left.clear()
        running = [h for h in helpers if h is not None and not h.cancel()]
        errors = [h.exception() for h in running]  # waits
    for error in errors:
        if error is not None:
            raise error


class _Job:
    """The ranges of a call that nobody has taken."""

    def __init__(self, work: Work, left: deque[tuple[int, int]]) -> None:
        self.work, self.left = work, left

    def lead(self) -> None:
        self._take(self.left.popleft)

    def help(self) -> None:
        self._take(self.left.pop)

    def _take(self, pop: Callable[[], tuple[int, int]]) -> None:
        while True:
            try:
                first, last = pop()
            except IndexError:
                return
            self.work(first, last)
