"""Is a small nullity found exactly, and what does a multigrid cycle save?

    python -m bench.matrices.null_space FOLDER [--rows NAME ...] [--preconditioners NAME ...]

FOLDER holds manifest.csv and the matrices (see bench.matrices.real): semidefinite rows with a clear
gap and a nullity of 1 to 8 are taken. The grid is that of `GRID`, once with the cycle and once
without. Every run has a process of its own.
"""

import argparse
import csv
import multiprocessing
import resource
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from bench import record
from bench.matrices.real import load

NULLITY = 8
BUDGET = {"none": 200_000, "jacobi": 200_000, "amg": 20_000}
MAX_SECONDS = 40.0
BARRED = ("lap_", "imggrid_", "cot_", "fem_")  # graph Laplacians and finite elements
GRID = {"shape": (400, 400), "remove": 0.01, "rng": 3}
BAR_RESIDUAL, BAR_PRODUCTS, BAR_SECONDS = 1e-10, 0.1, 0.5


def solve(A: Any, preconditioner: str, seed: int, max_seconds: float | None) -> dict[str, Any]:
    """Run `Sketch` on the null space; the residual is measured anew, by one product."""
    import symrank
    from symrank import Sketch
    from symrank.operators import as_operator

    G = None if preconditioner == "none" else preconditioner
    start = time.perf_counter()
    result = symrank.rank(
        A,
        Sketch(side="null", basis=True),
        preconditioner=G,
        max_matvecs=BUDGET[preconditioner],
        max_seconds=max_seconds,
        rng=seed,
    )
    seconds = time.perf_counter() - start
    low, high = result.interval()
    residual = None
    if result.basis is not None:
        operator, Z = as_operator(A), result.basis.vectors
        if preconditioner == "jacobi":  # Z is that of S A S there, and S Z that of A
            Z, _ = np.linalg.qr(symrank.Preconditioner.jacobi(operator).root[:, None] * Z)
        image = operator.matmat(np.ascontiguousarray(Z))
        residual = float(np.linalg.norm(image, 2) / largest(operator))
    return {
        "n": result.n,
        "rank": result.rank,
        "low": low,
        "high": high,
        "status": result.status.name,
        "residual_over_norm": residual,
        "products": result.num_matvecs,
        "cycles": result.diagnostics.get("num_cycles"),
        "steps": result.diagnostics.get("num_steps"),
        "seconds": round(seconds, 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def largest(operator: Any) -> float:
    """Return |A| from below, by a power iteration: the residual over it is not flattered."""
    x = np.random.default_rng(0).standard_normal((operator.n, 1))
    for _ in range(50):
        x = operator.matmat(x / np.linalg.norm(x))
    return float(np.linalg.norm(x))


def real(folder: Path, row: dict[str, str], preconditioner: str) -> dict[str, Any]:
    """Answer one row of the manifest."""
    seed = zlib.crc32(row["name"].encode())  # rows must not share their probes
    figures = solve(load(folder, row), preconditioner, seed, MAX_SECONDS)
    return {
        "name": row["name"],
        "preconditioner": preconditioner,
        "definiteness": row["definiteness"],
        "truth": int(row["rank"]),
        "rel_sigma_r": row["rel_sigma_r"],
        **figures,
    }


def grid(preconditioner: str) -> dict[str, Any]:
    """Answer the grid."""
    from symrank import gallery

    L = gallery.grid_laplacian(**GRID)
    truth = gallery.laplacian_rank(L)
    return {"preconditioner": preconditioner, "truth": truth, **solve(L, preconditioner, 1, None)}


def is_exact(r: dict[str, Any]) -> bool:
    """Tell whether the run met the bar of one matrix."""
    right = r["rank"] == r["low"] == r["high"] == r["truth"] and r["status"] == "EXACT"
    return right and r["residual_over_norm"] < BAR_RESIDUAL


def judge(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum up: a matrix is exact if one of its preconditioners makes it so."""
    names = sorted({r["name"] for r in rows})
    exact = sorted({r["name"] for r in rows if is_exact(r)})
    barred = [name for name in names if name.startswith(BARRED)]
    return {
        "matrices": len(names),
        "exact": len(exact),
        "barred": len(barred),
        "barred_not_exact": [name for name in barred if name not in exact],
        "others_not_exact": [name for name in names if name not in exact + barred],
        "exact_but_wrong": [
            f"{r['name']} {r['preconditioner']}"
            for r in rows
            if r["status"] == "EXACT" and r["rank"] != r["truth"]
        ],
        "interval_misses": [
            f"{r['name']} {r['preconditioner']}"
            for r in rows
            if not r["low"] <= r["truth"] <= r["high"]
        ],
    }


def show(r: dict[str, Any]) -> None:
    residual = float("nan") if r["residual_over_norm"] is None else r["residual_over_norm"]
    print(
        f"{r.get('name', 'grid'):22s} {r['preconditioner']:7s} n={r['n']:7d} {r['truth']:7d} -> "
        f"{r['rank']:7d} [{r['low']}, {r['high']}] {r['status']:13s} {residual:8.1e} "
        f"{r['products']:7d} products {r['cycles'] or 0:6d} cycles {r['seconds']:7.2f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", nargs="*", help="names; 'grid' for the grid")
    parser.add_argument("--preconditioners", nargs="*", default=["amg", "jacobi"])
    args = record.arguments(parser, "matrices/null_space")
    with (args.folder / "manifest.csv").open() as file:
        manifest = [
            row
            for row in csv.DictReader(file)
            if row["class"] == "clear gap"
            and row["definiteness"] == "PSD"
            and 0 < int(row["nullity"]) <= NULLITY
            and (not args.rows or row["name"] in args.rows)
        ]
    rows, grids = [], []
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(1, maxtasksperchild=1) as pool:
        for row in manifest:
            for preconditioner in args.preconditioners:
                name = preconditioner if row["operator"] == "A" else "none"  # no entries: no G
                if rows and (rows[-1]["name"], rows[-1]["preconditioner"]) == (row["name"], name):
                    continue
                rows.append(pool.apply(real, (args.folder, row, name)))
                show(rows[-1])
        if not args.rows or "grid" in args.rows:
            for name in ("amg", "none"):
                grids.append(pool.apply(grid, (name,)))
                show(grids[-1])
    summary = judge(rows)
    for key, value in summary.items():
        print(f"{key}: {value}")
    bars = {}
    if grids:
        quick, plain = grids
        bars = {
            "products": {"figure": quick["products"] / plain["products"], "at_most": BAR_PRODUCTS},
            "seconds": {"figure": quick["seconds"] / plain["seconds"], "at_most": BAR_SECONDS},
        }
        print(bars)
    figures = {"summary": summary, "bars": bars, "rows": rows, "grid": grids}
    print(record.save(args.save, figures, libraries=("pyamg",)))


if __name__ == "__main__":
    main()
