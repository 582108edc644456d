"""What a checkpoint costs: the save of a task beside the task, and a resumed run beside its read.

    python -m bench.scaling.checkpoints [FOLDER] [--rows 10000 100000 1000000]

A task is 64 Lanczos steps of a block of 16 probes on a grid Laplacian of n rows; its state has two
blocks of n x 16 numbers. FOLDER lies on the disk that is measured, the working folder by default.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import record
from symrank import gallery
from symrank.operators import as_operator
from symrank.recurrences import lanczos
from symrank.run.checkpoint.tasks import TaskFiles
from symrank.support import probes

STEPS, PROBES = 64, 16
RECORD = {"products": STEPS * PROBES, "seconds": 0.0, "steps": STEPS}


def measured(n: int, folder: Path) -> dict[str, Any]:
    """Return the seconds of a task, of its save and of its reads."""
    side = round(n**0.5)
    A = as_operator(gallery.grid_laplacian((side, side)))
    state = lanczos.start(probes.gaussian(0, 0, PROBES, A.n, A.dtype))
    state = lanczos.extend(state, A, 2, lambda _: None)  # compiled
    started = time.perf_counter()
    state = lanczos.extend(state, A, STEPS, lambda _: None)
    task = time.perf_counter() - started
    files = TaskFiles(folder)
    started = time.perf_counter()
    files.save("task", state, RECORD, None)
    save = time.perf_counter() - started
    started = time.perf_counter()
    files.load("task")
    read = time.perf_counter() - started
    started = time.perf_counter()
    files.load("task", with_vectors=True)
    whole = time.perf_counter() - started
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {
        "n": A.n, "mebibytes": size / 2**20, "task_seconds": task, "save_seconds": save,
        "save_percent": 100.0 * save / task, "read_seconds": read, "read_all_seconds": whole,
        "lost": files.lost,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=".", type=Path)
    parser.add_argument("--rows", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    args = record.arguments(parser, "scaling/checkpoints")
    rows = []
    for n in args.rows:
        folder = Path(tempfile.mkdtemp(dir=args.folder))
        try:
            rows.append(measured(n, folder))
        finally:
            shutil.rmtree(folder)
        print(rows[-1], flush=True)
    print(record.save(args.save, {"rows": rows}))


if __name__ == "__main__":
    main()
