"""How much slower is a run beside one other busy process, with all threads that are the default?

    python -m bench.hostile.busy

The demonstration of the command line, as a process: in turn alone and beside one process that never
rests. Bar: at most twice the time.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import record

ROUNDS = 5
AT_MOST = 2.0
SPIN = "while True: pass"
DEMO = [sys.executable, "-m", "symrank", "demo"]
SETTINGS = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep `count` processes busy meanwhile."""
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def seconds() -> float:
    env = {key: value for key, value in os.environ.items() if key not in SETTINGS}
    start = time.perf_counter()
    subprocess.run(DEMO, check=True, env=env, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args = record.arguments(parser, "hostile/busy")
    seconds()  # compiles
    taken: dict[str, list[float]] = {"alone": [], "beside one": []}
    loads = []
    for _ in range(ROUNDS):
        for name, count in (("alone", 0), ("beside one", 1)):
            loads.append(os.getloadavg()[0])
            with busy(count):
                taken[name].append(seconds())
    medians = {name: statistics.median(times) for name, times in taken.items()}
    ratio = medians["beside one"] / medians["alone"]
    print(medians, f"ratio {ratio:.2f}", "" if ratio <= AT_MOST else "MISSED")
    figures = {
        "bars": {"ratio": {"figure": ratio, "at_most": AT_MOST, "holds": ratio <= AT_MOST}},
        "seconds": medians,
        "all_seconds": taken,
        "load_of_the_machine": loads,
    }
    print(record.save(args.save, figures))


if __name__ == "__main__":
    main()
