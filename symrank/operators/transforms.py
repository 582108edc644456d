"""Operators made from one: scaled by a power of two, squared, and under a congruence."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank._typing import Array, FloatArray
from symrank.errors import OperatorError, OptionError
from symrank.operators._factor import Factor, as_factor
from symrank.operators.augmented import AugmentedOperator
from symrank.operators.base import Operator, common_dtype, product_by
from symrank.operators.deflated import Deflated
from symrank.operators.gram import GramOperator
from symrank.operators.matrix import MatrixOperator
from symrank.operators.padded import MOST_WHOLE, PaddedOperator

__all__ = [
    "Congruent",
    "Scaled",
    "Squared",
    "as_augmented",
    "as_gram",
    "as_matrix",
    "gram_factor",
    "scaled_augmented",
    "scaled_gram",
    "scaled_matrix",
    "scaled_rows",
    "shorter_side",
]

MOST_BEFORE = 2.0**800  # a block has entries up to 2^200 or so: theta of a Langevin chain
BLOCK = 1 << 20  # entries of a dense matrix scaled at a time: megabytes of temporaries, not n^2


class Scaled(Operator):
    """``factor * A`` for a power of two, multiplied into the block before the product.

    An operator near 1e-300 or 1e300 so gives products of ordinary size, and no bit is lost. What a
    factor has above 2^800 comes after the product, so that the block cannot overflow.

    Parameters
    ----------
    base
        Operator of shape (n, n).
    factor
        A positive power of two that ``base.dtype`` can hold.

    Raises
    ------
    OptionError
        Where `factor` is not such a power of two.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import Scaled, as_operator
    >>> Scaled(as_operator(np.diag([3e300, 1e300])), 2.0**-996) @ np.ones(2)
    array([4.47966537, 1.49322179])
    """

    def __init__(self, base: Operator, factor: float) -> None:
        with np.errstate(over="ignore"):
            held = float(np.zeros((), dtype=base.dtype).real.dtype.type(factor))
        if not (held == factor and factor > 0.0 and math.frexp(factor)[0] == 0.5):
            raise OptionError(
                f"factor={factor!r} is not a positive power of two that {base.dtype} can hold, "
                "and only such a factor scales without rounding. Pass 2.0**k."
            )
        super().__init__(
            base.shape, base.dtype, name=base.name, is_explicit=base.is_explicit, parts=[base]
        )
        self.base = base
        self.factor = factor
        self.matvecs_per_product = base.matvecs_per_product

    def _matmat(self, X: Array) -> Array:
        before = min(self.factor, MOST_BEFORE)
        product = product_by(self.base, X * before)
        if self.factor > before:
            product *= self.factor / before
        return product

    @property
    def num_dense_products(self) -> int:
        """Products that `to_dense` takes."""
        return self.base.num_dense_products

    def to_dense(self) -> Array:
        """Return the scaled entries as a fresh array."""
        dense = self.base.to_dense()
        dense *= self.factor
        return dense

    def scale_hint(self) -> float | None:
        """Return the largest absolute entry, where it is known."""
        hint = self.base.scale_hint()
        return None if hint is None else hint * self.factor


class Squared(Operator):
    """``A A``, applied as two products; positive semidefinite and of the same rank.

    Parameters
    ----------
    base
        Operator of shape (n, n); each product costs two of its products.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import Squared, as_operator
    >>> Squared(as_operator(np.diag([-3.0, 2.0, 0.0]))) @ np.ones(3)
    array([9., 4., 0.])
    """

    def __init__(self, base: Operator) -> None:
        super().__init__(base.shape, base.dtype, name=f"square of {base.name}", parts=[base])
        self.base = base
        self.matvecs_per_product = 2 * base.matvecs_per_product

    def _matmat(self, X: Array) -> Array:
        return product_by(self.base, product_by(self.base, X))


class Congruent(Operator):
    """``S* A S`` for an invertible S: the rank and inertia of A (Sylvester), another spectrum.

    It is applied as three products and never formed. Where A and S differ in precision, the
    operator has the lower one, which is what its products are good for.

    Parameters
    ----------
    base
        A, an operator of shape (n, n).
    factor
        S, square and invertible, with the products by S and by S*.

    Raises
    ------
    OperatorError
        Where the sizes differ, or S is complex and A is real.

    See Also
    --------
    symrank.Preconditioner : what makes the factor.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank import Preconditioner
    >>> from symrank.operators import Congruent, as_operator
    >>> S = Preconditioner.from_factor(np.array([[1.0, 2.0], [0.0, 1.0]])).factor
    >>> Congruent(as_operator(np.diag([1.0, 0.0])), S).to_dense()
    array([[1., 2.],
           [2., 4.]])
    """

    def __init__(self, base: Operator, factor: Factor) -> None:
        if factor.shape != base.shape:
            raise OperatorError(
                f"the factor S is {factor.shape[0]}x{factor.shape[1]} and the operator "
                f"{base.n}x{base.n}, but S* A S needs one size. Pass a square S of order {base.n}."
            )
        if factor.dtype.kind == "c" and base.dtype.kind != "c":
            raise OperatorError(
                f"the factor S is {factor.dtype} and the operator {base.dtype}, but S* A S is "
                "complex. Make the operator complex, for example by A.astype(complex)."
            )
        dtype = common_dtype(base.dtype, factor.dtype)
        name = f"congruence of {base.name}"
        super().__init__(base.shape, dtype, name=name, parts=[base, factor])
        self.base = base
        self.factor = factor
        self.matvecs_per_product = base.matvecs_per_product

    def _matmat(self, X: Array) -> Array:
        Y = _multiply(self.factor.forward, X, self.factor.dtype, self.base.dtype)
        Y = product_by(self.base, Y)
        return _multiply(self.factor.adjoint, Y, self.factor.dtype, self.dtype)


def _multiply(
    product: Callable[[Array], Array], X: Array, inner: np.dtype[Any], outer: np.dtype[Any]
) -> Array:
    """Return S X or S* X in the dtype `outer`, where S itself multiplies blocks of `inner`."""
    if X.dtype.kind == "c" and inner.kind != "c":
        parts = X.view(X.real.dtype)  # (n, 2k): real and imaginary parts interleaved
        return _multiply(product, parts, inner, outer.type(0).real.dtype).view(outer)
    return np.ascontiguousarray(product(X.astype(inner, copy=False)), dtype=outer)


def shorter_side(operator: Operator) -> Operator:
    """Return the smaller operator with all eigenvalues of a Gram operator except zeros, if any.

    A A^H for A^H A and the other way round, also scaled; any other operator as it is.
    """
    if isinstance(operator, Scaled):
        base = shorter_side(operator.base)
        return operator if base is operator.base else Scaled(base, operator.factor)
    if isinstance(operator, GramOperator) and min(operator.factor.shape) < operator.n:
        return operator.other_side()
    return operator


def gram_factor(operator: Operator) -> Factor | None:
    """Return the matrix with known entries whose singular values an operator has squared.

    `gram` of one, also scaled, under a congruence or on the complement of null vectors.
    """
    while isinstance(operator, Scaled | Congruent | Deflated):
        operator = operator.base
    if isinstance(operator, GramOperator) and operator.factor.entries is not None:
        return operator.factor
    return None


def as_matrix(operator: Operator) -> MatrixOperator | None:
    """Return the operator as a matrix with entries, if it is one."""
    if isinstance(operator, MatrixOperator):
        return operator
    if isinstance(operator, Scaled):
        matrix = as_matrix(operator.base)
        return None if matrix is None else MatrixOperator(matrix.entries * operator.factor)
    if isinstance(operator, PaddedOperator) and operator.n <= MOST_WHOLE:
        whole = operator.whole()
        return whole if isinstance(whole, MatrixOperator) else None
    return None


def as_augmented(operator: Operator) -> AugmentedOperator | None:
    """Return the operator as `augmented` of a matrix with entries, if it is that."""
    if isinstance(operator, AugmentedOperator):
        return None if operator.factor.entries is None else operator
    if isinstance(operator, Scaled):
        base = as_augmented(operator.base)
        factor = operator.factor
        return None if base is None else AugmentedOperator(as_factor(base.factor.entries * factor))
    return None


def as_gram(operator: Operator) -> GramOperator | None:
    """Return the operator as the Gram operator of a matrix with entries, if it is that."""
    if isinstance(operator, GramOperator) and operator.factor.entries is not None:
        return operator
    return None


def scaled_matrix(A: MatrixOperator, root: FloatArray) -> MatrixOperator:
    """Return ``D A D``, D = diag(root) > 0, as a matrix of the same kind and dtype.

    Exponents are added apart from the mantissas: no intermediate leaves the range unless the entry
    does, and the entries of a symmetric matrix stay equal to the last bit.
    """
    return MatrixOperator(scaled_rows(A.entries, root, root))


def scaled_augmented(A: AugmentedOperator, root: FloatArray) -> AugmentedOperator:
    """Return ``D A D`` as `augmented` of a rectangular matrix of scaled entries."""
    m = A.factor.shape[0]
    return AugmentedOperator(as_factor(scaled_rows(A.factor.entries, root[:m], root[m:])))


def scaled_gram(A: GramOperator, root: FloatArray) -> GramOperator:
    """Return ``D A D`` as `gram` of a matrix of scaled entries."""
    m, n = A.factor.shape
    left, right = (np.ones(m), root) if A.side == "columns" else (root, np.ones(n))
    entries = scaled_rows(A.factor.entries, left, right)
    return GramOperator(as_factor(entries), A.side, A.scale)


def scaled_rows(entries: Any, left: FloatArray, right: FloatArray) -> Any:
    """Return ``diag(left) A diag(right)``, an ndarray or a CSR array as A is."""
    if not isinstance(entries, np.ndarray):
        by_entry = np.repeat(left, np.diff(entries.indptr))
        data = _scaled_entries(entries.data, by_entry, right[entries.indices])
        return sp.csr_array((data, entries.indices, entries.indptr), shape=entries.shape)
    scaled = np.empty_like(entries)
    step = max(1, BLOCK // max(entries.shape[1], 1))
    for start in range(0, len(entries), step):
        rows = slice(start, start + step)
        scaled[rows] = _scaled_entries(entries[rows], left[rows, None], right)
    return scaled


def _scaled_entries(values: Array, left: FloatArray, right: FloatArray) -> Array:
    """Return values * left * right in the dtype of `values`; what overflows is infinite."""
    (left, left_exponent), (right, right_exponent) = np.frexp(left), np.frexp(right)
    mantissa, exponent = left * right, left_exponent + right_exponent
    scaled = np.empty(np.broadcast_shapes(values.shape, mantissa.shape), values.dtype)
    parts = [(values, scaled)]
    if values.dtype.kind == "c":
        parts = [(values.real, scaled.real), (values.imag, scaled.imag)]
    with np.errstate(over="ignore", under="ignore"):
        for part, out in parts:
            size, own_exponent = np.frexp(part)
            out[...] = np.ldexp(size * mantissa, exponent + own_exponent)
    return scaled
