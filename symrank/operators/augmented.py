r"""The symmetric twin of a rectangular matrix.

    [ 0    A ]
    [ A^H  0 ]    has the eigenvalues +-sigma_i and |m - n| zeros,

so its rank is 2 rank(A), and a gap between singular values stays the same gap.
"""

from dataclasses import replace
from functools import partial
from typing import Any, overload

import numpy as np

from symrank.operators.base import Moduli, Operator
from symrank.operators.factor import Factor, Factored, as_factor
from symrank.operators.facts import DenseForm, Facts, ScalableRows, SingularForm, entry_work
from symrank.operators.modulus import Modulus, twin
from symrank.operators.padded import PaddedMatrix, PaddedOperator
from symrank.operators.patterns import structural_rank
from symrank.operators.scaling import power_of_two, scaled_rows
from symrank.support.typing import Array, FloatArray

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

    def _facts(self) -> Facts:
        known = super()._facts()
        m, n = self.factor.shape
        entries = self.factor.entries
        if entries is None:
            side = min(m, n)
            form = DenseForm(shape=(m, n), is_singular=True, num_products=side, num_formed=side)
            return replace(known, dense=form)
        number = entry_work(entries, 2.0)
        return replace(
            known,
            factor_copies=2,
            num_entries=number.in_order + number.by_index,
            rows=partial(_rows, entries),
            entries=partial(twin, entries),
            structural_rank=None if isinstance(entries, np.ndarray) else partial(_twice, entries),
        )

    def singular_form(self) -> SingularForm:
        """Return the rectangle."""
        return SingularForm(factor=self.factor, is_squared=False)

    def modulus(self) -> Moduli:
        """Return the operator of the singular values of the rectangle."""
        return Moduli(Modulus(self.factor), power=1)

    def times(self, factor: float) -> "AugmentedOperator | None":
        """Return `factor` times the operator, a power of two, where its entries are stored."""
        if self.factor.entries is None:
            return None
        return AugmentedOperator(as_factor(power_of_two(factor, self.factor.entries)))

    def scaled_rows(self, root: FloatArray) -> "AugmentedOperator | None":
        """Return ``D A D`` as `augmented` of a rectangular matrix of scaled entries."""
        m, entries = self.factor.shape[0], self.factor.entries
        if entries is None:
            return None
        return AugmentedOperator(as_factor(scaled_rows(entries, root[:m], root[m:])))

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


def _rows(entries: Any) -> ScalableRows:
    return ScalableRows(parts=(entries, entries.T))


def _twice(entries: Any) -> tuple[int, int]:
    low, high = structural_rank(entries)
    return 2 * low, 2 * high
