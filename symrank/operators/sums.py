r"""Products with an explicit matrix, long sums of single precision taken in double.

In single precision a sum of L terms of one sign that are added one by one may be off by L/2 units
in the last place, and BLAS adds panels of some hundred terms in that way and then the panels: for a
constant row 46 eps |A||x| at L = 4000 and 35 000 at 3e6, where the noise floor allows a product 10
eps |A||x|. The product of two single-precision numbers is exact in double, and L^2 eps_double is
nothing beside eps_single: with sums in double what is left is one rounding of the result.
"""

from typing import Any

import numpy as np

from symrank import kernels
from symrank.kernels.multiplicands import Csr
from symrank.operators.gemm import gemm
from symrank.support.typing import Array

__all__ = ["is_single", "multiply", "squared", "widened"]

TILE = 1 << 15  # entries converted at a time: they stay in the second-level cache
LEAST_RUN = 64  # entries that should lie side by side in memory where a tile is cut


def is_single(dtype: np.dtype[Any]) -> bool:
    """Tell whether numbers are float32 or complex64."""
    return dtype.char in "fF"


def widened(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the double-precision dtype of the same kind."""
    return np.dtype(np.complex128 if dtype.kind == "c" else np.float64)


def multiply(matrix: Any, X: Array) -> Array:
    """Return ``matrix @ X`` (m, k) in the dtype of the matrix, for an ndarray or a CSR array."""
    if not is_single(matrix.dtype):
        product: Array = gemm(matrix, X) if isinstance(matrix, np.ndarray) else matrix @ X
        return product
    with np.errstate(over="ignore", invalid="ignore"):  # as BLAS does; `check_operator` looks
        if isinstance(matrix, np.ndarray):
            return _dense(matrix, X)
        if matrix.dtype.char == X.dtype.char == "f":
            parts = Csr(matrix.indptr, matrix.indices, matrix.data, np.ascontiguousarray(X))
            return np.asarray(kernels.load().multiply(parts))
        wide = widened(matrix.dtype)
        return np.asarray((matrix.astype(wide) @ X.astype(wide)).astype(matrix.dtype))


def _dense(matrix: Array, X: Array) -> Array:
    """Multiply tiles of rows, or add up tiles of columns where memory runs that way."""
    m, n = matrix.shape
    wide = widened(matrix.dtype)
    if matrix.size <= TILE:
        return gemm(matrix.astype(wide), X.astype(wide)).astype(matrix.dtype)
    by_rows = n * LEAST_RUN <= TILE or (matrix.flags.c_contiguous and n <= TILE)
    if by_rows:
        product = np.empty((m, X.shape[1]), matrix.dtype)
        X = X.astype(wide)
        for start in range(0, m, TILE // n):
            rows = slice(start, start + TILE // n)
            product[rows] = gemm(matrix[rows].astype(wide), X)
        return product
    total = np.zeros((m, X.shape[1]), wide)
    step = max(1, TILE // m)
    for start in range(0, n, step):
        columns = slice(start, start + step)
        total += gemm(matrix[:, columns].astype(wide), X[columns].astype(wide))
    return total.astype(matrix.dtype)


def squared(factor: Any, scale: float) -> Any:
    """Return F^* F times scale^2 for an ndarray or a CSR array F, in the dtype of F."""
    if not isinstance(factor, np.ndarray):
        scaled = factor.astype(widened(factor.dtype)) * scale
        with np.errstate(over="ignore", invalid="ignore"):
            return (scaled.conj().T.tocsr() @ scaled).astype(factor.dtype)
    if not is_single(factor.dtype):
        scaled = factor * scale
        return scaled.conj().T @ scaled
    m, n = factor.shape
    total = np.zeros((n, n), widened(factor.dtype))
    step = max(n, TILE // max(n, 1), 1)
    for start in range(0, m, step):
        tile = factor[start : start + step].astype(total.dtype) * scale
        total += tile.conj().T @ tile
    with np.errstate(over="ignore", invalid="ignore"):
        return total.astype(factor.dtype)
