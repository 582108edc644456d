r"""Dense LDL' by LAPACK: n^3 / 3 multiplications at the speed of products, and no pattern.

J. R. Bunch and L. Kaufman (Math. Comp. 31, 1977); `scipy.linalg.ldl` hands out L and D, and so the
error needs no solves: with F = L D L*

    G = B - F,   G X = B X - L (D (L* X)),                                                    (1)

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
from symrank.support.typing import Array, FloatArray

__all__ = ["AnyCost", "DenseCost", "DenseFactorisation", "DenseSolvers", "Shifted", "solvers_of"]

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
        """Memory beside the matrix: what LAPACK is given, L with its rows in order, and D."""
        return 4 * 8 * self.n**2

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
        entries = np.array(self.matrix, order="F")
        entries[np.diag_indices_from(entries)] -= self.shift
        return entries


@dataclass(frozen=True, kw_only=True)
class DenseFactorisation:
    """F = L D L*."""

    L: Array  # (n, n), its rows in the order of the matrix
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
        """Return G Z, eq. (1)."""
        Y = self.L.conj().T @ Z
        DY = self.main[:, None] * Y
        DY[1:] += self.below[:, None] * Y[:-1]
        DY[:-1] += self.below.conj()[:, None] * Y[1:]
        return np.asarray(B @ Z - self.L @ DY)


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
        try:
            L, D, _ = scipy.linalg.ldl(matrix.formed(), overwrite_a=True, check_finite=False)
        except (ValueError, scipy.linalg.LinAlgError):
            return None
        main, below = np.asarray(D.diagonal().real, np.float64), D.diagonal(-1).copy()
        if not (np.isfinite(main).all() and np.isfinite(below).all()):
            return None
        signs = _signs(main, below)
        return DenseFactorisation(
            L=L,
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
