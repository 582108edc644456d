"""How far off are the published and the repaired method of Ubaru and Saad, on the paper's networks?

    python -m bench.paper.ubaru_saad [--quick]

Linear networks of depth 5, a fresh minimum a trial, 15 000 products at most. The Hessian stands as
the diagonal of its spectrum: the law of Gaussian vectors does not know the difference. `paper` are
the errors printed in Table 1 of the Langevin paper. Results are saved after every width.
"""

import argparse
import time
from typing import Any

import numpy as np

import symrank
from bench import record
from bench.paper.setup import NUM_STEPS, PAPER, network, rms, spectrum
from symrank import Status, UbaruSaad, gallery

TRIALS = {8: 100, 16: 60, 32: 30, 64: 8, 128: 3, 256: 2}
NEAR = 3.0  # points from the printed error
UNITS = (1.0, 1e-8, 1e8)


def solve(d: int, seed: int) -> dict[str, Any]:
    net = network(d, seed)
    lam, r = spectrum(net), net.rank
    A = gallery.diagonal(np.append(np.zeros(net.n - r), lam))
    found = {}
    for variant in ("published", "repaired"):
        started = time.perf_counter()
        result = symrank.rank(
            A, UbaruSaad(variant=variant), max_matvecs=NUM_STEPS, rng=seed, check=False
        )
        low, high = result.interval()
        found[variant] = {
            "error": 100.0 * (result.estimate - r) / r,
            "covers": low <= r <= high,
            "width": (high - low) / net.n,
            "no_gap": result.status is Status.NO_GAP_FOUND,
            "threshold": result.threshold / lam.max(),
            "products": result.num_matvecs,
            "seconds": time.perf_counter() - started,
        }
    return found


def summarise(d: int, trials: list[dict[str, Any]]) -> dict[str, Any]:
    published = [t["published"]["error"] for t in trials]
    repaired = [t["repaired"] for t in trials]
    return {
        "d": d,
        "trials": len(trials),
        "published_mean_percent": float(np.mean(published)),
        "published_spread": float(np.std(published)),
        "published_threshold": float(np.mean([t["published"]["threshold"] for t in trials])),
        "paper_percent": -PAPER[d][1],
        "near_paper": bool(abs(np.mean(published) + PAPER[d][1]) <= NEAR),
        "repaired_rms_percent": rms([t["error"] for t in repaired]),
        "repaired_covers": sum(t["covers"] for t in repaired),
        "repaired_width_median": float(np.median([t["width"] for t in repaired])),
        "repaired_no_gap": sum(t["no_gap"] for t in repaired),
        "products_at_most": max(t["products"] for t in repaired),
        "seconds_median": float(np.median([t["seconds"] for t in repaired])),
    }


def units(d: int = 16) -> dict[str, list[float]]:
    """Answers for A times a number."""
    lam = spectrum(network(d, 1))
    A = gallery.diagonal(np.append(np.zeros(4 * d * d), lam))
    return {
        variant: [
            symrank.rank(c * A, UbaruSaad(variant=variant), rng=1, check=False).rank for c in UNITS
        ]
        for variant in ("published", "repaired")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="widths up to 64, few trials")
    args = record.arguments(parser, "paper/ubaru_saad")
    widths = {8: 20, 16: 10, 32: 6, 64: 2} if args.quick else TRIALS
    answers = units()
    print(answers)
    summary, rows = [], []
    for d, count in widths.items():
        trials = [solve(d, seed) for seed in range(count)]
        rows += [{"d": d, "seed": seed, **trial} for seed, trial in enumerate(trials)]
        summary.append(summarise(d, trials))
        print(summary[-1], flush=True)
        figures = {"options": vars(args), "units": answers, "summary": summary, "rows": rows}
        path = record.save(args.save, figures)
    print(path)


if __name__ == "__main__":
    main()
