"""Tables of what a product costs on many machines."""

from collections.abc import Iterable

from tables import Record, bars, table

from bench.scaling.model import Constants, Problem, seconds, together

GIGA = 1e9
NODES, ROWS, ENTRIES, VECTORS = 64, 10**9, 20, (1, 4)  # the graph of the page
BLOCKS_A_NODE = 4
NETWORK = 12.5e9  # bytes a second: 100 Gbit/s
REACHES = {"whole": 1.0, "a tenth": 0.1, "a node's own": 1.0 / NODES}
NAMES = {
    "product": "a graph and its messages", "task": "a block more", "byte_out": "a byte to a worker",
    "byte_in": "a byte from a worker", "read": "an entry, read", "entry": "an entry and a vector",
    "row": "a row and a vector of a step of Lanczos",
}  # fmt: skip


def draw_sizes(record: Record) -> Iterable[str]:
    """Constants, products beside the model, and the graph of the page by the model."""
    yield "Constants, nanoseconds of processor time:"
    yield ""
    yield from table(
        ("of", *(f"{w} worker{'s' * (w != '1')}" for w in record["constants"])),
        [
            (name, *(f"{1e9 * c[key]:.3g}" for c in record["constants"].values()))
            for key, name in NAMES.items()
        ],
    )
    yield from ("", "Products, measured and by the model:", "")
    yield from table(
        ("n", "workers", "k", "matrix, MiB", "moved, MB", "processor s", "model", "ratio"),
        [
            (
                r["n"], r["workers"], r["vectors"], f"{r['matrix_mib']:.0f}",
                f"{r['bytes_moved'] / 1e6:.1f}", r["processor"], r["predicted"], r["ratio"],
            )
            for r in record["rows"]
        ],
    )  # fmt: skip
    yield ""
    yield from bars(record)
    yield from ("", "One process, a grid of five entries a row, a few steps from the door on:", "")
    yield from table(
        ("n", "k", "products", "seconds", "nanoseconds a row and product"),
        [
            (r["n"], r["vectors"], r["products"], r["seconds"], r["nanoseconds"])
            for r in record["alone"]
        ],
    )
    if max(row["n"] for row in record["alone"] if row["vectors"] == 16) < 10**7:
        yield from ("", "16 vectors with n = 1e7 rows are left out: their blocks take 4 GB.")
    yield ""
    yield from large_graph(record)


def large_graph(record: Record) -> Iterable[str]:
    """A graph of 1e9 rows on 64 nodes, by the constants of one worker."""
    c = Constants(**record["constants"]["1"])
    yield (
        f"{ROWS:.0e} rows of {ENTRIES} entries on {NODES} nodes, by the model with the constants "
        f"of one worker; a node's network card gives {NETWORK / GIGA:.3g} GB/s where vectors are "
        "in parts. *Needs*: what a worker needs of X."
    )
    yield ""
    heads = (
        "k", "needs", "from the driver, GB", "to the driver, GB", "product, s", "of it messages, s",
        "a step on the driver, s", "in parts: to a node, GB", "product and step, s", "a dot, bytes",
    )  # fmt: skip
    rows = []
    for k in VECTORS:
        for name, reach in REACHES.items():
            problem = Problem(
                n=ROWS, entries=ROWS * ENTRIES, blocks=BLOCKS_A_NODE * NODES, workers=NODES,
                vectors=k, reach=reach,
            )  # fmt: skip
            here, there = seconds(problem, c), together(problem, c, NETWORK)
            rows.append((
                k, name, f"{problem.copies * problem.block_bytes / GIGA:.3g}",
                f"{problem.block_bytes / GIGA:.3g}", f"{here['product']:.3g}",
                f"{here['out'] + here['in']:.3g}", f"{here['driver']:.3g}",
                f"{there['bytes a node'] / GIGA:.3g}",
                f"{there['multiply'] + there['exchange'] + there['step']:.3g}",
                f"{there['dot bytes']:.0f}",
            ))  # fmt: skip
    yield from table(heads, rows)
    problem = Problem(n=ROWS, entries=ROWS * ENTRIES, blocks=1, workers=NODES, vectors=1)
    yield ""
    yield (
        f"The matrix takes {problem.matrix_bytes / GIGA:.0f} GB, "
        f"{problem.matrix_bytes / NODES / GIGA:.1f} GB a node; a block of k vectors "
        f"{problem.block_bytes / GIGA:.0f} k GB, of which a run by Lanczos holds four on the "
        "driver."
    )


def draw_larger(record: Record) -> Iterable[str]:
    """A matrix that is larger than what its driver takes."""
    yield from bars(record)
    yield ""
    yield (
        f"n = {record['n']}: blocks of {record['matrix_mib']:.0f} MiB on the workers, made there "
        f"in {record['seconds_to_make']:.0f} s; the process that asked grew by "
        f"{record['driver_mib']:.0f} MiB at the highest. Rank {record['rank']} in "
        f"[{record['low']}, {record['high']}] (known: {record['truth']}), half-width "
        f"{record['half_width_over_n']:.1e} of n, {record['products']} products with "
        f"{record['probes']} vectors at a time, {record['seconds']:.0f} s: {record['status']}."
    )
