"""What does the Langevin method reach at the paper's budget, on the paper's networks?

    python -m bench.paper.budget [--quick]

The set-up of the paper's Table 1: linear networks of depth 5, a fresh target a trial, 15 000
products in all. Rows: `automatic`, rank(A, method="langevin") with every option left to it, the
pilot included; `euler-maruyama`, the energy of eq. (20) at eta = 1e-4, 15 000 steps, the last
10 000 of them averaged, one chain, with the bias and spread that the closed forms predict. For
large widths that row runs on the diagonal of the network's spectrum with Gaussian noise, which
has the same law. Results are saved after every width.
"""

import argparse
import time
from typing import Any

import numpy as np

import symrank
from bench import record
from bench.paper.setup import BURN_IN, ENERGY, ETA, NUM_STEPS, PAPER, network, rms, spectrum
from symrank import gallery

BUDGET = NUM_STEPS
NEVER = 1e-9  # a precision that no run meets
TRIALS = {8: 40, 16: 40, 32: 20, 64: 6, 128: 5, 256: 5}
BARS = {8: 1.8, 16: 0.9, 32: 0.5, 64: 0.25, 128: 0.15, 256: 0.15}
DIAGONAL_FROM = 64


def automatic(net: Any, seed: int) -> dict[str, Any]:
    started = time.perf_counter()
    result = symrank.rank(
        net.hessian(), method="langevin", max_matvecs=BUDGET, precision=NEVER, rng=seed,
        check=False,
    )  # fmt: skip
    low, high = result.interval()
    found = result.diagnostics
    return {
        "error": 100.0 * (result.estimate - net.rank) / net.rank,
        "stderr": 100.0 * result.stderr / net.rank,
        "covers": low <= net.rank <= high,
        "products": result.num_matvecs,
        "seconds": time.perf_counter() - started,
        **{key: found[key] for key in ("num_chains", "num_steps", "burn_in", "friction")},
    }


def as_published(net: Any, d: int, seed: int) -> dict[str, Any]:
    lam = spectrum(net)
    A = gallery.diagonal(lam) if d >= DIAGONAL_FROM else net.hessian()
    method = symrank.Langevin(
        scheme="euler-maruyama", estimator="energy", noise="gaussian", step_size=ETA,
        num_steps=BUDGET, burn_in=BURN_IN, num_chains=2,
    )  # fmt: skip
    result = symrank.rank(A, method, max_matvecs=3 * BUDGET, rng=seed, check=False)
    per_cent = 100.0 / net.rank
    return {
        "error": per_cent * (float(result.samples[0]) - net.rank),
        "predicted_bias": per_cent * ENERGY.deviation(lam, BURN_IN, BUDGET).sum(),
        "predicted_stderr": per_cent * np.sqrt(ENERGY.variance(lam, BUDGET - BURN_IN).sum()),
        "eta_lambda_max": ETA * lam.max(),
    }


def summarise(d: int, trials: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [t["automatic"] for t in trials]
    theirs = [t["euler_maruyama"] for t in trials]
    errors = [abs(t["error"]) for t in theirs]
    predicted = [np.hypot(t["predicted_bias"], t["predicted_stderr"]) for t in theirs]
    return {
        "d": d,
        "trials": len(trials),
        "automatic_rms_percent": rms([t["error"] for t in mine]),
        "bar_percent": BARS[d],
        "automatic_covers": sum(t["covers"] for t in mine),
        "products_at_most": max(t["products"] for t in mine),
        "seconds_median": float(np.median([t["seconds"] for t in mine])),
        "euler_maruyama_mean_percent": float(np.mean(errors)),
        "euler_maruyama_mean_stderr": float(np.std(errors, ddof=1) / np.sqrt(len(errors))),
        "euler_maruyama_rms_percent": rms([t["error"] for t in theirs]),
        "euler_maruyama_predicted_rms_percent": rms(predicted),
        "eta_lambda_max": float(np.mean([t["eta_lambda_max"] for t in theirs])),
        "paper_percent": PAPER[d][0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="widths up to 32, five trials")
    args = record.arguments(parser, "paper/budget")
    widths = {8: 5, 16: 5, 32: 5} if args.quick else TRIALS
    summary, rows = [], []
    for d, count in widths.items():
        trials = []
        for seed in range(count):
            net = network(d, seed)
            trial = {
                "d": d,
                "seed": seed,
                "automatic": automatic(net, seed),
                "euler_maruyama": as_published(net, d, seed),
            }
            trials.append(trial)
        rows += trials
        summary.append(summarise(d, trials))
        print(summary[-1], flush=True)
        path = record.save(args.save, {"options": vars(args), "summary": summary, "rows": rows})
    print(path)


if __name__ == "__main__":
    main()
