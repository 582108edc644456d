"""Operators made from one operator: scaled by a power of two, and squared."""

import math

import numpy as np

from symrank._typing import Array
from symrank.errors import OptionError
from symrank.operators.base import Operator

__all__ = ["Scaled", "Squared"]


class Scaled(Operator):
    """``factor * A`` for a power of two, multiplied into the block before the product.

    An operator near 1e-300 or 1e300 so gives products of ordinary size, and no bit is lost.

    Parameters
    ----------
    base
        Operator of shape (n, n).
    factor
        A positive power of two that `base.dtype` can hold.

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
        super().__init__(base.shape, base.dtype, name=base.name, is_explicit=base.is_explicit)
        self.base = base
        self.factor = factor
        self.matvecs_per_product = base.matvecs_per_product

    def _matmat(self, X: Array) -> Array:
        return self.base._matmat(X * self.factor)

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
        super().__init__(base.shape, base.dtype, name=f"square of {base.name}")
        self.base = base
        self.matvecs_per_product = 2 * base.matvecs_per_product

    def _matmat(self, X: Array) -> Array:
        return self.base._matmat(self.base._matmat(X))
