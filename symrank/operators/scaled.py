"""Operators of extreme norm, brought to ordinary numbers by a power of two."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from symrank.errors import NonFiniteError, OptionError
from symrank.operators.base import Moduli, Operator, product_by
from symrank.operators.facts import Facts, SingularForm
from symrank.support import foreign
from symrank.support.cached import cached_property
from symrank.support.typing import Array, FloatArray

__all__ = ["Scaled", "within_range"]

# exponents of |A|: Lanczos vectors are not normalised, and the square of a product with one, about
# |A|^4, stays in the range up to here
EXTREME = {"f": 30, "F": 30, "d": 200, "D": 200}
SMALL = 2.0**-600  # what overflows for x tells its size for a small x
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

    _follows_parts = True

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

    def modulus(self) -> Moduli | None:
        """Return that of the base in other units; None where the root of a factor is needed."""
        whole = self.base.modulus()
        if whole is None or whole.power != 1:
            return None
        scaled = whole.operator.times(self.factor)
        return None if scaled is None else Moduli(scaled, power=1)

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


def within_range(
    operator: Operator, draw: Callable[[], Array], count: Callable[[int], None]
) -> tuple[Operator, float]:
    """Scale an operator of extreme norm by a power of two; return it with the factor.

    Parameters
    ----------
    operator
        Its size is that of the largest entry, where entries are known.
    draw
        Returns a vector, (n, 1), whose product tells it elsewhere.
    count
        Told of every such product, one at a time.

    Raises
    ------
    NonFiniteError
        Where a product is not finite.
    """
    size = operator.facts.largest
    if size is None and operator.n:
        x = draw()
        for small in (1.0, SMALL):
            size = _product_size(operator, (small * x).astype(operator.dtype)) / small
            count(operator.matvecs_per_product)
            if math.isfinite(size):
                break
    is_for_later = operator.is_explicit and size is not None and not math.isfinite(size)
    if size is None or size == 0.0 or is_for_later:  # `checked` names the entry
        return operator, 1.0
    if not math.isfinite(size):
        msg = (
            "a product with A holds infinities or NaN: the rank of such an operator is not "
            "defined. Look for overflow, division by zero or missing data in A."
        )
        raise NonFiniteError(msg)
    exponent = math.frexp(size)[1]
    if abs(exponent) <= EXTREME[operator.dtype.char]:
        return operator, 1.0
    factor = math.ldexp(1.0, -max(min(exponent, 1000), -1022))  # its inverse must be normal
    stored = operator.times(factor)
    return Scaled(operator, factor) if stored is None else stored, factor


def _product_size(operator: Operator, x: Array) -> float:
    """Return the largest number of a product; infinite where it overflows."""
    try:
        with foreign.overflow_allowed():
            y = operator.matmat(x)
        foreign.refuse_non_finite(y)
    except NonFiniteError as error:
        if foreign.is_callers(error):
            raise
        return math.inf
    return float(np.abs(y).max())
