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

That bound takes one look at the entries, and most matrices no sweep at all. Where the diagonal has
no zero, |a_ii| <= 2^(R_i) says as much at the cost of a product or two.

In a Gram matrix X* X no entry exceeds the diagonal ones of its row and column (Cauchy-Schwarz), so
d_j = 1 / |column j of X| leaves the largest entry of every row at one, and no sweep is needed.

Where |a_ij|^2 <= |a_ii a_jj| the limit is d_i = 1 / sqrt|a_ii|, whatever the units A came in: a
smaller d_i would need a partner with d_j > 1 / sqrt|a_jj|. A zero diagonal allows many limits. The
one that is reached then depends on the start, and an entry may be left at 1e-16 of its own row.

References
----------
.. [1] D. Ruiz, "A scaling algorithm to equilibrate both rows and columns norms in matrices",
   Rutherford Appleton Laboratory, RAL-TR-2001-034.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symrank.errors import NonFiniteError, OptionError
from symrank.operators.facts import Facts, ScalableRows
from symrank.operators.magnitudes import Dense, Sparse, table
from symrank.operators.scaling import scaled_rows
from symrank.support.typing import Array, FloatArray

__all__ = ["Scales", "describe", "equilibrate", "uneven_scales"]

SWEEPS = 20  # by (3) no row then misses one by more than a factor 2^(2^-18 2100)
SETTLED = 0.01  # largest |r| at which they end: the rounding of x to whole numbers hides it
LIMIT = 1022  # largest exponent of d: a normal number
FEW = 3  # indices that a sentence names
GLANCE = 16  # entries of a row: two lines of the cache
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


def equilibrate(facts: Facts) -> Scales:
    """Scale the largest entry of every row and column of D A D into [1/2, 2].

    Parameters
    ----------
    facts
        Of an explicit matrix, or of `augmented` or `gram` of one.

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
    >>> from symrank.preconditioners.equilibrate import equilibrate
    >>> from symrank.operators import as_operator
    >>> equilibrate(as_operator(np.diag([2.0**40, 0.0, 2.0**-12])).facts).root.tolist()
    [9.5367431640625e-07, 1.0, 64.0]
    """
    if facts.rows is None:
        raise OptionError(
            f'preconditioner="equilibrate" needs the entries, and those of this {facts.n}x{facts.n}'
            " operator are not known. Pass an explicit matrix, or Preconditioner.diagonal("
            "1 / size**2) with the size of every variable."
        )
    rows = facts.rows()
    reach = _Reach(rows)
    bad = np.flatnonzero(~(reach.largest < np.inf))
    if bad.size:
        raise NonFiniteError(
            f"row {bad[0]} of the matrix holds infinities or NaN. Remove or replace them: no rank "
            "is defined."
        )
    scales = _unit_columns(rows, reach) if rows.is_root else _swept(reach)
    assert scales is not None
    return scales


def uneven_scales(facts: Facts, limit: float) -> Scales | None:
    """Return the scales where they span more than a factor 2^`limit`, else None.

    None also where the entries are not known or not finite. By (4) and (5) even scales are known
    for such after one look at the entries, or a few sweeps.
    """
    if facts.rows is None or _has_even_diagonal(facts, limit):
        return None
    rows = facts.rows()
    if _is_even_at_a_glance(rows, facts, limit):
        return None
    reach = _Reach(rows)
    filled = reach.largest[reach.is_filled]
    if not (filled.size and np.isfinite(filled).all()):
        return None
    if rows.is_root:
        scales: Scales | None = _unit_columns(rows, reach)
    else:
        scales = None if np.ptp(filled) + ROUNDING <= limit else _swept(reach, limit)
    return scales if scales is not None and scales.spread > limit else None


def _has_even_diagonal(facts: Facts, limit: float) -> bool:
    """Tell whether the diagonal alone shows, by (5), that the scales span at most 2^`limit`."""
    diagonal, most = facts.diagonal, facts.largest
    if diagonal is None or most is None or not facts.n:
        return False
    least = float(np.abs(diagonal()).min())
    return least > 0.0 and most < np.inf and most / least <= 2.0 ** (limit - ROUNDING)


def _is_even_at_a_glance(rows: ScalableRows, facts: Facts, limit: float) -> bool:
    """Tell whether some entries of every row of a dense matrix show what (5) asks for.

    The largest of a row is at least the largest of those: a look at all takes as long as a tenth of
    a factorisation. Of a root X the sizes are |x_j|, up to sqrt(n) times the largest entry.
    """
    entries = rows.parts[0]
    if not isinstance(entries, np.ndarray) or not entries.size:
        return False
    most, least = facts.largest_stored, float(np.abs(entries[:, :GLANCE]).max(axis=1).min())
    if rows.is_root:
        most *= math.sqrt(entries.shape[1])
    else:
        least = min(least, float(np.abs(entries[:GLANCE]).max(axis=0).min()))
    return least > 0.0 and most < np.inf and most / least <= 2.0 ** (limit - ROUNDING)


def describe(scales: Scales, limit: float) -> str:
    """Say which rows are of a size 1 / d that is 2^`limit` away: the small ones, or the large."""
    x = np.where(scales.is_filled, scales.exponents, np.nan)
    small, large = x - np.nanmin(x) > limit, np.nanmax(x) - x > limit
    few, is_small = (small, True) if small.sum() <= large.sum() else (large, False)
    rest = x[~few]
    where = np.flatnonzero(few)
    names = ", ".join(str(i) for i in where[:FEW]) + (", ..." if where.size > FEW else "")
    sizes = 2.0 ** -np.array([np.max(x[few]), np.min(x[few])])
    end = np.nanmin(rest) if is_small else np.nanmax(rest)
    return (
        f"{where.size} of {x.size} rows ({names}) are of size {_span(*sizes)}, the others "
        f"{'up to' if is_small else 'down to'} {2.0**-end:.2g}"
    )


def _span(low: float, high: float) -> str:
    return f"{low:.2g}" if low == high else f"{low:.2g} to {high:.2g}"


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


def _unit_columns(root: ScalableRows, reach: "_Reach") -> Scales:
    """Return 1 / |x_j| for the columns of X, or its rows where the operator is X X*."""
    filled = reach.is_filled
    first = np.zeros(filled.size)  # the largest entry to one, that no square leaves the range
    first[filled] = np.clip(-np.rint(reach.largest[filled]), -LIMIT, LIMIT)
    entries = root.parts[0]
    scaled = scaled_rows(entries, np.ldexp(1.0, first.astype(int)), np.ones(entries.shape[1]))
    squares = np.asarray((abs(scaled) ** 2).sum(axis=1), dtype=np.float64)
    x = first - np.log2(root.scale)
    x[filled] -= 0.5 * np.log2(squares[filled])
    return Scales(np.where(filled, np.rint(x), 0.0) + 0.0, filled)


class _Reach:
    """``x -> max_j (log2 |a_ij| + x_j)`` for every row i; `largest` is that of x = 0."""

    def __init__(self, rows: ScalableRows) -> None:
        self.tables: Sequence[Sparse | Dense] = [table(part) for part in rows.parts]
        self.num_columns = rows.parts[0].shape[1]
        self.largest = np.concatenate([one.largest() for one in self.tables])
        self.is_filled = ~(self.largest == -np.inf)

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the largest sums."""
        if len(self.tables) == 1:
            return self.tables[0](x)
        m = x.size - self.num_columns
        return np.concatenate([self.tables[0](x[m:]), self.tables[1](x[:m])])
