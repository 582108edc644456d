r"""The symmetric twin of a rectangular matrix.

    [ 0    A ]
    [ A^H  0 ]    has the eigenvalues +-sigma_i and |m - n| zeros,

so its rank is 2 rank(A), and a gap between singular values stays the same gap.
"""

from typing import Any, overload

import numpy as np

from symrank._typing import Array
from symrank.operators._factor import Factor, Factored, as_factor
from symrank.operators.base import Operator
from symrank.operators.padded import PaddedMatrix, PaddedOperator

__all__ = ["AugmentedOperator", "augmented"]


class AugmentedOperator(Factored):
    """The operator that `augmented` returns."""

    def __init__(self, factor: Factor) -> None:
        m, n = factor.shape
        super().__init__(factor, m + n, name=f"augmented {m}x{n} matrix")

    def _matmat(self, X: Array) -> Array:
        m = self.factor.shape[0]
        product = np.empty_like(X)
        product[:m] = self.factor.forward(X[m:])
        product[m:] = self.factor.adjoint(X[:m])
        return product

    def to_dense(self) -> Array:
        """Return the entries as a fresh array; by products where the factor is not known."""
        if self.num_dense_products:
            return super().to_dense()
        m = self.factor.shape[0]
        dense = np.zeros(self.shape, dtype=self.dtype)
        dense[:m, m:] = self.factor.to_dense()
        dense[m:, :m] = dense[:m, m:].conj().T
        return dense

    def scale_hint(self) -> float | None:
        """Return the largest absolute entry of the rectangular matrix, where it is known."""
        return self.factor.largest_entry


@overload
def augmented(A: PaddedMatrix) -> PaddedOperator: ...


@overload
def augmented(A: Any) -> AugmentedOperator: ...


def augmented(A: Any) -> Operator:
    r"""Make a rectangular matrix symmetric: twice its rank, the same singular values.

    The eigenvalues are :math:`\pm\sigma_i` and :math:`|m - n|` zeros. Nothing is formed, apart
    from :math:`A^H` as CSR for a sparse `A`. One product costs one by `A` and one by
    :math:`A^H`.

    Parameters
    ----------
    A
        (m, n) ndarray, scipy.sparse array or matrix, or a ``LinearOperator`` with ``rmatvec`` or
        ``rmatmat``.

    Returns
    -------
    AugmentedOperator
        Of shape (m + n, m + n), indefinite; a `PaddedOperator` of one for a `PaddedMatrix`.

    Raises
    ------
    OperatorError
        Where `A` is not a matrix, or cannot multiply by its adjoint.

    See Also
    --------
    gram : rank(A) itself and positive semidefinite, but the singular values are squared.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import augmented
    >>> A = np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
    >>> np.linalg.eigvalsh(augmented(A).to_dense()).round(12) + 0.0
    array([-4., -3.,  0.,  3.,  4.])
    """
    if isinstance(A, PaddedMatrix):
        m, n = A.shape
        twin = AugmentedOperator(as_factor(A.block))
        return PaddedOperator(twin, m + n, np.concatenate((A.rows, m + A.columns)))
    return AugmentedOperator(as_factor(A))
