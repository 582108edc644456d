r"""`count` of a pencil: eigenvalues of K x = lambda M x in an interval.

Of matrices with known entries the count is that of `symrank.methods.pivots.pencil`: two
factorisations for each end, and two for M. By products M must have a known factor, M^-1 = S S*:

    K x = lambda M x  <=>  (S* K S) y = lambda y,   x = S y,

and the count is that of the operator S* K S, with all that `count` has. S is diag(M)^(-1/2) of a
diagonal (lumped) M, or that of ``Preconditioner.from_factor(S)``, as S = L^-* of M = L L*.
"""

import dataclasses
import math
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank import preconditioners
from symrank.answer.counts import Counts
from symrank.answer.result import RankResult
from symrank.ask.rank import named_method
from symrank.errors import OptionError
from symrank.methods import Inertia, Method
from symrank.methods.base import unit_rounding
from symrank.methods.pivots import counts as pivots
from symrank.methods.pivots.inertia import GIVEN_UP, NO_CHILD
from symrank.methods.pivots.matrices import matrix_of
from symrank.methods.pivots.norm import norm_seen
from symrank.methods.pivots.pencil import Pencil, check_positive_definite
from symrank.operators import MatrixOperator, Operator, as_operator
from symrank.operators.checks import checked
from symrank.operators.scaled import within_range
from symrank.preconditioners import Preconditioner
from symrank.run.budget import Budget, located
from symrank.run.job import Job, prepare
from symrank.run.options import Options
from symrank.spectrum.intervals import ExactInterval
from symrank.spectrum.outcome import Band, Status
from symrank.spectrum.region import kept_apart
from symrank.spectrum.threshold import band_notes
from symrank.support import probes
from symrank.support.probes import Streams

__all__ = ["count_by_pivots", "mass_of", "pivots_of", "whitened"]

REASON = "the signs of K - sigma M at each end, and of M, count the pencil"
SUPPORTED = (
    "Of a K by products M must be diagonal (an array (n,), or a diagonal matrix) or have a factor: "
    "M=Preconditioner.from_factor(S) with S S* = M^-1, as S = L^-* of M = L L*. With entries of K "
    "and M both, method=None counts by pivots."
)


def mass_of(M: Any) -> Any:
    """Return M as an operator with entries, or the `Preconditioner` M^-1 = S S*.

    Raises
    ------
    OptionError
        Where M is neither.
    """
    if isinstance(M, Preconditioner):
        if M.factor is None:
            raise OptionError(f"M={M!r} has no factor S S* = M^-1. {SUPPORTED}")
        return M
    given = M if sp.issparse(M) or hasattr(M, "matvec") else np.asarray(M)
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind in "iuf":
        given = sp.diags_array(given.astype(np.float64), format="csr")
    operator = as_operator(given).occupied(whole=True)[0]
    if operator.facts.entries is None:
        raise OptionError(f"M is known by its products alone. {SUPPORTED}")
    return operator


def whitened(K: Any, M: Any) -> Operator:
    """Return S* K S of a diagonal M, or of one with a factor, for a count by any method."""
    operator = as_operator(K)
    if not isinstance(M, Preconditioner):
        entries = M.sparse_entries()
        diagonal = np.asarray(entries.diagonal())
        is_diagonal = entries.count_nonzero() == np.count_nonzero(diagonal)
        if not is_diagonal:
            raise OptionError(f"M is no diagonal matrix, and no factor of it is known. {SUPPORTED}")
        if not (np.isfinite(diagonal).all() and (diagonal.real > 0.0).all()):
            raise OptionError(
                "M is not positive definite: its diagonal must be positive and finite. Give "
                "unknowns without mass some, or eliminate them."
            )
        _same_size(operator.n, M.n)
        M = Preconditioner.diagonal(1.0 / diagonal.real)
    _same_size(operator.n, M.n)
    return preconditioners.apply(operator, M)


def pivots_of(K: Any, M: Any, method: str | Method | None) -> Inertia | None:
    """Return the method that counts the pencil by its signs; None where another one must."""
    chosen = Inertia() if method is None else named_method(method)[0]
    is_explicit = not isinstance(M, Preconditioner) and as_operator(K).facts.entries is not None
    return chosen if isinstance(chosen, Inertia) and is_explicit else None


def count_by_pivots(
    K: Any, M: Operator, edges: list[float], method: Inertia, options: Options, budget: Budget
) -> RankResult | Counts:
    """Count between all edges by the signs of K - sigma M at each."""
    operator = as_operator(K).occupied(whole=True)[0]
    _same_size(operator.n, M.n)
    job = prepare(operator, options, budget)
    with located(budget):
        ends = _Ends.of(job, M, edges, method, options, budget)
    pairs = list(pairwise(range(len(edges))))
    total = ends.result(0, len(edges) - 1, budget)
    if len(pairs) == 1:
        return total
    rows = tuple(ends.result(i, j, budget) for i, j in pairs)
    return Counts(edges=np.array(edges), rows=rows, total=total)


def _same_size(n: int, other: int) -> None:
    if n != other:
        raise OptionError(
            f"K is {n}x{n} and M {other}x{other}: a pencil K - lambda M has two of one size."
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Ends:
    """What was counted right of every edge."""

    job: Job
    edges: list[float]
    counts: list[pivots.Counts]  # of the pencil in other units
    units: tuple[float, float]  # powers of two, times K and times M
    norm: float  # |M| in those units
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        job: Job,
        M: Operator,
        edges: list[float],
        method: Inertia,
        options: Options,
        budget: Budget,
    ) -> "_Ends":
        """Check M, and count right of every edge."""
        rng = probes.stream(options.seed, Streams.CHECK.start, 2)
        mass, unit = within_range(
            M, lambda: rng.standard_normal((M.n, 1)), lambda k: budget.spend(k, is_told=False)
        )
        if options.check:
            checked(mass, rng)
        goal = dataclasses.replace(job.goal, deadline=budget.deadline)
        units = 1.0 / goal.scale, unit
        if not goal.n:
            return cls(job=job, edges=edges, counts=[], units=units, norm=0.0)

        def tick(products: int) -> None:
            budget.tick(products * job.operator.matvecs_per_product)

        norms = tuple(
            norm_seen(one, dataclasses.replace(goal, dtype=one.dtype), tick)[0]
            for one in (job.operator, mass)
        )
        left, right, copies = _real_pair(job.operator, mass)
        of: dict[str, Any] = {
            "eps": max(goal.eps, unit_rounding(mass.dtype, 0.0)),
            "copies": copies,
            "goal": goal,
            "tick": tick,
            "method": method,
        }
        check_positive_definite(right, left=goal.products_in(budget.left), **of)
        spare = goal.products_in(budget.left)
        with Pencil(K=left, M=right, norms=(norms[0], norms[1]), left=spare, **of) as pencil:
            found = [pencil.right_of(_scaled(x, units)) for x in edges]
            note = pencil.note
        notes = (NO_CHILD.format(note),) if note else ()
        return cls(job=job, edges=edges, counts=found, units=units, norm=norms[1], notes=notes)

    def result(self, i: int, j: int, budget: Budget) -> RankResult:
        """Return the count in ``(edges[i], edges[j]]``."""
        goal, low, high = self.job.goal, 0, 0
        ends = [self.counts[k] for k in (i, j)] if self.counts else []
        if ends:
            (a_low, a_high), (b_low, b_high) = (one.ends[1] for one in ends)
            low, high = max(0, a_low - b_high), max(0, a_high - b_low)
        bands = self._bands((i, j)) if ends else ()
        status = self._status(ends, high - low)
        given_up = {one.given_up for one in ends if one.given_up}
        notes = (*self.notes, *(GIVEN_UP.format(why) for why in given_up))
        if status is Status.NO_GAP_FOUND:
            notes = (*notes, *band_notes(bands, goal.half_width))
        return RankResult(
            rank=(low + high) // 2,
            estimate=0.5 * (low + high),
            stderr=0.0,
            bounds=(float(low), float(high)),
            threshold=0.0,
            status=status,
            n=goal.n,
            dtype=str(goal.dtype),
            method=Inertia.name,
            confidence=goal.confidence,
            evidence=ExactInterval(low=low, high=high),
            num_matvecs=budget.num_matvecs,
            seconds=budget.seconds,
            reason=REASON,
            seed=goal.seed,
            between=(self.edges[i], self.edges[j]),
            at_ends=bands,
            notes=notes,
            diagnostics={
                "num_factorisations": sum(len(one.shifts) for one in ends),
                "right_of": [list(one.ends[1]) for one in ends],
            },
        )

    def _status(self, ends: list[pivots.Counts], width: int) -> Status:
        if width == 0:
            return Status.EXACT
        is_crowded = any(one.is_crowded for one in ends)
        if width <= 2.0 * self.job.goal.half_width and not is_crowded:
            return Status.CONVERGED
        is_cut_short = any(one.is_cut_short for one in ends)
        return Status.BUDGET_SPENT if is_cut_short else Status.NO_GAP_FOUND

    def _bands(self, places: tuple[int, int]) -> tuple[Band, ...]:
        """Return the ends that are bands, as wide as a mode of much mass sees them."""
        found = []
        for k in places:
            edge, (low, high) = self.counts[k].region.high, self.counts[k].ends[1]
            if edge.is_band:
                x, half = self.edges[k], edge.right / self.norm * self.units[1] / self.units[0]
                found.append(Band(low=x - half, high=x + half, least=0, most=high - low))
        return tuple(found)


def _scaled(x: float, units: tuple[float, float]) -> float:
    """Return an end in the units of the scaled pencil."""
    return kept_apart(x * units[0] / units[1], x) if x else 0.0


def _real_pair(K: Operator, M: Operator) -> tuple[Any, Any, int]:
    """Return the real matrices to factorise, and how often they hold each eigenvalue."""
    kinds = {K.dtype.kind, M.dtype.kind}
    if len(kinds) == 2:  # one of them is complex
        K, M = (MatrixOperator(one.sparse_entries().astype(np.complex128)) for one in (K, M))
    return matrix_of(K, math.inf), matrix_of(M, math.inf), 2 if "c" in kinds else 1
