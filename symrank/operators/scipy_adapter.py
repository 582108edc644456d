"""SciPy ``LinearOperator`` as a symrank operator."""

from typing import Any

import numpy as np
import scipy.sparse.linalg as spla

from symrank.operators.base import Operator
from symrank.operators.shapes import working_dtype
from symrank.support import foreign
from symrank.support.typing import Array

__all__ = ["ScipyOperator", "linear_operator_dtype", "multiplies_blocks", "multiply"]


class ScipyOperator(Operator):
    """A SciPy ``LinearOperator``, with or without ``matmat``.

    Where the user gave ``matvec`` only, columns are passed one by one as vectors of shape (n,).
    Where the dtype is None, one product with a vector of ones tells it.

    Parameters
    ----------
    A
        (n, n) ``scipy.sparse.linalg.LinearOperator``, taken to be its own adjoint.

    Raises
    ------
    OperatorError
        Where `A` is not square, or its products are none of its dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse.linalg import LinearOperator
    >>> from symrank.operators import ScipyOperator
    >>> d = np.array([3.0, 1.0, 0.0])
    >>> A = ScipyOperator(LinearOperator((3, 3), matvec=lambda x: d * x))
    >>> A @ np.ones((3, 2))
    array([[3., 3.],
           [1., 1.],
           [0., 0.]])
    """

    def __init__(self, A: "spla.LinearOperator[Any]") -> None:
        super().__init__(A.shape, np.float64, name="SciPy LinearOperator")
        self.dtype = linear_operator_dtype(A)
        self.linear_operator = A
        self.is_columnwise = not multiplies_blocks(A)
        self.is_foreign = True

    def _matmat(self, X: Array) -> Array:
        return multiply(self.linear_operator, X, self.dtype)

    def _summed(self, X: Array) -> Array:
        return multiply(self.linear_operator, X, self.dtype, is_summed=True)


def linear_operator_dtype(A: "spla.LinearOperator[Any]") -> np.dtype[Any]:
    """Return the working dtype, by a product where the operator does not state one."""
    stated: Any = A.dtype  # a subclass may leave it None
    if stated is not None:
        return working_dtype(stated)
    with foreign.callers_code():
        product = A.matvec(np.ones(A.shape[1]))
    return working_dtype(np.asarray(product).dtype)


def multiply(
    A: "spla.LinearOperator[Any]", X: Array, dtype: np.dtype[Any], *, is_summed: bool = False
) -> Array:
    """Return A X as a fresh C-ordered array of `dtype`, as `foreign.product_of` does."""
    shape, what = (A.shape[0], X.shape[1]), "the LinearOperator"
    if multiplies_blocks(A):
        return foreign.product_of(A.matmat, X, shape, dtype, what, is_summed=is_summed)
    product = np.empty(shape, dtype=dtype)
    for j in range(X.shape[1]):
        product[:, j] = foreign.product_of(A.matvec, X[:, j], shape[:1], dtype, what)
    return product


def multiplies_blocks(A: Any, method: str = "_matmat", base: type = spla.LinearOperator) -> bool:
    """Tell whether every user function behind `method` of `A` takes a block.

    SciPy's own fallback passes columns of shape (n, 1), on which a function written for vectors,
    such as ``lambda x: d * x``, fails. Sums, products and adjoints keep their parts in ``args``.
    CuPy has the same classes over a `base` of its own.
    """
    kind = type(A).__name__
    if kind == "_CustomLinearOperator":
        return getattr(A, f"_CustomLinearOperator_{method}_impl", None) is not None
    if getattr(type(A), method) is getattr(base, method):
        return False
    if kind in {"_AdjointLinearOperator", "_TransposedLinearOperator"}:
        method = "_rmatmat" if method == "_matmat" else "_matmat"
    parts = [part for part in getattr(A, "args", ()) if isinstance(part, base)]
    return all(multiplies_blocks(part, method, base) for part in parts)
