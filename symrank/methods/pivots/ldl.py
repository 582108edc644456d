"""Sparse LDL' of real symmetric matrices by `feral`: the only file that imports it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from symrank.errors import MissingBackendError
from symrank.methods import costs
from symrank.methods.pivots.delays import with_delays, without_scaling
from symrank.support.typing import Array, FloatArray

__all__ = [
    "STYLES",
    "AnySolver",
    "Cost",
    "Factorisation",
    "Solver",
    "analyse",
    "check_installed",
]

STYLES: tuple[dict[str, Any], ...] = (
    {"scaling": "auto", "pivot_threshold": 0.1},  # stable on all but a few, least fill
    {"scaling": "identity", "pivot_threshold": 0.5},  # for those few; delays more pivots
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a factorisation will take, with the delays that zeros on the diagonal force."""

    n: int
    nnz: int  # of the pattern
    fill: int  # nonzeros of L
    flops: float

    def of_style(self, number: int, matrix: Any) -> "Cost":
        """Return the cost in one of `STYLES`; zeros of the CSR `matrix` decide."""
        if STYLES[number]["scaling"] != "identity":
            return self
        more = without_scaling(matrix, self.fill)
        return replace(self, fill=self.fill + int(more.fill), flops=self.flops + more.flops)

    @property
    def num_bytes(self) -> int:
        """Memory of the factor."""
        return 8 * self.fill

    @property
    def seconds(self) -> float:
        """CPU time of one factorisation and of the solves that measure its error."""
        return costs.factor_seconds(self.n, self.fill, self.flops)


@dataclass(frozen=True, kw_only=True)
class Factorisation:
    """F = L D L', given by the signs of D and by solves with F."""

    n_plus: int
    n_zero: int
    n_minus: int
    fill: int  # nonzeros of L and D
    num_flagged: int  # pivots that are tiny, or were accepted against the threshold
    solve: Callable[[FloatArray], FloatArray]

    def error(self, B: Any, Z: Array) -> Array:
        """Return G Z, G = B - B F^-1 B, of the matrix B that was factorised."""
        BZ = B @ Z
        return np.asarray(BZ - B @ self.solve(BZ))


def analyse(matrix: Any) -> Cost:
    """Return the cost for the pattern of a symmetric `matrix` with a full diagonal; no numbers."""
    symbolic = _feral().analyze(_lower(matrix))
    is_zero = (matrix.diagonal() == 0.0)[np.asarray(symbolic.perm)]
    parents = np.asarray(symbolic.etree_parent)
    work = with_delays(np.asarray(symbolic.col_counts, dtype=np.float64), parents, is_zero)
    return Cost(
        n=matrix.shape[0],
        nnz=int(matrix.nnz),
        fill=int(symbolic.factor_slack * work.fill),
        flops=work.flops,
    )


class AnySolver(Protocol):
    """What factorises, here or elsewhere."""

    def factorise(self, matrix: Any) -> Factorisation | None:
        """Return the factorisation of `matrix`; None where the solver gives up."""


class Solver:
    """Factorises matrices of one pattern, which it analyses once.

    Parameters
    ----------
    style
        One of `STYLES`.
    """

    def __init__(self, style: dict[str, Any]) -> None:
        # one thread: the bits must not depend on their number
        self._solver = _feral().Solver(parallel=False, **style)

    def factorise(self, matrix: Any) -> Factorisation | None:
        """Factorise a symmetric float64 CSR `matrix`; None where the solver gives up.

        The factorisation before is overwritten: its `solve` must not be called any more.
        """
        try:
            _, inertia = self._solver.factor(_lower(matrix))
        except _feral().FeralError:
            return None
        stats = self._solver.last_factor_stats()
        if inertia.n_pos + inertia.n_zero + inertia.n_neg != matrix.shape[0]:
            return None
        return Factorisation(
            n_plus=inertia.n_pos,
            n_zero=inertia.n_zero,
            n_minus=inertia.n_neg,
            fill=int(stats.nnz_l),
            num_flagged=stats.n_tiny + stats.n_cascade_break_nodes + stats.n_threshold_fail_accepts,
            solve=lambda B: np.ascontiguousarray(self._solver.solve(B)),
        )


def _lower(matrix: Any) -> Any:
    lower = sp.coo_array(sp.tril(matrix))
    rows, columns = (index.astype(np.int64) for index in lower.coords)
    return _feral().CscMatrix.from_triplet(matrix.shape[0], rows, columns, lower.data)


def _feral() -> Any:
    """Import the solver, or say how to get it."""
    try:
        import feral
    except ImportError as error:
        raise MissingBackendError(_MISSING) from error
    if not hasattr(feral, "CscMatrix"):  # another distribution has a module of this name
        raise MissingBackendError(_MISSING)
    return feral


def check_installed() -> None:
    """Raise `MissingBackendError` where the solver cannot be imported."""
    _feral()


_MISSING = (
    "method 'inertia' needs the sparse solver feral-solver, which is not installed: "
    "pip install symrank-linalg[inertia], or use method='lanczos'."
)
