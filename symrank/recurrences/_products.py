"""What a kernel multiplies with: an operator's product, or the operator itself."""

from collections.abc import Callable
from typing import Any

import numpy as np

from symrank._foreign import refuse_non_finite
from symrank._typing import Array, FloatArray
from symrank.errors import NonFiniteError
from symrank.kernels._multiplicands import Csr, Diagonal, Given, Multiplicand
from symrank.operators import MatrixOperator, Operator, Squared
from symrank.operators.base import summed_product

__all__ = ["fused_product", "refuse_lost"]


def fused_product(
    operator: Operator, *, is_summed: bool = False
) -> tuple[Callable[[Array], Multiplicand], bool]:
    """Return what a kernel multiplies with, and whether the new state may replace the old.

    A real sparse matrix is multiplied by the kernel itself, in the same pass over memory. With
    `is_summed` the sums of a step are looked at (`refuse_lost`), and not every product.
    """
    if isinstance(operator, Squared):
        product, _ = fused_product(operator.base)
        return lambda theta: product(operator.base.matmat(theta)), True
    if isinstance(operator, MatrixOperator) and operator.is_sparse and operator.dtype.kind == "f":
        A = operator.entries
        if _is_diagonal(A):
            d = A.diagonal()
            return lambda theta: Diagonal(d, theta), True
        return lambda theta: Csr(A.indptr, A.indices, A.data, theta), False
    if is_summed:
        return lambda theta: Given(summed_product(operator, theta)), True
    return lambda theta: Given(operator.matmat(theta)), True


def refuse_lost(*sums: FloatArray, parts: Multiplicand | None = None) -> None:
    """Raise where sums over a product, one per column, have left the finite numbers.

    `parts` is what `fused_product` gave: a product that is not finite itself tells its row.
    """
    if not all(np.isfinite(each).all() for each in sums):
        if isinstance(parts, Given):
            refuse_non_finite(parts.Y)
        raise NonFiniteError(
            "a product with the operator holds infinities or NaN, or numbers whose squares "
            "overflow. Look for overflow, a division by zero or missing data in it."
        )


def _is_diagonal(A: Any) -> bool:
    """Whether a CSR matrix has entries on its diagonal alone."""
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr)) if A.nnz <= A.shape[0] else None
    return rows is not None and bool((rows == A.indices).all())
