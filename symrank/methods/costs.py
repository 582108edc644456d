"""What a run will take: one table of constants, and the sums over it.

The constants are seconds on one core, fitted by ``python -m bench.calibrate``. Choices depend on
their ratios alone, which differ little from machine to machine.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.operators.facts import Work

__all__ = [
    "SECONDS",
    "Constants",
    "dense_pivots_seconds",
    "dense_seconds",
    "factor_seconds",
    "inertia_seconds",
    "long_seconds",
    "pattern_seconds",
    "product_seconds",
    "singular_seconds",
    "sketch_seconds",
    "solve_seconds",
]


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Seconds per unit of work."""

    eigenvalues: float  # eigvalsh, times n^3
    singular: float  # singular values of an m x n matrix, times m n min(m, n)
    singular_entry: float  # the same, times m n: blocks are converted, scaled and stacked
    long_entry: float  # a pass over a long dense matrix for a sketch and a product, times m n
    long_cube: float  # Cholesky, an inverse and bases of n columns, times n^3
    pair: float  # two entries of a row of a sparse matrix, in the product with its adjoint
    dense_pivots: float  # one dense LDL' and its error, times n^3
    entry: float  # a fused step, times the nonzeros and vectors
    row: float  # the same, times the rows and vectors
    dense_entry: float  # a product with a dense matrix, times n^2 and vectors
    pattern: float  # the symbolic analysis and copies of a sparse matrix, times its nonzeros
    ordering: float  # the same, times its rows
    column: float  # one factorisation and its solves, times the rows
    fill: float  # the same, times the nonzeros of the factor
    flop: float  # the same, times its flops
    solve: float  # a step of conjugate gradients beside its product, times the rows and vectors
    orthogonal: float  # reflectors of n x m, and Omega* A Omega, times n m^2


SECONDS = Constants(
    eigenvalues=6.0e-11,
    singular=1.5e-10,
    singular_entry=4.0e-9,
    long_entry=6.0e-9,
    long_cube=1.2e-10,
    pair=1.4e-8,
    dense_pivots=1.2e-11,
    entry=3.5e-10,
    row=5.0e-10,
    dense_entry=1.0e-10,
    pattern=2.0e-7,
    ordering=2.0e-6,
    column=2.5e-6,
    fill=4.0e-8,
    flop=2.2e-10,
    solve=2.0e-8,
    orthogonal=1.6e-10,
)

UNKNOWN = 100.0  # rows that a row of an unknown product costs: one of 150 entries in a sparse one
OVERHEAD = 2e-3  # of eigvalsh on a small matrix


def product_seconds(work: Work) -> float:
    """Return what a product with one vector takes, in a block of some."""
    return (
        SECONDS.dense_entry * work.in_order
        + SECONDS.entry * work.by_index
        + SECONDS.row * (work.rows + UNKNOWN * work.unknown_rows)
    )


def dense_seconds(n: int) -> float:
    """Return what all eigenvalues of a dense matrix take, the products not included."""
    return OVERHEAD + SECONDS.eigenvalues * n**3


def dense_pivots_seconds(n: int) -> float:
    """Return what one dense LDL' takes, with the products that measure its error."""
    return OVERHEAD + SECONDS.dense_pivots * n**3


def singular_seconds(m: int, n: int) -> float:
    """Return what all singular values of an m x n matrix take, the products not included."""
    return OVERHEAD + m * n * (SECONDS.singular * min(m, n) + SECONDS.singular_entry)


def long_seconds(factor: Any) -> tuple[float, float]:
    """Return what a count of a long matrix takes without its singular values.

    Least for full rank, and most for the smallest, where the product has as many columns.
    """
    long, n = max(factor.shape), min(factor.shape)
    least = OVERHEAD + SECONDS.long_cube * n**3
    if isinstance(factor, np.ndarray):
        least += SECONDS.long_entry * long * n
        return least, least + 0.3 * SECONDS.dense_entry * long * n**2
    rows = factor.indices if factor.shape[0] < long else None
    number = np.diff(factor.indptr) if rows is None else np.bincount(rows, minlength=long)
    pairs = float(np.square(number, dtype=np.float64).sum())
    least += min(SECONDS.pair * pairs, SECONDS.long_entry * long * n)
    return least, least + SECONDS.entry * factor.nnz * n


def pattern_seconds(n: int, nnz: float) -> float:
    """Return what the analysis of a pattern takes, and the copies of its matrix."""
    return SECONDS.ordering * n + SECONDS.pattern * nnz


def factor_seconds(n: int, fill: float, flops: float) -> float:
    """Return what one factorisation takes, with the solves that measure its error."""
    return SECONDS.column * n + SECONDS.fill * fill + SECONDS.flop * flops


def inertia_seconds(n: int, nnz: int, once: float, num_factorisations: int) -> float:
    """Return what a count by pivots takes, the analysis of the pattern included."""
    return OVERHEAD + pattern_seconds(n, nnz) + num_factorisations * once


def sketch_seconds(n: int, num_columns: float) -> float:
    """Return what the orthogonalisations of a sketch take, the products not included."""
    return SECONDS.orthogonal * n * num_columns**2


def solve_seconds(n: int, num_products: float) -> float:
    """Return what the updates of conjugate gradients take, the products not included."""
    return SECONDS.solve * n * num_products
