"""How long does a Chebyshev step take, against SciPy's bare A @ X?

    python -m bench.kernels.chebyshev [--quick]

A step is the product, the update and both inner products of k recurrences at once. All variants of
a row are timed in turn in one process; a figure is the median of the rounds. `plain` is the same
step in NumPy and SciPy.
"""

import argparse
import os
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from bench import record
from bench.kernels.timing import SEED, block, bound, interleaved, on_threads, power_law
from symrank import gallery, kernels
from symrank.kernels.multiplicands import Csr

ROUNDS = 9
WIDTHS = (1, 8, 16, 32)
DTYPES = (np.float64, np.float32)
MAIN = ("float64", 16)
BARS = {
    "grid, over the product": ("grid", "over_product", 0.65, True),
    "power law, over the product": ("power law", "over_product", 0.45, True),
    "grid, plain over symrank": ("grid", "plain_over_step", 3.0, False),
    "grid, speed-up of two threads": ("grid", "speed_up_of_two_threads", 1.4, False),
}


def measure(name: str, A: Any, k: int, dtype: Any, rounds: int) -> dict[str, Any]:
    n = A.shape[0]
    A = A.astype(dtype)
    compiled = kernels.load("cpu_numba").chebyshev_step
    plain = kernels.load("reference").chebyshev_step
    T, T_prev = block(n, k, dtype, 1), block(n, k, dtype, 2)
    slope = 4.0 / bound(A)  # the spectrum lies in [0, bound]: blocks stay bounded
    product = Csr(A.indptr, A.indices, A.data, T)

    def take() -> Any:
        return compiled(product, T, T_prev, slope, -2.0)

    calls = {
        "product": lambda: A @ T,
        "step": take,
        "two threads": on_threads(2, take),
        "plain": lambda: plain(product, T, T_prev, slope, -2.0),
    }
    seconds = interleaved(calls, rounds)
    return {
        "pattern": name,
        "n": n,
        "nnz": int(A.nnz),
        "k": k,
        "dtype": np.dtype(dtype).name,
        "seconds": seconds["step"],
        "product_seconds": seconds["product"],
        "over_product": seconds["step"] / seconds["product"],
        "plain_over_step": seconds["plain"] / seconds["step"],
        "speed_up_of_two_threads": seconds["step"] / seconds["two threads"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the rows of the bars, five rounds")
    args = record.arguments(parser, "kernels/chebyshev")
    matrices = {
        "grid": gallery.grid_laplacian((1000, 1000)),
        "power law": power_law(200_000, 20.0, np.random.default_rng(SEED)),
    }
    widths, dtypes = ((16,), DTYPES[:1]) if args.quick else (WIDTHS, DTYPES)
    rows = [
        measure(name, A, k, dtype, 5 if args.quick else ROUNDS)
        for name, A in matrices.items()
        for dtype in dtypes
        for k in widths
    ]
    main_rows = {r["pattern"]: r for r in rows if (r["dtype"], r["k"]) == MAIN}
    bars = {}
    for name, (pattern, key, limit, below) in BARS.items():
        figure = main_rows[pattern][key]
        holds = figure <= limit if below else figure >= limit
        bars[name] = {
            "figure": figure,
            "at_most" if below else "at_least": limit,
            "holds": bool(holds),
        }
    for row in rows:
        print(row)
    for name, bar in bars.items():
        print(name, bar)
    print(record.save(args.save, {"options": vars(args), "bars": bars, "rows": rows}))


if __name__ == "__main__":
    main()
