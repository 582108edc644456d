r"""A vector whose product is known from the door: it tells an operator that has changed.

An operator that is known by its products may change while it is multiplied: weights that train on,
a mini-batch that moves on, dropout that comes and goes. So one Gaussian vector x is multiplied at
the door and again at the end of every round, and

    |A x - (A x)_door| <= rtol (|A x| + sqrt(n) spare)

must hold. It is the rule by which the door compares two products: rounding, and the noise that was
declared. Every change E of the operator is in E x, with probability one; it is seen where |E x| is
above that. Not seen: a change that is undone before the round ends, one that is no larger than the
declared noise, and an operator that answers by the number of columns or recognises x.

For Gaussian x, |A x| >= |A| |z|, z standard normal. So with four of them

    |A| <= max_j |A x_j| / 1e-3   except with probability (0.8 * 1e-3)^4 < 1e-12.

No norm that a method sees may exceed it: products that are wrong for a moment mostly do.
"""

from dataclasses import dataclass

import numpy as np

from symrank.errors import ChangedOperatorError, LostWorkersError, NonFiniteError, SymrankError
from symrank.operators.base import Operator
from symrank.support import foreign
from symrank.support.typing import Array

__all__ = ["Witness", "norms", "relative_change"]

LEAST = 1e-3  # of |z|


@dataclass(frozen=True, kw_only=True)
class Witness:
    """An operator with a vector, its product at the door, and what may lie between two products."""

    operator: Operator
    x: Array  # (n, 1)
    y: Array  # (n, 1)
    rtol: float
    spare: float  # sqrt(n) times the noise declared, in the units of y
    norm_bound: float  # |A|

    def look(self) -> int:
        """Multiply again; return the products with the caller's operator.

        Raises
        ------
        ChangedOperatorError
            Where the product is another one.
        """
        change = relative_change(self.y, self.operator.matmat(self.x), self.spare)
        if not change <= self.rtol:
            raise ChangedOperatorError(
                f"the operator changed while it was multiplied: the product with a vector differs "
                f"by {change:.3g} of its size from that at the door, and {self.rtol:.3g} is "
                "allowed for rounding and the declared noise. Freeze it (one fixed batch of data, "
                "fixed weights and seeds), or declare its error by `noise`."
            )
        return self.operator.matvecs_per_product

    def explain(self, error: Exception) -> int:
        """Look whether an error is that of an operator that has changed; raise that from it.

        Errors that say of the operator what is wrong with it, and those of the caller's code, need
        no explanation and no product.
        """
        known = NonFiniteError, ChangedOperatorError, LostWorkersError
        if isinstance(error, known) or foreign.is_callers(error):
            return 0
        try:
            return self.look()
        except SymrankError as changed:
            raise changed from error


def relative_change(Y: Array, again: Array, spare: float | Array = 0.0) -> float:
    """Return the largest |again - Y| of a column, relative to its size and `spare`."""
    scale = float(max(np.abs(Y).max(initial=0.0), np.abs(again).max(initial=0.0)))
    if scale == 0.0:
        return 0.0
    wide = np.complex128 if Y.dtype.kind == "c" else np.float64
    first, second = Y.astype(wide) / scale, again.astype(wide) / scale
    sizes = np.maximum(norms(first), norms(second)) + np.asarray(spare) / scale
    difference = norms(second - first)
    return float((difference / np.maximum(sizes, np.finfo(np.float64).tiny)).max())


def norms(X: Array) -> Array:
    """Return the 2-norms of the columns."""
    found: Array = np.linalg.norm(X, axis=0)
    return found
