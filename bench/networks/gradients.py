"""Does Algorithm 1 on a loss reach an interval sooner than Lanczos on the Hessian of that loss?

    python -m bench.networks.gradients [--widths 16 32] [--seeds 5]

Linear networks at a minimum, whose exact Hessian has a rank that is known and a product that costs
less than a gradient, so that Algorithm 1 has no advantage but its own. Both are asked for the same
half-width, a share of the rank, with a budget that stops neither; both take turns in one process
of one thread. A method that says that it has not met the precision counts as never.
"""

import argparse
import os
import statistics
import time
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import symrank
from bench import record
from symrank import gallery

BUDGET = 200_000
SHARES = (0.02, 0.01, 0.005)  # half-widths asked for, of the rank
MINIMA = ("balanced", "published")
METHODS = ("lanczos", "langevin")


def solve(method: str, network: Any, share: float, seed: int) -> dict[str, Any]:
    """Run one method on one network."""
    A = network if method == "langevin" else network.hessian()
    started = time.perf_counter()
    found = symrank.rank(
        A, method, precision=share * network.rank, max_matvecs=BUDGET, rng=seed
    )  # fmt: skip
    low, high = found.interval()
    return {
        "seconds": time.perf_counter() - started,
        "width_percent": 100.0 * (high - low) / network.rank,
        "holds": low <= network.rank <= high,
        "products": found.num_matvecs,
        "status": found.status.name,
    }


def compare(minimum: str, d: int, share: float, seeds: int) -> dict[str, Any]:
    """Run both in turn, and return medians."""
    runs: dict[str, list[dict[str, Any]]] = {method: [] for method in METHODS}
    for seed in range(seeds):
        network = gallery.linear_network(d, rng=seed, minimum=minimum)  # type: ignore[arg-type]
        for method in METHODS if seed % 2 else reversed(METHODS):
            runs[method].append(solve(method, network, share, seed))
    row: dict[str, Any] = {"minimum": minimum, "d": d, "share": share, "seeds": seeds}
    for method, found in runs.items():
        row[method] = {
            key: statistics.median(run[key] for run in found)
            for key in ("seconds", "width_percent", "products")
        } | {
            "met": sum(run["status"] in ("CONVERGED", "EXACT") for run in found),
            "holds": sum(run["holds"] for run in found),
        }
    pairs = zip(runs["langevin"], runs["lanczos"], strict=True)
    row["ratio"] = statistics.median(a["seconds"] / b["seconds"] for a, b in pairs)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--seeds", type=int, default=5)
    args = record.arguments(parser, "networks/gradients")
    warm = gallery.linear_network(4, rng=0)
    for method in METHODS:
        solve(method, warm, 0.1, 0)
    rows = []
    for minimum in MINIMA:
        for d in args.widths:
            for share in SHARES:
                rows.append(compare(minimum, d, share, args.seeds))
                print(rows[-1], flush=True)
    print(record.save(args.save, {"options": vars(args), "rows": rows}))


if __name__ == "__main__":
    main()
