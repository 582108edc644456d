r"""Does the band of the staircase hold everywhere at once, and how much wider is it?

    python -m bench.intervals.simultaneous [--runs 1000] [--processes 2]

Random spectra of n = 400 eigenvalues, all known, two roads to a band:

``law``      8 Gaussian probes whose masses are known exactly: the law of the path alone.
``lanczos``  8 probes of 100 Lanczos steps: `RankResult.cdf` as a caller has it, with the brackets
             of every mass. It must hold in at least 927 of 1000 runs: P(Bin(1000, 0.95) < 927) is
             6e-4.

The exact staircase is compared half-way between eigenvalues that are farther apart than products
can tell: by the law at all of them, where an interval of counts holds d if S_d lies between its
quantiles; by Lanczos at every fifth, as the path moves by an eighth of the width of its band from
one to the next. Width is that of all these intervals together, over that of the pointwise ones at
the same level.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # one problem a core, before numba is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy.special

from bench import record
from bench.intervals.coverage import FAMILIES
from symrank import gallery
from symrank.operators import as_operator
from symrank.recurrences import lanczos
from symrank.spectrum.measure import LanczosRun, RitzMeasure
from symrank.spectrum.region import Region
from symrank.spectrum.signed import Sampled
from symrank.support import probes

N, PROBES, STEPS = 400, 8, 100
CONFIDENCE = 0.95
LEAST, WIDEST = 0.927, 1.8
APART = 1e-10
EVERY = 5
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Exact(LanczosRun):
    """A probe whose masses are known."""

    lam: np.ndarray = None  # type: ignore[assignment]
    shares: np.ndarray = None  # type: ignore[assignment]

    def uncounted_mass(self, region: Region, *, radau: bool = True) -> tuple[float, float]:  # noqa: ARG002
        """Return the mass outside of (low, high], twice."""
        inside = (self.lam > region.low.at) & (self.lam <= region.high.at)
        mass = 1.0 - float(self.shares[inside].sum())
        return mass, mass


def measured(lam: np.ndarray, road: str, seed: int, dtype: Any) -> RitzMeasure:
    """Return the measure of diag(lam)."""
    dtype = np.dtype(dtype)
    Z = probes.gaussian(seed, 0, PROBES, lam.size, dtype)
    if road == "law":
        squares = np.abs(Z) ** 2
        edge = np.array([float(np.abs(lam).max())]), np.zeros(1)
        runs: list[LanczosRun] = [
            Exact(*edge, float(one.sum()), EPS, lam, one / one.sum()) for one in squares.T
        ]
    else:
        A = as_operator(gallery.diagonal(lam).astype(dtype))
        runs = lanczos.runs(lanczos.extend(lanczos.start(Z), A, STEPS, lambda _: None), EPS)
    return RitzMeasure(runs=runs, n=lam.size, is_complex=dtype.kind == "c")


def held_by_law(spectrum: Sampled, counts: np.ndarray, tails: list[float]) -> np.ndarray:
    """Tell at which counts S_d lies between its quantiles at either tail; (2, len(counts))."""
    measure = spectrum.measure
    shares = np.array([run.norm2 for run in measure.runs])
    weights = np.array([run.shares for run in measure.runs])  # type: ignore[attr-defined]
    S = np.cumsum(shares @ weights / shares.sum())[counts - 1]
    s = PROBES * (1.0 if measure.is_complex else 0.5)
    a, b = s * counts, s * (N - counts)
    low = np.array([scipy.special.betaincinv(a, b, tail) for tail in tails])
    high = np.array([scipy.special.betainccinv(a, b, tail) for tail in tails])
    return np.asarray((low <= S) & (high >= S))


def solve(task: tuple[str, int]) -> dict[str, Any]:
    """Draw a spectrum and its bands."""
    road, seed = task
    rng = np.random.default_rng(seed)
    names = list(FAMILIES)
    name = names[seed % len(names)]
    lam = np.sort(FAMILIES[name](rng, N)[0])
    dtype = np.complex128 if seed % 4 == 3 else np.float64
    spectrum = Sampled(measured(lam, road, seed, dtype))
    apart = np.diff(lam) > APART * np.abs(lam).max()
    points = 0.5 * (lam[1:] + lam[:-1])[apart][seed % EVERY :: EVERY]
    tails = [spectrum.tail(1.0 - CONFIDENCE, simultaneous=both) for both in (False, True)]
    held, width = np.zeros((2, points.size), bool), np.zeros(2)
    for j, x in enumerate(points.tolist()):
        law, truth = spectrum.law(-np.inf, x), int((lam <= x).sum())
        for i, tail in enumerate(tails):
            low, high = law.at_tail(tail)
            held[i, j], width[i] = low <= truth <= high, width[i] + high - low
    if road == "law":
        held = held_by_law(spectrum, np.flatnonzero(apart) + 1, tails)
    return {
        "road": road,
        "family": name,
        "seed": seed,
        "points": held.shape[1],
        "pointwise_share": float(held[0].mean()) if held.size else 1.0,
        "holds_everywhere": bool(held[1].all()),
        "width_ratio": float(width[1] / width[0]) if width[0] else 1.0,
        "mean_width": float(width[1] / max(points.size, 1)),
    }


def judge(road: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of one road."""
    holds = sum(row["holds_everywhere"] for row in rows)
    return {
        "road": road,
        "runs": len(rows),
        "hold_everywhere": holds,
        "pointwise_share": float(np.mean([row["pointwise_share"] for row in rows])),
        "width_ratio": float(np.mean([row["width_ratio"] for row in rows])),
        "mean_width": float(np.mean([row["mean_width"] for row in rows])),
        "covers": holds >= LEAST * len(rows),
        "is_narrow": float(np.mean([row["width_ratio"] for row in rows])) <= WIDEST,
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    args = record.arguments(parser, "intervals/simultaneous")
    tasks = [(road, seed) for road in ("law", "lanczos") for seed in range(args.runs)]
    with ProcessPoolExecutor(args.processes) as pool:
        rows = list(pool.map(solve, tasks, chunksize=10))
    roads = [
        judge(road, [row for row in rows if row["road"] == road]) for road in ("law", "lanczos")
    ]
    for one in roads:
        print(one)
    families = [
        {"family": name, **judge(road, some)}
        for road in ("law", "lanczos")
        for name in FAMILIES
        if (some := [row for row in rows if row["road"] == road and row["family"] == name])
    ]
    figures = {
        "n": N, "probes": PROBES, "steps": STEPS, "confidence": CONFIDENCE,
        "least": LEAST, "widest": WIDEST, "roads": roads, "families": families,
    }  # fmt: skip
    print(record.save(args.save, figures))


if __name__ == "__main__":
    main()
