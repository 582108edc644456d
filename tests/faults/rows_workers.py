"""Rows: workers that die, hang or answer twice, and executors that are shut down half-way."""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import symrank
from symrank.errors import LostWorkersError, NonFiniteError, OperatorError, OptionError
from symrank.run.workers import several
from symrank.spectrum.outcome import Status
from tests.faults.child import python
from tests.faults.row import Row
from tests.run.crews import Here, Slow, ask, bits

GROUP = "workers"
RANK = 1199  # of the Laplacian that is asked about
START = """
import os, signal, sys, time
import numpy as np, symrank
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from symrank import gallery
from symrank.run.workers import several
from tests.run.crews import Here, Slow, ask, bits, children
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
CTRL_C = (
    START
    + """
if __name__ == "__main__":
    several.GRACE = 0.2
    def observe(now):
        if now.interval is not None and not told:
            told.append(now)
            os.kill(os.getpid(), signal.SIGINT)
    told, pool = [], POOL
    before = children()
    result = ask("langevin", pool, progress=observe)
    assert result.status is symrank.Status.INTERRUPTED, result
    low, high = result.interval()
    assert low <= 1199 <= high, result
    if isinstance(pool, int):
        assert children() == before, "orphans"
    elif not isinstance(pool, str):
        assert pool.submit(int).result(timeout=60) == 0
        pool.shutdown()
"""
)
HANGS = (
    START
    + """
import threading
def press():
    time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGINT)
several.GRACE = 0.2
threading.Thread(target=press, daemon=True).start()
result = ask("langevin", Here("hang", at=3))
assert result.status is symrank.Status.INTERRUPTED, result
"""
)
KILLED = (
    START
    + """
before = children()
def observe(now):
    print(*(children() - before), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
if os.fork():
    os.wait()
else:
    symrank.rank(Slow(seconds=0.01), "lanczos", rng=1, executor=2, progress=observe)
"""
)
NO_ROOM = (
    START
    + """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    ask("lanczos", EXECUTOR)
except symrank.errors.LostWorkersError as error:
    assert "Set TMPDIR to a folder with room" in str(error), error
else:
    raise AssertionError("no error")
"""
)
UNGUARDED = """
import numpy as np, symrank
from scipy.sparse.linalg import LinearOperator
d = np.repeat([1.0, 2.0, 0.0], 100)
A = LinearOperator((300, 300), matvec=lambda x: d * x, dtype=float)
result = symrank.rank(A, "lanczos", rng=1, executor=2)
low, high = result.interval()
assert low <= 200 <= high, result
"""
HIDDEN = """
import sys, types
sys.path.insert(0, FOLDER)
import of_mine
sys.path.remove(FOLDER)
import symrank
try:
    symrank.rank(of_mine.Mine(), "lanczos", rng=1, executor=2)
except symrank.errors.OptionError as error:
    assert "No module named 'of_mine'" in str(error), error
    assert "executor='threads' needs neither" in str(error), error
else:
    raise AssertionError("no error")
"""
MINE = """
import numpy as np
from symrank.operators import Operator
class Mine(Operator):
    is_columnwise = True
    def __init__(self):
        super().__init__((300, 300), float)
    def _matmat(self, X):
        return 2.0 * X
"""


def in_python(code: str, **named: str) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        _needs_posix()
        text = code
        for name, value in named.items():
            text = text.replace(name, value)
        python(text, folder)

    return check


def _needs_posix() -> None:
    if sys.platform != "linux":
        pytest.skip("signals and /proc are those of Linux")


def parent_is_killed(folder: Path) -> None:
    _needs_posix()
    left = [int(pid) for pid in python(KILLED, folder).split()]
    assert len(left) == 2
    end = time.monotonic() + 20.0
    while any(os.path.exists(f"/proc/{pid}") for pid in left):
        assert time.monotonic() < end, f"{left} outlive their parent"
        time.sleep(0.05)


def hidden_module(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "of_mine.py").write_text(MINE)
    python(HIDDEN.replace("FOLDER", repr(str(folder / "mine"))), folder)


def unguarded_script(folder: Path) -> None:
    pytest.importorskip("cloudpickle", reason="pickles functions of a script")
    python(UNGUARDED, folder)


def deadly_task(folder: Path) -> None:
    with pytest.raises(LostWorkersError, match=r"taken 2 worker processes with it.*SIGKILL"):
        symrank.rank(Slow(twist="die"), "lanczos", rng=1, executor=2)


def lost(executor: Any, **options: Any) -> None:
    with pytest.raises(LostWorkersError) as caught:
        ask("langevin", executor, **options)
    result = caught.value.result
    assert result.status is Status.INTERRUPTED
    low, high = result.interval()
    assert low <= RANK <= high


def failing(twist: str) -> Callable[[Path], None]:
    return lambda _: lost(Here(twist, at=2))


def shut_down(folder: Path) -> None:
    pool = ThreadPoolExecutor(2)

    def observe(now: Any) -> None:
        if now.interval is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    with pytest.raises(LostWorkersError) as caught:
        symrank.rank(Slow(), "lanczos", rng=1, executor=pool, progress=observe, precision=1e-9)
    low, high = caught.value.result.interval()
    assert low <= 150 <= high


def twice(folder: Path) -> None:
    assert bits(ask("langevin", Here("twice"))) == bits(ask("langevin"))


def hanging(folder: Path) -> None:
    before, several.GRACE = several.GRACE, 0.1
    try:
        result = ask("langevin", Here("hang", at=2), max_seconds=0.5)
    finally:
        several.GRACE = before
    assert result.num_matvecs < 1600
    low, high = result.interval()
    assert low <= RANK <= high


class Local(Exception):  # noqa: N818
    """That no pickle makes again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("of two arguments")


class Raises(Slow):
    def _matmat(self, X: Any) -> Any:
        self.calls += 1
        if self.calls > self.at:
            if self.twist == "nan":
                return X * float("nan")
            raise Local(1, 2)
        return self.d[:, None] * X


def unpicklable_error(folder: Path) -> None:
    with pytest.raises(OperatorError, match="ended with Local: of two arguments") as caught:
        symrank.rank(Raises(at=50), "lanczos", rng=1, executor=2)
    assert "Raised by the caller's code" in caught.value.__notes__[-1]


def not_finite(executor: Any) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        with pytest.raises(NonFiniteError):
            symrank.rank(Raises(twist="nan", at=50), "lanczos", rng=1, executor=executor)

    return check


def no_pickle(folder: Path) -> None:
    A = Slow()
    A.lock = threading.Lock()
    with pytest.raises(OptionError, match="executor='threads' needs no pickling"):
        symrank.rank(A, "lanczos", rng=1, executor=2)


SPAWN = "ProcessPoolExecutor(2, mp_context=get_context('spawn'))"
WAYS = {"threads": "'threads'", "processes": "2", "ThreadPoolExecutor": "ThreadPoolExecutor(2)",
        "ProcessPoolExecutor": SPAWN}  # fmt: skip
ROWS = [
    *(
        Row(group=GROUP, fault="Ctrl-C in the second round", door=door,
            check=in_python(CTRL_C, POOL=made))
        for door, made in WAYS.items()
    ),
    Row(group=GROUP, fault="Ctrl-C beside a future that hangs", door="executor",
        check=in_python(HANGS)),
    Row(group=GROUP, fault="a future hangs, max_seconds", door="executor", check=hanging),
    Row(group=GROUP, fault="the parent dies by SIGKILL", door="processes", check=parent_is_killed),
    Row(group=GROUP, fault="a task kills its worker", door="processes", check=deadly_task),
    Row(group=GROUP, fault="no room in the temporary folder", door="processes",
        check=in_python(NO_ROOM, EXECUTOR="2")),
    Row(group=GROUP, fault="no room in the temporary folder", door="executor",
        check=in_python(NO_ROOM, EXECUTOR="Here()")),
    Row(group=GROUP, fault="shut down half-way", door="ThreadPoolExecutor", check=shut_down),
    *(
        Row(group=GROUP, fault=fault, door="executor", check=failing(twist))
        for fault, twist in {
            "shut down half-way": "shut down", "futures are cancelled": "cancel",
            "the answer of another task": "others", "an answer that is none": "none",
        }.items()
    ),
    Row(group=GROUP, fault="every task is done twice", door="executor", check=twice),
    Row(group=GROUP, fault="an unguarded script of functions", door="processes",
        check=unguarded_script),
    Row(group=GROUP, fault="a class that workers cannot import", door="processes",
        check=hidden_module),
    Row(group=GROUP, fault="an operator that holds a lock", door="processes", check=no_pickle),
    Row(group=GROUP, fault="an error that cannot be pickled", door="processes",
        check=unpicklable_error),
    *(
        Row(group=GROUP, fault="a product is not finite", door=str(one), check=not_finite(one))
        for one in ("threads", 2)
    ),
]  # fmt: skip
