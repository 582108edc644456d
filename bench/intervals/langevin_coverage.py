"""Do nominal 95 % intervals of the Langevin method cover 95 %?

    python -m bench.intervals.langevin_coverage [--problems 300]

Random problems with known rank and no cut given, dense so that signs are as good as any noise,
every option left to the method; budgets and precisions are drawn too.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # one problem a core, before numba is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import symrank
from bench import record
from symrank import gallery

CONFIDENCE = 0.95


def gapped(rng: np.random.Generator, r: int) -> np.ndarray:
    """A bulk above a gap."""
    return rng.uniform(10.0 ** rng.uniform(-3.0, -0.5), 1.0, r)


def log_uniform(rng: np.random.Generator, r: int) -> np.ndarray:
    """A continuum on the log scale."""
    return 10.0 ** rng.uniform(-rng.uniform(1.0, 6.0), 0.0, r)


def marchenko_pastur(rng: np.random.Generator, r: int) -> np.ndarray:
    """A sample covariance."""
    samples = int(rng.integers(r, 4 * r))
    X = rng.standard_normal((samples, r))
    return np.linalg.eigvalsh(X.T @ X / samples)


def clustered(rng: np.random.Generator, r: int) -> np.ndarray:
    """Four clusters, a decade apart or so."""
    centres = np.cumprod(10.0 ** -rng.uniform(0.3, 1.5, 4))
    return rng.choice(centres, r) * (1.0 + 1e-3 * rng.uniform(-1.0, 1.0, r))


def indefinite(rng: np.random.Generator, r: int) -> np.ndarray:
    """Both signs, with a hole round zero: squared by the method."""
    return rng.uniform(10.0 ** rng.uniform(-2.0, -0.5), 1.0, r) * rng.choice([-1.0, 1.0], r)


FAMILIES = {f.__name__: f for f in (gapped, log_uniform, marchenko_pastur, clustered, indefinite)}


def solve(job: tuple[str, int]) -> dict[str, Any]:
    """Run one random problem."""
    family, seed = job
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    n = int(rng.integers(200, 700))
    r = int(rng.integers(n // 10, n + 1))
    lam = np.concatenate([FAMILIES[family](rng, r), np.zeros(n - r)])
    budget = int(10.0 ** rng.uniform(3.3, 4.3))
    precision = float(rng.choice([0.002, 0.01, 1e-9]))
    result = symrank.rank(
        gallery.dense(lam, rng), method="langevin", precision=precision, max_matvecs=budget,
        rng=seed, confidence=CONFIDENCE, check=False,
    )  # fmt: skip
    low, high = result.interval()
    found = result.diagnostics
    return {
        "family": family,
        "seed": seed,
        "n": n,
        "truth": r,
        "low": low,
        "high": high,
        "covers": low <= r <= high,
        "estimate": result.estimate,
        "stderr": result.stderr,
        "stderr_predicted": found["stderr_predicted"],
        "z": (result.estimate - r) / result.stderr,
        "bias_width": found["bias_high"] - found["bias_low"],
        "status": result.status.name,
        "products": result.num_matvecs,
        "budget": budget,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=300)
    args = record.arguments(parser, "intervals/langevin_coverage")
    jobs = [(family, seed) for family in FAMILIES for seed in range(args.problems // len(FAMILIES))]
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(solve, jobs, chunksize=4))
    summary: dict[str, Any] = {"coverage": np.mean([r["covers"] for r in rows])}
    for family in FAMILIES:
        summary[f"coverage_{family}"] = np.mean(
            [r["covers"] for r in rows if r["family"] == family]
        )
    settled = [r for r in rows if r["bias_width"] < r["stderr"]]
    summary["settled"] = len(settled)
    summary["rms_z_of_settled"] = float(np.sqrt(np.mean([r["z"] ** 2 for r in settled])))
    ratios = [r["stderr"] / r["stderr_predicted"] for r in settled]
    summary["stderr_over_predicted"] = dict(
        zip(("p10", "median", "p90"), np.quantile(ratios, [0.1, 0.5, 0.9]).tolist(), strict=True)
    )
    counts = {r["status"]: sum(s["status"] == r["status"] for s in rows) for r in rows}
    summary["statuses"] = counts
    for key, value in summary.items():
        print(f"{key}: {value}")
    print(record.save(args.save, {"confidence": CONFIDENCE, "summary": summary, "rows": rows}))


if __name__ == "__main__":
    main()
