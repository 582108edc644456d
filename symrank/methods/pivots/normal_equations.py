r"""Singular values of a long matrix by the pivots of X X^H, and by null vectors what that loses.

X is m x n, m <= n, or X^H for X. G is X X^H as it is multiplied out: each entry is off by at most
eps l times the same entry of |X| |X|^H, l the terms of a sum, so that the norm of what is wrong is

    |G - X X^H| <= e = 2 eps l max_i (|X| |X|^H 1)_i                                          (1)

(a nonnegative symmetric matrix has no eigenvalue above its largest row sum). Eq. (4) of
`symrank.methods.pivots.inertia` for a factorisation of G at q >= 0 with a measured error E, and
Weyl's inequality, give for every level t >= 0

    n_plus <= #{sigma > t}    where q - E - e >= t^2,
    n_plus + n_zero >= #{sigma > t}    where q + E + e <= t^2.                                (2)

e and E are some 1e-15 |X|^2, so q lies WIDTH |X|^2 beside t^2, and (2) decides nothing about
singular values within about WIDTH |X|^2 / 2t of t. In the lower inequality that is all that is
lost: with t at the noise floor, q is WIDTH |X|^2, and what it counts is above 3e-7 |X|.

The upper one is lost below sqrt(WIDTH) |X|, where a rank asks for it. There vectors prove it: for
orthonormal columns Z, with c singular values of X^H Z that are at most t, Courant and Fischer have
at least c singular values of X that are,

    #{sigma > t} <= m - c.                                                                    (3)

Z comes from inverse iteration with the factor at q, but with the residual X (X^H Z) in place of
G Z: what is left of a column then is rounding in one product with X^H, eps |X|, and not what that
of a square would be, eps |X|^2 / sigma_r. Null vectors of X are found so to the last digits; what
lies between them and sqrt(WIDTH) |X| is left open. Where singular values lie just above that, a
second factor, nearer to zero, is taken for Z: it has nothing to prove.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from symrank.methods.pivots.backward_error import Workspace
from symrank.methods.pivots.counts import Counts, proved, shifts_of
from symrank.methods.pivots.inverse_iteration import MOST_STEPS, iterated
from symrank.methods.pivots.ldl import Factorisation
from symrank.methods.pivots.ldl_far import GaveUpError
from symrank.methods.pivots.matrices import real_twin
from symrank.spectrum.region import PRODUCT_ERROR
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["NormalEquations", "count_by_squares", "normal_equations"]

EPS = float(np.finfo(np.float64).eps)
WIDTH = 2.0**-43  # of |X|^2: 1e-13, some hundred times what a factorisation errs by
NEAR = 2.0**-50  # of |X|^2: a shift that no count is proved at
SAFETY = 4.0  # times eq. (1), where that is more
WIDER = 64.0  # times that, where the error was larger
ACCURACY = 4.0  # eps |X|: what is left of a null vector
MOST_NUMBERS = 1 << 27  # of the columns Z: 1 GiB


@dataclass(frozen=True)
class NormalEquations:
    """X on its shorter side, its square as the solvers take it, and how far that is off."""

    X: Any  # CSR, (m, n), m <= n, float64 or complex128, times `unit`
    square: Any  # CSR float64, the real twin of X X^H
    rounding: float  # e of eq. (1)


def normal_equations(entries: Any, unit: float) -> NormalEquations:
    """Return X X^H of ``unit`` times a sparse matrix, in double precision."""
    m, n = entries.shape
    X = sp.csr_array(entries if m <= n else entries.conj().T)
    X = X.astype(np.complex128 if X.dtype.kind == "c" else np.float64) * unit
    size = abs(X)
    row_sums = size @ (size.T @ np.ones(X.shape[0]))
    terms = float(np.diff(X.indptr).max(initial=0)) + 4.0  # complex numbers, and the mean of halves
    square = real_twin(X @ X.conj().T)
    return NormalEquations(X, square, 2.0 * EPS * terms * float(row_sums.max(initial=0.0)))


def count_by_squares(counts: Counts, workspace: Workspace, normal: NormalEquations) -> None:
    """Bracket both ends of the singular values by eqs. (2) and (3)."""
    n = counts.n
    for sign in (1, -1):
        at = counts.region.end(sign).at
        counts.ends[sign] = (n, n) if sign > 0 and at < 0.0 else (0, 0)
        if 0.0 <= at < math.inf:
            low, high = _above(counts, workspace, normal, sign)
            counts.ends[sign] = (low, high) if sign > 0 else (n - high, n - low)
    counts.is_left = any(low < high for low, high in counts.ends.values())


def _above(
    counts: Counts, workspace: Workspace, normal: NormalEquations, sign: int
) -> tuple[int, int]:
    """Bound the number of singular values above an end, from below and from above."""
    n, unit = counts.n, workspace.unit
    inner, outer = (x * unit for x in shifts_of(counts.region, sign)[::sign])
    level = (counts.region.end(sign).at * unit) ** 2
    width = max(WIDTH * (counts.norm * unit) ** 2, SAFETY * normal.rounding)
    low, high = 0, n
    try:
        F = None
        for far in (1.0, WIDER):
            F = F or _factor(counts, workspace, normal, max(outer**2, level + far * width), level)
        low = 0 if F is None else counts.of_operator(F.n_plus, F.n_plus, 1)[0]
        if low == n or inner <= 0.0:
            return low, n
        if level > 2.0 * width:
            F = _factor(counts, workspace, normal, min(inner**2, level - width), level)
            high = n if F is None else counts.of_operator(0, F.n_plus + F.n_zero, 1)[1]
        elif F is not None:
            high = n - _num_below(counts, workspace, normal, F, inner, n - low)
    except GaveUpError as error:
        counts.give_up(error)
    return low, max(low, high)


def _factor(
    counts: Counts, workspace: Workspace, normal: NormalEquations, q: float, level: float
) -> Factorisation | None:
    """Return a factor of G - q I for which eq. (2) holds; None: there is none."""
    B = normal.square.copy()
    B.setdiag(B.diagonal() - q)
    F = proved(counts, workspace, B, q, abs(q - level) - normal.rounding)
    return F if isinstance(F, Factorisation) else None


def _num_below(
    counts: Counts,
    workspace: Workspace,
    normal: NormalEquations,
    at_width: Factorisation,
    level: float,
    most: int,
) -> int:
    """Return how many singular values eq. (3) proves to be at most `level`, of `most` that may."""
    F: Factorisation | None = at_width
    X, adjoint, goal = normal.X, sp.csr_array(normal.X.conj().T), workspace.goal
    num_products = 2 * (MOST_STEPS + 1) * most
    if num_products > workspace.left or most * sum(X.shape) > MOST_NUMBERS:
        counts.is_cut_short |= num_products > workspace.left
        return 0

    def forward(Z: Array) -> Array:
        workspace.tick(most)
        workspace.left -= most
        return np.asarray(adjoint @ Z)

    rng = probes.stream(goal.seed, Streams.NULL.start, 1)
    start: Array = rng.standard_normal((X.shape[0], most)).astype(X.dtype)
    if X.dtype.kind == "c":
        start += 1j * rng.standard_normal(start.shape)
    norm = counts.norm * workspace.unit
    num_found = 0
    while F is not None:
        found = iterated(F, start, forward, lambda W: np.asarray(X @ W), ACCURACY * EPS * norm)
        if found is None:
            break
        start = found.vectors
        image = np.linalg.qr(forward(start), mode="r")
        values = scipy.linalg.svdvals(image, check_finite=False)
        num_found = int((values + PRODUCT_ERROR * EPS * norm <= level).sum())
        is_first = F is at_width
        F = _near_zero(workspace, normal, norm) if is_first and num_found < most else None
    return num_found


def _near_zero(workspace: Workspace, normal: NormalEquations, norm: float) -> Factorisation | None:
    """Return a factor whose shift leaves little of what lies just above sqrt(WIDTH) |X|."""
    solver = workspace.solvers.get(0) or workspace.make(0)
    B = normal.square.copy()
    B.setdiag(B.diagonal() + NEAR * norm**2)
    F = None if solver is None else solver.factorise(B)
    return F if isinstance(F, Factorisation) else None
