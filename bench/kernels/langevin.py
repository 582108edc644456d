"""How long does a whole Langevin step take, against SciPy's bare A @ X and the memory limit?

    python -m bench.kernels.langevin [--quick]

A step is product, noise, update and energy of a block. All variants of a row are timed in turn, in
one process and on the same block; a figure is the median of the rounds, a ratio one of medians.

    product  A @ X of SciPy (sparse) or NumPy (dense)
    limit    the step's memory traffic. Sparse: bytes of the matrix and of the blocks read and
             written, each once, over the bandwidth of a copy of the block. Given product: time of
             np.add(T, Y, out=T), which moves three blocks; a kinetic step moves five.
    plain    the same step in NumPy and SciPy, in place where they can: A @ X, noise of a Generator
             into a buffer, update, energy
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from bench import record
from bench.kernels.timing import (
    SEED,
    block,
    bound,
    interleaved,
    on_threads,
    power_law,
    random_band,
    rounds_of,
)
from symrank import gallery, kernels
from symrank.kernels.multiplicands import Csr, Diagonal, Given
from symrank.spectrum.filters import Baoab, EulerMaruyama, Scheme
from symrank.support.blocks import empty_block
from symrank.support.probes import noise_of

WIDTHS = (1, 4, 8, 16, 32, 64)
LAWS = ("rademacher", "gaussian")
SCHEMES = ("euler-maruyama", "baoab")
MAIN = (np.float64, 16)  # dtype and width of the bars
BARS = {  # name: (limit, whether the figure must be below it)
    "grid, signs, over the product": (0.60, True),
    "grid, Gaussian, over the product": (1.35, True),
    "power law, signs, over the product": (0.35, True),
    "power law, Gaussian, over the product": (0.45, True),
    "grid, signs, speed-up of two threads": (1.5, False),
    "grid, Gaussian, speed-up of two threads": (1.5, False),
    "grid, signs, speed-up over the obvious step": (8.0, False),
    "given product, signs, over the limit": (1.4, True),
}
FIRST_CALL = "--first-calls"


def patterns(quick: bool) -> Iterator[tuple[str, Any, int]]:
    """Yield name, matrix (None: the product is given) and n."""
    rng = np.random.default_rng(SEED)
    yield "grid", gallery.grid_laplacian((1000, 1000)), 1_000_000
    yield "power law", power_law(200_000, 20.0, rng), 200_000
    yield "given product", None, 1_000_000
    if not quick:
        yield "random band", random_band(400_000, 5000, 12.0, rng), 400_000
        dense = rng.standard_normal((4000, 4000))
        yield "dense", dense @ dense.T / 4000, 4000


def schemes(lambda_max: float) -> dict[str, Scheme]:
    return {
        "euler-maruyama": EulerMaruyama(1.0 / lambda_max),
        "baoab": Baoab(1.0 / np.sqrt(lambda_max), 0.3 * np.sqrt(lambda_max)),
    }


class Row:
    """The variants of one pattern, dtype and width, on blocks of their own."""

    def __init__(self, A: Any, n: int, k: int, dtype: Any) -> None:
        self.A = None if A is None else A.astype(dtype)
        self.n, self.k, self.dtype = n, k, dtype
        self.theta, self.out, self.velocity = (block(n, k, dtype, j) for j in range(3))
        self.schemes = schemes(bound(A))
        self.rng = np.random.default_rng(SEED)
        self.buffer = empty_block(n, k, dtype)

    def product(self) -> Any:
        """Return A theta."""
        return self.A @ self.theta

    def step(self, scheme: str, law: str) -> Callable[[], Any]:
        """Return a call that makes one step of the kernel."""
        kernel, noise = kernels.load("cpu_numba").langevin_step, noise_of(law, SEED)
        chosen, A, theta = self.schemes[scheme], self.A, self.theta
        velocity = self.velocity if chosen.is_kinetic else None
        counter = itertools.count(1)
        rest = (velocity, chosen.coefficients, noise)
        if sp.issparse(A):
            product = Csr(A.indptr, A.indices, A.data, theta)
            return lambda: kernel(product, theta, self.out, *rest, next(counter))
        if A is None:
            return lambda: kernel(Given(theta), self.out, self.out, *rest, next(counter))
        return lambda: kernel(Given(A @ theta), theta, theta, *rest, next(counter))

    def plain(self, law: str) -> Callable[[], Any]:
        """Return a call that makes one step of Euler-Maruyama in NumPy and SciPy."""
        eta, c, scale, _ = self.schemes["euler-maruyama"].coefficients
        X, noise = block(self.n, self.k, self.dtype, 3), self.buffer

        def step() -> Any:
            Y = self.A @ X
            energy = 2.0 * np.einsum("ij,ij->j", Y, X) - c * np.einsum("ij,ij->j", Y, Y)
            if law == "gaussian":
                self.rng.standard_normal(out=noise, dtype=self.dtype)
                np.multiply(noise, scale, out=noise)
            else:
                bits = self.rng.integers(0, 2, size=X.shape, dtype=np.int8)
                np.multiply(bits, 2.0 * scale, out=noise, casting="same_kind")
                np.subtract(noise, scale, out=noise)
            np.multiply(Y, eta, out=Y)
            np.subtract(X, Y, out=X)
            np.add(X, noise, out=X)
            return energy

        return step

    def limit(self, scheme: str, seconds: dict[str, float]) -> float:
        """Return the seconds that the memory traffic of a step takes."""
        kinetic = self.schemes[scheme].is_kinetic
        if not sp.issparse(self.A):
            update = seconds["add"] * (5 / 3 if kinetic else 1)
            return update if self.A is None else update + seconds["product"]
        matrix = self.A.data.nbytes + self.A.indices.nbytes + self.A.indptr.nbytes
        bandwidth = 2 * self.theta.nbytes / seconds["copy"]
        return (matrix + (4 if kinetic else 2) * self.theta.nbytes) / bandwidth


def measure(name: str, A: Any, n: int, k: int, dtype: Any, rounds: int) -> list[dict[str, Any]]:
    """Time one pattern, dtype and width; return a record for each scheme and law."""
    row, is_main = Row(A, n, k, dtype), (dtype, k) == MAIN
    steps = list(itertools.product(SCHEMES, LAWS))
    calls = {f"{scheme} {law}": row.step(scheme, law) for scheme, law in steps}
    calls["copy"] = lambda: np.copyto(row.out, row.theta)
    calls["add"] = lambda: np.add(row.buffer, row.theta, out=row.buffer)
    if A is not None:
        calls["product"] = row.product
    if is_main and name == "grid":
        for law in LAWS:
            calls[f"two threads {law}"] = on_threads(2, row.step("euler-maruyama", law))
    if is_main and sp.issparse(A):
        calls.update({f"plain {law}": row.plain(law) for law in LAWS})
    row.buffer[...] = 0
    seconds = interleaved(calls, rounds)
    records = []
    for scheme, law in steps:
        taken = seconds[f"{scheme} {law}"]
        found = {
            "pattern": name, "n": n, "nnz": None if A is None else int(getattr(A, "nnz", A.size)),
            "dtype": np.dtype(dtype).name, "k": k, "scheme": scheme, "law": law,
            "seconds": taken, "over_limit": taken / row.limit(scheme, seconds),
            "limit_seconds": row.limit(scheme, seconds),
        }  # fmt: skip
        if A is not None:
            found |= {
                "product_seconds": seconds["product"],
                "over_product": taken / seconds["product"],
            }
        if scheme == "euler-maruyama" and f"plain {law}" in seconds:
            found["plain_over_step"] = seconds[f"plain {law}"] / taken
            # what one would write: SciPy's product, updates in place, Generator.standard_normal
            found["obvious_over_step"] = seconds["plain gaussian"] / taken
        if scheme == "euler-maruyama" and f"two threads {law}" in seconds:
            found["speed_up_of_two_threads"] = taken / seconds[f"two threads {law}"]
        records.append(found)
        print_row(found)
    return records


def print_row(found: dict[str, Any]) -> None:
    ratios = [
        f"{found[key]:{width}.2f}" if key in found else " " * width
        for key, width in (
            ("over_product", 9), ("over_limit", 9), ("plain_over_step", 9),
            ("speed_up_of_two_threads", 9),
        )
    ]  # fmt: skip
    print(
        f"{found['pattern']:14s}{found['dtype']:9s}{found['k']:3d} {found['scheme']:15s}"
        f"{found['law']:11s}{1e3 * found['seconds']:9.2f}" + "".join(ratios),
        flush=True,
    )


def bars(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Compare the figures of the main dtype and width with their limits."""
    dtype, k = np.dtype(MAIN[0]).name, MAIN[1]
    main = {
        (row["pattern"], row["law"]): row
        for row in rows
        if (row["dtype"], row["k"], row["scheme"]) == (dtype, k, "euler-maruyama")
    }
    keys = {
        "over the product": "over_product",
        "speed-up of two threads": "speed_up_of_two_threads",
        "speed-up over the obvious step": "obvious_over_step",
        "over the limit": "over_limit",
    }
    found = {}
    for name, (limit, below) in BARS.items():
        pattern, law, what = name.split(", ")
        law = "rademacher" if law == "signs" else "gaussian"
        figure = main[pattern, law][keys[what]]
        found[name] = {
            "figure": figure,
            "at_most" if below else "at_least": limit,
            "holds": bool(figure <= limit if below else figure >= limit),
        }
    return found


def first_calls() -> None:
    """Print the seconds of the first call of each kernel in this process, as JSON."""
    kernel = kernels.load("cpu_numba")
    seconds: dict[str, float] = {}
    n, (dtype, k) = 2048, MAIN
    theta, out, velocity = (block(n, k, dtype, j) for j in range(3))
    A = gallery.diagonal(np.ones(n))
    products = {
        "csr": Csr(A.indptr, A.indices, A.data, theta),
        "diagonal": Diagonal(A.data, theta),
        "given": Given(velocity),
    }
    chosen = schemes(1.0)
    for (name, product), scheme, law in itertools.product(products.items(), SCHEMES, LAWS):
        v = velocity if chosen[scheme].is_kinetic else None
        start = time.perf_counter()
        kernel.langevin_step(
            product, theta, out, v, chosen[scheme].coefficients, noise_of(law, SEED), 1
        )
        seconds[f"{name} {scheme} {law}"] = time.perf_counter() - start
    for law in LAWS:
        start = time.perf_counter()
        kernel.draw((n, k), dtype, noise_of(law, SEED), 1)
        seconds[f"draw {law}"] = time.perf_counter() - start
    print(json.dumps(seconds))


def time_first_calls() -> dict[str, dict[str, float]]:
    """Run `first_calls` in fresh processes: with an empty cache, and with what that one left."""
    found = {}
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "NUMBA_CACHE_DIR": cache}
        for name in ("empty cache", "warm cache"):
            done = subprocess.run(
                [sys.executable, "-m", "bench.kernels.langevin", FIRST_CALL],
                capture_output=True, text=True, check=True, env=env,
            )  # fmt: skip
            found[name] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only what the bars need")
    parser.add_argument("--rounds", type=int, help="default: 7, or 21 for small blocks")
    parser.add_argument(FIRST_CALL, action="store_true", help=argparse.SUPPRESS)
    args = record.arguments(parser, "kernels/langevin", silent=("first_calls", "quick"))
    if args.first_calls:
        first_calls()
        return
    print(
        f"{'pattern':14s}{'dtype':9s}{'k':>3s} {'scheme':15s}{'law':11s}{'ms':>9s}"
        f"{'/product':>9s}{'/limit':>9s}{'plain/':>9s}{'threads':>9s}"
    )
    settings = [MAIN] if args.quick else list(itertools.product((np.float64, np.float32), WIDTHS))
    rows: list[dict[str, Any]] = []
    start = time.perf_counter()
    with threadpool_limits(1):
        for (name, A, n), (dtype, k) in itertools.product(patterns(args.quick), settings):
            rows += measure(name, A, n, k, dtype, args.rounds or rounds_of(n, k))
    found = bars(rows)
    for name, bar in found.items():
        limit = f"<= {bar['at_most']}" if "at_most" in bar else f">= {bar['at_least']}"
        print(f"{name:42s}{bar['figure']:7.2f} {limit:8s}{'' if bar['holds'] else 'MISSED'}")
    if args.quick:
        return
    calls = time_first_calls()
    for name, seconds in calls.items():
        print(name, {key: round(taken, 3) for key, taken in seconds.items()})
    options = {key: value for key, value in vars(args).items() if key != "first_calls"}
    figures = {
        "bars": found,
        "first_calls": calls,
        "seconds": time.perf_counter() - start,
        "rows": rows,
    }
    print(record.save(args.save, {"options": options, **figures}))


if __name__ == "__main__":
    main()
