"""How long does a Lanczos step take, against SciPy's bare A @ X and the C++ of imate?

    python -m bench.kernels.lanczos

A step is the product, both inner products and both updates of k recurrences at once, float64. All
variants of a row are timed in turn in one process; a figure is the median of the rounds. imate's
figure is the time of a stochastic Lanczos quadrature (trace of the identity, no
reorthogonalisation) at two degrees, the difference over the difference of steps: set-up and small
eigenproblems drop out. It works on one vector at a time.
"""

import argparse
import os
import time
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy.sparse as sp

from bench import record
from bench.kernels.timing import SEED, block, interleaved, on_threads, power_law
from symrank import gallery, kernels
from symrank.kernels.multiplicands import Csr

ROUNDS = 9
WIDTHS = (1, 8, 16)
MAIN = 16
BARS = {
    "grid, over the product": (0.85, True),
    "power law, over the product": (0.45, True),
    "grid, speed-up of two threads": (1.4, False),
    "power law, speed-up of two threads": (1.4, False),
    "grid, imate over symrank": (3.0, False),
}
DEGREES, SAMPLES = (20, 60), 4


def measure(name: str, A: Any, k: int) -> dict[str, Any]:
    n = A.shape[0]
    step = kernels.load("cpu_numba").lanczos_step
    U, U_prev = block(n, k, np.float64, 1), block(n, k, np.float64, 2)
    scale, coupling = np.full(k, 1.0 / np.sqrt(n)), np.zeros(k)

    def take() -> Any:
        return step(Csr(A.indptr, A.indices, A.data, U), U, U_prev, scale, coupling)

    calls = {"product": lambda: A @ U, "step": take, "two threads": on_threads(2, take)}
    seconds = interleaved(calls, ROUNDS)
    return {
        "pattern": name,
        "n": n,
        "nnz": int(A.nnz),
        "k": k,
        "seconds": seconds["step"],
        "product_seconds": seconds["product"],
        "over_product": seconds["step"] / seconds["product"],
        "speed_up_of_two_threads": seconds["step"] / seconds["two threads"],
        "seconds_a_vector": seconds["step"] / k,
    }


def imate_seconds_a_step(A: Any) -> float | None:
    """Seconds a step and vector, one thread; None without imate."""
    try:
        import imate
    except ModuleNotFoundError:
        return None
    matrix = imate.Matrix(sp.csr_matrix(A))

    def run(degree: int) -> float:
        start = time.perf_counter()
        imate.trace(
            matrix, gram=False, p=1, method="slq", lanczos_degree=degree, orthogonalize=0,
            min_num_samples=SAMPLES, max_num_samples=SAMPLES, num_threads=1,
        )  # fmt: skip
        return time.perf_counter() - start

    run(DEGREES[0])
    times = [run(DEGREES[1]) - run(DEGREES[0]) for _ in range(3)]
    return float(np.median(times)) / ((DEGREES[1] - DEGREES[0]) * SAMPLES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args = record.arguments(parser, "kernels/lanczos")
    grid = gallery.grid_laplacian((1000, 1000))
    graph = power_law(200_000, 20.0, np.random.default_rng(SEED))
    rows = [
        measure(name, A, k) for name, A in (("grid", grid), ("power law", graph)) for k in WIDTHS
    ]
    main_rows = {r["pattern"]: r for r in rows if r["k"] == MAIN}
    imate_step = imate_seconds_a_step(grid)
    figures = {
        f"{name}, {what}": row[key]
        for name, row in main_rows.items()
        for what, key in (
            ("over the product", "over_product"),
            ("speed-up of two threads", "speed_up_of_two_threads"),
        )
    }
    if imate_step is not None:
        figures["grid, imate over symrank"] = imate_step / main_rows["grid"]["seconds_a_vector"]
    bars = {
        name: {
            "figure": figures[name],
            "at_most" if below else "at_least": limit,
            "holds": bool(figures[name] <= limit if below else figures[name] >= limit),
        }
        for name, (limit, below) in BARS.items()
        if name in figures
    }
    for row in rows:
        print(row)
    for name, bar in bars.items():
        print(name, bar)
    figures_found = {"bars": bars, "imate_seconds_a_step": imate_step, "rows": rows}
    print(record.save(args.save, figures_found, libraries=("imate",)))


if __name__ == "__main__":
    main()
