"""What a recurrence does where the sums over a product are lost."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symrank._foreign import refuse_non_finite
from symrank._typing import FloatArray
from symrank.errors import NonFiniteError

__all__ = ["refuse_lost"]


def refuse_lost(*sums: FloatArray, parts: Sequence[Any] = ()) -> None:
    """Raise where sums over a product, one a column, have left the finite numbers.

    `parts` is what the operator's `multiplicand` gave: a product that is not finite itself tells
    its row.
    """
    if not all(np.isfinite(each).all() for each in sums):
        if len(parts) == 1:
            refuse_non_finite(parts[0])
        raise NonFiniteError(
            "a product with the operator holds infinities or NaN, or numbers whose squares "
            "overflow. Look for overflow, a division by zero or missing data in it."
        )
