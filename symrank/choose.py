"""Which method, at what cost, and why: the policy is set out in docs/decisions/009.

Before the first product only the representation of A is known. Exact candidates are those whose
cost follows from it: all eigenvalues (n and the products of a dense copy) and pivots (the pattern,
where its analysis is no dearer than all eigenvalues or the first round of sampling). The cheapest
is taken where it is cheap, in itself or against the least that sampling takes. Else certified
sampling starts, and what it has seen (rank, nullity, gap) tells whether a sketch of the range or of
the null space, or one of the candidates passed over, gives the exact count cheaply.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symrank import _costs
from symrank._candidates import (
    DENSE_LIMIT,
    Choice,
    exact_candidates,
    fits_densely,
    lacks,
    pattern_seconds,
    product_seconds,
    sampling,
)
from symrank.methods import Dense, Goal, Method, Sketch, Summary
from symrank.methods import sketch as sketches
from symrank.methods._null import TEST_COLUMNS
from symrank.methods.lanczos import is_resolved
from symrank.operators.facts import Facts
from symrank.result import Status

__all__ = [
    "DENSE_LIMIT",
    "Choice",
    "Plan",
    "affords_singular_values",
    "product_seconds",
    "propose",
    "proves_too_little",
    "reconsider",
    "why_given_up",
]

EXACT_SECONDS = 10.0  # an exact count is worth this much where no precision is asked for
WORTH = 2.0  # or this many times what sampling takes
SOLVE_STEPS = 20.0  # times sqrt(kappa): steps of conjugate gradients to rounding
SMALL_NULLITY = 64
NULL_SECONDS = 1.0  # null vectors may take this, or what sampling has taken
LIKELY = 1.1  # times the estimate: the rank where the interval is open
NEARLY = 8.0  # times the width asked for
LOOK = 4096  # products that an exact count may take whatever sampling has taken


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `symrank.rank` will start with, and what else was weighed.

    Attributes
    ----------
    choice
        The `Choice` that runs first.
    reason
        One sentence.
    others
        The candidates passed over.
    notes
        What else will be done, in sentences.
    """

    choice: Choice
    reason: str
    others: Sequence[Choice] = ()
    notes: Sequence[str] = ()
    put_off: Choice | None = None  # the one of `others` that the reason is about

    def __repr__(self) -> str:
        return f"<Plan: {self.choice}; {len(self.others)} passed over>"

    def with_product_seconds(self, difference: float) -> "Plan":
        """Return the plan with `difference` more seconds for every product."""

        def longer(choice: Choice) -> Choice:
            low, high = (
                t + k * difference for t, k in zip(choice.seconds, choice.num_matvecs, strict=True)
            )
            return dataclasses.replace(choice, seconds=(low, high))

        others = [longer(choice) for choice in self.others]
        choice, put_off = longer(self.choice), self.put_off
        if put_off is not None:
            put_off = longer(put_off)
        reason = self.reason if put_off is None else _why_not(put_off, is_timed=True)
        return dataclasses.replace(
            self, choice=choice, reason=reason, others=others, put_off=put_off
        )

    def __str__(self) -> str:
        others = [f"not {other}" for other in self.others]
        return "\n  ".join([f"{self.choice}", self.reason, *self.notes, *others])


def propose(facts: Facts, goal: Goal) -> Plan:
    """Weigh the candidates that the representation of an operator allows.

    Parameters
    ----------
    facts
        What is known of the operator that the method will see.
    goal
        What is asked for; `max_matvecs` is the budget.
    """
    sampled = sampling(facts, goal)
    exact = exact_candidates(facts, goal, sampled.seconds[0])
    if not exact:
        return Plan(choice=sampled, reason=_why_sampling(facts, goal))
    best = min(exact, key=lambda choice: choice.seconds[1])
    others = [choice for choice in (*exact, sampled) if choice is not best]
    allowed = _allowance(goal, sampled.seconds[0])
    if best.seconds[1] <= allowed and not _is_costly(best, sampled):
        return Plan(choice=best, reason=_why_exact(best, goal), others=others)
    is_timed = facts.is_explicit or not best.num_matvecs[1]
    lacking = lacks(facts, goal)
    reason = _why_not(best, lacking, is_timed=is_timed)
    put_off = None if lacking else best
    return Plan(choice=sampled, reason=reason, others=exact, put_off=put_off)


def reconsider(
    facts: Facts,
    goal: Goal,
    summary: Summary,
    weigh: Callable[[float], Sequence[Choice]],
    spent: int,
    left: tuple[int, float],
) -> tuple[Method, str] | None:
    """Look for an exact method once rounds of `Lanczos` have seen the spectrum.

    Parameters
    ----------
    facts, goal
        As for `propose`.
    summary
        Of the rounds of `Lanczos` so far.
    weigh
        Gives the exact candidates; a pattern is analysed where that takes less than its argument.
    spent, left
        Products so far, and the products and seconds that the budget still holds.

    Returns
    -------
    (Method, reason) or None
    """
    met = summary.status is Status.CONVERGED
    if goal.has_cut or (met and not goal.refine):
        return None
    low, high = summary.evidence(goal.confidence)
    a_product = product_seconds(facts)
    allowed = _allowance(goal, spent * a_product)
    found: list[tuple[float, float, Method, str]] = []
    likely = min(high, math.ceil(LIKELY * summary.estimate))  # it fails, or it is exact
    columns = 2.0 * likely + 32.0
    if sketches.is_applicable(goal, likely, goal.n, math.inf):
        seconds = 2.0 * columns * a_product + _costs.sketch_seconds(goal.n, columns)
        known = "at most" if likely == high else "likely below"
        why = f"the rank is {known} {likely} by sampling: a sketch of the range is exact"
        found.append((seconds, 2.0 * columns, Sketch(side="range"), why))
    if met and goal.n - low <= SMALL_NULLITY:
        products = _solve_steps(summary) * (sketches.NULL_COLUMNS + TEST_COLUMNS)
        why = f"the nullity is at most {goal.n - low} by sampling: null vectors settle it"
        seconds = products * a_product + _costs.solve_seconds(goal.n, products)
        if seconds <= max(NULL_SECONDS, spent * a_product):  # it may fail: kappa is a guess
            found.append((seconds, products, Sketch(side="null"), why))
    for choice in weigh(_worth_of_sampling(goal, summary, high - low, spent * a_product)):
        products = float(choice.num_matvecs[1])
        found.append((choice.seconds[1], products, choice.method, _why_exact(choice, goal)))
    most = min(left[0], max(LOOK, WORTH * spent))
    allowed = min(allowed, left[1])
    found = [one for one in found if one[0] <= allowed and one[1] <= most]
    if not found:
        return None
    _, _, method, why = min(found, key=lambda one: one[0])
    return method, why


def affords_singular_values(facts: Facts, goal: Goal) -> bool:
    """Tell whether `Dense` takes no more than an exact count may, by the singular values."""
    work = facts.dense
    if not work.is_singular or work.num_products or not fits_densely(facts):
        return False
    allowed = _allowance(goal, sampling(facts, goal).seconds[0])
    return _costs.singular_seconds(*work.shape) <= allowed


def _worth_of_sampling(goal: Goal, summary: Summary, width: int, sampled: float) -> float:
    """Return the seconds that an analysis of the pattern may take, to spare more sampling.

    As many as sampling took where it is at its end, and as many again for the doubling of the
    steps that will meet the precision where the interval is nearly narrow enough. An interval that
    is wide open says that no number of steps is known to settle it, and where the precision is met
    and resolution is still the larger error, only an exact count adds to the answer.
    """
    if summary.status is Status.CONVERGED:
        return sampled if is_resolved(summary) else math.inf
    return 2.0 * sampled if width <= NEARLY * 2.0 * goal.half_width else math.inf


def why_given_up(summary: Summary | None) -> str:
    """Return why factorisations were given up, which a clock may have decided; "" if none were."""
    return "" if summary is None else str(summary.diagnostics.get("given_up", ""))


def proves_too_little(summary: Summary | None) -> bool:
    """Tell whether `Inertia` left a shift without proof, which an eigenvalue near it does not."""
    if summary is None or summary.status is Status.EXACT:
        return False
    if why_given_up(summary):
        return True
    shifts = summary.diagnostics["shifts"]  # none where the solver gave up
    proved = {one["shift"] for one in shifts if one["is_proof"]}
    is_open = not shifts or proved != {one["shift"] for one in shifts}
    return summary.status is Status.BUDGET_SPENT or is_open


def _allowance(goal: Goal, sampling_seconds: float) -> float:
    """Return the seconds that an exact count may take before sampling is tried."""
    worth = WORTH * sampling_seconds
    return max(worth, EXACT_SECONDS) if goal.refine else max(worth, 10 * _costs.OVERHEAD)


def _is_costly(choice: Choice, sampled: Choice) -> bool:
    """Tell whether a dense copy takes many more products than a first look by sampling."""
    return choice.num_matvecs[1] > WORTH * sampled.num_matvecs[0]


def _solve_steps(summary: Summary) -> float:
    """Predict the steps of a solve from the gap that sampling saw; infinite without one."""
    if not summary.gaps or summary.measure is None or summary.gaps[0].high <= 0.0:
        return math.inf
    kappa = summary.measure.spectral_norm / summary.gaps[0].high
    indefinite = summary.measure.ritz_values[0] < -summary.gaps[0].high
    return SOLVE_STEPS * (kappa if indefinite else math.sqrt(kappa))


def _why_not(choice: Choice, lacking: str = "", *, is_timed: bool) -> str:
    """Say what an exact count would take; seconds where those of its products are known."""
    seconds = f"{choice.seconds[1]:.2g} s and " if is_timed else ""
    return (
        f"{choice.method.name} would be exact but is predicted to take {seconds}"
        f"{choice.num_matvecs[1]} products{lacking and f', and {lacking}'}: "
        "certified sampling first"
    )


def _why_exact(choice: Choice, goal: Goal) -> str:
    if isinstance(choice.method, Dense):
        return f"n = {goal.n}: all eigenvalues are cheap and exact"
    return (
        f"the factor of this pattern takes {choice.num_bytes / 2**20:.2g} MiB: the signs of its "
        "pivots are cheap and exact"
    )


def _why_sampling(facts: Facts, goal: Goal) -> str:
    if fits_densely(facts):
        return (
            f"the dense matrix would take {facts.n} products and {goal.max_matvecs} are "
            "allowed: certified counting by products"
        )
    analysis, lacking = pattern_seconds(facts), lacks(facts, goal)
    if lacking:
        return f"n = {facts.n} and {lacking}: certified counting by products"
    if analysis > 0.0:
        return (
            f"n = {facts.n} and the analysis of the pattern alone would take {analysis:.2g} s: "
            "certified sampling first"
        )
    return f"n = {facts.n} and no exact count known to be cheap: certified counting by products"
