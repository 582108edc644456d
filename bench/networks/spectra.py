"""What does the curvature of a trained network look like, and does its rank fall in training?

    python -m bench.networks.spectra [--mnist FOLDER] [--products 2048] [--epochs 12]

Two networks of 1e5 parameters (`bench.networks.trained`): a ReLU network of convolutions on MNIST
(a folder with ``mnist.npz``) and a transformer on docstrings of the standard library. A process
each, of one thread.

- *Along training*: `symrank.rank(H, "lanczos", rtol=1e-2)` after every few epochs on the same few
  samples and with the same probes, so that most of the sampling error is common to all points. In
  double precision: a noise of 1e-6 leaves half a per cent of the mass open, 500 of 1e5 eigenvalues.
- *After it*, from one run a matrix: the Hessian and the Gauss-Newton matrix, in single and double
  precision. Counts of positive and of negative eigenvalues beyond a cut with a band that holds at
  all cuts at once, density, effective dimension at several ridges, trace, the largest eigenvalues.
- *Signs*: `symrank.count` with a table of edges; an end at 0 takes in what cannot be told from 0.
- *The truth*: all eigenvalues of the Gauss-Newton matrix where its outputs are few (MNIST), and at
  how many cuts the band of the sampled run holds them.

`largest` has two intervals. The k-th largest eigenvalue lies in ``low``..``high`` at 95 %, by its
order. An eigenvalue lies within the residual of each Ritz value of the best probe, ``left`` to
``right``, whatever the probes; intervals that overlap are one.
"""

import argparse
import copy
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # a thread a process, before numba is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import symrank
import symrank.torch
from bench import record
from bench.networks import trained
from bench.resumable import workers
from symrank.errors import OptionError

PROBES, SEED, CONFIDENCE = 8, 20240131, 0.95
RTOL = 1e-2  # the cut of the rank along training: what some hundred steps resolve
RELATIVE = 10.0 ** -np.array([0.5, 1.0, 1.5, 2.0, 2.5])  # cuts along training, times the norm
ABSOLUTE = (0.01, 0.03, 0.1, 0.3, 1.0)  # and in units of the loss
EVERY = 1.0  # no precision is asked for: a run takes the products that it is given
CUTS = 10.0 ** -np.arange(0.0, 4.51, 0.25)  # times the largest Ritz value in modulus
RIDGES = 10.0 ** -np.arange(1.0, 4.6, 0.5)
EDGES = (1e-1, 1e-2, 1e-3, 1e-4)  # of the table of signs
WINDOWS = 60  # of the density
TOP = 10
DTYPES = {"float32": torch.float32, "float64": torch.float64}
NAMES = ("digits", "writer")


def lesson_of(name: str, args: argparse.Namespace) -> trained.Lesson:
    """Return a network that has learnt nothing yet."""
    if name == "digits":
        return trained.digits(Path(args.mnist), args.images, args.fixed_images)
    return trained.writer(args.characters, args.fixed_windows)


def matrix(lesson: trained.Lesson, kind: str, dtype: str) -> Any:
    """Return the Hessian or the Gauss-Newton matrix of the fixed samples."""
    model = copy.deepcopy(lesson.model).to(DTYPES[dtype])
    data = lesson.data(DTYPES[dtype])
    return symrank.torch.from_model(
        model, trained.loss, data, gauss_newton=kind == "gauss-newton", reduction="mean"
    )


def ask(A: Any, products: int) -> tuple[Any, dict[str, Any]]:
    """Return the result of a run, and what it costs."""
    wall, cpu = time.perf_counter(), time.process_time()
    method = symrank.Lanczos(num_probes=PROBES)
    result = symrank.rank(
        A, method, rtol=RTOL, precision=EVERY, max_matvecs=products, rng=SEED, confidence=CONFIDENCE
    )
    cost = {
        "products": result.num_matvecs,
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
    }
    return result, cost


def ends(estimate: Any) -> dict[str, float]:
    """Return a spectral sum and its interval."""
    low, high = estimate.interval(CONFIDENCE)
    return {"estimate": estimate.value, "low": low, "high": high}


def at_point(name: str, epoch: int, lesson: trained.Lesson, args: Any) -> dict[str, Any]:
    """Return rank, signs and size of the Hessian at a point of training."""
    result, cost = ask(matrix(lesson, "hessian", "float64"), args.products_along)
    (low, high), (plus, _, minus) = result.interval(), result.inertia_intervals()
    trace = ends(result.measure.trace(lambda x: x))
    return {
        "network": name,
        "epoch": epoch,
        **lesson.judged(),
        "rank": result.estimate,
        "low": low,
        "high": high,
        "plus_low": plus[0],
        "plus_high": plus[1],
        "minus_low": minus[0],
        "minus_high": minus[1],
        "norm": result.measure.spectral_norm,
        "relative": both_signs(result, RELATIVE * result.measure.spectral_norm),
        "absolute": both_signs(result, ABSOLUTE),
        **{f"trace_{key}": value for key, value in trace.items()},
        "status": result.status.name,
        **cost,
    }


def signed_counts(result: Any, norm: float) -> list[dict[str, Any]]:
    """Return #{lambda > c} and #{lambda < -c}, with the band that holds at all c at once."""
    cuts = CUTS * norm
    right = result.cdf(cuts, simultaneous=True)
    left = result.cdf(-cuts, simultaneous=True)
    return [
        {
            "cut": float(share),
            "above": right.n - float(right.estimate[i]),
            "above_low": right.n - int(right.high[i]),
            "above_high": right.n - int(right.low[i]),
            "below": float(left.estimate[i]),
            "below_low": int(left.low[i]),
            "below_high": int(left.high[i]),
        }
        for i, share in enumerate(CUTS)
    ]


def both_signs(result: Any, cuts: Any) -> list[list[float]]:
    """Return #{|lambda| > c} as rows of an estimate and its two ends."""
    return [[float(x) for x in row] for row in zip(*result.counting_function(cuts), strict=True)]


def density(result: Any) -> list[dict[str, float]]:
    """Return the density of states over all of the spectrum."""
    nodes = result.measure.ritz_values
    width = 1.02 * float(np.ptp(nodes)) / WINDOWS
    middle = 0.5 * (nodes[0] + nodes[-1]) + width * (np.arange(WINDOWS) - 0.5 * (WINDOWS - 1))
    found = result.density(middle, width)
    keys = ("x", "estimate", "low", "high", "resolution")
    return [{key: float(getattr(found, key)[i]) for key in keys} for i in range(WINDOWS)]


def dimensions(result: Any, norm: float, kind: str) -> list[dict[str, Any]]:
    """Return sums of lambda / (lambda + ridge), of the positive part where signs are mixed."""
    measure = result.measure
    of = measure.degrees_of_freedom_of_positive_part
    if kind == "gauss-newton":
        of = measure.degrees_of_freedom
    rows = []
    for share in RIDGES:
        try:
            found = ends(of(share * norm))
        except OptionError:  # a ridge below the rounding of the products
            found = dict.fromkeys(("estimate", "low", "high"))
        rows.append({"ridge": float(share), **found})
    return rows


def largest(result: Any) -> list[dict[str, float]]:
    """Return the largest eigenvalues with both intervals; see the head of this file."""
    orders = result.quantiles((result.n - np.arange(TOP) - 0.5) / result.n)
    located = disjoint(result.measure)[:TOP]
    return [
        {
            "order": k + 1,
            "estimate": float(orders.estimate[k]),
            "low": float(orders.low[k]),
            "high": float(orders.high[k]),
            "left": located[k][0] if k < len(located) else None,
            "right": located[k][1] if k < len(located) else None,
        }
        for k in range(TOP)
    ]


def disjoint(measure: Any) -> list[tuple[float, float]]:
    """Return disjoint intervals that hold an eigenvalue each, of the best probe, largest first."""
    best: list[tuple[float, float]] = []
    width = np.inf
    for run in measure.runs:
        radius = measure.scale * (run.residuals + run.drift)
        nodes = measure.scale * run.ritz_values
        merged = union(list(zip(nodes - radius, nodes + radius, strict=True)))
        open_ = sum(b - a for a, b in merged[:TOP])
        if (-min(len(merged), TOP), open_) < (-min(len(best), TOP), width):
            best, width = merged, open_
    return best


def union(intervals: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the parts of a union of intervals that are positive, largest first."""
    parts: list[tuple[float, float]] = []
    for a, b in sorted(intervals):
        if parts and a <= parts[-1][1]:
            parts[-1] = (parts[-1][0], max(b, parts[-1][1]))
        else:
            parts.append((float(a), float(b)))
    return [part for part in parts[::-1] if part[0] > 0.0]


def milliseconds(call: Any) -> float:
    """Return the CPU time of a call: others may use the machine."""
    call()
    taken = []
    for _ in range(3):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return 1e3 * float(np.median(taken))


def costs(A: Any, lesson: trained.Lesson, dtype: str) -> dict[str, float]:
    """Return the time of a column of a product with 8, and that of a gradient."""
    X = np.random.default_rng(0).standard_normal((A.n, PROBES)).astype(A.dtype)
    model = copy.deepcopy(lesson.model).to(DTYPES[dtype])
    ((x, y),) = lesson.data(DTYPES[dtype])
    return {
        "ms_per_column": milliseconds(lambda: A.matmat(X)) / PROBES,
        "ms_gradient": milliseconds(lambda: trained.loss(model(x), y).backward()),
    }


def studied(name: str, lesson: trained.Lesson, kind: str, dtype: str, products: int) -> Any:
    """Return all that one run says of a matrix."""
    A = matrix(lesson, kind, dtype)
    result, cost = ask(A, products)
    norm = result.measure.spectral_norm
    key = {"network": name, "matrix": kind, "dtype": dtype}
    low, high = result.interval()
    plus, _, minus = result.inertia_intervals()
    row = {
        **key,
        "n": A.n,
        **costs(A, lesson, dtype),
        "noise": A.noise,
        "norm": norm,
        "least": float(result.measure.ritz_values[0]),
        "most": float(result.measure.ritz_values[-1]),
        "rank": result.estimate,
        "low": low,
        "high": high,
        "plus": plus,
        "minus": minus,
        "status": result.status.name,
        **{f"trace_{k}": v for k, v in ends(result.measure.trace(lambda x: x)).items()},
        "steps": max(run.alpha.size for run in result.measure.runs),
        "probes": len(result.measure.runs),
        **cost,
    }
    tables = {
        "counts": signed_counts(result, norm),
        "density": density(result) if dtype == "float64" else [],
        "dimensions": dimensions(result, norm, kind),
        "largest": largest(result),
    }
    return row, {t: [{**key, **one} for one in rows] for t, rows in tables.items()}


def signs(name: str, lesson: trained.Lesson, norm: float, products: int) -> list[dict[str, Any]]:
    """Return the table of `symrank.count`: the Hessian in double precision, both signs."""
    shares = [-np.inf, *(-e for e in EDGES), 0.0, *EDGES[::-1], np.inf]
    found = symrank.count(
        matrix(lesson, "hessian", "float64"), np.array(shares) * norm,
        method=symrank.Lanczos(num_probes=PROBES), precision=EVERY, max_matvecs=products, rng=SEED,
    )  # fmt: skip
    rows = [(a, b, one.interval()) for a, b, one in zip(shares, shares[1:], found, strict=False)]
    return [
        {"network": name, "left": str(a), "right": str(b), "low": low, "high": high}
        for a, b, (low, high) in rows
    ]


def truth(name: str, lesson: trained.Lesson, counts: list[dict[str, Any]], norm: float) -> Any:
    """Compare the counts of the Gauss-Newton matrix with all of its eigenvalues."""
    A = matrix(lesson, "gauss-newton", "float64")
    rows, columns = A.factor.shape
    result = symrank.rank(A, "dense", rtol=RTOL, max_matvecs=2 * rows)
    values = np.asarray(result.diagnostics["eigenvalues"])
    exact = [int((values > row["cut"] * norm).sum()) for row in counts]
    held = sum(r["above_low"] <= e <= r["above_high"] for r, e in zip(counts, exact, strict=True))
    return {
        "network": name, "outputs": rows, "parameters": columns, "held": held, "cuts": len(exact),
        "exact": exact, "rank": result.rank, "most": float(values.max()),
        "trace": float(values.sum()),
        "dimensions": [float((values / (values + share * norm)).sum()) for share in RIDGES],
    }  # fmt: skip


def study(name: str, args: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Train a network and look at its curvature."""
    torch.set_num_threads(1)
    lesson = lesson_of(name, args)
    along = []
    for epoch in lesson.epochs(max(args.epochs)):
        if epoch in args.epochs:
            along.append(at_point(name, epoch, lesson, args))
            print(along[-1], flush=True)
    found: dict[str, list[dict[str, Any]]] = {"along": along, "matrices": [], "truth": []}
    for kind in ("hessian", "gauss-newton"):
        for dtype in DTYPES:
            row, tables = studied(name, lesson, kind, dtype, args.products)
            print(row, flush=True)
            found["matrices"].append(row)
            for table, rows in tables.items():
                found.setdefault(table, []).extend(rows)
            if kind == "gauss-newton" and dtype == "float64" and name == "digits":
                found["truth"].append(truth(name, lesson, tables["counts"], row["norm"]))
                print(found["truth"], flush=True)
    norm = found["matrices"][1]["norm"]
    found["signs"] = signs(name, lesson, norm, args.products)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", default="../shared/mnist", help="folder of mnist.npz")
    parser.add_argument("--images", type=int, default=60_000, help="to learn from")
    parser.add_argument("--characters", type=int, default=1_000_000, help="to learn from")
    parser.add_argument("--epochs", type=int, nargs="+", default=[0, 1, 2, 3, 4, 6, 8, 12])
    parser.add_argument("--fixed-images", type=int, default=128, help="of the curvature")
    parser.add_argument("--fixed-windows", type=int, default=16, help="of the curvature")
    parser.add_argument("--products", type=int, default=2048, help="of a run after training")
    parser.add_argument("--products-along", type=int, default=1024, help="of a run in training")
    args = record.arguments(parser, "networks/spectra")
    begun = time.perf_counter()
    with workers(len(NAMES)) as pool:
        parts = [one.result() for one in [pool.submit(study, name, args) for name in NAMES]]
    tables = {key: [row for part in parts for row in part[key]] for key in parts[0]}
    options = {k: v for k, v in vars(args).items() if k not in ("save", "draft", "mnist")}
    figures = {
        "options": options, "rtol": RTOL, "relative": list(RELATIVE), "absolute": ABSOLUTE,
        "confidence": CONFIDENCE, "seconds": time.perf_counter() - begun, **tables,
    }  # fmt: skip
    print(record.save(args.save, figures, libraries=("torch",)))


if __name__ == "__main__":
    main()
