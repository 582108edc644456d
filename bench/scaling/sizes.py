"""What does a product cost on a Dask cluster, and does the model of its bytes say so?

    python -m bench.scaling.sizes

Constants are measured by themselves, before and after the products; the geometric mean is taken:
graphs of short tasks, messages, blocks where they are, steps of Lanczos. Products are of three
sizes at 1 and 2 workers. What is compared is processor time, of all processes together, as
others use the machine; time on the clock is shown. And time against n and k in one process.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import dask
import numpy as np

from bench import record
from bench.scaling import circulants
from bench.scaling.model import Constants, Problem, processor_seconds

WORKERS, SIZES, VECTORS = (1, 2), (100_000, 300_000, 1_000_000), (1, 4, 16)
BLOCKS, REPEATS, ROUNDS = 8, 2, 2
GRIDS = ((100, 100), (316, 317), (1000, 1000), (3162, 3163))  # n = 1e4 .. 1e7
MESSAGE = 4_000_000  # numbers
STEPS = 10
WITHIN = 2.0  # the model and a measurement, either way


def least(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return the shortest of some times, after one call that is not counted."""
    call()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def spent(client: Any, call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return the processor time of a call, of this process and all workers: the least of ROUNDS."""

    def so_far() -> float:
        return time.process_time() + sum(client.run(time.process_time).values())

    call()
    rounds = []
    for _ in range(ROUNDS):
        start = so_far()
        for _ in range(repeats):
            call()
        rounds.append((so_far() - start) / repeats)
    return min(rounds)


def on_worker(tile: Any, k: int) -> float:
    """Return the processor time of a product with a block where the block is, by its entries."""
    from symrank.operators.row_blocks import multiplied

    X = np.ones((tile.first + tile.matrix.shape[1], k))[tile.first :]
    multiplied(tile, X, 0, "float64")
    start = time.process_time()
    for _ in range(REPEATS):
        multiplied(tile, X, 0, "float64")
    return (time.process_time() - start) / REPEATS / tile.matrix.nnz


def entry_seconds(client: Any, H: Any) -> tuple[float, float]:
    """Return what a worker takes for an entry, and for each vector more, while all are at work."""
    tiles, (few, many) = [row[0] for row in H._tiles], (VECTORS[0], VECTORS[-1])
    one, more = (
        statistics.median(client.gather(client.map(on_worker, tiles, k=k, pure=False)))
        for k in (few, many)
    )
    slope = max((more - one) / (many - few), 0.0)
    return one - few * slope, slope


def row_seconds() -> float:
    """Return what a step of Lanczos takes for a row and a vector, the product not counted."""
    from symrank import kernels
    from symrank.kernels.multiplicands import Given

    n, k = SIZES[1], VECTORS[1]
    U, V = np.ones((n, k)), np.ones((n, k))
    Y, scale = np.ones((n, k)), np.full(k, 1e-3)
    step = kernels.load().lanczos_step
    step(Given(Y), U, V, scale, scale)
    start = time.process_time()
    for _ in range(REPEATS):
        step(Given(Y), U, V, scale, scale)
    return (time.process_time() - start) / REPEATS / (n * k)


def constants(client: Any) -> dict[str, float]:
    """Measure what a graph, a task and a byte take on a cluster."""
    tiny = circulants.SIZE * 2
    few, many = (on_cluster(client, tiny, blocks) for blocks in (2, 32))
    X = np.ones((tiny, 1))
    short, long = (spent(client, partial(one.__matmul__, X), 10) for one in (few, many))
    task = (long - short) / 30
    message = np.ones(MESSAGE)
    name = next(iter(client.nthreads()))

    def send() -> Any:
        return client.scatter(message, workers=[name], hash=False)

    future = send()
    out, back = (
        least(send),
        least(lambda: client.gather(client.submit(np.copy, future, pure=False))),
    )
    read, entry = entry_seconds(client, on_cluster(client, SIZES[-1]))
    return {
        "product": short - 2 * task,
        "task": task,
        "byte_out": out / message.nbytes,
        "byte_in": back / message.nbytes,
        "read": read,
        "entry": entry,
        "row": row_seconds(),
    }


def on_cluster(client: Any, n: int, blocks: int = BLOCKS) -> Any:
    """Return the graph on the workers, made there."""
    import symrank

    edges = np.linspace(0, n, blocks + 1).astype(int).tolist()
    return symrank.on_dask(client.map(circulants.rows, edges[:-1], edges[1:], n=n, pure=False))


def products(client: Any, workers: int) -> list[dict[str, Any]]:
    """Measure products of all sizes."""
    rows = []
    for n in SIZES:
        H = on_cluster(client, n)
        entries = sum(block.num_entries for row in H.blocks for block in row)
        for k in VECTORS:
            X = np.random.default_rng(0).standard_normal((n, k))
            problem = Problem(n=n, entries=entries, blocks=BLOCKS, workers=workers, vectors=k)
            rows.append({
                "n": n, "workers": workers, "vectors": k, "entries": entries,
                "bytes_moved": moved(problem), "matrix_mib": H.num_bytes / 2**20,
                "processor": spent(client, partial(H.__matmul__, X)),
                "seconds": least(partial(H.__matmul__, X)),
            })  # fmt: skip
            print(rows[-1], flush=True)
        del H
    return rows


def beside(row: dict[str, Any], c: Constants) -> dict[str, Any]:
    """Return a measurement with what the model says of it."""
    keys = ("n", "entries", "workers", "vectors")
    predicted = processor_seconds(Problem(blocks=BLOCKS, **{key: row[key] for key in keys}), c)
    return {**row, "predicted": predicted, "ratio": row["processor"] / predicted}


def moved(problem: Problem) -> float:
    """Return the bytes that leave and reach the driver in a product."""
    return problem.block_bytes * (problem.copies + 1.0)


def alone() -> list[dict[str, Any]]:
    """Time steps of Lanczos in one process against n and k: a grid of five entries a row."""
    import symrank
    from symrank import gallery

    rows = []
    for shape in GRIDS:
        L = gallery.grid_laplacian(shape)
        for k in VECTORS:
            if L.shape[0] * k > 5e7:  # three blocks of 16 vectors would take 4 GB at n = 1e7
                continue
            method = symrank.Lanczos(num_probes=k)
            start = time.perf_counter()
            result = symrank.rank(L, method, rng=1, max_matvecs=STEPS * k)
            taken = time.perf_counter() - start
            rows.append({
                "n": L.shape[0], "vectors": k, "products": result.num_matvecs, "seconds": taken,
                "nanoseconds": 1e9 * taken / result.num_matvecs / L.shape[0],
            })  # fmt: skip
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    from tests.cases.clusters import cluster_of

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args = record.arguments(parser, "scaling/sizes")
    found: dict[str, Any] = {"constants": {}, "rows": []}
    for workers in WORKERS:
        with cluster_of(workers) as client:
            before = constants(client)
            measured = products(client, workers)
            after = constants(client)
        own = {key: (before[key] * after[key]) ** 0.5 for key in before}
        print(workers, before, after, flush=True)
        found["constants"][str(workers)] = own
        found["rows"] += [beside(row, Constants(**own)) for row in measured]
    inside = sum(1 / WITHIN <= row["ratio"] <= WITHIN for row in found["rows"])
    figures = {
        "bars": {"share_of_products_within_a_factor_of_two": {
            "figure": inside / len(found["rows"]), "at_least": 0.8}},
        **found,
        "alone": alone(),
        "options": {"dask": dask.__version__, "blocks": BLOCKS, "degree": circulants.DEGREE},
    }  # fmt: skip
    print(figures["bars"])
    print(record.save(args.save, figures, libraries=("dask", "distributed")))


if __name__ == "__main__":
    main()
