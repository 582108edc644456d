"""Is the method that symrank chooses ever much slower than the best single one?

    python -m bench.matrices.choice FOLDER [--rows NAME ...]

FOLDER holds manifest.csv and the matrices. One process serves all rows, after a small run of each
method that loads the compiled kernels. What takes longer than the choice is cut off: it is slower
than the bar, and its process is replaced by a fresh one where it does not stop by itself. "The same
precision" is an interval no wider than that of the choice. For 4000 <= n <= 9000
numpy.linalg.matrix_rank (of the dense array), and for rank > 1000
scipy.linalg.interpolative.estimate_rank (of the LinearOperator) run beside it.
"""

import argparse
import csv
import multiprocessing
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg.interpolative as interpolative
import scipy.sparse as sp

from bench import record
from bench.matrices.real import load

METHODS = ("dense", "inertia", "sketch", "lanczos")
NUMPY, SCIPY = "numpy matrix_rank", "scipy estimate_rank"
EPS = 1e-9  # of estimate_rank: relative, it has no noise floor of its own
PEER_SIZES = range(4000, 9001)
BAR, PEER_BAR = 2.0, 5.0
START = 120.0  # seconds that a process may take to import, load and warm up
LIMIT = 300.0  # of the choice
LEAST = 0.5  # seconds that every method is given
GRACE = 0.3  # seconds until a method that was told to stop must have stopped
NEGLIGIBLE = 0.05  # seconds: below, a ratio is that of fixed costs


def serve(folder: Path, pipe: Any) -> None:
    """Answer requests (row, method, limit) in this process until it is killed."""
    import symrank

    warm = symrank.gallery.grid_laplacian((12, 12))
    for name in METHODS:
        symrank.rank(warm, name, rng=0)
    loaded: tuple[str, Any] = ("", None)
    while True:
        row, method, limit = pipe.recv()
        if loaded[0] != row["name"]:
            loaded = row["name"], load(folder, row)
        pipe.send("ready")
        pipe.send(answer(loaded[1], row, method, limit))


def answer(A: Any, row: dict[str, str], method: str | None, limit: float) -> dict[str, Any]:
    """Time one method on one row."""
    import symrank

    if method in (NUMPY, SCIPY):
        return peer(A, method)
    stops = {"max_seconds": limit} if method in ("lanczos", "sketch") else {}
    seed = zlib.crc32(row["name"].encode())
    start = time.perf_counter()
    try:
        result = symrank.rank(A, method, rng=seed, **stops)
    except symrank.SymrankError as error:
        return {"error": str(error)[:200]}
    seconds = time.perf_counter() - start
    if seconds > limit:
        return {"error": f"over {limit:.2f} s"}
    low, high = result.interval()
    return {
        "seconds": seconds,
        "low": low,
        "high": high,
        "status": result.status.name,
        "method": result.method,
        "products": result.num_matvecs,
        "reason": result.reason,
    }


def peer(A: Any, name: str) -> dict[str, Any]:
    """Time NumPy or SciPy on the same operator."""
    from symrank.operators import as_operator

    operator = as_operator(A)
    if name == NUMPY:
        dense = operator.to_dense()
        start = time.perf_counter()
        found = int(np.linalg.matrix_rank(dense, hermitian=True))
    else:
        linear = operator.to_scipy() if not sp.issparse(A) else sp.linalg.aslinearoperator(A)
        start = time.perf_counter()
        found = int(interpolative.estimate_rank(linear, EPS, rng=np.random.default_rng(0)))
    return {"seconds": time.perf_counter() - start, "low": found, "high": found}


class Worker:
    """A process that is replaced when it overruns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._start()

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(self.folder, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, row: dict[str, str], method: str | None, limit: float) -> dict[str, Any]:
        """Return the answer, or that it was over the limit."""
        try:
            self.pipe.send((row, method, limit))
            if self.pipe.poll(START) and self.pipe.recv() == "ready":
                if self.pipe.poll(limit + GRACE):
                    return self.pipe.recv()
                error = f"over {limit:.2f} s"
            else:
                error = "the process did not start"
        except (EOFError, OSError):
            error = "the process died"
        self.process.kill()
        self.process.join()
        self._start()
        return {"error": error}


def judge(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare the choice with the best single method of the same precision, and with the peers."""
    worst, peers = [], []
    for row in rows:
        chosen = row["answers"]["choice"]
        if "error" in chosen:
            continue
        width = chosen["high"] - chosen["low"]
        fair = [
            a["seconds"]
            for name, a in row["answers"].items()
            if name in METHODS and "error" not in a and a["high"] - a["low"] <= width
        ]
        if fair:
            over = chosen["seconds"] / max(min(fair), NEGLIGIBLE)
            worst.append((over, row["name"]))
        for name in (NUMPY, SCIPY):
            other = row["answers"].get(name)
            if other is not None:
                cut_off = "error" in other
                ratio = PEER_BAR if cut_off else other["seconds"] / chosen["seconds"]
                peers.append((ratio, name, row["name"], "at least" if cut_off else ""))
    return {
        "rows": len(rows),
        "choice_failed": [r["name"] for r in rows if "error" in r["answers"]["choice"]],
        "over_best": {
            "figure": max(w for w, _ in worst),
            "at_most": BAR,
            "above": sorted((w for w in worst if w[0] > BAR), reverse=True),
            "median": float(np.median([w for w, _ in worst])),
        },
        "peer_over_choice": {
            "figure": min((p[0] for p in peers), default=None),
            "at_least": PEER_BAR,
            "all": sorted(peers),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", nargs="*")
    args = record.arguments(parser, "matrices/choice")
    with (args.folder / "manifest.csv").open() as file:
        manifest = [r for r in csv.DictReader(file) if not args.rows or r["name"] in args.rows]
    rows = []
    worker = Worker(args.folder)
    for row in manifest:
        n, truth = int(row["n"]), int(row["rank"])
        names = [m for m in METHODS if m != "dense" or n < PEER_SIZES.stop]
        if n in PEER_SIZES:
            names += [NUMPY] + ([SCIPY] if truth > 1000 else [])
        chosen = worker.ask(row, None, LIMIT)
        least = 1.2 * chosen.get("seconds", LIMIT)
        answers = {"choice": chosen}
        for name in names:
            bar = PEER_BAR if name in (NUMPY, SCIPY) else 1.0
            answers[name] = worker.ask(row, name, max(LEAST, bar * least))
        rows.append(
            {"name": row["name"], "class": row["class"], "n": n, "truth": truth,
             "answers": answers}
        )  # fmt: skip
        print(
            f"{row['name']:24s} n={n:6d} {chosen.get('method', 'none'):8s}",
            *(
                f"{name} {a['seconds']:.2f} s [{a['low']}, {a['high']}]"
                if "error" not in a
                else f"{name} -"
                for name, a in answers.items()
            ),
            sep="  ",
            flush=True,
        )
    summary = judge(rows)
    for key, value in summary.items():
        print(f"{key}: {value}")
    print(record.save(args.save, {"eps": EPS, "summary": summary, "rows": rows}))


if __name__ == "__main__":
    main()
