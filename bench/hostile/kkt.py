"""Does `rank(A)` run away on KKT matrices? Against certified sampling alone, in the same run.

    python -m bench.hostile.kkt [FOLDER]

All KKT matrices of FOLDER (see bench.matrices.real), and ten of the form [[H, B'], [B, 0]] with a
few dense rows in B, whose factors fill in beyond what the pattern says. Every answer comes from a
fresh process with one thread. A run may take three times sampling and fifteen seconds.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from bench import record
from bench.matrices.real import load
from symrank import gallery

SHARE, MORE = 3.0, 15.0  # times the seconds of sampling, and seconds
SEED = 20_411


def kkt(H: Any, B: Any) -> sp.csr_array:
    """Return [[H, B'], [B, 0]]."""
    return sp.csr_array(sp.block_array([[H, B.T], [B, None]]))


def constraints(n: int, m: int, k: int, num_dense: int, width: int, *, near: int = 0) -> Any:
    """Return m rows of k entries, within `near` columns or anywhere, and dense rows on top."""
    rng = np.random.default_rng([n, m, k])
    first = np.repeat(rng.integers(0, n, m), k)
    columns = (first + rng.integers(0, near, m * k)) % n if near else rng.integers(0, n, m * k)
    rows = np.repeat(np.arange(m), k)
    B = sp.csr_array((rng.standard_normal(m * k), (rows, columns)), shape=(m, n))
    D = sp.random_array((num_dense, n), density=width / n, rng=rng, format="csr")
    return sp.csr_array(sp.vstack([D, B[num_dense:]]))


def ones(n: int, k: int) -> Any:
    """Return the diagonal Hessian of k squares."""
    return sp.diags_array((np.arange(n) < k).astype(float))


GENERATED: dict[str, Callable[[], Any]] = {
    "near_280k": lambda: kkt(ones(93_000, 10), constraints(93_000, 187_000, 2, 4, 20_000, near=5)),
    "near_90k_full_H": lambda: kkt(
        ones(30_000, 30_000), constraints(30_000, 60_000, 2, 4, 30_000, near=5)
    ),
    "far_90k": lambda: kkt(ones(60_000, 60_000), constraints(60_000, 30_000, 3, 4, 50_000)),
    "far_45k": lambda: kkt(ones(30_000, 30_000), constraints(30_000, 15_000, 3, 4, 30_000)),
    "far_30k": lambda: kkt(ones(20_000, 20_000), constraints(20_000, 10_000, 3, 4, 10_000)),
    "far_20k_singular_H": lambda: kkt(ones(10_000, 10), constraints(10_000, 10_000, 3, 4, 5000)),
    "far_60k_singular_H": lambda: kkt(ones(20_000, 10), constraints(20_000, 40_000, 2, 4, 10_000)),
    "many_dense_90k": lambda: kkt(
        ones(30_000, 10), constraints(30_000, 60_000, 2, 40, 10_000, near=5)
    ),
    "grid3_12k": lambda: kkt(
        gallery.grid_laplacian((20, 20, 20)), constraints(8000, 4000, 3, 4, 4000, near=450)
    ),
    "grid2_12k": lambda: kkt(
        gallery.grid_laplacian((100, 100)), constraints(10_000, 2050, 5, 4, 5000)
    ),
}


def matrix(name: str, folder: Path | None) -> Any:
    """Return a matrix by its name."""
    if name in GENERATED:
        return GENERATED[name]()
    assert folder is not None
    return load(folder, _rows(folder)[name])


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "manifest.csv").open() as file:
        return {r["name"]: r for r in csv.DictReader(file) if "KKT" in r["kind"]}


def answer(name: str, method: str | None, folder: Path | None) -> None:
    """Print one record as JSON; the matrix and the kernels are warm before the clock starts."""
    import symrank

    A = matrix(name, folder)
    symrank.rank(gallery.grid_laplacian((70, 70)), "lanczos", rng=1)
    start = time.perf_counter()
    result = symrank.rank(A, method, rng=SEED)
    seconds = time.perf_counter() - start
    low, high = result.interval()
    told = {
        "n": result.n,
        "nnz": int(A.nnz),
        "seconds": round(seconds, 2),
        "rank": result.rank,
        "low": low,
        "high": high,
        "status": result.status.name,
        "method": result.method,
        "given_up": result.diagnostics.get("given_up", ""),
        "reason": result.reason,
    }
    print(json.dumps(told))


def measure(name: str, method: str | None, folder: Path | None) -> dict[str, Any]:
    """Return the record of `answer` in a process of its own."""
    command = [sys.executable, "-m", "bench.hostile.kkt", *([str(folder)] if folder else [])]
    command += ["--answer", name, *(["--method", method] if method else [])]
    threads = {f"{lib}_NUM_THREADS": "1" for lib in ("OPENBLAS", "NUMBA", "OMP")}
    done = subprocess.run(
        command, env=os.environ | threads, stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--answer")
    parser.add_argument("--method")
    args = record.arguments(parser, "hostile/kkt", silent=("answer", "only"))
    if args.answer:
        answer(args.answer, args.method, args.folder)
        return
    names = [*(_rows(args.folder) if args.folder else ()), *GENERATED]
    rows = []
    for name in names if args.only is None else args.only:
        sampled = measure(name, "lanczos", args.folder)
        chosen = measure(name, None, args.folder)
        bar = SHARE * sampled["seconds"] + MORE
        meets = chosen["low"] <= sampled["high"] and sampled["low"] <= chosen["high"]
        row = {"name": name, "bar": round(bar, 1), "within": chosen["seconds"] <= bar}
        rows.append({**row, "intervals_meet": meets, "chosen": chosen, "sampled": sampled})
        print(
            f"{name:20s} n={chosen['n']:7d} {chosen['method']:8s} {chosen['seconds']:7.2f} s "
            f"[{chosen['low']}, {chosen['high']}] {chosen['status']:12s} "
            f"sampled {sampled['seconds']:7.2f} s [{sampled['low']}, {sampled['high']}] "
            f"{'ok' if row['within'] else 'ABOVE'} {chosen['given_up']}",
            flush=True,
        )
    summary = {
        "rows": len(rows),
        "within": sum(r["within"] for r in rows),
        "above": [r["name"] for r in rows if not r["within"]],
        "largest_share_of_bar": max(r["chosen"]["seconds"] / r["bar"] for r in rows),
        "intervals_miss": [r["name"] for r in rows if not r["intervals_meet"]],
        "given_up": [r["name"] for r in rows if r["chosen"]["given_up"]],
    }
    print(summary)
    if args.only is None:
        print(
            record.save(args.save, {"summary": summary, "rows": rows}, libraries=("feral-solver",))
        )


if __name__ == "__main__":
    main()
