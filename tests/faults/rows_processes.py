"""Rows: forks, threads, event loops, and what an import or a call must leave as it was.

A child starts with `PROLOGUE`, after which every pass of a kernel goes to the pool.
"""

import asyncio
import functools
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symrank
from symrank import gallery
from symrank.kernels.compiled import threads
from symrank.operators import Operator
from tests.faults.child import python
from tests.faults.row import Row

PROLOGUE = """
import os, signal, sys, threading, time, warnings
import multiprocessing as mp
os.environ["NUMBA_NUM_THREADS"] = "2"  # whatever the machine and the caller have
warnings.filterwarnings("ignore", "This process", DeprecationWarning)  # Python's own, on forks
import numpy as np, symrank
from symrank import gallery
from symrank.kernels.compiled import threads
threads.WORTH = threads.LEAST = 1
os.sched_getaffinity = lambda pid: range(2)
PROBLEMS = {
    "lanczos": gallery.grid_laplacian((45, 50)),
    "langevin": gallery.grid_laplacian((45, 50)),
    "chebyshev": gallery.grid_laplacian((45, 50)),
    "dense matrix": np.repeat(np.repeat(np.diag(np.arange(1.0, 601.0)), 2, axis=0), 2, axis=1),
}
def ask(door):
    method = "lanczos" if door == "dense matrix" else door
    r = symrank.rank(PROBLEMS[door], method, rng=7, max_matvecs=600)
    return repr((r.rank, r.estimate, r.stderr, r.bounds, r.threshold, r.interval(), r.num_matvecs))
if __name__ == "__main__":
    known = ask(DOOR)
    assert threads._pool.executor is not None, "the parent has used no thread"
"""
DOORS = ("lanczos", "langevin", "chebyshev", "dense matrix")
WAYS = {
    "multiprocessing.Pool": """
    with mp.get_context("fork").Pool(2) as pool:
        found = pool.map_async(ask, [DOOR] * 4).get(timeout=60)
    assert found == [known] * 4
""",
    "ProcessPoolExecutor": """
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2, mp_context=mp.get_context("fork")) as pool:
        found = list(pool.map(ask, [DOOR] * 3, timeout=60))
    assert found == [known] * 3
""",
    "os.fork": """
    for _ in range(3):
        child = os.fork()
        if not child:
            signal.alarm(30)
            os._exit(0 if ask(DOOR) == known else 3)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, status
    assert ask(DOOR) == known
""",
}
BESIDE = """
    stop = threading.Event()
    def work():
        while not stop.is_set():
            ask(DOOR)
    thread = threading.Thread(target=work)
    thread.start()
    for j in range(8):
        time.sleep(0.01 * j)
        child = os.fork()
        if not child:
            signal.alarm(30)
            os._exit(0 if ask(DOOR) == known else 3)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            stop.set()
        assert status == 0, status
    stop.set()
    thread.join()
"""
COMPILING = """
import os, signal, sys, threading, time, warnings
warnings.filterwarnings("ignore", "This process", DeprecationWarning)
import numpy as np
from symrank import kernels
kernel = kernels.load("cpu_numba")
thread = threading.Thread(target=lambda: kernel.draw((64, 16), float, symrank_noise, 1))
from symrank.support.probes import noise_of
symrank_noise = noise_of("gaussian", 1)
thread.start()
time.sleep(0.2)
assert thread.is_alive()
child = os.fork()
if not child:
    signal.alarm(60)
    nodes, _, _ = kernel.golub_welsch(np.ones(3), np.ones(2))
    os._exit(0 if abs(nodes.sum() - 3.0) < 1e-12 else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
thread.join()
"""
START = """
    with mp.get_context(HOW).Pool(1) as pool:
        assert pool.map_async(ask, [DOOR]).get(timeout=60) == [known]
"""
DAEMON = """
    queue = mp.get_context("fork").SimpleQueue()
    worker = mp.get_context("fork").Process(target=lambda: queue.put(ask(DOOR)), daemon=True)
    worker.start()
    assert queue.get() == known
    worker.join()
"""
AT_EXIT = """
    import atexit
    atexit.register(lambda: print(ask(DOOR) == known))
"""
ONE_PROCESSOR = """
import os
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from symrank.kernels.compiled import threads
assert threads.number() == 1
import numba
from numba.np.ufunc import parallel
assert not parallel._is_initialized
"""
SET_THREADS = """
import numba
from symrank.kernels.compiled import threads
numba.set_num_threads(1)
assert threads.number() == 1
"""
STATE = """
import hashlib, json, logging, os, random, signal, sys, threading, warnings
import numpy as np
import numba
from numba.np.ufunc import parallel
from threadpoolctl import threadpool_info
def state():
    return {
        "os.environ": dict(os.environ),
        "threads": threading.active_count(),
        "signal handlers": [
            str(signal.getsignal(s)) for s in signal.valid_signals() if s not in (9, 19)
        ],
        "np.random": hashlib.sha256(repr(np.random.get_state()).encode()).hexdigest(),
        "random": hashlib.sha256(repr(random.getstate()).encode()).hexdigest(),
        "warnings filters": [str(f) for f in warnings.filters],
        "np.geterr": np.geterr(),
        "logging handlers": [str(h) for h in logging.getLogger().handlers],
        "Numba's threading layer": bool(parallel._is_initialized),
        "Numba's cache folder": numba.config.CACHE_DIR,
        "BLAS threads": sorted((d["filepath"], d["num_threads"]) for d in threadpool_info()),
        "folder": os.getcwd(),
        "switch interval": sys.getswitchinterval(),
    }
def changed(before, after):
    return {key: [str(before[key]), str(after[key])] for key in before if before[key] != after[key]}
import scipy.linalg, scipy.sparse.csgraph, scipy.sparse.linalg, scipy.special, scipy.stats
import numba.core.typing, numba.typed
start = state()
import symrank
from symrank import gallery, kernels
kernels.load("cpu_numba")
imported = state()
for method in ("lanczos", "langevin", "chebyshev", "projection", "sketch", None):
    symrank.rank(gallery.grid_laplacian((40, 40)), method, rng=1, max_matvecs=600)
print(json.dumps([changed(start, imported), changed(imported, state())]))
"""
KEPT = (
    "os.environ", "threads", "signal handlers", "np.random", "random", "warnings filters",
    "np.geterr", "logging handlers", "Numba's threading layer", "Numba's cache folder",
    "BLAS threads", "folder", "switch interval",
)  # fmt: skip
RUN = """
import subprocess, sys
sys.exit(subprocess.run([sys.executable, "work.py"], timeout=110).returncode)
"""
METHODS = ("lanczos", "langevin", "chebyshev", "ubaru-saad", "projection", "sketch", "dense")


def in_child(code: str, door: str, **names: str) -> Callable[[Path], None]:
    """Return a check that runs `PROLOGUE` and the code from a file, as spawned children import."""

    def check(tmp: Path) -> None:
        given = "".join(f"{key} = {value!r}\n" for key, value in (names | {"DOOR": door}).items())
        (tmp / "work.py").write_text(given + PROLOGUE + code)
        python(RUN, tmp)

    return check


def plain(code: str, **env: str) -> Callable[[Path], None]:
    def check(tmp: Path) -> None:
        python(code, tmp, **env)

    return check


def answer(method: str, A: Any = None) -> str:
    A = gallery.grid_laplacian((45, 50)) if A is None else A
    r = symrank.rank(A, method, rng=7, max_matvecs=600)
    numbers = (r.rank, r.estimate, r.stderr, r.bounds, r.threshold, r.interval(), r.num_matvecs)
    return repr((numbers, np.asarray(r.samples).tobytes()))


def every_pass_is_shared(check: Callable[[], None]) -> Callable[[Path], None]:
    def checked(tmp: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threads, "WORTH", 1)
            patch.setattr(threads, "LEAST", 1)
            check()

    return checked


def bits_of(method: str) -> Callable[[Path], None]:
    def check() -> None:
        A = gallery.dense(np.r_[np.ones(300), np.zeros(300)], rng=1) if method == "dense" else None
        found = set()
        for count in (1, 2, 3):
            with threads.using(count):
                found.add(answer(method, A))
        assert len(found) == 1

    return every_pass_is_shared(check)


def eight_threads(method: str) -> Callable[[Path], None]:
    def check() -> None:
        with threads.using(1):
            known = answer(method)
        with threads.using(4), ThreadPoolExecutor(8) as pool:
            assert set(pool.map(answer, [method] * 16)) == {known}

    return every_pass_is_shared(check)


def event_loop() -> None:
    async def ask() -> list[str]:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(None, answer, "lanczos") for _ in range(4)]
        return list(await asyncio.gather(*calls))

    with threads.using(2):
        assert set(asyncio.run(ask())) == {answer("lanczos")}


class Asks(Operator):
    """Asks for the rank of another operator in each product."""

    def __init__(self) -> None:
        super().__init__((2000, 2000), float)
        self.A, self.other = gallery.grid_laplacian((40, 50)), gallery.grid_laplacian((30, 40))
        self.known = answer("lanczos", self.other)

    def _matmat(self, X: Any) -> Any:
        assert answer("lanczos", self.other) == self.known
        return self.A @ X


def nested() -> None:
    with threads.using(2):
        assert symrank.rank(Asks(), "lanczos", rng=1, max_matvecs=300).interval()[1] == 2000


def no_thread_to_be_had() -> None:
    known = answer("lanczos")

    def refuse(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch, threads.using(3):
        patch.setattr(threads, "_pool", threads._Pool())
        patch.setattr(threading.Thread, "start", refuse)
        assert answer("lanczos") == known


@functools.cache
def _changes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(python(STATE, Path.cwd(), NUMBA_NUM_THREADS="2"))
    return found


def keeps(what: str, number: int) -> Callable[[Path], None]:
    def check(tmp: Path) -> None:
        change = _changes()[number].get(what)
        if (what, number) == ("threads", 1):  # the pool's
            assert change is None or int(change[1]) <= int(change[0]) + 1
        else:
            assert change is None, change

    return check


def needs_fork(check: Callable[[Path], None]) -> Callable[[Path], None]:
    def checked(tmp: Path) -> None:
        if not hasattr(os, "fork"):
            pytest.skip("no fork here")
        check(tmp)

    return checked


def row(fault: str, door: str, check: Callable[[Path], None], is_slow: bool = False) -> Row:
    return Row(group="processes", fault=fault, door=door, check=check, is_slow=is_slow)


ROWS = [
    *(
        row(f"fork after use, {way}", door, needs_fork(in_child(code, door)), door != DOORS[0])
        for way, code in WAYS.items()
        for door in DOORS
    ),
    *(
        row("fork beside a running rank", door, needs_fork(in_child(BESIDE, door)), j > 0)
        for j, door in enumerate(DOORS)
    ),
    row("fork beside a compile", "kernels", lambda tmp: python(
        COMPILING, tmp, NUMBA_CACHE_DIR=str(tmp / "cache")), True),
    row("spawn", "lanczos", in_child(START, "lanczos", HOW="spawn")),
    row("forkserver", "lanczos", needs_fork(in_child(START, "lanczos", HOW="forkserver")), True),
    row("a daemonic worker", "langevin", needs_fork(in_child(DAEMON, "langevin"))),
    row("at the interpreter's end", "lanczos", in_child(AT_EXIT, "lanczos")),
    row("one processor allowed", "kernels", plain(ONE_PROCESSOR, NUMBA_NUM_THREADS="2")),
    row("numba.set_num_threads(1)", "kernels", plain(SET_THREADS, NUMBA_NUM_THREADS="2")),
    *(row("eight threads at once", m, eight_threads(m)) for m in METHODS[:3]),
    row("an event loop's executor", "lanczos", every_pass_is_shared(event_loop)),
    row("rank inside a product", "lanczos", every_pass_is_shared(nested)),
    row("no thread can be started", "lanczos", every_pass_is_shared(no_thread_to_be_had)),
    *(row("1, 2 and 3 threads", m, bits_of(m)) for m in METHODS),
    *(row(f"an import must leave {what}", "symrank", keeps(what, 0)) for what in KEPT),
    *(row(f"a run must leave {what}", "rank", keeps(what, 1)) for what in KEPT),
]  # fmt: skip
