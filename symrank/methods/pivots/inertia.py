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

`symrank.methods.pivots.backward_error` bounds |G| by solves and products alone, except once in 1e9
factorisations.

Shifts. By (4) a factorisation at s < tau with |G| <= tau - s bounds #{lambda > tau} from above, one
at s > tau with |G| <= s - tau from below; the count is exact only where the two agree. Without
tolerances tau is the noise floor and the shifts are tau/2 and CROWD tau
(`symrank.spectrum.threshold`): an eigenvalue between them could be rounding, and the interval
leaves it open. A tolerance, and an end of an interval, is a band of half a noise floor to either
side, of which the shifts are the edges: #{a < lambda <= b} = n - #{lambda > b} - #{lambda <= a}.
Both ends of the spectrum take up to four factorisations; a count that must be zero is not asked
for.

|A| is the largest Ritz value of 40 Lanczos steps, as everywhere in symrank, so that the cut means
the same for every method; of more where the cut is a share of |A|, which the band of the cut then
covers up to the proved margin of `symrank.spectrum.margins`. The 1-norm would need no product but
can be sqrt(n) times as large.

A Hermitian A = B + iC is factorised as the real [[B, -C], [C, B]]: every eigenvalue twice.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from symrank.errors import MissingBackendError, OptionError
from symrank.methods import costs
from symrank.methods.base import Goal, Method, Offer, Summary, Task, Tick
from symrank.methods.pivots.backward_error import Workspace
from symrank.methods.pivots.counts import Counts, count, of_zeros
from symrank.methods.pivots.ldl import Cost, check_installed
from symrank.methods.pivots.ldl_dense import AnyCost, DenseCost, solvers_of
from symrank.methods.pivots.matrices import (
    hermitian,
    is_dense,
    matrix_of,
    seems_semidefinite,
)
from symrank.methods.pivots.norm import norm_seen
from symrank.methods.pivots.normal_equations import count_by_squares, normal_equations
from symrank.methods.pivots.predicted import cost_of, may_have_pivots, predict
from symrank.methods.seen import Seen
from symrank.methods.summaries import exact
from symrank.operators import Operator
from symrank.operators.facts import Facts
from symrank.spectrum import threshold
from symrank.spectrum.brackets import narrower
from symrank.spectrum.outcome import Band, Gap, Status
from symrank.support.options import check_number

__all__ = [
    "BAND", "GIVEN_UP", "NO_CHILD", "Cost", "Inertia",
]  # fmt: skip

BAND = 0.5 * threshold.FLOOR  # half the width of a band, in eps |A|: the error of a factorisation
PRODUCTS = 100  # of the norm and of the errors of the factorisations, about
LEAST_DENSE = 3000  # rows of a dense matrix: below, all its eigenvalues take a second
DENSE_LIMIT = 8192  # and from there on the memory of some copies is dear
PATIENCE = 5.0  # times the predicted CPU time of a factorisation: a wrong prediction ends there
TWIN_PATIENCE = 1.5  # where zeros on the diagonal put off more pivots than can be predicted
FACTORISATIONS = {True: 3, False: 4}  # for a semidefinite operator, or any other
LACKING = (
    "an exact count by pivots needs feral-solver, which is not installed "
    "(pip install 'symrank-linalg[inertia]')"
)
NO_CHILD = (
    "the factorisations ran in this process, where neither max_seconds nor Ctrl-C can end one: a "
    "process of their own {}."
)
GIVEN_UP = "the factorisations were given up, and the interval holds what they left open: {}."


@dataclass(frozen=True, kw_only=True)
class Inertia(Method):
    """Exact rank and inertia of an explicit matrix by LDL' factorisations.

    Needs the entries: a sparse or dense matrix, or `augmented` or `gram` of one; for sparse ones
    feral-solver as well (``pip install symrank-linalg[inertia]`` where it has no wheel). There is
    one factorisation for every end and shift, one to four in all. Time and memory are those of the
    fill-in, which the pattern alone predicts; of a dense matrix they are LAPACK's, n^3 / 3
    multiplications each. float32 is factorised in double. Of a sparse
    matrix more than twice as long as wide, and of its `gram`, those of the square are counted, and
    null vectors tell what squaring loses (`symrank.methods.pivots.normal_equations`).

    Parameters
    ----------
    max_fill
        Most bytes that the factor may take, as predicted. Pivots that are delayed for stability
        add to it, for indefinite matrices sometimes severalfold.
    max_flops
        Most floating-point operations of one factorisation, as predicted. 1e12 is some minutes.
    patience
        A factorisation predicted to take long runs in a process of its own. It is given up when it
        has taken this many times the predicted CPU time, and ten seconds at least; what it would
        have told is left open then. Infinite unless `symrank.rank` chooses the method itself: then
        5, and certified sampling answers.

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
    patience: float = math.inf

    name: ClassVar[str] = "inertia"
    is_exact: ClassVar[bool] = True
    counts_between: ClassVar[bool] = True
    counts_moduli: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("max_fill", "max_flops", "patience"):
            check_number(name, getattr(self, name), lambda x: x > 0.0, "must be positive, or inf.")

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """One task, once."""
        return [Task(("pivots",))] if round_ == 0 else []

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> "Counts":  # noqa: ARG002
        """Count pivots at the shifts."""
        is_full = is_dense(operator.facts)
        cost: AnyCost | None = None
        if is_full:
            matrix, cost = hermitian(operator.to_dense()), DenseCost(n=operator.n)
        else:
            matrix = matrix_of(operator, self.max_fill / 12)
            cost = None if operator.n == 0 else cost_of(operator.facts, matrix)
        if cost is not None:
            self.refuse_too_dear(cost)
        norm, margin, used = norm_seen(operator, goal, tick)
        counts = Counts(
            n=goal.n,
            copies=2 if goal.dtype.kind == "c" and not is_full else 1,
            has_one_style=is_full,
            num_beside=operator.facts.num_beside,
            power=operator.facts.entry_power,
            region=goal.region(norm, margin, delta=BAND),
            norm=norm,
            cost=cost,
        )
        if norm == 0.0:
            counts.ends = of_zeros(counts)
            return counts
        unit = math.ldexp(1.0, -math.frexp(norm)[1])  # the solver sees a norm near one, exactly
        limits, patience = (self.max_fill, self.max_flops), self.patience
        if math.isfinite(patience) and operator.facts.num_beside:
            patience = min(patience, TWIN_PATIENCE)
        assert cost is not None
        normal = None
        if counts.power == 2:
            normal = normal_equations(operator.facts.factor, unit)
            matrix = normal.square
        else:
            matrix *= unit
        with solvers_of(cost, matrix, limits, patience, tick, goal.deadline) as solvers:
            workspace = Workspace(
                matrix=matrix,
                unit=unit,
                goal=goal,
                tick=tick,
                left=goal.max_matvecs - used,
                make=solvers,
                is_semidefinite=seems_semidefinite(matrix),
            )
            if normal is None:
                count(counts, workspace)
            else:
                count_by_squares(counts, workspace, normal)
        if solvers.note:
            counts.notes = (NO_CHILD.format(solvers.note),)
        if counts.given_up:
            counts.notes = (GIVEN_UP.format(counts.given_up),)
        return counts

    def offer(self, facts: Facts, goal: Goal, seen: Seen | None = None) -> Offer | None:  # noqa: ARG002
        """Analyse the pattern, and offer the pivots where the factor fits."""
        if is_dense(facts) and goal.preconditioner is None:
            return self.offer_dense(facts) if LEAST_DENSE <= facts.n <= DENSE_LIMIT else None
        if not may_have_pivots(facts, goal):
            return None
        try:
            cost = predict(facts)
        except MissingBackendError:  # the extra is not installed
            return None
        return None if cost is None else self.offer_at(cost, facts.has_positive_diagonal)

    def offer_dense(self, facts: Facts) -> Offer | None:
        """Offer what tells that all eigenvalues count; where some do not, the rest is asked."""
        cost = DenseCost(n=facts.n)
        if cost.flops > self.max_flops or 8 * cost.fill > self.max_fill:
            return None
        number = 1 if facts.has_positive_diagonal else 2
        why = (
            f"n = {facts.n}: the signs of dense pivots are cheaper than all eigenvalues, and exact"
        )
        seconds = number * cost.seconds
        return Offer.certain(self, PRODUCTS, seconds, cost.num_bytes, why)

    def offer_at(self, cost: Cost, is_semidefinite: bool) -> Offer | None:
        """Offer the pivots at what one factorisation takes."""
        if cost.num_bytes > self.max_fill or cost.flops > self.max_flops:
            return None
        number = FACTORISATIONS[is_semidefinite]
        seconds = costs.inertia_seconds(cost.n, cost.nnz, cost.seconds, number)
        why = (
            f"the factor of this pattern takes {cost.num_bytes / 2**20:.2g} MiB: the signs of its "
            "pivots are cheap and exact"
        )
        return Offer.certain(self, PRODUCTS, seconds, cost.num_bytes, why)

    def price(self, facts: Facts, goal: Goal) -> float:  # noqa: ARG002
        """Predict the analysis of the pattern."""
        entries = 0.0 if facts.is_full else facts.num_entries
        return costs.pattern_seconds(facts.n, entries) if entries else 0.0

    def declines(self, facts: Facts, goal: Goal) -> str:
        """Say what may be exact with a library that is not installed."""
        if not facts.num_entries or not may_have_pivots(facts, goal):
            return ""
        try:
            check_installed()
        except MissingBackendError:
            return LACKING
        return ""

    def suits_moduli(self, facts: Facts) -> bool:
        """True where the pivots of the twin are to be had; else those of the squares may be."""
        return facts.entries is not None

    def unasked(self) -> "Inertia":
        """Return the method with an end to its patience: sampling has an answer, too."""
        return replace(self, patience=min(PATIENCE, self.patience))

    def refuse_too_dear(self, cost: AnyCost) -> None:
        """Raise `OptionError` for a factorisation that would not fit."""
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
        counts: Counts = states[("pivots",)]
        region, tau = counts.region, counts.region.cut * goal.scale
        (low, high), is_void = narrower(counts.bounds(), whole=(0.0, float(goal.n)))
        low, high = int(low), int(high)
        is_settled = low == high and not is_void
        at_ends = counts.bands(goal.scale)
        inertia = None if region.counts_inside else counts.inertia()
        rank = high if inertia is None else inertia[0] + inertia[2]
        rank = min(max(rank, low), high)
        outer = counts.outer * goal.scale
        is_plateau = is_settled and rank > 0 and outer > threshold.MIN_RATIO * tau
        status = Status.BUDGET_SPENT if counts.is_cut_short else Status.NO_GAP_FOUND
        if is_settled:
            status = Status.EXACT
        elif high - low <= 2.0 * goal.half_width and not (is_void or counts.is_crowded):
            status = Status.CONVERGED
        return exact(
            low,
            high,
            rank,
            threshold=tau,
            status=status,
            gaps=(Gap(low=tau, high=outer, count=float(rank)),) if is_plateau and inertia else (),
            inertia=inertia,
            at_ends=at_ends,
            notes=(*counts.notes, *_band_notes(at_ends, goal, status)),
            diagnostics=counts.diagnostics(goal.scale),
            is_final=status is Status.EXACT
            or (status is not Status.BUDGET_SPENT and counts.is_proved),
            given_up=counts.given_up,
        )


def _band_notes(at_ends: Sequence[Band], goal: Goal, status: Status) -> tuple[str, ...]:
    if status is not Status.NO_GAP_FOUND:
        return ()
    return tuple(threshold.band_notes(at_ends, goal.half_width))
