"""Does the same seed give the same bits on 1 and 2 threads, of the kernels and of BLAS?

    python -m bench.hostile.determinism

54 pairs of method and problem, each run by fresh processes with 1 and 2 threads in either library.
The bits compared are those of the answer: rank, estimate, standard error, bounds, threshold,
interval, number of products, status and samples. What LAPACK computes on the way (eigenvalues in
`diagnostics`, a basis) may differ in its last digits.
"""

import argparse
import hashlib
import itertools
import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np

import symrank
from bench import record
from symrank import gallery
from symrank.operators import LinearNetworkHessian

SEED = 11
MAX_MATVECS = 1500
METHODS = (
    "lanczos", "langevin", "sketch", "projection", "chebyshev", "ubaru-saad", "dense", "inertia",
)  # fmt: skip
THREADS = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")
AT_LEAST = 50
ANSWERS = "--answers"


def problems() -> dict[str, Any]:
    """Return the problems; products of random matrices are rounded, as BLAS makes them."""
    rng = np.random.default_rng(1)
    B = rng.standard_normal((700, 300))
    G = np.round(B @ B.T, 6)
    grid = gallery.grid_laplacian((90, 90))
    layers = [np.round(rng.standard_normal((16, 16)), 3) for _ in range(4)]
    Q = G[:300, 300:600]
    return {
        "sparse": grid,
        "sparse float32": grid.astype(np.float32),
        "dense": G,
        "dense float32": G.astype(np.float32),
        "gram": symrank.gram(np.round(B, 3)),
        "network": LinearNetworkHessian(layers),
        "complex": np.round(G[:300, :300], 3) + 1j * np.round(Q - Q.T, 3),
    }


def answers() -> dict[str, str]:
    """Return a digest for each pair."""
    found = {}
    for (name, A), method in itertools.product(problems().items(), METHODS):
        if method == "dense" and name.startswith("sparse"):
            continue
        try:
            r = symrank.rank(A, method, rng=SEED, max_matvecs=MAX_MATVECS)
        except symrank.SymrankError as error:
            found[f"{name}, {method}"] = type(error).__name__
            continue
        numbers = (r.rank, r.estimate, r.stderr, r.bounds, r.threshold, r.interval())
        digest = hashlib.sha256(repr((numbers, r.num_matvecs, r.status.name)).encode())
        digest.update(np.asarray(r.samples).tobytes())
        found[f"{name}, {method}"] = digest.hexdigest()[:12]
    return found


def on(kernels: int, blas: int) -> dict[str, str]:
    """Run `answers` in a process with so many threads."""
    counts = zip(THREADS, (kernels, blas), strict=True)
    env = os.environ | {key: str(count) for key, count in counts}
    done = subprocess.run(
        [sys.executable, "-m", "bench.hostile.determinism", ANSWERS],
        capture_output=True, text=True, check=True, env=env,
    )  # fmt: skip
    found: dict[str, str] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(ANSWERS, action="store_true", help=argparse.SUPPRESS)
    args = record.arguments(parser, "hostile/determinism", silent=("answers",))
    if args.answers:
        print(json.dumps(answers()))
        return
    start = time.perf_counter()
    found = {f"{k} and {b} threads": on(k, b) for k, b in itertools.product((1, 2), repeat=2)}
    first, *others = found.values()
    differ = [pair for pair in first if any(other[pair] != first[pair] for other in others)]
    same = len(first) - len(differ)
    print(f"{same} of {len(first)} pairs have the same bits", differ)
    bars = {"same bits": {"figure": same, "at_least": AT_LEAST, "holds": same >= AT_LEAST}}
    figures = {
        "seconds": time.perf_counter() - start,
        "num_pairs": len(first),
        "num_same": same,
        "differ": differ,
        "bars": bars,
        "pairs": first,
    }
    print(record.save(args.save, figures))
    sys.exit(same < AT_LEAST)


if __name__ == "__main__":
    main()
