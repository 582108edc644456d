"""Do nominal 95 % intervals cover 95 %, and are they as narrow as the Beta law allows?

    python -m bench.intervals.coverage [--problems 400] [--gapless 50] [--max-matvecs 20000]

Random problems with known spectra, a fixed cut, Lanczos with all its rounds played (a precision
that is never met); then spectra without a gap, and no cut but the noise floor. By rotation
invariance of Gaussian probes a diagonal operator is the general
case. Beside it the usual practice: Student's t on the Gauss quadrature estimates of the probes.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # one problem a core, before numba is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

import symrank
from bench import record
from symrank import gallery
from symrank.operators import as_operator
from symrank.spectrum import threshold
from symrank.spectrum.intervals import BetaInterval, Intersection
from symrank.support import probes

CONFIDENCE = 0.95
NEVER = 1e-9  # a precision that no run meets


def gapped(rng: np.random.Generator, n: int) -> tuple[np.ndarray, float]:
    """Zeros and a bulk; the cut lies in the gap."""
    r = int(rng.integers(1, n))
    low = 10.0 ** rng.uniform(-3.0, -0.5)
    return np.concatenate([np.zeros(n - r), rng.uniform(low, 1.0, r)]), 0.1 * low


def log_uniform(rng: np.random.Generator, n: int) -> tuple[np.ndarray, float]:
    """A continuum on the log scale; the cut lies inside it."""
    return 10.0 ** rng.uniform(-4.0, 0.0, n), 10.0 ** rng.uniform(-3.0, -0.3)


def marchenko_pastur(rng: np.random.Generator, n: int) -> tuple[np.ndarray, float]:
    """A sample covariance; the cut lies below the bulk or inside it."""
    samples = int(rng.integers(n // 10, 2 * n))
    X = rng.standard_normal((samples, n)) / np.sqrt(samples)
    lam = np.linalg.eigvalsh(X.T @ X)
    lam[np.abs(lam) < 1e-10] = 0.0
    positive = lam[lam > 0]
    return lam, 0.5 * positive[0] if rng.random() < 0.5 else float(np.quantile(positive, 0.3))


def clustered(rng: np.random.Generator, n: int) -> tuple[np.ndarray, float]:
    """Clusters a decade apart or more; the cut lies between two of them."""
    centres = np.cumprod(10.0 ** -rng.uniform(0.7, 1.5, 4))[rng.permutation(4)]
    sizes = rng.multinomial(n, rng.dirichlet(np.ones(5)))
    parts = [c * (1 + 1e-3 * rng.uniform(-1, 1, m)) for c, m in zip(centres, sizes, strict=False)]
    lam = np.concatenate([*parts, np.zeros(sizes[-1])])
    below = np.sort(centres)
    j = int(rng.integers(1, 4))
    return lam, float(np.sqrt(below[j - 1] * below[j]))


def indefinite(rng: np.random.Generator, n: int) -> tuple[np.ndarray, float]:
    """Both signs, with a hole round zero that holds the null space; the cut lies in the hole."""
    lam = rng.uniform(0.05, 1.0, n) * rng.choice([-1.0, 1.0], n)
    lam[: int(rng.integers(0, n))] = 0.0
    return lam, 0.02


def gapless(rng: np.random.Generator, n: int) -> tuple[np.ndarray, None]:
    """A continuum that runs through the noise floor without a gap; no cut is given."""
    decades = rng.uniform(14.0, 20.0)
    kind = int(rng.integers(3))
    if kind == 0:
        return 10.0 ** -rng.uniform(0.0, decades, n), None
    if kind == 1:
        return 10.0 ** (-decades * (np.arange(n) / n) ** rng.uniform(0.5, 2.0)), None
    signs = rng.choice([-1.0, 1.0], n)
    return signs * 10.0 ** -rng.uniform(0.0, decades, n), None


FAMILIES = {f.__name__: f for f in (gapped, log_uniform, marchenko_pastur, clustered, indefinite)}
GAPLESS = {"gapless": gapless}
ALL = FAMILIES | GAPLESS


def width(law: BetaInterval) -> float:
    """Width of the interval before it is rounded to integers."""
    tail = (1.0 - CONFIDENCE) / (2.0 * law.num_looks)
    m, n = 0.5 * law.num_probes, law.n
    if law.null_high <= 0.0 or law.null_low >= 1.0:
        return 0.0

    def root(share: float, tail: float) -> float:
        f = lambda d: scipy.special.betainc(m * d, m * (n - d), share) - tail  # noqa: E731
        return scipy.optimize.brentq(f, 1e-12, n - 1e-9)

    low = root(law.null_low, 1.0 - tail) if law.null_low > 0.0 else 0.0
    high = root(law.null_high, tail) if law.null_high < 1.0 else float(n)
    return high - low


def hidden(lam: np.ndarray) -> Any:
    """Return diag(lam) known by its products: of a matrix rows of other sizes are counted twice."""
    return as_operator(gallery.diagonal(lam)).to_scipy()


def solve(job: tuple[str, int, int]) -> dict[str, Any]:
    """Run one random problem."""
    family, seed, max_matvecs = job
    rng = np.random.default_rng([seed, list(ALL).index(family)])
    n = int(rng.integers(300, 2000))
    lam, tau = ALL[family](rng, n)
    result = symrank.rank(
        hidden(lam), method="lanczos", atol=tau, precision=NEVER, rng=seed,
        confidence=CONFIDENCE, max_matvecs=max_matvecs, check=False,
    )  # fmt: skip
    low, high = result.interval()
    if tau is None:
        tau = threshold.cut(float(np.abs(lam).max()), np.finfo(float).eps, None, None)
    truth = int((np.abs(lam) > tau).sum())
    m = result.diagnostics["num_probes"]
    Z2 = probes.gaussian(seed, 0, m, n, np.dtype(float)) ** 2
    share = float(Z2[np.abs(lam) <= tau].sum() / Z2.sum())
    every = result.evidence
    law = every.of[-1] if isinstance(every, Intersection) else every  # of all probes
    counts = np.array(
        [n * run.weights[np.abs(run.ritz_values) > tau].sum() for run in result.measure.runs]
    )
    half = scipy.stats.t.ppf(0.975, m - 1) * counts.std(ddof=1) / np.sqrt(m)
    distance = np.abs(np.log(np.abs(lam[lam != 0]) / tau)).min(initial=np.inf)
    return {
        "family": family,
        "seed": seed,
        "n": n,
        "truth": truth,
        "low": low,
        "high": high,
        "covers": low <= truth <= high,
        "width": width(law),
        "ideal_width": width(replace(law, null_low=share, null_high=share, num_looks=1)),
        "in_gap": bool(distance > 0.1),
        "t_covers": bool(abs(counts.mean() - truth) <= half),
        "probes": m,
        "looks": law.num_looks,
        "status": result.status.name,
        "products": result.num_matvecs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=400)
    parser.add_argument("--gapless", type=int, default=50)
    parser.add_argument("--max-matvecs", type=int, default=20_000)
    args = record.arguments(parser, "intervals/coverage")
    each = args.problems // len(FAMILIES)
    jobs = [(family, seed, args.max_matvecs) for family in FAMILIES for seed in range(each)]
    more = [("gapless", seed, args.max_matvecs) for seed in range(args.gapless)]
    with ProcessPoolExecutor() as pool:
        every = list(pool.map(solve, jobs + more, chunksize=4))
    rows, open_ = every[: len(jobs)], every[len(jobs) :]
    summary: dict[str, Any] = {"coverage": np.mean([r["covers"] for r in rows])}
    summary["coverage_gapless"] = np.mean([r["covers"] for r in open_])
    summary["gapless_called_sure"] = sum(r["status"] in ("EXACT", "CONVERGED") for r in open_)
    summary["coverage_of_student_t"] = np.mean([r["t_covers"] for r in rows])
    for family in FAMILIES:
        mine = [r for r in rows if r["family"] == family]
        summary[f"coverage_{family}"] = np.mean([r["covers"] for r in mine])
    ratios = [r["width"] / r["ideal_width"] for r in rows if r["in_gap"] and r["ideal_width"] > 0]
    summary["width_over_ideal"] = dict(
        zip(("median", "p90", "max"), np.quantile(ratios, [0.5, 0.9, 1.0]).tolist(), strict=True)
    )
    summary["width_over_ideal"]["rows"] = len(ratios)
    for key, value in summary.items():
        print(f"{key}: {value}")
    print(record.save(args.save, {"confidence": CONFIDENCE, "summary": summary, "rows": every}))


if __name__ == "__main__":
    main()
