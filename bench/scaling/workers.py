"""What do one and two workers take, and what does a task cost that does nothing?

    python -m bench.scaling.workers
    python -m bench.scaling.workers --side 300 --repeats 1 --draft

Speed: Lanczos on the Laplacian of a grid, 5 entries a row, 32 probes by 64 steps in two tasks;
one kernel thread and one BLAS thread a worker, the whole call, in turns with one process; the least
time of each. `first` starts the workers within the time. Beside it what the memory allows: two
threads that add large arrays, against one.

Overhead: rounds of tasks whose states are empty, or two blocks of 8 MiB that come back as they are.
"""

import argparse
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import symrank
from bench import record
from symrank import gallery
from symrank.kernels.compiled import threads
from symrank.methods import Goal, Task
from symrank.operators import MatrixOperator
from symrank.run.crew import Common, Crew
from symrank.run.workers.hired import hired

NAME = "scaling/workers"
PROBES, STEPS = 32, 64
BLOCK = 1 << 20  # doubles: 8 MiB
ADDED = 1 << 23
AIM = 1.7  # times the speed of one, by two


def call(A: Any, executor: Any) -> tuple[float, float]:
    """Return the seconds of a call, and its estimate."""
    method = symrank.Lanczos(num_probes=PROBES)
    start = time.perf_counter()
    result = symrank.rank(
        A, method, rng=1, max_matvecs=PROBES * STEPS + 20, precision=0.2, executor=executor
    )
    return time.perf_counter() - start, result.estimate


@contextmanager
def pools(count: int) -> Iterator[dict[str, Any]]:
    """Give the executors with so many workers that are installed here, all of them warm."""
    spawn = get_context("spawn")
    with (
        ThreadPoolExecutor(count) as one,
        ProcessPoolExecutor(count, mp_context=spawn) as two,
    ):
        found: dict[str, Any] = {"ThreadPoolExecutor": one, "ProcessPoolExecutor": two}
        found |= _loky(count)
        with _dask(count) as more:
            found |= more
            yield found


def _loky(count: int) -> dict[str, Any]:
    try:
        import loky
    except ModuleNotFoundError:
        return {}
    return {"loky": loky.get_reusable_executor(count, timeout=600)}


@contextmanager
def _dask(count: int) -> Iterator[dict[str, Any]]:
    try:
        import distributed
    except ModuleNotFoundError:
        yield {}
        return
    options = {"threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with (
        distributed.LocalCluster(n_workers=count, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield {"Dask Client": client}


def speeds(side: int, repeats: int) -> list[dict[str, Any]]:
    """Time the call with one and with two workers, in turns with one process."""
    A = gallery.grid_laplacian((side, side))
    small = gallery.grid_laplacian((50, 50))
    seconds: dict[tuple[str, int], list[float]] = {}
    estimates = set()
    for count in (1, 2):
        with pools(count) as warm:
            for executor in warm.values():
                call(small, executor)
            ways = {"none": None, "own processes, first": count, **warm}
            for _, (name, executor) in ((r, w) for r in range(repeats) for w in ways.items()):
                took, estimate = call(A, executor)
                seconds.setdefault((name, count), []).append(took)
                estimates.add(estimate)
            seconds.setdefault(("none", 1), []).extend(seconds.pop(("none", 2), []))
    assert len(estimates) == 1, "the bits depend on the workers"
    alone = min(seconds["none", 1])
    return [
        {"executor": name, "workers": count, "seconds": min(took), "speed": alone / min(took)}
        for (name, count), took in seconds.items()
    ]


def bandwidth(repeats: int) -> float:
    """Return how much faster two threads add arrays that no cache holds than one."""
    blocks = [[np.ones(ADDED) for _ in range(3)] for _ in range(2)]

    def add(j: int) -> None:
        a, b, c = blocks[j]
        for _ in range(8):
            np.add(a, b, out=c)

    def best(count: int) -> float:
        with ThreadPoolExecutor(count) as pool:
            times = []
            for _ in range(repeats + 2):
                start = time.perf_counter()
                list(pool.map(add, range(count)))
                times.append(time.perf_counter() - start)
        return min(times)

    return 2.0 * best(1) / best(2)


class Idle:
    """A method whose tasks do nothing."""

    def has_columns(self, task: Task) -> bool:  # noqa: ARG002, D102
        return False

    def run(self, operator: Any, goal: Any, task: Task, state: Any, tick: Any) -> Any:  # noqa: D102
        del operator, goal, task, tick
        return state


def overhead(crew: Crew, num_tasks: int, with_blocks: bool) -> float:
    """Return the seconds of a task, in the third round: workers are there, and know the package."""
    goal = Goal(
        n=3, dtype=np.dtype(float), atol=None, rtol=None, half_width=1.0, open_ended=False,
        confidence=0.95, max_matvecs=1, seed=1,
    )  # fmt: skip
    work = Common(Idle(), MatrixOperator(np.eye(3)), goal, 0)  # type: ignore[arg-type]
    tasks = [Task((j,), 1, 1) for j in range(num_tasks)]
    blocks = {"U": np.ones(BLOCK), "V": np.ones(BLOCK)} if with_blocks else None
    states: dict[Any, Any] = {(j,): blocks for j in range(num_tasks)}
    start = 0.0
    for _ in range(3):
        start = time.perf_counter()
        for task, state in crew.each(work, tasks, states, lambda _: None):
            states[task.key] = state
    return (time.perf_counter() - start) / num_tasks


def overheads(num_tasks: int) -> list[dict[str, Any]]:
    """Return the overhead of every executor with one worker."""
    found = []
    with pools(1) as warm:
        for name, executor in {"none": None, "own processes": 1, **warm}.items():
            with hired(executor) as crew:
                empty = overhead(crew, num_tasks, False)
                seconds = empty, overhead(crew, max(4, num_tasks // 16), True)
            found.append(
                {"executor": name, "empty_ms": 1e3 * seconds[0], "blocks_ms": 1e3 * seconds[1]}
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=64)
    args = record.arguments(parser, NAME)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with threads.using(1), threadpool_limits(1):
        costs = overheads(args.tasks)
        for row in costs:
            line = "{executor:24s} {empty_ms:8.2f} ms a task, {blocks_ms:8.1f} with 16 MiB"
            print(line.format(**row))
        limit = bandwidth(args.repeats)
        print(f"two threads add arrays {limit:.2f} times as fast as one")
        rows = speeds(args.side, args.repeats)
    for row in rows:
        print("{executor:24s} {workers} workers {seconds:8.2f} s  {speed:5.2f}".format(**row))
    best = max(row["speed"] for row in rows if row["workers"] == 2)
    print(f"best of two workers: {best:.2f}, aim {AIM}")
    record.save(
        args.save,
        {"options": vars(args), "n": args.side**2, "bandwidth": limit, "speeds": rows,
         "overheads": costs, "aim": AIM, "best": best},
        libraries=("loky", "distributed"),
    )  # fmt: skip


if __name__ == "__main__":
    main()
