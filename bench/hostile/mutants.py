"""Does the adversary see a certificate that is broken?

    python -m bench.hostile.mutants [--processes 2] [--grid 1500] [--only WORD] [--fresh]

Mutants of the functions of `bench.hostile.mutant_targets` are generated from their syntax
(`bench.hostile.mutations`). Each runs in a copy of the package, first against the sample of
`tests.adversary`, the cells that have killed before first; a survivor then against the fast tests
of its module, and then against more cells of the grid. What is broken without a mutant kills none.
Results are saved after each mutant, and a rerun goes on with those that are missing.
"""

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from bench import record
from bench.hostile.mutant_targets import COSTS, TARGETS, TESTS
from bench.hostile.mutations import Mutation, mutations
from bench.resumable import THREADS

ROOT = Path(__file__).parents[2]
LIMIT_S = 600  # of one stage of one mutant
CAUGHT_BY_SAMPLE = 0.9
TESTED = ("-x", "-q", "-n", "0", "--tb=no", "--import-mode=append", "-p", "no:cacheprovider")


class Copy:
    """A copy of the package in a folder of its own, compiled kernels included.

    Numba knows its files by the time and size of their source, which a copy keeps.
    """

    def __init__(self, root: Path, number: int) -> None:
        self.root = root / f"copy{number}"
        ignored = shutil.ignore_patterns(
            "*.pyc"
        )  # a mutant may have the time and size of its origin
        shutil.copytree(ROOT / "symrank", self.root / "symrank", ignore=ignored)
        path = os.pathsep.join([str(self.root), str(ROOT)])
        self.environment = os.environ | dict.fromkeys(THREADS, "1") | {
            "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def python(self, *command: str) -> subprocess.CompletedProcess[str] | None:
        """Run a command; None where the time was up."""
        try:
            return subprocess.run(
                [sys.executable, *command], cwd=self.root, env=self.environment, timeout=LIMIT_S,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None

    def cells(self, names: list[str], known: list[str], **how: bool) -> dict[str, Any]:
        """Run cells; a crash of the process kills too."""
        file = self.root / "task.json"
        task = {"cells": names, "known": known, "all": False, "judge": False} | how
        file.write_text(json.dumps(task))
        done = self.python("-m", "bench.hostile.mutant_cells", str(file))
        if done is None:
            return {"killed": "time", "broken": [], "seconds": {}}
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
            return {"killed": f"crash: {last[0]}", "broken": [], "seconds": {}}
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert found["package"].startswith(str(self.root)), found["package"]
        return found

    def tests(self, files: tuple[str, ...], known: list[str]) -> str | None:
        """Run tests until one fails; return its name."""
        skipped = [part for name in known for part in ("--deselect", name)]
        done = self.python("-m", "pytest", *TESTED, *(str(ROOT / f) for f in files), "-rfE",
                           "--rootdir", str(ROOT), *skipped)  # fmt: skip
        if done is None:
            return "time"
        if done.returncode in (0, 5):  # passed, or none left
            return None
        failed = re.findall(r"^(?:FAILED|ERROR) \S*?(tests/\S+)", done.stdout, re.MULTILINE)
        return failed[0] if failed else f"pytest exit {done.returncode}"


class Baseline:
    """What is broken without a mutant, and the order in which cells are tried."""

    def __init__(self, copy: Copy, num_more: int) -> None:
        from tests.adversary import grid
        from tests.adversary.test_adversary import SAMPLE

        self.lock = threading.Lock()
        self.sample = [cell.name for cell in SAMPLE]
        others = sorted((c for c in grid.cells() if c not in set(SAMPLE)), key=lambda c: c.seed)
        self.more = [cell.name for cell in others[:num_more]]
        first = copy.cells(self.sample, [], all=True)
        second = copy.cells(self.more, [], all=True) if self.more else {"broken": [], "seconds": {}}
        assert first["seconds"], first
        self.broken: list[str] = first["broken"] + second["broken"]
        self.seconds: dict[str, float] = first["seconds"] | second["seconds"]
        self.kills: Counter[str] = Counter()
        self.failing: dict[str, list[str]] = {}
        broken = f"{len(first['broken'])} of the sample of {len(self.sample)} cells"
        print(
            f"without a mutant broken: {broken}, {len(second['broken'])} of {len(self.more)} more"
        )

    def order(self) -> list[str]:
        """Return the sample, what has killed before first, then what is quick."""
        with self.lock:
            return sorted(self.sample, key=lambda c: (-self.kills[c], self.seconds.get(c, 0.0)))

    def known_tests(self, copy: Copy, module: str) -> list[str]:
        """Return the tests of a module that fail without a mutant."""
        with self.lock:
            if module not in self.failing:
                known: list[str] = []
                while (name := copy.tests(TESTS.get(module, ()), known)) and name not in known:
                    known.append(name)
                self.failing[module] = known
            return self.failing[module]


def judge(mutation: Mutation, copy: Copy, baseline: Baseline) -> dict[str, Any]:
    """Apply a mutation to a copy, and look for what sees it."""
    module = mutation.target.partition(":")[0]
    files = TESTS.get(module, ())
    known = baseline.known_tests(copy, module) if files else []  # before the copy is changed
    path = copy.root / "symrank" / mutation.file
    source = path.read_text()
    start = time.perf_counter()
    stage, killed = "sample", None
    try:
        path.write_text(mutation.apply(source))
        killed = copy.cells(baseline.order(), baseline.broken, judge=True)["killed"]
        if killed is None and files:
            stage, killed = "tests", copy.tests(files, known)
        if killed is None and baseline.more:
            stage, killed = "grid", copy.cells(baseline.more, baseline.broken)["killed"]
    finally:
        path.write_text(source)
    with baseline.lock:
        baseline.kills[str(killed)] += 1
    return {
        "key": mutation.key, "target": mutation.target, "line": mutation.line,
        "before": mutation.before, "after": mutation.after,
        "killed": killed, "stage": stage if killed else "survived",
        "seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip


def generate(only: str) -> tuple[list[Mutation], list[str]]:
    """Return the mutants of all targets, and the targets that do not exist."""
    found, missing = [], []
    for target in TARGETS:
        try:
            found += mutations(target, COSTS)
        except LookupError:
            missing.append(target)
    return [mutation for mutation in found if only in mutation.key], missing


def summary(rows: list[dict[str, Any]], missing: list[str]) -> dict[str, Any]:
    stages = Counter(row["stage"] for row in rows)
    seen = stages["sample"] + stages["tests"]
    return {
        "mutants": len(rows),
        "by_stage": dict(stages),
        "caught_by_the_sample": seen / max(len(rows), 1),
        "missing_targets": missing,
        "survivors": [row["key"] for row in rows if row["stage"] == "survived"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--grid", type=int, default=1500, help="further cells for survivors")
    parser.add_argument("--only", default="", help="mutants whose description holds this word")
    parser.add_argument("--every", type=int, default=1, help="each so manieth mutant alone")
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    parser.add_argument("--fresh", action="store_true", help="start anew")
    args = record.arguments(parser, "hostile/mutants", silent=("list",))
    wanted, missing = generate(args.only)
    wanted = wanted[:: args.every]
    for target in missing:
        print(
            f"MISSING: {target} no longer exists: mend bench/hostile/mutant_targets.py", flush=True
        )
    if args.list:
        print(*(mutation.key for mutation in wanted), f"{len(wanted)} mutants", sep="\n")
        raise SystemExit(bool(missing))
    saved = record.load(args.save)
    rows: dict[str, dict[str, Any]] = {}
    if saved and not args.fresh:
        rows = {row["key"]: row for row in saved["rows"]}
        rows = {m.key: rows[m.key] for m in wanted if m.key in rows}
    left = [mutation for mutation in wanted if mutation.key not in rows]
    print(f"{len(wanted)} mutants, {len(left)} to be run", flush=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(args.processes) as pool:
        copies: queue.Queue[Copy] = queue.Queue()
        for number in range(args.processes):
            copies.put(Copy(Path(folder), number))
        baseline = Baseline(copies.queue[0], args.grid)

        def work(mutation: Mutation) -> dict[str, Any]:
            copy = copies.get()
            try:
                return judge(mutation, copy, baseline)
            finally:
                copies.put(copy)

        for future in as_completed([pool.submit(work, mutation) for mutation in left]):
            row = future.result()
            rows[row["key"]] = row
            print(
                f"{row['seconds']:5.0f} s  {row['stage']}: {row['key']}: {row['killed']}",
                flush=True,
            )
            every = list(rows.values())
            record.save(args.save, {"summary": summary(every, missing), "rows": every})
    figures = summary(list(rows.values()), missing)
    for key, value in figures.items():
        print(f"{key}: {value}")
    raise SystemExit(bool(missing) or figures["caught_by_the_sample"] < CAUGHT_BY_SAMPLE)


if __name__ == "__main__":
    main()
