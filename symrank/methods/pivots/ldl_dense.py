r"""Dense LDL' by LAPACK: n^3 / 3 operations at the speed of products, and no pattern.

J. R. Bunch and L. Kaufman (Math. Comp. 31, 1977). `sytrf` writes over its matrix, and leaves every
column of L in the order that its rows had when the column was computed: the interchanges of a pivot
move the rows below it, and with s_k that of pivot k

    F = s_1 L_1 s_2 L_2 .. D .. L_2* s_2 L_1* s_1 = P L D L* P*,    P = s_1 s_2 .. s_m,       (1)

once every column of L has had the interchanges of all the pivots to its right. The error then needs
no solves:

    G = B - F,   G X = B X - P (L (D (L* (P* X)))),                                           (2)

is exactly what was factorised in place of B = A - s I, and the signs of D are those of F. An
eigenvalue of a block of D that rounding may have moved across zero counts as zero.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from symrank.methods import costs
from symrank.methods.base import Tick
from symrank.methods.pivots.ldl import Cost
from symrank.methods.pivots.ldl_far import GaveUpError, Solvers
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["AnyCost", "DenseCost", "DenseFactorisation", "DenseSolvers", "Shifted", "solvers_of"]

PANEL = 64  # columns, as in LAPACK
UNSURE = 8.0  # eps of a block of D that the computation of its eigenvalues may err by


@dataclass(frozen=True, kw_only=True)
class DenseCost:
    """What a factorisation takes, n^2 numbers being stored already."""

    n: int

    @property
    def fill(self) -> int:
        """Numbers of L."""
        return self.n * (self.n + 1) // 2

    @property
    def flops(self) -> float:
        """Multiplications and additions."""
        return self.n**3 / 3.0

    @property
    def num_bytes(self) -> int:
        """Memory: the matrix, what LAPACK writes over, and its work space."""
        return 8 * self.n * (2 * self.n + PANEL)

    @property
    def seconds(self) -> float:
        """CPU time of one factorisation and of the products that measure its error."""
        return costs.dense_pivots_seconds(self.n)


AnyCost = Cost | DenseCost


@dataclass(frozen=True)
class Shifted:
    """A - s I of a dense A, which is not copied for its products."""

    matrix: Array
    shift: float

    @property
    def shape(self) -> tuple[int, int]:
        """That of the matrix."""
        n = self.matrix.shape[0]
        return n, n

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the matrix."""
        return self.matrix.dtype

    def __matmul__(self, X: Array) -> Array:
        return np.asarray(self.matrix @ X - self.shift * X)

    def formed(self) -> Array:
        """Return the entries as a fresh array, column by column in memory."""
        entries: Array = np.conjugate(self.matrix, order="C").T  # itself, as it is Hermitian
        entries[np.diag_indices_from(entries)] -= self.shift
        return entries


@dataclass(frozen=True, kw_only=True)
class DenseFactorisation:
    """F = P L D L* P*."""

    L: Array  # (n, n), below its diagonal, which is one; what stands elsewhere is not read
    order: IntArray  # (n,): P* X is X[order]
    main: FloatArray  # (n,), the diagonal of D
    below: Array  # (n - 1,), what stands below it
    n_plus: int
    n_zero: int
    n_minus: int
    num_flagged: int = 0

    @property
    def fill(self) -> int:
        """Numbers of L."""
        return self.main.size * (self.main.size + 1) // 2

    def error(self, B: Any, Z: Array) -> Array:
        """Return G Z, eq. (2)."""
        multiply: Any = scipy.linalg.get_blas_funcs("trmm", (self.L,))
        Y = multiply(1.0, self.L, Z[self.order], lower=True, diag=True, trans_a=2)
        DY = self.main[:, None] * Y
        DY[1:] += self.below[:, None] * Y[:-1]
        DY[:-1] += self.below.conj()[:, None] * Y[1:]
        GZ = B @ Z
        GZ[self.order] -= multiply(1.0, self.L, DY, lower=True, diag=True)
        return np.asarray(GZ)


class DenseSolvers:
    """The one solver of a dense matrix; a context manager.

    The twin of `symrank.methods.pivots.ldl_far.Solvers`, which are for sparse ones.

    Parameters
    ----------
    deadline
        Of `time.perf_counter`; a factorisation that has begun goes on to its end.

    Attributes
    ----------
    note
        Empty: it needs no process of its own.
    """

    note = ""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def __enter__(self) -> "DenseSolvers":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, number: int) -> "DenseSolvers | None":
        """Return the solver of the first style, the only one."""
        return None if number else self

    def factorise(self, matrix: Shifted) -> "DenseFactorisation | None":
        """Factorise a Hermitian matrix; None where LAPACK gives up.

        Raises
        ------
        GaveUpError
            Where the time is up.
        """
        if time.perf_counter() > self._deadline:
            raise GaveUpError("max_seconds was up", is_late=True)
        F = matrix.formed()
        name = "hetrf" if F.dtype.kind == "c" else "sytrf"
        found: Any = scipy.linalg.get_lapack_funcs((name, f"{name}_lwork"), (F,))
        factorise, size = found
        work = int(size(matrix.shape[0], lower=True)[0].real)
        L, pivots, info = factorise(F, lower=True, lwork=work, overwrite_a=True)
        main = np.asarray(L.diagonal().real, np.float64)
        below = _coupled(L, pivots)
        if info < 0 or not (np.isfinite(main).all() and np.isfinite(below).all()):
            return None
        signs = _signs(main, below)
        return DenseFactorisation(
            L=L,
            order=_in_order(L, pivots),
            main=main,
            below=below,
            n_plus=int((signs > 0.0).sum()),
            n_zero=int((signs == 0.0).sum()),
            n_minus=int((signs < 0.0).sum()),
        )


def solvers_of(
    cost: AnyCost,
    matrix: Any,
    limits: tuple[float, float],
    patience: float,
    tick: Tick,
    deadline: float,
) -> Solvers | DenseSolvers:
    """Return what makes the solvers of a matrix."""
    if isinstance(cost, DenseCost):
        return DenseSolvers(deadline)
    return Solvers(cost, matrix, limits, patience, tick, deadline)


def _coupled(L: Array, pivots: IntArray) -> Array:
    """Take out of L what couples the rows of blocks of two, and return it: D below its diagonal."""
    below = np.zeros(len(L) - 1, L.dtype)
    first = _first_of_two(pivots)
    below[first] = L[first + 1, first]
    L[first + 1, first] = 0.0
    return below


def _first_of_two(pivots: IntArray) -> IntArray:
    """Return the first rows of blocks of two, both of which LAPACK marks by a negative number."""
    return np.flatnonzero(pivots < 0)[::2]


def _in_order(L: Array, pivots: IntArray) -> IntArray:
    """Interchange rows of all columns to the left of a pivot, in place; return P*, eq. (1).

    It is what LAPACK's syconv does a row at a time, a miss of the cache for every number: here the
    columns of a panel are moved by all the pivots to its right at once.
    """
    n, first = len(pivots), _first_of_two(pivots)
    one, other = np.arange(n), np.abs(pivots) - 1
    one[first] += 1  # the second row of a block is what was interchanged
    other[first + 1] = first + 1
    swaps = list(zip(one.tolist(), other.tolist(), strict=True))
    columns, place = L.T, np.arange(n)  # place: where the pivots to the right of a panel take a row
    for start in reversed(range(0, n, PANEL)):
        end = min(start + PANEL, n)
        panel = columns[start:end]
        for k, (i, j) in enumerate(swaps[start:end]):
            if i != j:
                panel[:k, [i, j]] = panel[:k, [j, i]]
        panel[:, end:] = panel[:, np.argsort(place)[end:]]
        for i, j in reversed(swaps[start:end]):
            place[i], place[j] = place[j], place[i]
    return np.argsort(place)


def _signs(main: FloatArray, below: Array) -> FloatArray:
    """Return numbers with the signs of the eigenvalues of D, blocks of one and two rows."""
    first = np.flatnonzero(below)
    blocks = np.empty((first.size, 2, 2), below.dtype)
    blocks[:, 0, 0], blocks[:, 1, 1] = main[first], main[first + 1]
    blocks[:, 1, 0], blocks[:, 0, 1] = below[first], below[first].conj()
    values = np.linalg.eigvalsh(blocks)
    size = np.abs(values).max(axis=1, initial=0.0, keepdims=True)
    values[np.abs(values) <= UNSURE * np.finfo(np.float64).eps * size] = 0.0
    signs = main.copy()
    signs[first], signs[first + 1] = values[:, 0], values[:, 1]
    return signs
