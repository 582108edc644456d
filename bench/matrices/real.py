"""Does `rank(A)`, with no option given, tell the truth about matrices that nobody here made?

    python -m bench.matrices.real FOLDER [--rows NAME ...] [--method NAME]

FOLDER holds manifest.csv and the matrices. Every row runs in a fresh process (peak memory).
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
import scipy.io
import scipy.sparse

from bench import record

WELL_POSED = ("clear gap", "full rank")


def load(folder: Path, row: dict[str, str]) -> Any:
    """Return the operator that the manifest row is about."""
    import symrank

    path = folder / row["file"]
    A = np.load(path)["A"] if path.suffix == ".npz" else scipy.io.mmread(path)
    A = (
        A.astype(np.float64)
        if isinstance(A, np.ndarray)
        else scipy.sparse.csr_array(A, dtype=float)
    )
    if row["operator"] == "A":
        return A
    if row["operator"] == "aug":
        return symrank.augmented(A)
    return symrank.gram(A, side="rows" if row["operator"] == "A A^T" else "columns")


def run(folder: Path, row: dict[str, str], options: dict[str, Any], pipe: Any) -> None:
    """Answer one row in this process and send the record."""
    from symrank import rank  # loads the package: no part of an answer

    A = load(folder, row)
    start = time.perf_counter()
    seed = zlib.crc32(row["name"].encode())  # rows must not share their probes
    result = rank(A, rng=seed, **options)
    low, high = result.interval()
    truth, n = int(row["rank"]), result.n
    pipe.send(
        {
            "name": row["name"],
            "class": row["class"],
            "definiteness": row["definiteness"],
            "n": n,
            "truth": truth,
            "rank": result.rank,
            "low": low,
            "high": high,
            "contains": low <= truth <= high,
            "half_width": (high - low) / 2,
            "status": result.status.name,
            "method": result.method,
            "products": result.num_matvecs,
            "seconds": round(time.perf_counter() - start, 3),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "steps": result.diagnostics.get("num_steps"),
            "rel_sigma_r": row["rel_sigma_r"],
        }
    )


def judge(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures that sum the table up."""
    well = [r for r in rows if r["class"] in WELL_POSED]
    clear = [r for r in rows if r["class"] == "clear gap"]
    large = [r for r in well if r["n"] > 4000]
    small = [r for r in well if r["n"] <= 4000]
    sure = ("EXACT", "CONVERGED")
    within = [max(1, 0.1 * min(r["truth"], r["n"] - r["truth"])) for r in large]
    return {
        "well_posed": len(well),
        "covered": sum(r["contains"] for r in well),
        "not_covered": [r["name"] for r in well if not r["contains"]],
        "small": len(small),
        "small_exact_integer": sum(r["rank"] == r["truth"] for r in small),
        "small_wrong": [r["name"] for r in small if r["rank"] != r["truth"]],
        "large": len(large),
        "large_below_1_percent": sum(r["half_width"] < 0.01 * r["n"] for r in large),
        "large_below_0.1_percent": sum(r["half_width"] < 0.001 * r["n"] for r in large),
        "large_resolved": sum(r["half_width"] <= w for r, w in zip(large, within, strict=True)),
        "clear_gap": len(clear),
        "clear_gap_sure": sum(r["status"] in sure for r in clear),
        "clear_gap_not_sure": [r["name"] for r in clear if r["status"] not in sure],
        "ill_posed_but_sure": [
            r["name"] for r in rows if r["class"] in ("no gap", "weak gap") and r["status"] in sure
        ],
        "seconds": round(sum(r["seconds"] for r in rows), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", nargs="*")
    parser.add_argument("--above", type=int, default=0, help="only rows with a larger n")
    parser.add_argument("--method")
    parser.add_argument("--max-matvecs", type=int)
    args = record.arguments(parser, "matrices/real")
    options = {"method": args.method, "max_matvecs": args.max_matvecs}
    with (args.folder / "manifest.csv").open() as file:
        manifest = [
            row
            for row in csv.DictReader(file)
            if (not args.rows or row["name"] in args.rows) and int(row["n"]) > args.above
        ]
    spawn = multiprocessing.get_context("spawn")
    rows = []
    for row in manifest:
        ours, theirs = spawn.Pipe(duplex=False)
        process = spawn.Process(target=run, args=(args.folder, row, options, theirs))
        process.start()
        theirs.close()
        try:
            r = ours.recv()
        except EOFError:
            raise SystemExit(f"{row['name']}: the process died") from None
        process.join()
        rows.append(r)
        print(
            f"{r['name']:24s} n={r['n']:7d} rank={r['truth']:7d} -> {r['rank']:7d} "
            f"[{r['low']}, {r['high']}] {'ok' if r['contains'] else 'MISS':4s} {r['status']:14s} "
            f"{r['products']:6d} products {r['seconds']:7.2f} s {r['peak_mib']:5d} MiB",
            flush=True,
        )
    summary = judge(rows)
    for key, value in summary.items():
        print(f"{key}: {value}")
    print(record.save(args.save, {"options": options, "summary": summary, "rows": rows}))


if __name__ == "__main__":
    main()
