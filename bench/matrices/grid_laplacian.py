"""How long does the rank of a million-row Laplacian take, and does the interval hold?

    python -m bench.matrices.grid_laplacian [--side 1000] [--remove 0.2] [--precision 0.001]

A 2-D grid with random edges removed: thousands of components, each adds one to the nullity.
"""

import argparse
import resource
import time

import numpy as np

from bench import record
from symrank import gallery, rank


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--remove", type=float, default=0.2)
    parser.add_argument("--precision", type=float, default=0.001)
    parser.add_argument("--seed", type=int, default=20240131)
    args = record.arguments(parser, "matrices/grid_laplacian")
    side = (args.side, args.side)
    L = gallery.grid_laplacian(side, remove=args.remove, rng=np.random.default_rng(args.seed))
    start = time.perf_counter()
    result = rank(L, precision=args.precision, rng=args.seed)
    seconds = time.perf_counter() - start
    low, high = result.interval()
    truth = gallery.laplacian_rank(L)
    figures = {
        "n": result.n,
        "components": result.n - truth,
        "rank": result.rank,
        "truth": truth,
        "low": low,
        "high": high,
        "contains": low <= truth <= high,
        "half_width_over_n": (high - low) / 2 / result.n,
        "status": result.status.name,
        "products": result.num_matvecs,
        "seconds": seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for key, value in figures.items():
        print(f"{key}: {value}")
    print(record.save(args.save, {"options": vars(args), "figures": figures}))


if __name__ == "__main__":
    main()
