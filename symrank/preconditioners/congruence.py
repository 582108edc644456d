"""S* A S, the operator that a method runs on instead of A."""

from typing import Any

import numpy as np

from symrank.errors import OptionError
from symrank.operators import Operator
from symrank.operators.transforms import Congruent
from symrank.preconditioners.diagonals import refuse_first
from symrank.preconditioners.preconditioner import Preconditioner
from symrank.support.typing import FloatArray

__all__ = ["apply"]


def apply(operator: Operator, preconditioner: Preconditioner) -> Operator:
    """Return S* A S: of scaled entries for a diagonal S and an A with entries, else products.

    Parameters
    ----------
    operator
        A; its entries are not changed.
    preconditioner
        G = S S* of the same order.

    Returns
    -------
    Operator
        In the dtype of A, unless S has the lower precision; A itself where G has no factor.

    Raises
    ------
    OptionError
        Where the sizes differ, or the scaled entries leave the range of the dtype of A.
    """
    if preconditioner.n != operator.n:
        raise OptionError(
            f"the preconditioner is {preconditioner.n}x{preconditioner.n} and the operator "
            f"{operator.n}x{operator.n}: both must have one size. Pass a G of order {operator.n}."
        )
    if preconditioner.factor is None:
        return operator
    root = preconditioner.root
    if root is None:
        return Congruent(operator, preconditioner.factor)
    scaled = operator.scaled_rows(root)
    if scaled is None:
        _check_range(root, operator.dtype)
        return Congruent(operator, preconditioner.factor)
    scaled.matvecs_per_product = operator.matvecs_per_product
    largest = operator.facts.largest_stored
    if np.isfinite(largest) and not np.isfinite(scaled.facts.largest_stored):
        raise OptionError(
            f"S* A S overflows {operator.dtype} for this {preconditioner!r}: sqrt(g) reaches "
            f"{root.max():.3g}. Divide the diagonal of G by a constant, which moves no rank."
        )
    return scaled


def _check_range(root: FloatArray, dtype: np.dtype[Any]) -> None:
    """Raise where sqrt(g) is no normal number in the precision of the operator."""
    limits = np.finfo(dtype)
    refuse_first(
        root,
        ~((root >= limits.tiny) & (root <= limits.max)),
        f"sqrt(g) of the preconditioner must be a normal number in {dtype}",
        "Multiply the diagonal of G by a constant, which moves no rank.",
    )
