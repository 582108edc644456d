"""Kronecker products of symmetric operators, by reshaping the block (eq. (26))."""

import math
from typing import Any

import numpy as np

from symrank.errors import OperatorError
from symrank.operators.base import Operator, product_by
from symrank.operators.coerce import as_operator
from symrank.operators.matrix import MatrixOperator
from symrank.operators.middle import multiply_middle
from symrank.operators.shapes import common_dtype
from symrank.support.typing import Array

__all__ = ["KroneckerOperator", "kron"]


class KroneckerOperator(Operator):
    """The operator that `kron` returns.

    Attributes
    ----------
    factors : tuple of Operator
    """

    def __init__(self, factors: tuple[Operator, ...]) -> None:
        n = math.prod(factor.n for factor in factors)
        sizes = " x ".join(str(factor.n) for factor in factors)
        dtype = common_dtype(*(factor.dtype for factor in factors))
        super().__init__((n, n), dtype, name=f"Kronecker product {sizes}", parts=factors)
        self.factors = factors

    def _matmat(self, X: Array) -> Array:
        if X.size == 0:
            return np.zeros_like(X)
        T = X
        left = 1
        for factor in self.factors:
            T = _apply(factor, T.reshape(left, factor.n, -1))
            left *= factor.n
        return T.reshape(X.shape)

    def scale_hint(self) -> float | None:
        """Return the largest absolute entry, the product of those of the factors."""
        hints = [factor.scale_hint() for factor in self.factors]
        known = [hint for hint in hints if hint is not None]
        product = math.prod(known)
        representable = math.isfinite(product) and (product > 0.0 or 0.0 in known)
        return product if len(known) == len(hints) and representable else None


def kron(*factors: Any) -> KroneckerOperator:
    r"""Return the Kronecker product of symmetric operators; it is never formed.

    The eigenvalues are all products of eigenvalues of the factors, so the rank is the product of
    the ranks. A product by an :math:`n_1 n_2 \cdots` vector takes :math:`\prod_{j \ne i} n_j`
    products by factor i. The order is that of ``numpy.kron``.

    Parameters
    ----------
    *factors
        Two or more operators: whatever `as_operator` takes. Where they differ in precision, the
        product has the lower one, which is what its products are good for.

    Returns
    -------
    KroneckerOperator

    Raises
    ------
    OperatorError
        Where fewer than two factors are given, or one is not a square operator.

    References
    ----------
    .. [1] A. Bar et al., "The expected loss of preconditioned Langevin dynamics reveals the
       Hessian rank", AAAI 2024, eq. (26).

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import kron
    >>> A, B = np.diag([1.0, 0.0]), np.diag([3.0, 2.0, 1.0])
    >>> np.diag(kron(A, B).to_dense())
    array([3., 2., 1., 0., 0., 0.])
    """
    if len(factors) < 2:
        raise OperatorError(
            f"kron got {len(factors)} factor(s) and needs at least two. Pass kron(A, B)."
        )
    return KroneckerOperator(tuple(as_operator(factor) for factor in factors))


def _apply(factor: Operator, T: Array) -> Array:
    """Multiply the middle axis of T (left, n, right) by `factor`."""
    if T.dtype.kind == "c" and factor.dtype.kind != "c":
        parts = T.view(T.real.dtype)  # (left, n, 2 right): real and imaginary parts interleaved
        return _apply(factor, parts).view(T.dtype)
    if isinstance(factor, MatrixOperator) and not factor.is_sparse:
        entries = factor.entries.astype(T.dtype, copy=False)
        return multiply_middle(entries, T)
    left, n, right = T.shape
    columns = T.transpose(1, 0, 2).reshape(n, left * right)
    product = product_by(factor, np.ascontiguousarray(columns, dtype=factor.dtype))
    back = product.reshape(n, left, right).transpose(1, 0, 2)
    return np.ascontiguousarray(back, dtype=T.dtype)
