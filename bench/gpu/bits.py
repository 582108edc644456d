"""Are the bits those of the CPU? Every step function, on every kind of product."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp

from bench.gpu.sizes import Sizes
from symrank import kernels
from symrank.kernels.multiplicands import Csr, Diagonal, Given
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews
from symrank.support.probes import noise_of

__all__ = ["bits"]

LAWS = ("rademacher", "gaussian")
SCHEMES = {
    "euler-maruyama": EulerMaruyama(0.3), "leimkuhler-matthews": LeimkuhlerMatthews(0.3),
    "baoab": Baoab(0.5, 0.4),
}  # fmt: skip
CHAIN, STEP = 37, 2**33 + 5  # a chain in the middle of a word of signs, a step beyond 32 bits

Make = Callable[[ModuleType], tuple[Any, ...]]


def matrix(n: int, rng: np.random.Generator) -> Any:
    """Return a symmetric sparse matrix, about five entries a row, some rows empty."""
    A = sp.random_array((n, n), density=min(1.0, 2.5 / n), rng=rng, format="csr")
    return sp.csr_array(A + A.T)


def products(K: ModuleType, A: Any, blocks: dict[str, Any], dtype: Any) -> Iterator[Any]:
    """Yield name and multiplicand of the block X."""
    X = K.block(blocks["X"])
    if np.dtype(dtype).kind == "f":
        yield "csr", Csr(*(K.block(x) for x in (A.indptr, A.indices, A.data.astype(dtype))), X)
        yield "diagonal", Diagonal(K.block(blocks["Y"][:, 0]), X)
    yield "given", Given(K.block(blocks["Y"]))


def outcomes(
    K: ModuleType, A: Any, blocks: dict[str, Any], dtype: Any
) -> Iterator[tuple[str, list[Any]]]:
    """Yield name and all that every step function leaves behind, on the host."""
    n, k = blocks["X"].shape
    s, c = (K.block(np.linspace(0.5, 2.0, k) + shift) for shift in (0.0, 0.25))
    for law in LAWS:
        yield f"draw {law}", [K.host(K.draw((n, k), dtype, noise_of(law, 3), STEP, CHAIN))]
    for name, product in products(K, A, blocks, dtype):
        if np.dtype(dtype).kind == "f":
            yield f"multiply {name}", [K.host(K.multiply(product))]
        U, V = K.block(blocks["X"]), K.block(blocks["Z"])
        yield f"lanczos {name}", [K.host(x) for x in (*K.lanczos_step(product, U, V, s, c), V)]
        V = K.block(blocks["Z"])
        found = K.chebyshev_step(product, U, V, 0.7, -0.2)
        yield f"chebyshev {name}", [K.host(x) for x in (*found, V)]
        for scheme, own in SCHEMES.items():
            for law in LAWS:
                theta, out = K.block(blocks["X"]), K.block(blocks["X"])
                velocity = K.block(blocks["Z"]) if own.is_kinetic else None
                energy = K.langevin_step(
                    product, theta, out, velocity, own.coefficients, noise_of(law, 3), STEP, CHAIN
                )
                left = [energy, out] + ([velocity] if own.is_kinetic else [])
                yield f"{scheme} {law} {name}", [K.host(x) for x in left]


def bits(gpu: ModuleType, sizes: Sizes) -> dict[str, Any]:
    """Return how many outcomes were compared, and the names of those that differ."""
    cpu, compared, different = kernels.load("cpu_numba"), 0, []
    for n, k in sizes.shapes:
        rng = np.random.default_rng(n)
        A = matrix(n, rng)
        for dtype in (np.float64, np.float32, np.complex128, np.complex64):
            blocks = {name: rng.standard_normal((n, k)).astype(dtype) for name in "XYZ"}
            pairs = zip(
                outcomes(gpu, A, blocks, dtype), outcomes(cpu, A, blocks, dtype), strict=True
            )
            for (name, there), (_, here) in pairs:
                compared += 1
                if not all(_same(x, y) for x, y in zip(there, here, strict=True)):
                    different.append(f"{name}, {np.dtype(dtype).name}, n = {n}, k = {k}")
    return {"compared": compared, "different": different}


def _same(x: Any, y: Any) -> bool:
    return x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()
