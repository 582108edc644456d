"""A - c I: counting in an interval is counting round zero after a shift."""

import numpy as np
import scipy.sparse as sp

from symrank.operators.base import Operator
from symrank.operators.facts import Facts
from symrank.operators.matrix import MatrixOperator
from symrank.support.typing import Array

__all__ = ["Shifted", "shift"]


class Shifted(Operator):
    """``A - c I``, multiplied as a product and a subtraction.

    Parameters
    ----------
    base
        Operator of shape (n, n).
    c
        The shift.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import Shifted, as_operator
    >>> Shifted(as_operator(np.diag([3.0, 2.0])), 2.0) @ np.ones(2)
    array([1., 0.])
    """

    _follows_parts = True

    def __init__(self, base: Operator, c: float) -> None:
        super().__init__(base.shape, base.dtype, name=f"{base.name} - {c:.6g} I", parts=[base])
        self.base = base
        self.c = c
        self.matvecs_per_product = base.matvecs_per_product

    def _facts(self) -> Facts:
        return self._facts_over(self.base)

    def _matmat(self, X: Array) -> Array:
        Y = self.base.matmat(X)
        Y -= self.dtype.type(self.c).item() * X
        return Y


def shift(operator: Operator, c: float) -> Operator:
    """Return ``A - c I``; an explicit matrix stays one, so that its fast paths still apply."""
    entries = operator.facts.stored
    if entries is None:
        return Shifted(operator, c)
    if not isinstance(entries, np.ndarray):
        identity = sp.eye_array(operator.n, dtype=operator.dtype, format="csr")
        return MatrixOperator(entries - operator.dtype.type(c) * identity)
    entries = entries.copy()
    entries[np.diag_indices(operator.n)] -= operator.dtype.type(c)
    return MatrixOperator(entries)
