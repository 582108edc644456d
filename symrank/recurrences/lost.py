"""What a recurrence does where the sums over a product are lost."""

import numpy as np

from symrank.errors import NonFiniteError
from symrank.kernels.multiplicands import Given, Multiplicand
from symrank.support.foreign import refuse_non_finite
from symrank.support.typing import FloatArray

__all__ = ["refuse_lost"]


def refuse_lost(*sums: FloatArray, parts: Multiplicand | None = None) -> None:
    """Raise where sums over a product, one per column, have left the finite numbers.

    `parts` is what the operator's `multiplicand` gave: a product that is not finite itself tells
    its row.
    """
    if not all(np.isfinite(each).all() for each in sums):
        if isinstance(parts, Given):
            refuse_non_finite(parts.Y)
        raise NonFiniteError(
            "a product with the operator holds infinities or NaN, or numbers whose squares "
            "overflow. Look for overflow, a division by zero or missing data in it."
        )
