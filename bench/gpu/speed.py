"""How fast are the fused steps, against a copy on the device and the library's bare product?

A figure counts the fewest bytes that a step must move, each array once a pass: the matrix and the
blocks that are read or written. Its share is that of the bandwidth of a copy of one block.
"""

import itertools
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from bench.gpu.sizes import Sizes
from symrank import gallery
from symrank.kernels.multiplicands import Csr
from symrank.spectrum.filters import Baoab, EulerMaruyama
from symrank.support.probes import noise_of

__all__ = ["BAR", "speed"]

BAR = 0.7  # of the bandwidth of a copy: the fused step with signs, double precision
BLOCKS = {"euler-maruyama": 2, "baoab": 4, "lanczos": 6, "chebyshev": 3, "product": 2}


def seconds(K: ModuleType, call: Callable[[], Any], repeats: int) -> float:
    """Return the seconds of a call, launched in a row; the best of three rows."""
    call()
    K.record().synchronize()
    found = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        K.record().synchronize()
        found.append((time.perf_counter() - start) / repeats)
    return min(found)


def calls(K: ModuleType, A: Any, sizes: Sizes, dtype: Any) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by name."""
    n, k = A.shape[0], sizes.k
    X, Y, V = (K.draw((n, k), dtype, noise_of("rademacher", j), 0) for j in range(3))
    product, counter = Csr(A.indptr, A.indices, A.data, X), itertools.count(1)
    one = K.block(np.full(k, 0.5))

    def copy() -> None:
        Y[...] = X

    def step(scheme: Any, law: str) -> Callable[[], Any]:
        velocity, noise = V if scheme.is_kinetic else None, noise_of(law, 1)
        return lambda: K.langevin_step(
            product, X, Y, velocity, scheme.coefficients, noise, next(counter)
        )

    found = {"copy": copy, "product": lambda: A @ X}
    for scheme in (EulerMaruyama(0.1), Baoab(0.3, 0.2)):
        name = "baoab" if scheme.is_kinetic else "euler-maruyama"
        found |= {f"{name} {law}": step(scheme, law) for law in ("rademacher", "gaussian")}
    found["lanczos"] = lambda: K.lanczos_step(product, X, V, one, one)
    found["chebyshev"] = lambda: K.chebyshev_step(product, X, V, 0.1, -0.4)
    return found


def speed(K: ModuleType, sizes: Sizes) -> list[dict[str, Any]]:
    """Return a row for each dtype and step."""
    from cupyx.scipy.sparse import csr_matrix
    from scipy.sparse import csr_matrix as on_host

    L = gallery.grid_laplacian((sizes.side, sizes.side))
    rows = []
    for dtype in (np.float64, np.float32):
        A = csr_matrix(on_host(L.astype(dtype)))
        block = A.shape[0] * sizes.k * np.dtype(dtype).itemsize
        matrix = sum(x.nbytes for x in (A.data, A.indices, A.indptr))
        timed = calls(K, A, sizes, dtype)
        taken = {name: seconds(K, call, sizes.repeats) for name, call in timed.items()}
        bandwidth = 2 * block / taken["copy"]
        for name in timed:
            moved = matrix + BLOCKS.get(name.split()[0], 0) * block if name != "copy" else 2 * block
            rows.append(
                {
                    "dtype": np.dtype(dtype).name, "n": A.shape[0], "k": sizes.k, "nnz": A.nnz,
                    "what": name, "seconds": taken[name], "bytes": moved,
                    "bytes_per_second": moved / taken[name],
                    "share_of_copy": moved / taken[name] / bandwidth,
                    "over_product": taken[name] / taken["product"],
                }
            )  # fmt: skip
    return rows
