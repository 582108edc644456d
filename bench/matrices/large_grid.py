"""Does the cost per row stay the same from one to ten million rows, and does it fit in 8 GiB?

    python -m bench.matrices.large_grid

The 7-point Laplacian of a 3-D grid, one component (rank n - 1), to 0.1 % of n. Each size runs in a
process of its own, so that its peak memory is its own; the matrix is part of it.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

from bench import record

SIDES = (100, 216)
PRECISION = 0.001
BAR_MIB, BAR_RATIO = 8192, 1.5


def one(side: int) -> dict[str, Any]:
    """Run one size in this process."""
    from symrank import gallery, rank

    start = time.perf_counter()
    L = gallery.grid_laplacian((side, side, side))
    built = time.perf_counter() - start
    start = time.perf_counter()
    result = rank(L, "lanczos", precision=PRECISION, rng=1)
    seconds = time.perf_counter() - start
    low, high = result.interval()
    return {
        "n": result.n,
        "nnz": int(L.nnz),
        "rank": result.rank,
        "truth": result.n - 1,
        "low": low,
        "high": high,
        "contains": low <= result.n - 1 <= high,
        "half_width_over_n": (high - low) / 2 / result.n,
        "status": result.status.name,
        "products": result.num_matvecs,
        "seconds_to_build": built,
        "seconds": seconds,
        "microseconds_a_row": 1e6 * seconds / result.n,
        "nanoseconds_a_row_and_product": 1e9 * seconds / result.n / result.num_matvecs,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, help="run this one here, and print JSON")
    args = record.arguments(parser, "matrices/large_grid", silent=("side",))
    if args.side is not None:
        print(json.dumps(one(args.side)))
        return
    rows = []
    for side in SIDES:
        command = [sys.executable, "-m", "bench.matrices.large_grid", "--side", str(side)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
        print(rows[-1], flush=True)
    small, large = rows
    bars = {
        "peak_mib": {"figure": large["peak_mib"], "at_most": BAR_MIB},
        "time_a_row_and_product": {
            "figure": large["nanoseconds_a_row_and_product"]
            / small["nanoseconds_a_row_and_product"],
            "at_most": BAR_RATIO,
        },
        "time_a_row": {
            "figure": large["microseconds_a_row"] / small["microseconds_a_row"],
            "at_most": BAR_RATIO,
        },
    }
    print(bars)
    print(record.save(args.save, {"bars": bars, "rows": rows}))


if __name__ == "__main__":
    main()
