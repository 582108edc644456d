"""Runs that may be killed: results are saved after every task, and a rerun goes on."""

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from bench import record

THREADS = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def workers(count: int) -> ProcessPoolExecutor:
    """Return processes of one thread each, which is set before they load a library."""
    for variable in THREADS:
        os.environ.setdefault(variable, "1")
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


def arguments(title: str, name: str, quick: str) -> argparse.Namespace:
    """Parse the options of a run that can be gone on with; `quick` says what --quick leaves out."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--fresh", action="store_true", help="start anew")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    return record.arguments(parser, name)


class Task(NamedTuple):
    """One part of the record of some trials of one width."""

    part: str
    d: int
    seeds: tuple[int, ...]


class Rows:
    """Trials by width and seed; each holds the parts that are done.

    Parameters
    ----------
    name
        Of the file, below bench/results.
    fresh
        Start anew instead of going on from that file.
    """

    def __init__(self, name: str, *, fresh: bool) -> None:
        self.name = name
        self._rows: dict[tuple[int, int], dict[str, Any]] = {}
        old = None if fresh else record.load(name)
        if old:
            for row in old["rows"]:
                self._rows[row["d"], row["seed"]] = row

    def missing(self, wanted: Iterable[Task]) -> list[Task]:
        """Return the tasks, less the trials that are done."""
        left = []
        for part, d, seeds in wanted:
            rest = tuple(s for s in seeds if part not in self._rows.get((d, s), {}))
            if rest:
                left.append(Task(part, d, rest))
        return left

    def add(self, task: Task, found: Sequence[dict[str, Any]]) -> None:
        """Take in what a task found, one record a seed."""
        for seed, values in zip(task.seeds, found, strict=True):
            row = self._rows.setdefault((task.d, seed), {"d": task.d, "seed": seed})
            row[task.part] = values

    def of(self, d: int, part: str) -> list[dict[str, Any]]:
        """Return the records of a part, by seed."""
        return [row[part] for (width, _), row in sorted(self._rows.items())
                if width == d and part in row]  # fmt: skip

    def save(self, figures: dict[str, Any]) -> Path:
        """Write the figures, then all rows."""
        rows = [row for _, row in sorted(self._rows.items())]
        return record.save(self.name, {**figures, "rows": rows}, libraries=("matplotlib",))


def batches(part: str, counts: dict[int, int], size: dict[int, int] | int) -> list[Task]:
    """Return tasks of `size` seeds, the last one shorter; d: counts[d] seeds."""
    found = []
    for d, count in counts.items():
        step = size if isinstance(size, int) else size[d]
        found += [
            Task(part, d, tuple(range(i, min(i + step, count)))) for i in range(0, count, step)
        ]
    return found


def run(
    rows: Rows,
    tasks: Iterable[Task],
    work: Callable[[Task], Sequence[dict[str, Any]]],
    save: Callable[[], Any],
    processes: int,
) -> None:
    """Do what is missing, cheap widths first; save after each task."""
    left = sorted(rows.missing(tasks), key=lambda task: task.d)
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with workers(processes) as pool, Progress(*columns, console=console) as bar:
        shown = bar.add_task("tasks", total=len(left))
        started = time.perf_counter()
        futures = {pool.submit(work, task): task for task in left}
        for future in as_completed(futures):
            task = futures[future]
            rows.add(task, future.result())
            save()
            bar.advance(shown)
            seconds = time.perf_counter() - started
            seeds = f"{task.seeds[0]}-{task.seeds[-1]}"
            bar.print(f"{seconds:6.0f} s  d = {task.d:3}  {task.part}, trials {seeds}")
