r"""Rank and inertia from the pivots of sparse factorisations, with a measured backward error.

Sylvester. For F = L D L' the signs of D are those of the eigenvalues of F. With F = A - s I the
number of positive pivots is the number of eigenvalues of A above s, so

    #{|lambda| > tau} = n_plus(A - tau I) + n_minus(A + tau I).                               (1)

Rounding. What is factorised is not A - s I but a neighbour F, and pivots that the solver delays,
perturbs or accepts against its rules move F further away. None of that is taken on trust. With B =
A - s I, solve F X = B Y and take the residual:

    R = B Y - B X = G Y,   G = B - B F^-1 B,                                                  (2)

so G is a symmetric operator with known products. Then B F^-1 B = B - G, and by Sylvester once more

    inertia(F) = inertia(A - s I - G)                                                         (3)

for invertible B; for singular B the inequalities below still hold. With Weyl's inequality

    #{lambda > s + |G|}  <=  n_plus(F)  <=  n_plus(F) + n_zero(F)  <=  #{lambda >= s - |G|}.  (4)

`symrank.methods._backward_error` bounds |G| by solves and products alone, but once in 1e9
factorisations.

Shifts. By (4) a factorisation at s < tau with |G| <= tau - s bounds #{lambda > tau} from above, one
at s > tau with |G| <= s - tau from below; the count is exact only where the two agree. Without
tolerances tau is the noise floor and the shifts are tau/2 and CROWD tau (`symrank.threshold`): an
eigenvalue between them could be rounding, and the interval leaves it open. With a tolerance they
are tau -+ half the noise floor. Both ends of the spectrum take up to four factorisations; a count
that must be zero is not asked for.

|A| is the largest Ritz value of 40 Lanczos steps, as everywhere in symrank, so that the cut means
the same for every method. The 1-norm would need no product but can be sqrt(n) times as large.

A Hermitian A = B + iC is factorised as the real [[B, -C], [C, B]]: every eigenvalue twice.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp

from symrank import probes, threshold
from symrank.errors import OptionError
from symrank.intervals import ExactInterval
from symrank.methods._backward_error import PRODUCTS, Workspace, backward_error
from symrank.methods._ldl import STYLES, Cost, Solver, analyse
from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.operators import Operator
from symrank.operators.explicit import sparse_entries
from symrank.recurrences import lanczos
from symrank.result import Gap, Status

__all__ = ["Cost", "Inertia", "predict"]

NORM_STEPS = 40
_COSTS: WeakKeyDictionary[Operator, Cost] = WeakKeyDictionary()  # a choice and a run need them


@dataclass(frozen=True, kw_only=True)
class Inertia:
    """Exact rank and inertia of an explicit sparse matrix by LDL' factorisations.

    Needs ``pip install symrank-linalg[inertia]``, and the entries: a sparse or dense matrix, or
    `augmented` or `gram` of one. One factorisation for every end and shift, two to four in all;
    time and memory are those of the fill-in, which the pattern alone predicts. float32 is
    factorised in double. Of `gram` the squares are counted: status CONVERGED at best, unless there
    is no zero among them.

    Parameters
    ----------
    max_fill
        Most bytes that the factor may take, as predicted. Pivots that are delayed for stability
        add to it, for indefinite matrices sometimes severalfold.
    max_flops
        Most floating-point operations of one factorisation, as predicted. 1e12 is some minutes.

    Examples
    --------
    >>> import symrank
    >>> from symrank import gallery
    >>> L = gallery.grid_laplacian((80, 80))
    >>> result = symrank.rank(L, method=Inertia(), rng=3)
    >>> result.rank, result.inertia, result.status.name
    (6399, (6399, 1, 0), 'EXACT')
    """

    max_fill: int = 2**31
    max_flops: float = 1e12

    name: ClassVar[str] = "inertia"

    def plan(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """One task, once."""
        return [Task(("pivots",))] if round_ == 0 else []

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> "_Counts":  # noqa: ARG002
        """Count pivots at the shifts."""
        matrix = _matrix(operator, self.max_fill / 12)
        cost = None if operator.n == 0 else _cost(operator, matrix)
        if cost is not None:
            self._check(cost)
        norm, used = _norm(operator, goal, tick)
        if norm == 0.0:
            return _Counts(n=goal.n, copies=1, tau=0.0, norm=norm, cost=cost)
        counts = _shifts(goal, norm, 2 if goal.dtype.kind == "c" else 1, cost)
        unit = math.ldexp(1.0, -math.frexp(norm)[1])  # the solver sees a norm near one, exactly
        workspace = Workspace(
            matrix=matrix * unit, unit=unit, goal=goal, tick=tick, left=goal.max_matvecs - used
        )
        _count(counts, workspace)
        return counts

    def _check(self, cost: Cost) -> None:
        """Refuse a factorisation that would not fit."""
        if cost.num_bytes > self.max_fill:
            raise OptionError(
                f"the factor would take {cost.num_bytes} bytes ({cost.fill:.3g} nonzeros), and "
                f"max_fill={self.max_fill}. Use method='lanczos', which needs no factor, or "
                f"Inertia(max_fill={cost.num_bytes})."
            )
        if cost.flops > self.max_flops:
            raise OptionError(
                f"one factorisation would take {cost.flops:.3g} operations, and "
                f"max_flops={self.max_flops:.3g}. Use method='lanczos', which needs no factor, or "
                f"Inertia(max_flops={cost.flops:.1g}) and patience."
            )

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], Any],
        previous: Summary | None,  # noqa: ARG002
    ) -> Summary:
        """Put the counts of both ends together."""
        counts: _Counts = states[("pivots",)]
        low, high = (min(sum(end[i] for end in counts.ends.values()), goal.n) for i in (0, 1))
        exact = low == high
        # at the noise floor the lower shift lies at it; at a tolerance the count is of "> tau"
        n_plus, n_minus = (counts.ends[sign][0 if goal.has_cut else 1] for sign in (1, -1))
        n_minus = min(n_minus, goal.n - n_plus)
        rank = n_plus + n_minus
        tau, outer = counts.tau * goal.scale, counts.outer * goal.scale
        is_plateau = exact and rank > 0 and outer > threshold.MIN_RATIO * tau
        open_status = Status.BUDGET_SPENT if counts.is_cut_short else Status.NO_GAP_FOUND
        return Summary(
            rank=rank,
            estimate=float(rank),
            stderr=0.0,
            bounds=(float(low), float(high)),
            threshold=tau,
            status=Status.EXACT if exact else open_status,
            evidence=ExactInterval(low=low, high=high),
            gaps=(Gap(low=tau, high=outer, count=float(rank)),) if is_plateau else (),
            inertia=(n_plus, goal.n - rank, n_minus),
            diagnostics=counts.diagnostics(goal.scale),
        )


def predict(operator: Operator) -> Cost | None:
    """Return what one factorisation would take, from the pattern; None without entries."""
    if operator in _COSTS:
        return _COSTS[operator]
    entries = sparse_entries(operator) if operator.n else None
    return None if entries is None else _cost(operator, _real(entries))


def _cost(operator: Operator, matrix: Any) -> Cost:
    if operator not in _COSTS:
        _COSTS[operator] = analyse(matrix)
    return _COSTS[operator]


@dataclass(kw_only=True)
class _Counts:
    """What the factorisations say; shifts and norms in the units of the operator."""

    n: int
    copies: int  # of every eigenvalue in the real matrix
    tau: float
    norm: float
    cost: Cost | None
    inner: float = 0.0
    outer: float = 0.0
    ends: dict[int, tuple[int, int]] = field(default_factory=lambda: {1: (0, 0), -1: (0, 0)})
    shifts: list[dict[str, Any]] = field(default_factory=list)
    is_cut_short: bool = False

    def diagnostics(self, scale: float) -> dict[str, Any]:
        """Return the evidence as plain values, in the units of the caller."""
        return {
            "num_factorisations": len(self.shifts),
            "predicted_fill": self.cost.fill if self.cost else 0,
            "predicted_flops": self.cost.flops if self.cost else 0.0,
            "fill": max((one["fill"] for one in self.shifts), default=0),
            "num_flagged_pivots": sum(one["num_flagged"] for one in self.shifts),
            "norm": self.norm * scale,
            "shifts": [
                {**one, "shift": one["shift"] * scale, "error": one["error"] * scale}
                for one in self.shifts
            ],
        }


def _matrix(operator: Operator, max_entries: float) -> Any:
    """Return the real symmetric CSR matrix whose pivots are counted, every diagonal stored."""
    entries = sparse_entries(operator, max_entries)
    if entries is None:
        raise OptionError(
            f"method='inertia' factorises entries, and this {type(operator).__name__} is known by "
            "its products alone. Pass a sparse matrix, or use method='lanczos'."
        )
    return _real(entries)


def _real(entries: Any) -> Any:
    """Return the real twin of Hermitian `entries`, symmetric to the last bit."""
    if entries.dtype.kind == "c":
        entries = entries.astype(np.complex128)
        entries = sp.block_array([[entries.real, -entries.imag], [entries.imag, entries.real]])
    entries = sp.csr_array(entries, dtype=np.float64)
    half = entries * 0.5  # first: a sum may overflow
    diagonal = sp.eye_array(entries.shape[0], format="csr")
    return sp.csr_array(half + half.T + 0.0 * diagonal)


def _norm(operator: Operator, goal: Goal, tick: Tick) -> tuple[float, int]:
    """Return the largest |Ritz value| of a short Lanczos run, and the products it took."""
    if goal.n == 0:
        return 0.0, 0
    steps = max(1, min(NORM_STEPS, goal.max_matvecs))
    state = lanczos.start(probes.gaussian(goal.seed, 0, 1, goal.n, goal.dtype))
    state = lanczos.extend(state, operator, steps, tick)
    return lanczos.runs(state, goal.eps)[0].spectral_norm, steps


def _shifts(goal: Goal, norm: float, copies: int, cost: Cost | None) -> _Counts:
    """Place the shifts on either side of the cut."""
    tau = threshold.cut(norm, goal.eps, goal.atol, goal.rtol)
    margin = 0.5 * threshold.FLOOR * goal.eps * norm
    outer = tau + margin if goal.has_cut else threshold.CROWD * tau
    return _Counts(
        n=goal.n, copies=copies, tau=tau, norm=norm, cost=cost, inner=tau - margin, outer=outer
    )


def _count(counts: _Counts, workspace: Workspace) -> None:
    """Bracket both ends of the spectrum, and leave out what is known already."""
    room = counts.n
    for sign in (1, -1):
        high = min(_bound(counts, workspace, sign, counts.inner)[1], room) if room else 0
        low = min(_bound(counts, workspace, sign, counts.outer)[0], high) if high else 0
        counts.ends[sign] = (low, high)
        room -= low
    low, high = counts.ends[1]
    counts.ends[1] = (low, min(high, counts.n - counts.ends[-1][0]))


def _bound(counts: _Counts, workspace: Workspace, sign: int, size: float) -> tuple[int, int]:
    """Return bounds on #{sign lambda > tau} that the pivots at the shift sign * size prove."""
    allowed = abs(size - counts.tau)
    for j, style in enumerate(STYLES):
        if workspace.left < PRODUCTS:
            counts.is_cut_short = True
            break
        B = workspace.matrix.copy()
        B.setdiag(B.diagonal() - sign * size * workspace.unit)
        solver = workspace.solvers.pop(j, None) or Solver(style)
        F = solver.factorise(B)
        if F is None:
            continue  # and the next shift has a fresh one
        workspace.solvers[j] = solver
        unit, number = workspace.unit, len(counts.shifts)
        error = backward_error(B, F, workspace, number, allowed * unit) / unit
        above = F.n_plus if sign > 0 else F.n_minus
        is_proof = bool(error <= allowed)
        counts.shifts.append(
            {
                "shift": sign * size,
                "error": error if math.isfinite(error) else -1.0,
                "is_proof": is_proof,
                "inertia": [F.n_plus, F.n_zero, F.n_minus],
                "fill": F.fill,
                "num_flagged": F.num_flagged,
                "style": j,
            }
        )
        if is_proof:
            copies = counts.copies
            return -(-above // copies), (above + F.n_zero) // copies
    return 0, counts.n
