r"""How far a factorisation is from its matrix, measured by solves and products alone.

For a factor F of B the operator G = B - B F^-1 B is symmetric and has known products
(`symrank.methods.pivots.inertia` says why it is the error that matters). |G| is bounded from Z_j =
G^j Y for a Gaussian block Y of m columns: if u is the eigenvector of the largest |eigenvalue|,
|Z_j|_F >= |G|^j |u'Y| and |u'Y|^2 is chi-square with m degrees of freedom, so

    |G| <= (|Z_j|_F / sqrt q)^(1/j) for all j at once, q the quantile at FAILURE,             (1)

except once in 1e9 factorisations, FAILURE of `symrank.spectrum.margins`. (Of a complex G, Y is
complex, and |u*Y|^2 is larger than that. Rounding in the solves
and products is part of what is seen.)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.stats

from symrank.methods.base import Goal, Tick
from symrank.methods.pivots.ldl import AnySolver, Factorisation
from symrank.methods.pivots.ldl_dense import DenseFactorisation, DenseSolvers, Shifted
from symrank.spectrum.margins import FAILURE
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["PRODUCTS", "Workspace", "backward_error"]

COLUMNS = 6  # m of eq. (1)
POWERS = 12  # j of eq. (1), at most
QUANTILE = float(scipy.stats.chi2.ppf(FAILURE, COLUMNS))
PRODUCTS = 2 * COLUMNS  # that a power takes


@dataclass(kw_only=True)
class Workspace:
    """The matrix whose shifts are factorised, and what is left to spend on them."""

    matrix: Any  # CSR float64, symmetric to the last bit, or dense and Hermitian; times unit
    unit: float
    goal: Goal
    tick: Tick
    left: int  # products
    make: Callable[[int], AnySolver | DenseSolvers | None]  # of a style; None: it is too dear
    is_semidefinite: bool = False  # as it seems: what is asked first depends on it
    error: float = 0.0  # that a factorisation has had at least, in units of the operator
    solvers: dict[int, AnySolver | DenseSolvers] = field(
        default_factory=dict
    )  # by the number of their style

    def shifted(self, shift: float) -> Any:
        """Return the matrix less a shift, in units of the operator."""
        if isinstance(self.matrix, np.ndarray):
            return Shifted(self.matrix, shift * self.unit)
        B = self.matrix.copy()
        B.setdiag(B.diagonal() - shift * self.unit)
        return B


def backward_error(
    B: Any, F: Factorisation | DenseFactorisation, workspace: Workspace, number: int, allowed: float
) -> float:
    """Bound |G| by eq. (1), with powers until it is at most `allowed` or cannot become so."""
    rng = probes.stream(workspace.goal.seed, Streams.BACKWARD_ERROR.start, number)
    Z: Array = rng.standard_normal((B.shape[0], COLUMNS))
    if B.dtype.kind == "c":
        Z = Z + 1j * rng.standard_normal(Z.shape)
    best, log_size = math.inf, 0.0
    for j in range(1, POWERS + 1):
        if workspace.left < PRODUCTS:
            break
        before = float(np.linalg.norm(Z)) if j > 1 else math.inf
        with np.errstate(all="ignore"):
            Z = F.error(B, Z)
            size = float(np.linalg.norm(Z))
        workspace.tick(PRODUCTS)
        workspace.left -= PRODUCTS
        if not math.isfinite(size):
            return math.inf
        if size == 0.0:
            return 0.0
        workspace.error = max(workspace.error, size / before / workspace.unit)
        log_size += math.log(size)
        best = min(best, math.exp((log_size - 0.5 * math.log(QUANTILE)) / j))
        if best <= allowed or size / before > allowed:  # the second is a lower bound of |G|
            break
        Z /= size
    return best
