"""What `symrank.rank` takes as `preconditioner`, made a `Preconditioner`."""

from typing import Any

import numpy as np

from symrank.errors import OptionError
from symrank.operators import Operator
from symrank.preconditioners.equilibrate import Scales
from symrank.preconditioners.preconditioner import Preconditioner

__all__ = ["as_preconditioner", "of_scales"]

HOW = (
    'Pass "jacobi", "equilibrate", "amg", the diagonal of G as a 1-D NumPy array, a '
    "symrank.Preconditioner, Preconditioner.from_factor(S) for any other G = S S*, or "
    "Preconditioner.from_products."
)


def as_preconditioner(value: Any, operator: Operator) -> Preconditioner | None:
    """Resolve what `rank` takes as `preconditioner` for this operator; None stays None."""
    if value is None or isinstance(value, Preconditioner):
        return value
    if isinstance(value, str):
        if value == "jacobi":
            return Preconditioner.jacobi(operator)
        if value == "equilibrate":
            return Preconditioner.equilibrate(operator)
        if value == "amg":
            return Preconditioner.amg(operator)
        raise OptionError(f"preconditioner={value!r} is unknown. {HOW}")
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return Preconditioner.diagonal(value)
    kind = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
    raise OptionError(f"preconditioner is {kind}, from which no G is known. {HOW}")


def of_scales(scales: Scales) -> Preconditioner:
    """Return the preconditioner with the factor diag(d)."""
    return Preconditioner._from_root(scales.root, "equilibrate")
