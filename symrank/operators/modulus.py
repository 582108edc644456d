r"""The modulus of a rectangular matrix on its shorter side: its eigenvalues are singular values.

    |X| = (X X^H)^(1/2),   X m x n with m <= n, or X^H for X,

is positive semidefinite of order min(m, n), and its eigenvalues are the singular values of X, all
of them and no others. It has no products of its own. What counts its eigenvalues takes the factor:

    all of them by LAPACK      the singular values of X
    pivots                     those of [[0, X], [X^H, 0]], whose eigenvalues above tau > 0 are the
                               sigma_i above tau, and max(m, n) others are at most zero; those of
                               X X^H where X is long: the zeros would be too many pivots put off
    products                   Golub-Kahan steps, one product with X and one with X^H each
                               (`symrank.recurrences.golub_kahan`)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.errors import OperatorError, OptionError
from symrank.kernels.multiplicands import Csr, Given, Multiplicand
from symrank.operators.factor import Factor, Factored, as_factor
from symrank.operators.facts import DenseForm, Facts, Halves, SingularForm
from symrank.operators.scaling import power_of_two
from symrank.operators.squares import formed, multiplications, shorter_side
from symrank.support.cached import cached_property
from symrank.support.typing import Array

__all__ = ["Modulus", "scaled_factor", "twin"]

LONGEST = 2  # times the shorter side: all zeros on the diagonal beyond it are pivots put off
MOST_BEFORE = 2.0**800  # a block has entries of some 2^200 at most


class Modulus(Factored):
    """The operator whose eigenvalues are the singular values of a factor.

    Parameters
    ----------
    factor
        X, of any shape.
    """

    def __init__(self, factor: Factor) -> None:
        m, n = factor.shape
        super().__init__(factor, min(m, n), name=f"singular values of a {m}x{n} matrix")
        self.is_columnwise = sp.issparse(factor.entries) and self.dtype.kind == "f"

    def _matmat(self, X: Array) -> Array:  # noqa: ARG002
        raise OperatorError(
            f"the {self.name} are counted by products with that matrix, and (X X^H)^(1/2) itself "
            "has none. Multiply by symrank.gram(X) or symrank.augmented(X)."
        )

    def _facts(self) -> Facts:
        known, entries = replace(super()._facts(), halves=self._halves), self.factor.entries
        if entries is None:
            form = DenseForm(
                shape=self.factor.shape, is_singular=True, num_products=self.n, num_formed=self.n
            )
            return replace(known, dense=form)
        is_dense = isinstance(entries, np.ndarray)
        number = float(np.count_nonzero(entries) if is_dense else entries.nnz)
        known = replace(known, largest=self.factor.largest_entry, factor_copies=1)
        if max(self.factor.shape) > LONGEST * self.n:
            if is_dense:
                return known
            side = shorter_side(self.factor.shape)
            return replace(
                known,
                num_entries=multiplications(entries, side),
                entries=partial(formed, entries, side, 1.0),
                entry_power=2,
            )
        return replace(
            known,
            num_entries=2.0 * number,
            entries=partial(twin, entries),
            num_beside=max(self.factor.shape),
        )

    def sparse_entries(self, max_entries: float = float("inf")) -> Any:
        """Return the twin, or the square; see `Operator.sparse_entries`."""
        if isinstance(self.factor.entries, np.ndarray) and self.facts.entries is None:
            raise OptionError(
                f"a dense {self.factor.shape[0]}x{self.factor.shape[1]} matrix is more than "
                f"{LONGEST} times as long as it is wide, and the pivots of [[0, X], [X^H, 0]] "
                "would be delayed to the last. Use method='dense' or method='lanczos'."
            )
        return super().sparse_entries(max_entries)

    def singular_form(self) -> SingularForm:
        """Return the factor."""
        return SingularForm(factor=self.factor, is_squared=False, is_modulus=True)

    @cached_property
    def _transposed(self) -> Any:
        """X^T as CSR, of a real sparse X."""
        stored = self.factor.entries
        is_for_kernel = stored is not None and sp.issparse(stored) and self.dtype.kind == "f"
        return stored.T.tocsr() if is_for_kernel else None

    def times(self, factor: float) -> "Modulus":
        """Return that of `factor` times the matrix, a power of two, by products if need be."""
        return Modulus(scaled_factor(self.factor, factor))

    def _halves(self) -> Halves:
        """Return the products with X and X^H, those of a real sparse one made by the kernel."""
        m, n = self.factor.shape
        up, down = self.factor.adjoint, self.factor.forward
        if self._transposed is None:
            both = _given(up), _given(down)
        else:
            both = _csr(self._transposed), _csr(self.factor.entries)
        return Halves(max(m, n), *(both if m <= n else both[::-1]))


def scaled_factor(factor: Factor, scale: float) -> Factor:
    """Return `scale` times a factor, for a power of two."""
    if scale == 1.0:
        return factor
    if factor.entries is not None:
        return as_factor(power_of_two(scale, factor.entries))
    known = factor.largest_entry
    return replace(
        factor,
        forward=_Scaled(factor.forward, scale),
        adjoint=_Scaled(factor.adjoint, scale),
        largest_entry=None if known is None else known * scale,
    )


@dataclass(frozen=True)
class _Scaled:
    """X -> scale * product(X), the block first; a class, so that operators can be pickled."""

    product: Callable[[Array], Array]
    scale: float

    def __call__(self, X: Array) -> Array:
        before = min(self.scale, MOST_BEFORE)
        product = self.product(X * before)
        if self.scale > before:
            product *= self.scale / before
        return product


def _given(product: Callable[[Array], Array]) -> Callable[[Array], Multiplicand]:
    return lambda X: Given(product(X))


def _csr(A: Any) -> Callable[[Array], Multiplicand]:
    return lambda X: Csr(A.indptr, A.indices, A.data, X)


def twin(entries: Any, max_entries: float) -> Any:  # noqa: ARG001, of a rectangle that is stored
    """Return [[0, X], [X^H, 0]] as CSR."""
    factor = sp.csr_array(entries)
    blocks: list[list[Any]] = [[None, factor], [factor.conj().T, None]]
    return sp.csr_array(sp.block_array(blocks))
