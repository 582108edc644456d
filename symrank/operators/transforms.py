"""Operators made from one: scaled by a power of two, squared, and under a congruence."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from symrank.errors import OperatorError, OptionError
from symrank.kernels.multiplicands import Multiplicand
from symrank.operators.base import Operator, product_by
from symrank.operators.factor import Factor
from symrank.operators.facts import Facts, SingularForm
from symrank.operators.shapes import common_dtype
from symrank.support.cached import cached_property
from symrank.support.typing import Array, FloatArray

__all__ = [
    "Congruent",
    "Scaled",
    "Squared",
]

MOST_BEFORE = 2.0**800  # a block has entries up to 2^200 or so: theta of a Langevin chain


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

    @cached_property
    def _plain(self) -> Operator | None:
        """The operator of scaled entries, where those of the base are stored."""
        return self.base.times(self.factor)

    def _facts(self) -> Facts:
        if self._plain is not None:
            return self._plain.facts
        base = self.base.facts
        known: dict[str, Any] = {"dense": base.dense, "squared_shape": base.squared_shape}
        if base.entries is not None:
            known |= {"num_entries": base.num_entries, "is_full": base.is_full}
            known["entries"] = partial(_scaled_entries, base.entries, self.factor)
        return self._facts_over(self.base, **known)

    def times(self, factor: float) -> Operator | None:
        """Return `factor` times the operator, where entries are stored."""
        return None if self._plain is None else self._plain.times(factor)

    def scaled_rows(self, root: FloatArray) -> Operator | None:
        """Return ``D A D`` of scaled entries, where they are stored."""
        return None if self._plain is None else self._plain.scaled_rows(root)

    def singular_form(self) -> SingularForm | None:
        """Return that of the base, in other units."""
        form = self.base.singular_form()
        return None if form is None else replace(form, unit=self.factor * form.unit)

    def shorter_side(self) -> Operator:
        """Return the shorter side of the base, scaled."""
        base = self.base.shorter_side()
        return self if base is self.base else Scaled(base, self.factor)

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


def _scaled_entries(entries: Callable[[float], Any], factor: float, max_entries: float) -> Any:
    return entries(max_entries) * factor


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

    def _facts(self) -> Facts:
        return self._facts_over(self.base)

    def multiplicand(
        self,
        *,
        is_summed: bool = False,  # noqa: ARG002
    ) -> tuple[Callable[[Array], Multiplicand], bool]:
        """Multiply once, and let the kernel multiply again."""
        product, _ = self.base.multiplicand()
        return lambda X: product(self.base.matmat(X)), True

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

    def _facts(self) -> Facts:
        return self._facts_over(self.base, squared_shape=self.base.facts.squared_shape)

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
