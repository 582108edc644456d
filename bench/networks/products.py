"""What does a product with the Hessian of a network cost, against the best of four other ways?

    python -m bench.networks.products [--curvlinops PYTHON] [--rounds 15]

Double precision, one thread, blocks of 16 vectors: the DnCNN of 753 parameters on 64 images, and a
multilayer perceptron of 98 880 parameters on 128 samples. The other ways are a plain loop over one
kept graph, batched double backward and vmap(jvp(grad)), each from a block (n, k) to another one,
and curvlinops, which needs the interpreter of an environment that has it (`--curvlinops`). A
process of each environment times one block of each way in turn, and what is compared is the median
over the rounds of the ratio within one round.
"""

import argparse
import os
import statistics
import subprocess
import sys
from typing import Any

from bench import record

K = 16
BAR = 1.1
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Child:
    """A process that times a block when it is asked to."""

    def __init__(self, python: str, network: str) -> None:
        env = os.environ | dict.fromkeys(THREADS, "1") | {"PYTHONPATH": str(record.ROOT)}
        command = [python, "-m", "bench.networks.children", network, str(K)]
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ways = self._answer().split("|")

    def seconds(self, way: str) -> float:
        """Time one block."""
        assert self.process.stdin is not None
        self.process.stdin.write(way + "\n")
        self.process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a process of {self.process.args!r} ended early")
        return line.strip()


def measure(network: str, pythons: list[str], rounds: int) -> dict[str, Any]:
    """Time every way in turn, and compare within each round."""
    children = [Child(python, network) for python in pythons]
    asked = [(child, way) for child in children for way in child.ways]
    seconds: dict[str, list[float]] = {way: [] for _, way in asked}
    try:
        for turn in range(rounds):
            for child, way in asked if turn % 2 else reversed(asked):
                seconds[way].append(child.seconds(way))
    finally:
        for child in children:
            child.close()
    own = seconds.pop("symrank")
    gradient = seconds.pop("plain gradient")
    over = {
        way: statistics.median(a / b for a, b in zip(own, taken, strict=True))
        for way, taken in seconds.items()
    }
    best = max(over.values())
    return {
        "network": network,
        "rounds": rounds,
        "ms_per_column": 1e3 * statistics.median(own) / K,
        "ms_gradient": 1e3 * statistics.median(gradient),
        **{f"ms {way}": 1e3 * statistics.median(taken) / K for way, taken in seconds.items()},
        **{f"ratio {way}": value for way, value in over.items()},
        "over_best": best,
        "met": best <= BAR,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curvlinops", help="interpreter of an environment with curvlinops")
    parser.add_argument("--rounds", type=int, default=15)
    args = record.arguments(parser, "networks/products")
    pythons = [sys.executable]
    if args.curvlinops:
        pythons.append(args.curvlinops)
    else:
        print("curvlinops is left out: --curvlinops names the interpreter of its environment")
    rows = []
    for network in ("dncnn", "mlp"):
        rows.append(measure(network, pythons, args.rounds))
        print(rows[-1], flush=True)
    note = "" if args.curvlinops else "curvlinops was not at hand"
    record.save(args.save,
                {"rows": rows, "note": note}, libraries=("torch",))  # fmt: skip


if __name__ == "__main__":
    main()
