"""Is `symrank.rank(X)` right on everyday matrices, and how much slower than the right tool?

    python -m bench.everyday.compare [--rows NAME ...]

Forty matrices (`bench.everyday.matrices`), one process of the machine's threads, after a warm-up.
symrank and the tool take turns, three times where they are quick and up to fifteen times where they
take milliseconds; the medians are compared.
Bars: the rank or an interval that holds it; at most 1.2 times the tool's time, half of it for
n >= 4000 where the tool is dense; 2 times and 0.3 s beside connected_components and
structural_rank, which answer another question faster.
"""

import argparse
import statistics
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

import symrank
from bench import record
from bench.everyday.matrices import GRAPH_TOOLS, MATRICES, TOOLS, Matrix

QUICK, BRIEF = 5.0, 1.0  # seconds: what takes less is repeated, and what takes still less often
TURNS, MOST_TURNS = 3, 15
TABLE = ("tall", "sparse rectangle", "Laplacian", "adjacency", "KKT, duplicate rows")


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return seconds and what was returned."""
    started = time.perf_counter()
    found = call()
    return time.perf_counter() - started, found


def num_turns(spent: float) -> int:
    """Return how many turns there are after so many seconds."""
    return 1 if spent >= QUICK else TURNS if spent >= BRIEF else MOST_TURNS


def compare(name: str, matrix: Matrix) -> dict[str, Any]:
    """Run both in turn."""
    A = matrix.build(np.random.default_rng(zlib.crc32(name.encode())))
    own: list[float] = []
    others: list[float] = []
    while len(own) < num_turns(sum(own) + sum(others)):
        seconds, result = timed(lambda: symrank.rank(A, rng=len(own)))
        own.append(seconds)
        seconds, answer = timed(lambda: TOOLS[matrix.tool](A))
        others.append(seconds)
    truth = matrix.rank(A) if callable(matrix.rank) else matrix.rank
    if truth is None:
        truth = answer
    low, high = result.interval()
    holds = low <= truth if matrix.is_bound else low <= truth <= high
    holds = holds and (not matrix.is_bound or high <= answer)
    mine, theirs = statistics.median(own), statistics.median(others)
    bar = bar_of(matrix, min(A.shape), theirs)
    return {
        "name": name,
        "shape": f"{A.shape[0]} x {A.shape[1]}",
        "truth": truth, "bound": matrix.is_bound,
        "rank": result.estimate, "low": low, "high": high, "status": result.status.name,
        "method": result.method, "products": result.num_matvecs,
        "seconds": mine, "tool": matrix.tool, "answer": answer, "tool_seconds": theirs,
        "ratio": mine / theirs, "holds": holds, "fast": mine <= bar, "bar_seconds": bar,
        "reason": result.reason,
    }  # fmt: skip


def bar_of(matrix: Matrix, n: int, theirs: float) -> float:
    """Return the seconds that symrank may take."""
    if matrix.tool in GRAPH_TOOLS:
        return 2.0 * theirs + 0.3
    return (0.5 if n >= 4000 and matrix.tool != "splu" else 1.2) * theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", default=list(MATRICES), choices=list(MATRICES))
    args = record.arguments(parser, "everyday/compare")
    symrank.rank(symrank.gallery.grid_laplacian((12, 12)), "lanczos", rng=0)
    rows = []
    for name in args.rows:
        rows.append(compare(name, MATRICES[name]))
        shown = {k: v for k, v in rows[-1].items() if k != "reason"}
        print(shown, flush=True)
        record.save(args.save, {"rows": rows})
    held, fast = (sum(row[key] for row in rows) for key in ("holds", "fast"))
    print(f"{held} of {len(rows)} hold, {fast} are fast enough")


if __name__ == "__main__":
    main()
