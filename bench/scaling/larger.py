"""Does a matrix that is larger than the driver's memory have a rank there?

    python -m bench.scaling.larger

The Laplacian of n / 1000 expanders (`circulants`), its blocks made and held by two workers of a
Dask cluster. What the process that asks takes is its resident memory at the highest, less what it
was before the matrix: compiled code, vectors, messages and the scheduler, which runs in it too.
"""

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench import record
from bench.scaling import circulants

N, BLOCKS, WORKERS = 1_000_000, 16, 2
PROBES = 4
PAGE = resource.getpagesize()


def resident() -> float:
    """Return the resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


def highest() -> float:
    """Return the highest resident memory so far in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one(n: int, probes: int, blocks: int = BLOCKS) -> dict[str, Any]:
    """Ask for the rank on a cluster, and measure this process."""
    import symrank
    from tests.cases.clusters import cluster_of

    edges = np.linspace(0, n, blocks + 1).astype(int).tolist()
    with cluster_of(WORKERS) as client:
        before, start = resident(), time.perf_counter()
        made = client.map(circulants.rows, edges[:-1], edges[1:], n=n, pure=False)
        H = symrank.on_dask(made)
        built = time.perf_counter() - start
        start = time.perf_counter()
        result = symrank.rank(H, symrank.Lanczos(num_probes=probes), rng=1)
        seconds = time.perf_counter() - start
        growth = highest() - before
    low, high = result.interval()
    truth = n - n // circulants.SIZE
    return {
        "n": n, "matrix_mib": H.num_bytes / 2**20, "driver_mib": growth,
        "share": growth / (H.num_bytes / 2**20), "rank": result.rank, "truth": truth,
        "low": low, "high": high, "contains": low <= truth <= high,
        "half_width_over_n": (high - low) / 2 / n, "status": result.status.name,
        "probes": probes, "products": result.num_matvecs, "seconds_to_make": built,
        "seconds": seconds,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=N)
    args = record.arguments(parser, "scaling/larger")
    row = one(args.n, PROBES)
    print(row)
    bars = {
        "driver_memory_over_matrix": {"figure": row["share"], "at_most": 1.0},
        "interval_contains_the_rank": {"figure": float(row["contains"]), "at_least": 1.0},
    }
    libraries = ("dask", "distributed")
    print(record.save(args.save, {"bars": bars, **row}, libraries=libraries))


if __name__ == "__main__":
    main()
