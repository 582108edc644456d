r"""Symmetric equilibration: rows and columns of a matrix, each in units of its own.

D A D with D = diag(d) > 0 is a congruence: it has the rank and the inertia of A (Sylvester), and
entries that are known up to relative rounding stay so. Ruiz's sweeps in the infinity norm [1]_,

    d_i <- d_i / sqrt(rho_i),    rho_i = max_j d_i |a_ij| d_j,                                (1)

end where the largest entry of every row is one. In logarithms, x = log2 d and r = log2 rho,

    x_i <- x_i - r_i / 2,        r_i = x_i + max_j (log2 |a_ij| + x_j).                       (2)

Law. After the first sweep no entry exceeds one, since |d_i a_ij d_j| <= min(rho_i, rho_j) is
divided by sqrt(rho_i rho_j); and the partner j of the largest entry in row i has
rho_i <= rho_j <= 1, so

    r_i / 2  <=  r_i of the next sweep  <=  0                                                 (3)

for symmetric |A|: twenty sweeps divide what is missing by a million, and the limit is known before:

    x_i  <=  limit of x_i  <=  x_i - r_i.                                                     (4)

With R_i = log2 max_j |a_ij|, the first sweep gives x_i = -R_i / 2 and then
-r_i <= (max R - R_i) / 2: the scales of the limit span no more than the largest entries of the
rows do,

    max log2 d - min log2 d  <=  max R - min R.                                               (5)

That bound takes one look at the entries, and most matrices no sweep at all.

References
----------
.. [1] D. Ruiz, "A scaling algorithm to equilibrate both rows and columns norms in matrices",
   Rutherford Appleton Laboratory, RAL-TR-2001-034.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank._typing import Array, FloatArray
from symrank.errors import NonFiniteError, OptionError
from symrank.operators import Operator
from symrank.operators.transforms import as_augmented, as_matrix

__all__ = ["Scales", "equilibrate", "has_entries", "uneven_scales"]

SWEEPS = 20  # by (3) no row then misses one by more than a factor 2^(2^-18 2100)
SETTLED = 0.01  # largest |r| at which they end: the rounding of x to whole numbers hides it
SHORT = np.float32  # of logarithms up to 1100: they err by 1e-4 at most, and cost half as much
LIMIT = 1022  # largest exponent of d: a normal number
BLOCK = 1 << 20  # entries of a dense matrix looked at a time
ROUNDING = 1.0  # that rounding to whole exponents may add to what (4) and (5) bound


@dataclass(frozen=True)
class Scales:
    """The exponents of d, and which rows have entries.

    Attributes
    ----------
    exponents
        (n,) whole numbers, log2 d; zero for an empty row.
    is_filled
        (n,) whether a row has entries.
    """

    exponents: FloatArray
    is_filled: Array

    @property
    def root(self) -> FloatArray:
        """The diagonal d, powers of two.

        Raises
        ------
        OptionError
            Where one is no normal number: entries of a row lie 1e300 below those of its columns.
        """
        out = np.flatnonzero(np.abs(self.exponents) > LIMIT)
        if out.size:
            raise OptionError(
                f"row {out[0]} has entries so far below the others in their columns that its scale "
                f"would be 2**{self.exponents[out[0]]:.0f}, and 2**{LIMIT} is the largest. Set "
                "entries that stand for zero to zero."
            )
        return np.ldexp(1.0, self.exponents.astype(np.int64))

    @property
    def spread(self) -> float:
        """``log2(max d / min d)`` over the rows with entries."""
        known = self.exponents[self.is_filled]
        return float(np.ptp(known)) if known.size else 0.0


def has_entries(operator: Operator) -> bool:
    """Tell whether `equilibrate` can: a matrix, or `augmented` of one, or a multiple of it."""
    return _entries(operator) is not None


def equilibrate(operator: Operator) -> Scales:
    """Scale the largest entry of every row and column of D A D into [1/2, 2].

    Parameters
    ----------
    operator
        An explicit matrix, `augmented` of one, or a power of two times one.

    Returns
    -------
    Scales
        Powers of two, so that no bit of an entry changes. A row without entries keeps d = 1.

    Raises
    ------
    OptionError
        Where the entries are not known.
    NonFiniteError
        Where one is infinite or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.equilibrate import equilibrate
    >>> from symrank.operators import as_operator
    >>> equilibrate(as_operator(np.diag([2.0**40, 0.0, 2.0**-12]))).root.tolist()
    [9.5367431640625e-07, 1.0, 64.0]
    """
    if not has_entries(operator):
        raise OptionError(
            f'preconditioner="equilibrate" needs the entries, and those of {operator!r} are not '
            "known. Pass an explicit matrix, or Preconditioner.diagonal(1 / size**2) with the "
            "size of every variable."
        )
    reach = _Reach(operator)
    bad = np.flatnonzero(np.isnan(reach.largest) | (reach.largest == np.inf))
    if bad.size:
        raise NonFiniteError(
            f"row {bad[0]} of the matrix holds infinities or NaN. Remove or replace them: no rank "
            "is defined."
        )
    scales = _swept(reach)
    assert scales is not None
    return scales


def uneven_scales(operator: Operator, limit: float) -> Scales | None:
    """Return the scales where they span more than a factor 2^`limit`, else None.

    None also where the entries are not known or not finite. By (4) and (5) even scales are known
    for such after one look at the entries, or a few sweeps.
    """
    if not has_entries(operator):
        return None
    reach = _Reach(operator)
    known = reach.largest[reach.is_filled]
    if not (known.size and np.isfinite(known).all()) or np.ptp(known) + ROUNDING <= limit:
        return None
    scales = _swept(reach, limit)
    return scales if scales is not None and scales.spread > limit else None


def _swept(reach: "_Reach", limit: float = -np.inf) -> Scales | None:
    """Run the sweeps; None as soon as (4) proves that the scales span no more than 2^`limit`."""
    filled = reach.is_filled
    x = np.where(filled, -0.5 * reach.largest, 0.0)
    for _ in range(SWEEPS - 1 if filled.any() else 0):
        r = x[filled] + reach(x)[filled]
        if np.max(x[filled] - r) - np.min(x[filled]) + ROUNDING <= limit:
            return None
        if np.min(r) > -SETTLED:
            break
        x[filled] -= 0.5 * r
    return Scales(np.rint(x) + 0.0, filled)


def _entries(operator: Operator) -> Any:
    """Return the entries whose rows are scaled: of the matrix, or of the factor of `augmented`."""
    matrix, twin = as_matrix(operator), as_augmented(operator)
    if matrix is not None:
        return matrix.entries
    return None if twin is None else twin.factor.entries


class _Reach:
    """``x -> max_j (log2 |a_ij| + x_j)`` for every row i; `largest` is that of x = 0."""

    def __init__(self, operator: Operator) -> None:
        entries = _entries(operator)
        self.tables: Sequence[_Sparse | _Dense] = [_table(entries)]
        if as_matrix(operator) is None:
            self.tables = [self.tables[0], _table(entries.T)]
        self.num_columns = entries.shape[1]
        self.largest = np.concatenate([table.largest() for table in self.tables])
        self.is_filled = ~(self.largest == -np.inf)

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the largest sums."""
        if len(self.tables) == 1:
            return self.tables[0](x)
        m = x.size - self.num_columns
        return np.concatenate([self.tables[0](x[m:]), self.tables[1](x[:m])])


def _table(entries: Any) -> "_Sparse | _Dense":
    return _Dense(entries) if isinstance(entries, np.ndarray) else _Sparse(entries.tocsr())


class _Sparse:
    """Rows of a CSR array."""

    def __init__(self, csr: Any) -> None:
        self.csr = csr
        self.rows = np.flatnonzero(np.diff(csr.indptr))
        self.starts = csr.indptr[self.rows]
        self.sizes: Array | None = None

    def largest(self) -> FloatArray:
        return self._spread(_log2(self._row_max(_magnitude(self.csr.data))))

    def __call__(self, x: FloatArray) -> FloatArray:
        if self.sizes is None:
            self.sizes = _log2(_magnitude(self.csr.data)).astype(SHORT)
        sums = x.astype(SHORT).take(self.csr.indices)
        sums += self.sizes
        return self._spread(self._row_max(sums))

    def _row_max(self, values: Array) -> Array:
        return np.maximum.reduceat(values, self.starts) if self.rows.size else values[:0]

    def _spread(self, values: Array) -> FloatArray:
        whole = np.full(self.csr.shape[0], -np.inf)
        whole[self.rows] = values
        return whole


class _Dense:
    """Rows of an array, a block at a time."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.step = max(1, BLOCK // max(array.shape[1], 1))
        self.sizes: list[Array] = []

    def largest(self) -> FloatArray:
        if not self.array.size:
            return np.full(self.array.shape[0], -np.inf)
        return _log2(np.concatenate([_magnitude(rows).max(axis=1) for rows in self._blocks()]))

    def __call__(self, x: FloatArray) -> FloatArray:
        if not self.array.size:
            return np.full(self.array.shape[0], -np.inf)
        if not self.sizes:
            self.sizes = [_log2(_magnitude(rows)).astype(SHORT) for rows in self._blocks()]
        short = x.astype(SHORT)
        largest = [(sizes + short).max(axis=1) for sizes in self.sizes]
        return np.concatenate(largest).astype(np.float64)

    def _blocks(self) -> list[Array]:
        return [self.array[i : i + self.step] for i in range(0, len(self.array), self.step)]


def _magnitude(values: Array) -> Array:
    """Return |a|; for complex entries the larger part, which is right within sqrt(2)."""
    if values.dtype.kind == "c":
        larger: Array = np.maximum(np.abs(values.real), np.abs(values.imag))
        return larger
    return np.abs(values)


def _log2(values: Array) -> FloatArray:
    with np.errstate(divide="ignore"):
        logs: FloatArray = np.log2(values, dtype=np.float64)
    return logs
