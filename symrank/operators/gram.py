r"""The Gram operator of a rectangular matrix: A^H A or A A^H, by products only.

Its eigenvalues are sigma_i^2. Where squares of the entries would leave the range of the
floating-point numbers, A is first scaled by an exact power of two, which moves no rank.
"""

import math
from dataclasses import replace
from functools import partial
from typing import Any, overload

import numpy as np

from symrank.errors import NonFiniteError, OptionError
from symrank.operators.base import Moduli, Operator
from symrank.operators.factor import Factor, Factored, as_factor
from symrank.operators.facts import DenseForm, Facts, ScalableRows, SingularForm
from symrank.operators.modulus import Modulus, scaled_factor
from symrank.operators.padded import PaddedMatrix, PaddedOperator
from symrank.operators.patterns import structural_rank
from symrank.operators.scaling import scaled_rows
from symrank.operators.squares import Side, formed, multiplications
from symrank.operators.sums import squared
from symrank.support.typing import Array, FloatArray

__all__ = ["GramOperator", "gram"]

# |log2 max|a_ij|| above which A is scaled: the square of an entry that is eps times smaller, and
# a sum of 2^60 squares, must still be normal numbers: 2 * 400 + 2 * 52 < 1022, 2 * 25 + 60 < 127.
SAFE_EXPONENT = {"f": 25, "d": 400}
# Largest |exponent| of the scale: block entries times the scale must be normal numbers as well.
MAX_SCALE_EXPONENT = {"f": 100, "d": 960}


class GramOperator(Factored):
    """The operator that `gram` returns.

    Attributes
    ----------
    scale : float
        The power of two by which A is multiplied; 1.0 unless its entries are extreme.
    """

    def __init__(self, factor: Factor, side: Side, scale: float | None = None) -> None:
        m, n = factor.shape
        columns = side == "columns"
        size = n if columns else m
        super().__init__(factor, size, name=f"Gram operator of a {m}x{n} matrix")
        self.side = side
        self.scale = _scale(factor) if scale is None else scale
        self._first = factor.forward if columns else factor.adjoint
        self._second = factor.adjoint if columns else factor.forward

    def _matmat(self, X: Array) -> Array:
        if self.scale == 1.0:
            return self._second(self._first(X))
        return self._second(self._first(X * self.scale) * self.scale)

    def _facts(self) -> Facts:
        known = super()._facts()
        entries = self.factor.entries
        if entries is None:
            side = min(self.factor.shape)
            form = DenseForm(shape=(side, side), num_products=side, num_formed=side)
            return replace(known, dense=form)
        work = multiplications(entries, self.side)
        return replace(
            known,
            num_entries=work,
            rows=partial(_rows, entries, self.side, self.scale),
            entries=partial(formed, entries, self.side, self.scale),
            squared_shape=self.factor.shape if self.factor.largest_entry else None,
            structural_rank=None
            if isinstance(entries, np.ndarray)
            else partial(structural_rank, entries),
        )

    def singular_form(self) -> SingularForm | None:
        """Return the factor: squaring would lose what lies below the root of the floor."""
        if self.factor.entries is None:
            return None
        return SingularForm(factor=self.factor, is_squared=True, scale=self.scale)

    def modulus(self) -> Moduli:
        """Return the operator of the singular values of ``scale * A``, not squared."""
        return Moduli(Modulus(scaled_factor(self.factor, self.scale)), power=2)

    def scaled_rows(self, root: FloatArray) -> "GramOperator | None":
        """Return ``D A D`` as `gram` of a matrix of scaled entries."""
        if self.factor.entries is None:
            return None
        m, n = self.factor.shape
        left, right = (np.ones(m), root) if self.side == "columns" else (root, np.ones(n))
        entries = scaled_rows(self.factor.entries, left, right)
        return GramOperator(as_factor(entries), self.side, self.scale)

    def shorter_side(self) -> Operator:
        """Return A A^H for A^H A and the other way round, where that is smaller."""
        return self.other_side() if min(self.factor.shape) < self.n else self

    def other_side(self) -> "GramOperator":
        """Return A A^H for A^H A and the other way round: the same eigenvalues but zeros."""
        side: Side = "rows" if self.side == "columns" else "columns"
        return GramOperator(self.factor, side, self.scale)

    def to_dense(self) -> Array:
        """Return the entries as a fresh array; by products where the factor is not known."""
        if self.num_dense_products:
            return super().to_dense()
        factor = self.factor.entries
        if self.side == "rows":
            factor = factor.conj().T
        product = squared(factor, self.scale)
        return product if isinstance(product, np.ndarray) else np.asarray(product.toarray())


@overload
def gram(A: PaddedMatrix, side: Side = ...) -> PaddedOperator: ...


@overload
def gram(A: Any, side: Side = ...) -> GramOperator: ...


def gram(A: Any, side: Side = "columns") -> Operator:
    r"""Return :math:`A^H A` or :math:`A A^H`: the rank of `A`, singular values squared.

    Positive semidefinite, of the same rank as `A`. Singular values below
    :math:`\sqrt{500\,\varepsilon}\,\sigma_1`, 3e-7 of the largest in double precision, fall
    below the noise floor of the products: `augmented` keeps them. Where the entries of `A` are
    known, `Dense` computes the singular values and leaves those below the floor open, and no other
    method calls a count exact that could hide some (`RankResult.notes`). Nothing is formed, apart
    from :math:`A^H` as CSR for a sparse `A`. Long sums of single precision are taken in double.

    Where the square of the largest entry would over- or underflow (about 1e120 or 1e-120 in
    double precision), the operator is that of ``scale * A`` with an exact power of two ``scale``.
    The rank stays; the eigenvalues are those of the scaled matrix. For a ``LinearOperator`` one
    product tells the magnitude.

    Parameters
    ----------
    A
        (m, n) ndarray, scipy.sparse array or matrix, or a ``LinearOperator`` with ``rmatvec`` or
        ``rmatmat``.
    side
        "columns": :math:`A^H A`, n x n. "rows": :math:`A A^H`, m x m. The smaller one is cheaper.

    Returns
    -------
    GramOperator
        A `PaddedOperator` of one for a `PaddedMatrix`.

    Raises
    ------
    OperatorError
        Where `A` is not a matrix, or cannot multiply by its adjoint.
    OptionError
        Where `side` is neither of the two words.

    See Also
    --------
    augmented : rank 2 rank(A), singular values kept.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import gram
    >>> A = np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
    >>> gram(A, side="rows").to_dense()
    array([[ 9.,  0.],
           [ 0., 16.]])
    """
    if side not in ("columns", "rows"):
        raise OptionError(
            f"side={side!r} is not a side of a matrix. "
            'Pass "columns" for A^H A or "rows" for A A^H.'
        )
    if isinstance(A, PaddedMatrix):
        (m, n), columns = A.shape, side == "columns"
        block = GramOperator(as_factor(A.block), side)
        return PaddedOperator(block, n if columns else m, A.columns if columns else A.rows)
    return GramOperator(as_factor(A), side)


def _scale(factor: Factor) -> float:
    """Return 1.0, or the power of two that brings extreme entries near one."""
    magnitude = factor.largest_entry
    if magnitude is None:
        magnitude = _probe_magnitude(factor)
    precision = factor.dtype.char.lower()
    exponent = math.frexp(magnitude)[1]  # 0 for 0, infinity and NaN: no scale
    if abs(exponent) <= SAFE_EXPONENT[precision]:
        return 1.0
    limit = MAX_SCALE_EXPONENT[precision]
    return math.ldexp(1.0, max(-limit, min(limit, -exponent)))


def _probe_magnitude(factor: Factor) -> float:
    """Estimate max |a_ij| by one product with a fixed vector of random signs."""
    signs = np.random.default_rng(0).integers(2, size=(factor.shape[1], 1)) * 2 - 1
    try:
        product = factor.forward(signs.astype(factor.dtype))
    except NonFiniteError:
        return math.inf
    return float(np.abs(product).max(initial=0.0))


def _rows(entries: Any, side: str, scale: float) -> ScalableRows:
    """Return X of ``scale^2 X X^H``."""
    if side == "columns":
        entries = entries.T if isinstance(entries, np.ndarray) else entries.T.tocsr()
    return ScalableRows(parts=(entries,), is_root=True, scale=scale)
