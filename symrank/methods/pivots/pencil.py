r"""Eigenvalues of K x = lambda M x right of a shift, by the signs of K - sigma M (Sturm's check).

For a positive definite M, with C = M^(-1/2) K M^(-1/2),

    K - sigma M = M^(1/2) (C - sigma I) M^(1/2),   so   #{lambda > sigma} = n_plus(K - sigma M)  (1)

by Sylvester, whatever M^(1/2) is: it is never formed (B. N. Parlett, The Symmetric Eigenvalue
Problem, 1980, section 15.3; SLEPc, EVSL and MUMPS count their slices like this).

Band. A factorisation of K - sigma M +- delta I with a measured error of at most delta
(`symrank.methods.pivots.inertia`, eq. (4)) proves

    n_plus(K - sigma M - delta I - G)  <=  #{lambda > sigma}  <=  n_plus(K - sigma M + delta I - G)

for any |G| <= delta, as both sides move by monotony. So an end sigma of the pencil is the end 0 of
the matrix K - sigma M, a band of

    delta = BAND eps (|K| + |sigma| |M|)                                                       (2)

to either side. In lambda that is delta |x|^2 / (x* M x) for a mode x, at least delta / |M|: modes
that carry little mass are the less sharp. An end at zero asks for the signs of K, and has its
floor. M is proved to be positive definite by its own signs, on a unit diagonal: a congruence.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.errors import OptionError
from symrank.methods.base import Goal, Tick
from symrank.methods.pivots.backward_error import Workspace
from symrank.methods.pivots.counts import Counts, count
from symrank.methods.pivots.inertia import BAND, Inertia
from symrank.methods.pivots.ldl import AnySolver, analyse
from symrank.methods.pivots.ldl_dense import DenseSolvers
from symrank.methods.pivots.ldl_far import GaveUpError, Solvers
from symrank.spectrum.region import FLOOR, Edge, Region

__all__ = ["Pencil", "check_positive_definite", "on_one_pattern"]

SINGULAR = (
    "Unknowns without mass have infinite eigenvalues: eliminate them (static condensation, "
    "K11 - K12 K22^-1 K21), or give them mass."
)
SWAPPED = "The mass of K x = lambda M x must be positive definite: were K and M swapped?"


@dataclass(kw_only=True)
class Pencil:
    """K - sigma M for any sigma, and the solvers of its pattern; all in scaled units.

    A context manager: the solvers may run in a process of their own.

    Parameters
    ----------
    K, M
        Real CSR matrices, symmetric to the last bit, the diagonal of M stored.
    norms
        |K| and |M|.
    copies
        Of every eigenvalue: 2 for the real twins of Hermitian matrices.
    eps
        Unit of rounding of the coarser of the two.
    goal, tick
        Of the run.
    method
        Holds the limits.
    left
        Products that may still be spent.
    """

    K: Any
    M: Any
    norms: tuple[float, float]
    copies: int
    eps: float
    goal: Goal
    tick: Tick
    method: Inertia
    left: int
    _solvers: Solvers = field(init=False)
    _kept: dict[int, AnySolver | DenseSolvers] = field(default_factory=dict)  # of one pattern
    _gave_up: GaveUpError | None = None

    def __enter__(self) -> "Pencil":
        self.K, self.M = on_one_pattern(self.K, self.M)
        cost = analyse(self.M)
        self.method.refuse_too_dear(cost)
        limits = (self.method.max_fill, self.method.max_flops)
        self._solvers = Solvers(
            cost, self.M, limits, self.method.patience, self.tick, self.goal.deadline
        )
        self._solvers.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._solvers.__exit__(*error)

    @property
    def note(self) -> str:
        """Why there was no process of their own for factorisations that should have one."""
        return self._solvers.note

    def right_of(self, sigma: float) -> Counts:
        """Bound the number of eigenvalues above sigma: ``right_of(sigma).ends[1]``."""
        if math.isinf(sigma):
            counts = self._empty(Edge.sharp(sigma), 0.0)
            outside = 0 if sigma > 0.0 else counts.n
            counts.ends[1] = (outside, outside)
            return counts
        norm = self.norms[0] + abs(sigma) * self.norms[1]
        if sigma == 0.0:
            return self._above(self.K, norm, Edge.sharp(FLOOR * self.eps * norm))
        matrix = self.K.copy()
        matrix.data = matrix.data - sigma * self.M.data
        return self.above_zero(matrix, norm)

    def above_zero(self, matrix: Any, norm: float) -> Counts:
        """Bound the number of positive eigenvalues of a matrix on the pattern; zero is a band."""
        delta = BAND * self.eps * norm
        return self._above(matrix, norm, Edge(-delta, 0.0, delta))

    def _above(self, matrix: Any, norm: float, edge: Edge) -> Counts:
        """Bracket what lies right of the edge; two bounds that cross say nothing."""
        counts = self._empty(edge, norm)
        if norm == 0.0:
            return counts
        if self._gave_up is not None:  # one reason is that of all
            counts.give_up(self._gave_up)
            counts.ends[1] = (0, counts.n)
            return counts
        unit = math.ldexp(1.0, -math.frexp(norm)[1])  # the solver sees a norm near one, exactly
        workspace = Workspace(
            matrix=matrix * unit,
            unit=unit,
            goal=self.goal,
            tick=self.tick,
            left=self.left,
            make=self._solvers,
            solvers=self._kept,
        )
        count(counts, workspace)
        self.left = workspace.left
        if counts.given_up:
            self._gave_up = GaveUpError(counts.given_up, is_late=counts.is_cut_short)
        low, high = counts.ends[1]
        if low > high:
            counts.ends[1] = (0, counts.n)
        return counts

    def _empty(self, edge: Edge, norm: float) -> Counts:
        region = Region(
            low=Edge.sharp(-math.inf),
            high=edge,
            counts_inside=True,
            cut=edge.right,
            floor=edge.right,
            is_signed=not edge.is_band,
        )
        n = self.M.shape[0] // self.copies
        return Counts(n=n, copies=self.copies, region=region, norm=norm, cost=None)


def on_one_pattern(K: Any, M: Any) -> tuple[Any, Any]:
    """Return both with the entries of either stored, so that one analysis serves all shifts."""
    n = M.shape[0]
    parts = [sp.coo_array(one) for one in (K, M)]
    keys = [one.coords[0].astype(np.int64) * n + one.coords[1] for one in parts]
    union = np.unique(np.concatenate(keys))
    indptr = np.searchsorted(union, np.arange(n + 1, dtype=np.int64) * n)
    found = []
    for one, key in zip(parts, keys, strict=True):
        data = np.zeros(union.size)
        data[np.searchsorted(union, key)] = one.data
        found.append(sp.csr_array((data, union % n, indptr.copy()), shape=(n, n)))
    return found[0], found[1]


def check_positive_definite(M: Any, copies: int, **of: Any) -> None:
    """Raise `OptionError` where M is not proved to be positive definite.

    Parameters
    ----------
    M
        A real CSR matrix, symmetric to the last bit, every diagonal stored.
    copies, of
        And what else a `Pencil` takes, but for its norms.
    """
    diagonal = M.diagonal()
    n = diagonal.size // copies
    worst = int(diagonal.argmin()) if n else 0
    if n and not diagonal[worst] > 0.0:
        where = f"entry {worst % n} of its diagonal is {diagonal[worst]:.3g}"
        remedy = SINGULAR if diagonal[worst] == 0.0 else SWAPPED
        raise OptionError(f"M is not positive definite: {where}. {remedy}")
    if M.count_nonzero() == diagonal.size:
        return  # it is diagonal
    D = sp.diags_array(1.0 / np.sqrt(diagonal))
    unit = sp.csr_array(D @ M @ D)
    unit = sp.csr_array(0.5 * (unit + unit.T))
    norm = float(abs(unit).sum(axis=1).max())
    with Pencil(K=unit, M=unit, norms=(norm, norm), copies=copies, **of) as alone:
        counts = alone.above_zero(alone.M, norm)
    low, high = counts.ends[1]
    if high < n:
        negative = f"{n - high} of its {n} eigenvalues or more are negative"
        raise OptionError(f"M is not positive definite: {negative}. {SWAPPED}")
    if low < n:
        open_ = counts.given_up or f"{n - low} of its eigenvalues may be rounding"
        raise OptionError(f"M could not be proved to be positive definite: {open_}. {SINGULAR}")
