"""The entries of an operator as one sparse matrix, where they are known."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.errors import OptionError
from symrank.operators._factor import Factored
from symrank.operators._sums import squared
from symrank.operators.base import Operator
from symrank.operators.gram import GramOperator
from symrank.operators.transforms import Scaled, as_matrix

__all__ = ["gram_work", "sparse_entries"]


def sparse_entries(operator: Operator, max_entries: float = float("inf")) -> Any:
    """Return a CSR array with the entries of `operator`, or None where they are not known.

    Parameters
    ----------
    operator
        A matrix, or `augmented`, `gram` or a power of two times one.
    max_entries
        Most entries that a Gram matrix may have, by the bound that is known beforehand.

    Returns
    -------
    csr_array or None
        A symmetric (Hermitian) matrix in the dtype of the operator.

    Raises
    ------
    OptionError
        Where a Gram matrix could have more entries than `max_entries`.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import augmented
    >>> from symrank.operators.explicit import sparse_entries
    >>> sparse_entries(augmented(np.array([[3.0, 0.0]]))).toarray()
    array([[0., 3., 0.],
           [3., 0., 0.],
           [0., 0., 0.]])
    """
    matrix = as_matrix(operator)
    if matrix is not None:
        return sp.csr_array(matrix.entries)
    if isinstance(operator, Scaled):
        base = sparse_entries(operator.base, max_entries)
        return None if base is None else base * operator.factor
    if isinstance(operator, Factored):
        if operator.factor.entries is None:
            return None
        factor = sp.csr_array(operator.factor.entries)
        if isinstance(operator, GramOperator):
            return _gram_entries(operator, factor, max_entries)
        blocks: list[list[Any]] = [[None, factor], [factor.conj().T, None]]
        return sp.csr_array(sp.block_array(blocks))
    return None


def gram_work(operator: GramOperator) -> float:
    """Return the multiplications that form a Gram matrix whose factor is known by its entries.

    It also bounds the number of entries.
    """
    factor = sp.csr_array(operator.factor.entries)
    if operator.side == "columns":
        lengths = np.diff(factor.indptr).astype(np.float64)
    else:
        lengths = np.bincount(factor.indices, minlength=factor.shape[1]).astype(np.float64)
    return float(lengths @ lengths)


def _gram_entries(operator: GramOperator, factor: Any, max_entries: float) -> Any:
    """Multiply A^H A or A A^H out, unless it may have too many entries."""
    bound = min(gram_work(operator), float(operator.n) ** 2)
    if bound > max_entries:
        raise OptionError(
            f"the Gram matrix may have {bound:.3g} entries, and {max_entries:.3g} are allowed. "
            "Raise max_fill, or use method='lanczos', which forms nothing."
        )
    if operator.side == "rows":
        factor = factor.conj().T
    return sp.csr_array(squared(factor, operator.scale))
