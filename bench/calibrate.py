"""What do a flop, an entry and a row cost here? `symrank.methods.costs` holds the answer.

    python -m bench.calibrate

Each constant is the median over a few sizes, or a non-negative least-squares fit of relative
errors where work has two parts. Prints the table beside the one in use.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse as sp

import symrank
from bench import record
from symrank import gallery
from symrank.methods import costs
from symrank.methods.eigenvalues.singular import singular_values
from symrank.methods.eigenvalues.two_sided import two_sided
from symrank.methods.pivots.predicted import predict
from symrank.operators import as_operator
from symrank.operators.factor import as_factor
from symrank.recurrences import conjugate_gradient as cg
from symrank.recurrences import lanczos
from symrank.support import probes

K = 8


def seconds(work: Callable[[], Any], repeats: int = 3) -> float:
    """Return the median time, after one call that warms up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def fit(rows: list[list[float]], times: list[float]) -> list[float]:
    """Solve rows @ constants = times for constants >= 0, all rows of equal relative weight."""
    t = np.array(times)
    weighted = np.array(rows) / t[:, None]
    scale = np.linalg.norm(weighted, axis=0)
    return (scipy.optimize.nnls(weighted / scale, np.ones_like(t))[0] / scale).tolist()


def eigenvalues() -> float:
    rng = np.random.default_rng(0)
    found = []
    for n in (1000, 2000, 3000):
        A = rng.standard_normal((n, n))
        A += A.T
        found.append(seconds(lambda A=A: scipy.linalg.eigvalsh(A, check_finite=False), 1) / n**3)
    return float(np.median(found))


def singular() -> list[float]:
    """Seconds a flop and an entry of all singular values, tall matrices by blocks of rows."""
    rng = np.random.default_rng(0)
    rows, times = [], []
    for m, n in ((1500, 1500), (4000, 1000), (20_000, 500), (300_000, 50), (2_000_000, 3)):
        factor = as_factor(rng.standard_normal((m, n)))
        times.append(seconds(lambda factor=factor: singular_values(factor), 1))
        rows.append([float(m * n * min(m, n)), float(m * n)])
    return fit(rows, times)


def long_matrices() -> list[float]:
    """Seconds an entry and a cube of the columns of a count of full rank without values."""
    rng = np.random.default_rng(0)
    rows, times = [], []
    for m, n in ((200_000, 100), (50_000, 300), (15_000, 1000)):
        A = rng.standard_normal((m, n))
        times.append(seconds(lambda A=A: two_sided(A, 1.0, np.random.default_rng(0)), 1))
        rows.append([float(m * n), float(n**3)])
    return fit(rows, times)


def pair() -> float:
    rng = np.random.default_rng(0)
    found = []
    for m, n, each in ((100_000, 500, 3), (50_000, 1000, 20)):
        A = sp.random_array((m, n), density=each / n, rng=rng, format="csr")
        pairs = float(np.square(np.diff(A.indptr), dtype=np.float64).sum())
        found.append(seconds(lambda A=A: A.T @ A) / pairs)
    return float(np.median(found))


def dense_pivots() -> float:
    rng = np.random.default_rng(0)
    found = []
    for n in (2000, 3000):
        A = rng.standard_normal((n, n))
        A += A.T
        found.append(seconds(lambda A=A: scipy.linalg.ldl(A, check_finite=False), 1) / n**3)
    return float(np.median(found))


def steps() -> list[float]:
    """Seconds an entry and a row of a fused Lanczos step, a vector."""
    rng = np.random.default_rng(0)
    matrices = [gallery.grid_laplacian((s, s)) for s in (100, 300, 700)]
    for n, degree in ((20_000, 40), (50_000, 20)):
        R = sp.random_array((n, n), density=degree / 2 / n, rng=rng, format="csr")
        matrices.append(sp.csr_array(R + R.T))
    rows, times = [], []
    for A in matrices:
        operator = as_operator(A)
        Z = probes.gaussian(1, 0, K, operator.n, operator.dtype)
        state = lanczos.start(Z)
        t = seconds(lambda s=state, o=operator: lanczos.extend(s, o, 5, lambda _: None))
        rows.append([float(A.nnz), float(A.shape[0])])
        times.append(t / 5 / K)
    return fit(rows, times)


def dense_entry() -> float:
    found = []
    for n in (1000, 2000, 4000):
        operator = as_operator(np.ones((n, n)))
        state = lanczos.start(probes.gaussian(1, 0, K, n, operator.dtype))
        t = seconds(lambda s=state, o=operator: lanczos.extend(s, o, 2, lambda _: None))
        found.append(t / 2 / K / n**2)
    return float(np.median(found))


def analysis() -> list[float]:
    """Seconds a row and a nonzero of a pattern whose analysis is asked for: copies included."""
    rng = np.random.default_rng(0)
    patterns = [gallery.grid_laplacian(shape) for shape in ((150, 150), (300, 300), (28, 28, 28))]
    for n, degree in ((3000, 4), (3000, 40), (20_000, 3)):
        R = sp.random_array((n, n), density=degree / 2 / n, rng=rng, format="csr")
        patterns.append(sp.csr_array(R + R.T))
    for p, q in ((20_000, 2000), (5000, 500)):  # of a normal matrix: cliques, as in LP
        R = sp.random_array((p, q), density=10 / q, rng=rng, format="csr")
        patterns.append(sp.csr_array(R.T @ R))
    patterns += [sp.csr_array(A @ A) for A in patterns[:2]]
    times = [seconds(lambda A=A: predict(as_operator(A).facts), 1) for A in patterns]
    return fit([[float(A.shape[0]), float(A.nnz)] for A in patterns], times)


def pivots(ordering: float, pattern: float) -> list[float]:
    """Seconds a row, a nonzero and a flop of a factorisation, the analyses taken off.

    Grids alone cannot tell nonzeros from flops; graphs without separators have many more flops.
    """
    rng = np.random.default_rng(0)
    shapes = [(60, 60), (150, 150), (300, 300), (14, 14, 14), (20, 20, 20), (28, 28, 28)]
    patterns = [gallery.grid_laplacian(shape) for shape in shapes]
    for n, degree in ((2000, 5), (4000, 5), (6000, 4), (100_000, 1)):
        R = sp.random_array((n, n), density=degree / 2 / n, rng=rng, format="csr")
        patterns.append(sp.csr_array(R + R.T + 2.0 * degree * sp.eye_array(n)))
    rows, times = [], []
    for A in patterns:
        for B in (A, sp.csr_array(A - sp.eye_array(A.shape[0]))):
            cost = predict(as_operator(B).facts)
            result = symrank.rank(B, "inertia", rng=1, check=False)
            number = result.diagnostics["num_factorisations"]
            analyses = ordering * B.shape[0] + pattern * B.nnz
            times.append(max(result.seconds - analyses, 0.1 * result.seconds))
            rows.append([number * float(x) for x in (cost.n, cost.fill, cost.flops)])
    return fit(rows, times)


def solve() -> float:
    """Seconds a row and column of a step of conjugate gradients, less the product."""
    found = []
    for side in (100, 200, 400):
        operator = as_operator(gallery.grid_laplacian((side, side)))
        B = operator.matmat(probes.gaussian(1, 0, K, operator.n, operator.dtype))
        tolerance = np.zeros(K)

        def steps(o: Any = operator, B: Any = B, tolerance: Any = tolerance) -> None:
            cg.extend(cg.start(B, None), o.matmat, 20, lambda _: None, tolerance)

        bare = seconds(lambda o=operator, B=B: o.matmat(B))
        found.append((seconds(steps) / 20 - bare) / K / operator.n)
    return float(np.median(found))


def orthogonal() -> float:
    rng = np.random.default_rng(0)
    found = []
    for n, m in ((10_000, 64), (10_000, 256), (100_000, 64)):
        A = gallery.spiked_covariance(n, m // 4, rng=rng)
        products = symrank.rank(A, symrank.Sketch(side="range"), rng=1, check=False)
        columns = products.diagnostics["num_columns"]
        found.append(products.seconds / n / columns**2)
    return float(np.median(found))


def main() -> None:
    args = record.arguments(
        argparse.ArgumentParser(description=__doc__.splitlines()[0]), "calibrate"
    )
    entry, row = steps()
    ordering, pattern = analysis()
    singular_flop, singular_entry = singular()
    long_entry, long_cube = long_matrices()
    column, fill, flop = pivots(ordering, pattern)
    table = costs.Constants(
        eigenvalues=eigenvalues(),
        singular=singular_flop,
        singular_entry=singular_entry,
        long_entry=long_entry,
        long_cube=long_cube,
        pair=pair(),
        dense_pivots=dense_pivots(),
        entry=entry,
        row=row,
        dense_entry=dense_entry(),
        ordering=ordering,
        pattern=pattern,
        column=column,
        fill=fill,
        flop=flop,
        solve=solve(),
        orthogonal=orthogonal(),
    )
    measured, used = dataclasses.asdict(table), dataclasses.asdict(costs.SECONDS)
    for name, value in measured.items():
        print(f"{name:14s} {value:9.2e} here, {used[name]:9.2e} in the table")
    print(record.save(args.save, {"measured": measured, "in_use": used}))


if __name__ == "__main__":
    main()
