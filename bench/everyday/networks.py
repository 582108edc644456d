"""Is the rank of the paper's networks exact by products alone, and in how many of them?

    python -m bench.everyday.networks [--d 32 64 128]

Hessians of linear networks of depth 5, of which nothing is known but products, with no option; of
the largest 15 000 products are allowed. At the published minimum, and at a balanced one, whose
least eigenvalue is not as small. Bars: d = 32 and 64 exact within 1.1 r + 650 products, and d = 64
within a minute; d = 128 an interval of at most 0.2 % of n to either side.
"""

import argparse
import itertools
import time
from typing import Any

import numpy as np

import symrank
from bench import record
from symrank import gallery

MOST_PRODUCTS = 15_000
SECONDS = {64: 60.0}  # bars
SHARE = 0.002  # of n: half of an interval where the rank is out of reach
MINIMA = ("published", "balanced")
EXACT = (32, 64)  # d whose rank is to be exact


def measure(d: int, minimum: Any) -> dict[str, Any]:
    """Count, and compare with what is known."""
    net = gallery.linear_network(d, minimum=minimum, rng=0)
    A = net.hessian().to_scipy()
    wall, cpu = time.perf_counter(), time.process_time()
    result = symrank.rank(A, max_matvecs=None if d in EXACT else MOST_PRODUCTS, rng=0)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    low, high = result.interval()
    is_exact = low == high == net.rank
    most = 1.1 * net.rank + 650 if d in EXACT else MOST_PRODUCTS
    is_narrow = is_exact if d in EXACT else high - low <= 2.0 * SHARE * A.shape[0]
    return {
        "d": d, "minimum": minimum, "n": A.shape[0], "truth": net.rank,
        "rank": result.estimate, "low": low, "high": high,
        "status": result.status.name, "method": result.method,
        "products": result.num_matvecs, "bar_products": most,
        "seconds": wall, "cpu_seconds": cpu, "bar_seconds": SECONDS.get(d),
        "holds": low <= net.rank <= high,
        "within": is_narrow and result.num_matvecs <= most and wall <= SECONDS.get(d, np.inf),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--d", nargs="+", type=int, default=[32, 64, 128])
    args = record.arguments(parser, "everyday/networks")
    symrank.rank(gallery.linear_network(8, rng=0).hessian().to_scipy(), rng=0)
    rows = []
    for d, minimum in itertools.product(args.d, MINIMA):
        rows.append(measure(d, minimum))
        print(rows[-1], flush=True)
        record.save(args.save, {"rows": rows})


if __name__ == "__main__":
    main()
