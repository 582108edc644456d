"""What the tests of executors share: problems, results in bits, operators that misbehave."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

import symrank
from symrank import gallery
from symrank.kernels.compiled import threads
from symrank.operators import Operator
from symrank.run.crew import Common

__all__ = ["PROBLEMS", "Here", "Slow", "ask", "bits", "children", "many_threads"]


def laplacian() -> Any:
    """Rounds of one, two and more tasks by every method."""
    return gallery.grid_laplacian((30, 40))


def half_signs() -> Any:
    """Both signs in single precision: chains run on the square."""
    d = np.concatenate([np.linspace(0.1, 1.0, 400), -np.linspace(0.1, 1.0, 300), np.zeros(500)])
    return sp.diags_array([d, np.full(1199, 0.01), np.full(1199, 0.01)], offsets=[0, 1, -1]).astype(
        np.float32
    )


def rectangle() -> Any:
    """Singular values of a sparse rectangle."""
    return sp.random_array((900, 700), density=0.01, rng=np.random.default_rng(5))


def by_vectors() -> Any:
    """Code of the caller's that multiplies one vector."""
    A = laplacian()
    return LinearOperator(A.shape, matvec=A.__matmul__, dtype=float)


def by_blocks() -> Any:
    """A dense matrix by its products, whose bits depend on the number of columns."""
    G = np.random.default_rng(6).standard_normal((400, 300))

    def product(X: Any) -> Any:
        return G @ (G.T @ X)

    return LinearOperator((400, 400), matvec=product, matmat=product, dtype=float)


PROBLEMS = {
    "lanczos": (laplacian, "lanczos"),
    "langevin": (laplacian, "langevin"),
    "chebyshev": (laplacian, "chebyshev"),
    "projection": (laplacian, "projection"),
    "langevin, both signs, float32": (half_signs, symrank.Langevin(num_chains=70, num_steps=40)),
    "lanczos, rectangle": (rectangle, "lanczos"),
    "lanczos, matvec": (by_vectors, "lanczos"),
    "lanczos, matmat": (by_blocks, "lanczos"),
}


def ask(name: str, executor: Any = None, **options: Any) -> Any:
    """Return the answer of a problem."""
    make, method = PROBLEMS[name]
    return symrank.rank(make(), method, rng=7, max_matvecs=1600, executor=executor, **options)


def bits(result: Any) -> str:
    """Return all that a result says but for the seconds, to the last bit."""
    record = result.to_dict(measure=result.measure is not None)
    return json.dumps({k: v for k, v in record.items() if k != "seconds"}, sort_keys=True)


@contextmanager
def many_threads() -> Iterator[None]:
    """Let every pass of a kernel be shared by three threads, however short it is."""
    with (
        threads.using(3),
        patch.object(threads, "WORTH", 1),
        patch.object(threads, "LEAST", 1),
    ):
        yield


class Slow(Operator):
    """A diagonal that takes its time, and may do something else as well."""

    def __init__(self, n: int = 300, seconds: float = 0.0, twist: str = "", at: int = 0) -> None:
        super().__init__((n, n), np.float64)
        self.d = np.where(np.arange(n) < n // 2, np.linspace(1.0, 2.0, n), 0.0)
        self.seconds, self.twist, self.at, self.owner = seconds, twist, at, os.getpid()
        self.calls = 0
        self.is_columnwise = True

    def _matmat(self, X: Any) -> Any:
        self.calls += 1
        time.sleep(self.seconds)
        if self.twist == "die" and os.getpid() != self.owner:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.twist == "raise" and self.calls > self.at:
            raise ZeroDivisionError("the caller's own")
        if self.twist == "change" and self.calls > self.at:
            return 1.01 * self.d[:, None] * X
        return self.d[:, None] * X


class Counting(Slow):
    """Notes how many threads a kernel would have while it multiplies."""

    def _matmat(self, X: Any) -> Any:
        self.calls = max(self.calls, threads.number())
        return self.d[:, None] * X


class Told(Common):
    """What tells more than the state, as a crew that wraps another may need."""

    def do(self, task: Any, state: Any, tick: Any) -> Any:
        return "told", task.num_vectors, super().do(task, state, tick)

    def joined(self, found: Any) -> Any:
        told, numbers, states = zip(*found, strict=True)
        return told[0], sum(numbers), super().joined(states)


class Here(Executor):
    """Does what is submitted at once, in this thread; `twist` says what it does wrong."""

    def __init__(self, twist: str = "", at: int = 0) -> None:
        self.twist, self.at, self.num_workers = twist, at, 4
        self.submitted: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        late = len(self.submitted) >= self.at
        if late and self.twist == "shut down":
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Any] = Future()
        self.submitted.append(future)
        if late and self.twist == "hang":
            return future
        if late and self.twist == "cancel":
            future.cancel()
            future.set_running_or_notify_cancel()
            return future
        answer = fn(*args, **kwargs)
        if late and self.twist == "twice":
            answer = fn(*args, **kwargs)
        if late and self.twist == "others":
            answer = self.submitted[self.at - 1].result()
        future.set_result(None if late and self.twist == "none" else answer)
        return future


def children() -> set[int]:
    """Return the processes that this one has started and that live."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    state, parent = file.read().rpartition(") ")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(name))
    return found
