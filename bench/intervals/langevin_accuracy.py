"""How large is the error of a Langevin run, scheme by scheme, and does theory predict it?

    python -m bench.intervals.langevin_accuracy [--seeds 8]

Log-uniform spectra of rank 1000 in n = 2000, condition numbers 1e2 to 1e8, budgets 1000 to 16 000
products with the pilot included. Every run tunes itself on its pilot; beside the measured error
stands the one that the closed forms of symrank.spectrum.filters give for the parameters it used on
the true spectrum. Gaussian noise, so that a diagonal operator is the general case.
"""

import argparse
import itertools
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # one run a core, before numba is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import symrank
from bench import record
from symrank import gallery
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews, Scheme

RANK = 1000
CONDITIONS = tuple(10.0**j for j in range(2, 9))
BUDGETS = (1000, 2000, 4000, 8000, 16_000)
NEVER = 1e-9  # a precision that no run meets
ROWS: dict[str, dict[str, Any]] = {
    "baoab": {},
    "leimkuhler-matthews": {"scheme": "leimkuhler-matthews"},
    "euler-maruyama": {"scheme": "euler-maruyama"},
    "euler-maruyama, energy": {"scheme": "euler-maruyama", "estimator": "energy"},
}
FIXED = {  # eta lambda_max of Euler-Maruyama, beside the automatic choice at one condition number
    "euler-maruyama at 1.0": {"scheme": "euler-maruyama", "step_size": 1.0},
    "euler-maruyama at 1.8": {"scheme": "euler-maruyama", "step_size": 1.8},
}
AT = (1e5, 16_000)


def scheme_of(options: dict[str, Any], found: dict[str, Any]) -> Scheme:
    """Return the scheme that a run used."""
    name = options.get("scheme", "baoab")
    if name == "baoab":
        return Baoab(found["step_size"], found["friction"])
    if name == "leimkuhler-matthews":
        return LeimkuhlerMatthews(found["step_size"])
    return EulerMaruyama(found["step_size"], options.get("estimator", "corrected"))


def solve(job: tuple[str, float, int, int]) -> dict[str, Any]:
    """Run one chain of one row; errors in per cent of the rank."""
    row, kappa, budget, seed = job
    options = ROWS.get(row, FIXED.get(row, {}))
    lam = np.geomspace(1.0 / kappa, 1.0, RANK)
    A = gallery.diagonal(np.concatenate([np.zeros(RANK), lam]))
    result = symrank.rank(
        A, symrank.Langevin(noise="gaussian", **options), max_matvecs=budget, precision=NEVER,
        rng=seed, check=False,
    )  # fmt: skip
    found = result.diagnostics
    scheme = scheme_of(options, found)
    window = found["num_steps"] - found["burn_in"]
    bias = scheme.deviation(lam, found["burn_in"], found["num_steps"]).sum()
    variance = scheme.variance(lam, window).sum() / found["num_chains"]
    low, high = result.interval()
    return {
        "row": row,
        "kappa": kappa,
        "budget": budget,
        "seed": seed,
        "products": result.num_matvecs,
        "error": 100.0 * (result.estimate - RANK) / RANK,
        "stderr": 100.0 * result.stderr / RANK,
        "predicted_bias": 100.0 * bias / RANK,
        "predicted_stderr": 100.0 * np.sqrt(variance) / RANK,
        "covers": low <= RANK <= high,
        **{key: found[key] for key in ("num_chains", "num_steps", "burn_in")},
    }


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Root mean squares over the seeds, measured and predicted."""
    found = []
    key = lambda r: (r["row"], r["kappa"], r["budget"])  # noqa: E731
    for (row, kappa, budget), group in itertools.groupby(sorted(rows, key=key), key=key):
        runs = list(group)
        mean_square = [r["predicted_bias"] ** 2 + r["predicted_stderr"] ** 2 for r in runs]
        found.append({
            "row": row,
            "kappa": kappa,
            "budget": budget,
            "rms_percent": float(np.sqrt(np.mean([r["error"] ** 2 for r in runs]))),
            "predicted_rms_percent": float(np.sqrt(np.mean(mean_square))),
            "covers": sum(r["covers"] for r in runs),
            "runs": len(runs),
        })  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    args = record.arguments(parser, "intervals/langevin_accuracy")
    jobs = list(itertools.product(ROWS, CONDITIONS, BUDGETS, range(args.seeds)))
    jobs += [(row, *AT, seed) for row in FIXED for seed in range(args.seeds)]
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(solve, jobs, chunksize=8))
    summary = summarise(rows)
    for s in summary:
        print(
            f"{s['row']:24} kappa {s['kappa']:.0e} {s['budget']:6} products: "
            f"{s['rms_percent']:7.3f} %, predicted {s['predicted_rms_percent']:7.3f} %"
        )
    print(record.save(args.save, {"options": vars(args), "summary": summary, "rows": rows}))


if __name__ == "__main__":
    main()
