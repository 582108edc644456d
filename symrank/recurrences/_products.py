"""What a kernel multiplies with: an operator's product, or the operator itself."""

from collections.abc import Callable
from typing import Any

import numpy as np

from symrank._typing import Array, FloatArray
from symrank.errors import NonFiniteError
from symrank.operators import MatrixOperator, Operator, Squared

__all__ = ["fused_product", "refuse_lost"]


def fused_product(operator: Operator) -> tuple[Callable[[Array], tuple[Array, ...]], bool]:
    """Return what a kernel multiplies with, and whether the new state may replace the old.

    A real sparse matrix is multiplied by the kernel itself, in the same pass over memory.
    """
    if isinstance(operator, Squared):
        product, _ = fused_product(operator.base)
        return lambda theta: product(operator.base.matmat(theta)), True
    if isinstance(operator, MatrixOperator) and operator.is_sparse and operator.dtype.kind == "f":
        A = operator.entries
        if _is_diagonal(A):
            d = A.diagonal()
            return lambda theta: (d, theta), True
        return lambda theta: (A.indptr, A.indices, A.data, theta), False
    return lambda theta: (operator.matmat(theta),), True


def refuse_lost(*sums: FloatArray) -> None:
    """Raise where sums over a product, one a column, have left the finite numbers."""
    if not all(np.isfinite(each).all() for each in sums):
        raise NonFiniteError(
            "a product with the operator holds infinities or NaN, or numbers whose squares "
            "overflow. Look for overflow, a division by zero or missing data in it."
        )


def _is_diagonal(A: Any) -> bool:
    """Whether a CSR matrix has entries on its diagonal alone."""
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr)) if A.nnz <= A.shape[0] else None
    return rows is not None and bool((rows == A.indices).all())
