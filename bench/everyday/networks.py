"""Is the rank of the paper's networks exact by products alone, and in how many of them?

    python -m bench.everyday.networks [--d 32 64 128]

Hessians of linear networks of depth 5, of which nothing is known but products, with no option; of
the largest 15 000 products are allowed. Bars: d = 32 and 64 exact within 1.1 r + 650 products, and
d = 64 within a minute; d = 128 an interval no wider than 0.2 % of n.
"""

import argparse
import time
from typing import Any

import numpy as np

import symrank
from bench import record
from bench.paper import setup

MOST_PRODUCTS = 15_000
SECONDS = {64: 60.0}  # bars
SHARE = 0.002  # of n: how wide an interval may be where the rank is out of reach
EXACT = (32, 64)  # d whose rank is to be exact


def measure(d: int) -> dict[str, Any]:
    """Count, and compare with what is known."""
    net = setup.network(d, 0)
    A = net.hessian().to_scipy()
    wall, cpu = time.perf_counter(), time.process_time()
    result = symrank.rank(A, max_matvecs=None if d in EXACT else MOST_PRODUCTS, rng=0)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    low, high = result.interval()
    is_exact = low == high == net.rank
    most = 1.1 * net.rank + 650 if d in EXACT else MOST_PRODUCTS
    is_narrow = is_exact if d in EXACT else high - low <= SHARE * A.shape[0]
    return {
        "d": d, "n": A.shape[0], "truth": net.rank, "rank": result.estimate, "low": low,
        "high": high, "status": result.status.name, "method": result.method,
        "products": result.num_matvecs, "bar_products": most,
        "seconds": wall, "cpu_seconds": cpu, "bar_seconds": SECONDS.get(d),
        "holds": low <= net.rank <= high,
        "within": is_narrow and result.num_matvecs <= most and wall <= SECONDS.get(d, np.inf),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--d", nargs="+", type=int, default=[32, 64, 128])
    args = record.arguments(parser, "everyday/networks")
    symrank.rank(setup.network(8, 0).hessian().to_scipy(), rng=0)
    rows = []
    for d in args.d:
        rows.append(measure(d))
        print(rows[-1], flush=True)
        record.save(args.save, {"rows": rows})


if __name__ == "__main__":
    main()
