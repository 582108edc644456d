"""Does any damaged file end the process, show a traceback, or load as what it does not hold?

    python -m bench.hostile.mutated_files [--count 6000] [--first 0]

Every mutated file of `tests.files.mutations` is loaded and ranked in a worker process with
limits of memory and time, whose death is seen by the file that it began and did not end. What stays
valid is compared, entry by entry, with the plain reader of `tests.files`. The exit status is
1 where the law is broken.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench import record
from tests.files import law
from tests.files.mutations import mutant
from tests.files.seeds import SEEDS, suffix

ADDRESS_SPACE = 4 << 30  # bytes of a worker
MOST_SECONDS = 20  # of one file
PATIENCE = 3600  # seconds of a worker
DEAD, HANG = "a dead interpreter", "a hang"
BROKEN = (law.WRONG, law.TRACEBACK, DEAD, HANG)
STATUS = Path("/proc/self/status")


def worker(first: int, last: int) -> None:
    """Print a line before every file and one after it."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # not even C code outlasts it
    with tempfile.TemporaryDirectory() as folder:
        for k in range(first, last):
            name, raw, kind = mutant(k)
            path = Path(folder) / name
            path.write_bytes(raw)
            print(json.dumps({"k": k, "name": name, "kind": kind}), flush=True)
            signal.alarm(MOST_SECONDS)
            before, start = _peak(), time.perf_counter()
            verdict, why = law.outcome(path)
            seconds, after = time.perf_counter() - start, _peak()
            signal.alarm(0)
            path.unlink()
            print(
                json.dumps({"verdict": verdict, "why": why, "s": seconds, "MB": after - before}),
                flush=True,
            )


def _peak() -> float:
    """Return the most memory so far in MB; the kernel is asked to begin anew."""
    try:
        lines = STATUS.read_text().splitlines()
        Path("/proc/self/clear_refs").write_text("5")
        return max(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(first: int, last: int) -> list[dict[str, Any]]:
    """Return what came of every file; a worker that dies is followed by another one."""
    found: list[dict[str, Any]] = []
    while first < last:
        command = [
            sys.executable,
            "-m",
            "bench.hostile.mutated_files",
            "--worker",
            f"{first}",
            f"{last}",
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        for begun, ended in zip(lines[::2], lines[1::2], strict=False):
            found.append({**begun, **ended})
        if len(lines) % 2:
            verdict = HANG if done.returncode == -signal.SIGALRM else DEAD
            why = f"exit status {done.returncode}"
            found.append({**lines[-1], "verdict": verdict, "why": why, "s": 0.0, "MB": 0.0})
        elif done.returncode or not lines:
            raise RuntimeError(done.stderr[-2000:])
        first = found[-1]["k"] + 1
        print(f"{len(found)} files", flush=True)
    return found


def report(found: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Return what is saved."""
    by_format = {
        form: dict(Counter(one["verdict"] for one in found if suffix(one["name"]) == form))
        for form in sorted({suffix(one["name"]) for one in found})
    }
    most = sorted(found, key=lambda one: -one["s"])[0], sorted(found, key=lambda one: -one["MB"])[0]
    return {
        "num_files": len(found),
        "num_good_files": len(SEEDS),
        "seconds": round(seconds, 1),
        "verdicts": dict(Counter(one["verdict"] for one in found)),
        "by_format": by_format,
        "most_seconds": round(most[0]["s"], 2),
        "most_MB": round(most[1]["MB"], 1),
        "slowest": most[0]["name"],
        "largest": most[1]["name"],
        "broken": [one for one in found if one["verdict"] in BROKEN],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--worker", type=int, nargs=2, help="the files of one worker process")
    args = record.arguments(parser, "hostile/mutated_files", silent=("worker",))
    if args.worker:
        worker(*args.worker)
        return
    start = time.perf_counter()
    found = run(args.first, args.first + args.count)
    figures = report(found, time.perf_counter() - start)
    for one in figures["broken"]:
        print(one)
    print(figures["verdicts"], record.save(args.save, figures))
    sys.exit(bool(figures["broken"]))


if __name__ == "__main__":
    main()
