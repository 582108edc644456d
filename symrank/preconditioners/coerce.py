"""What `symrank.rank` takes as `preconditioner`, made a `Preconditioner`."""

from typing import Any

import numpy as np

from symrank.errors import OptionError
from symrank.operators.facts import Facts
from symrank.preconditioners.equilibrate import Scales
from symrank.preconditioners.preconditioner import HOW, Preconditioner

__all__ = ["as_preconditioner", "of_scales"]


def as_preconditioner(value: Any, facts: Facts) -> Preconditioner | None:
    """Resolve what `rank` takes as `preconditioner` for an operator; None stays None."""
    if value is None or isinstance(value, Preconditioner):
        return value
    if isinstance(value, str):
        return Preconditioner.named(value, facts)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return Preconditioner.diagonal(value)
    kind = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
    raise OptionError(f"preconditioner is {kind}, from which no G is known. {HOW}")


def of_scales(scales: Scales) -> Preconditioner:
    """Return the preconditioner with the factor diag(d)."""
    return Preconditioner._from_root(scales.root, "equilibrate")
