"""What does a GPU make of it: bits, speed, Table 1, a large matrix, a model?

    python -m bench.gpu.all [--draft]

Needs CuPy and a GPU, and takes less than ten minutes on one of a data centre. Bits are compared
with the kernels of the CPU; speed is that of the fused steps at n = 1e7, k = 16, in shares of the
bandwidth of a copy on the device; Table 1 of the paper at d = 256 runs 100 chains on the true loss.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

from bench import record
from bench.gpu.bits import bits
from bench.gpu.sizes import FULL, Sizes
from bench.gpu.speed import BAR, speed
from bench.gpu.table1 import table1
from bench.gpu.whole import large_matrix, model
from symrank import kernels
from symrank.errors import MissingBackendError

__all__ = ["main", "measured"]

PARTS: dict[str, Callable[..., Any]] = {
    "bits": bits, "speed": speed, "table1": table1, "large_matrix": large_matrix, "model": model,
}  # fmt: skip


def measured(sizes: Sizes) -> dict[str, Any]:
    """Run all parts on the device; one that fails says how, and the others run."""
    K = kernels.load("gpu_cupy")
    found: dict[str, Any] = {}
    for name, part in PARTS.items():
        start = time.perf_counter()
        try:
            found[name] = part(K, sizes)
        except Exception as error:  # an hour on a GPU is dear: what was measured is kept
            found[name] = {"failed": f"{type(error).__name__}: {error}"}
        print(f"{name:14s}{time.perf_counter() - start:8.1f} s  {_line(found[name])}", flush=True)
    found["bars"] = bars(found)
    return found


def bars(found: dict[str, Any]) -> dict[str, Any]:
    """Compare with what was promised."""
    shares = {
        row["what"]: row["share_of_copy"]
        for row in found["speed"]
        if isinstance(row, dict) and row["dtype"] == "float64"
    }
    best = shares.get("euler-maruyama rademacher", 0.0)
    return {
        "bits equal": {"holds": found["bits"].get("different") == []},
        "fused step over copy": {"figure": best, "at_least": BAR, "holds": best >= BAR},
    }


def _line(found: Any) -> str:
    if isinstance(found, list):
        return ", ".join(f"{row['what']} {row['share_of_copy']:.2f}" for row in found)
    return ", ".join(f"{k} {v}" for k, v in found.items() if not isinstance(v, list | dict))[:200]


def device() -> dict[str, Any]:
    """Return what the device calls itself."""
    import cupy

    own = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return {
        "name": own["name"].decode(), "bytes": int(own["totalGlobalMem"]),
        "compute": f"{own['major']}.{own['minor']}",
        "driver": int(cupy.cuda.runtime.driverGetVersion()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args = record.arguments(parser, "gpu/gpu")
    try:
        kernels.load("gpu_cupy")
    except MissingBackendError as error:
        raise SystemExit(f"bench.gpu.all measures a GPU, and {error}") from error
    figures = {"device": device(), **measured(FULL)}
    print(record.save(args.save, figures, libraries=("cupy", "torch")))


if __name__ == "__main__":
    main()
