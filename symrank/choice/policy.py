"""What to run, from facts and a goal to an offer: arithmetic on numbers, and no operator.

The policy is set out in docs/decisions/009, and `symrank.choice.auto` is its program. Before the
first product (`propose`) exact offers are those whose cost follows from the representation of A:
all eigenvalues, and pivots where the analysis of the pattern is no dearer than all eigenvalues or
than sampling. The cheapest is taken where it is cheap, in itself or against the whole run that
sampling is likely to be. After a round of sampling (`reconsider`) what was seen may make a sketch
of the range or of the null space cheap, or one of the offers passed over.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from symrank.methods import (
    Dense,
    Goal,
    Inertia,
    Lanczos,
    Long,
    Method,
    Offer,
    Seen,
    Sketch,
    costs,
)
from symrank.operators.facts import Facts

__all__ = [
    "MENU",
    "Menu",
    "Plan",
    "affords_all_eigenvalues",
    "affords_singular_values",
    "exact_offers",
    "long_at_once",
    "long_first",
    "narrow_first",
    "propose",
    "reconsider",
    "worth_of_sampling",
]

EXACT_SECONDS = 10.0  # an exact count is worth this much where no precision is asked for
ASKING_SECONDS = 0.05  # to make an offer: too few to matter
WORTH = 2.0  # or this many times what sampling takes
UNSEEN = 4.0  # first rounds: beyond, it is a quarter at most, and a small rank may show in it
NARROW_COLUMNS = 4  # the share of n that a sketch may have: a small part of an exact count
LEAST_NARROW = 2000  # rows: below, all eigenvalues take half a second
DEARER = 4.0  # times what it is taken for: a product of unknown cost may take that
NEARLY = 8.0  # times the width asked for
LOOK = 4096  # products that an exact count may take whatever sampling has taken


@dataclass(frozen=True, kw_only=True)
class Menu:
    """The methods whose offers are weighed.

    Attributes
    ----------
    exact
        Asked before the first product, and again after rounds of sampling.
    once_seen
        Asked after rounds of sampling alone: their cost follows from what was seen.
    """

    exact: tuple[Method, ...]
    once_seen: tuple[Method, ...]


MENU = Menu(
    exact=(Dense(), Inertia().unasked()),
    once_seen=(Sketch(side="range"), Sketch(side="null")),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `symrank.rank` will start with, and what else was weighed.

    Attributes
    ----------
    choice
        The `Offer` that runs first.
    reason
        One sentence.
    others
        The offers passed over.
    notes
        What else will be done, in sentences.
    """

    choice: Offer
    reason: str
    others: Sequence[Offer] = ()
    notes: Sequence[str] = ()
    put_off: Offer | None = None  # the one of `others` that the reason is about

    def __repr__(self) -> str:
        return f"<Plan: {self.choice}; {len(self.others)} passed over>"

    def with_product_seconds(self, difference: float) -> "Plan":
        """Return the plan with `difference` more seconds for every product."""
        put_off, reason = self.put_off, self.reason
        if put_off is not None:
            put_off = put_off.slower(difference)
            reason = _why_not(put_off, is_timed=True)
        return dataclasses.replace(
            self,
            choice=self.choice.slower(difference),
            reason=reason,
            others=[other.slower(difference) for other in self.others],
            put_off=put_off,
        )

    def __str__(self) -> str:
        others = [f"not {other}" for other in self.others]
        return "\n  ".join([f"{self.choice}", self.reason, *self.notes, *others])


def propose(facts: Facts, goal: Goal, menu: Menu = MENU, seconds_left: float = math.inf) -> Plan:
    """Weigh what the methods offer before the first product.

    Parameters
    ----------
    facts
        What is known of the operator that the method will see.
    goal
        What is asked for; `max_matvecs` is the budget.
    menu
        The methods that are asked.
    seconds_left
        Of the caller's budget in wall time, which ends sampling and not all eigenvalues.
    """
    sampled, whole = Lanczos().offer(facts, goal), Lanczos().whole(goal)
    worth = _likely_seconds(facts, goal)
    exact = exact_offers(menu.exact, facts, goal, worth, _allowance(goal, worth))
    if not exact:
        return Plan(choice=sampled, reason=_why_sampling(menu.exact, facts, goal))
    best = min(exact, key=lambda offer: offer.seconds[1])
    others = [offer for offer in (*exact, sampled) if offer is not best]
    is_cheap = best.seconds[1] <= min(_allowance(goal, worth), seconds_left)
    first = sampled.products[0]
    if is_cheap and best.products[1] <= max(WORTH * first, min(whole, UNSEEN * first)):
        return Plan(choice=best, reason=best.why, others=others)
    is_timed = facts.is_explicit or not best.products[1]
    lacking = _declined(menu.exact, facts, goal)
    reason = _why_not(best, lacking, is_timed=is_timed)
    put_off = None if lacking else best
    return Plan(choice=sampled, reason=reason, others=exact, put_off=put_off)


def narrow_first(plan: Plan, facts: Facts, goal: Goal) -> Sketch | None:
    """Return the sketch that a large dense matrix of small rank is counted by; None: no such one.

    It multiplies whole blocks, so that a quarter of the columns take less than pivots do.
    """
    num_columns = facts.n // NARROW_COLUMNS
    is_asked = goal.has_cut or goal.preconditioner is not None or facts.n < LEAST_NARROW
    if is_asked or not (facts.is_full and facts.is_explicit and plan.choice.method.is_exact):
        return None
    return Sketch(side="range", max_columns=num_columns) if num_columns < goal.max_matvecs else None


def long_first(plan: Plan, facts: Facts, goal: Goal) -> Offer | None:
    """Return the offer to count a long matrix without its singular values; None: not worth a try.

    It takes less than the choice of the plan, and no more than an exact count may.
    """
    offer, choice = Long().offer(facts, goal), plan.choice
    if offer is None or offer.seconds[1] > _allowance(goal, _likely_seconds(facts, goal)):
        return None
    is_dearer = choice.method.is_exact and choice.seconds[1] <= offer.seconds[0]
    return None if is_dearer else offer


def long_at_once(facts: Facts, goal: Goal, seconds: float) -> Offer | None:
    """Return the same where `seconds` are enough for it, if few columns depend on others."""
    offer = Long().offer(facts, goal)
    return offer if offer is not None and offer.seconds[0] <= seconds else None


def exact_offers(
    methods: Sequence[Method], facts: Facts, goal: Goal, worth: float, allowed: float = math.inf
) -> list[Offer]:
    """Return the offers of exact methods; one that is dear to make only where it is worth it.

    That is where making it takes less than `worth` seconds, or than an offer made before it that
    takes no more than is `allowed`.
    """
    found: list[Offer] = []
    for method in methods:
        rivals = [offer.seconds[0] for offer in found if offer.seconds[0] <= allowed]
        most = max(worth, ASKING_SECONDS, *rivals)
        offer = method.offer(facts, goal) if method.price(facts, goal) <= most else None
        found += [] if offer is None else [offer]
    return found


def reconsider(
    facts: Facts,
    goal: Goal,
    seen: Seen,
    spent: int,
    left: tuple[int, float],
    menu: Menu = MENU,
) -> Offer | None:
    """Return the exact method to go over to once rounds of sampling have seen the spectrum.

    Parameters
    ----------
    facts, goal
        As for `propose`.
    seen
        What the rounds have shown.
    spent, left
        Products so far, and the products and seconds that the budget still holds.
    menu
        The methods that are asked.
    """
    if seen.is_met and (goal.has_cut or not goal.open_ended):
        return None
    # they work on the host, and multiply
    fits = facts.has_products and not (goal.has_cut or facts.is_on_device)
    once_seen = menu.once_seen if fits else ()
    offers = [o for one in once_seen if (o := one.offer(facts, goal, seen)) is not None]
    whole = seen.whole * costs.product_seconds(facts.work)
    allowed = _allowance(goal, max(seen.seconds, whole))
    offers += exact_offers(menu.exact, facts, goal, worth_of_sampling(goal, seen), allowed)
    seconds = min(allowed, left[1])
    products = min(left[0], max(LOOK, WORTH * spent, seen.whole))
    fit = [
        one
        for one in offers
        if one.products[1] <= products
        and (one.seconds[1] <= seconds or _spares_products(one, facts, seen, whole, left[1]))
    ]
    return min(fit, key=lambda offer: offer.seconds[1], default=None)


def _spares_products(
    offer: Offer, facts: Facts, seen: Seen, whole_seconds: float, most: float
) -> bool:
    """Tell whether it takes few of the products that sampling would, if nobody knows their cost."""
    is_unknown = facts.work.unknown_rows > 0.0
    is_few = 0 < WORTH * offer.products[1] <= seen.whole
    return is_unknown and is_few and offer.seconds[1] <= min(DEARER * whole_seconds, most)


def affords_singular_values(facts: Facts, goal: Goal) -> bool:
    """Tell whether `Dense` takes no more than an exact count may, by the singular values."""
    method = Dense()
    if not method.is_free_of_squares(facts) or not method.is_free(facts):
        return False
    return _takes_at_most(method, facts, goal, _allowance(goal, _likely_seconds(facts, goal)))


def affords_all_eigenvalues(facts: Facts, goal: Goal, seconds_left: float = math.inf) -> bool:
    """Tell whether all eigenvalues may stand in for pivots that proved too little."""
    most = min(max(EXACT_SECONDS, WORTH * _likely_seconds(facts, goal)), seconds_left)
    return _takes_at_most(Dense(), facts, goal, most)


def _takes_at_most(method: Method, facts: Facts, goal: Goal, seconds: float) -> bool:
    offer = method.offer(facts, goal)
    return offer is not None and offer.seconds[1] <= seconds


def _likely_seconds(facts: Facts, goal: Goal) -> float:
    """Return what the whole run of sampling is likely to take."""
    return Lanczos().whole(goal) * costs.product_seconds(facts.work)


def worth_of_sampling(goal: Goal, seen: Seen) -> float:
    """Return the seconds that the making of an offer may take, to spare more sampling.

    =============  ======================  ========================  ===============================
    precision met  resolved, or width      worth                     as
    =============  ======================  ========================  ===============================
    yes            resolved                that of the sampling      it is at its end
    yes            resolution is larger    any                       only an exact count adds
    no             nearly narrow enough    twice that                one more doubling may settle it
    no             wide open               any                       no number of steps is known to
    =============  ======================  ========================  ===============================
    """
    if seen.is_met:
        return seen.seconds if seen.is_resolved else math.inf
    width = seen.high - seen.low
    return 2.0 * seen.seconds if width <= NEARLY * 2.0 * goal.half_width else math.inf


def _allowance(goal: Goal, sampling_seconds: float) -> float:
    """Return the seconds that an exact count may take before sampling is tried, or goes on."""
    worth = WORTH * sampling_seconds
    return max(worth, EXACT_SECONDS) if goal.open_ended else max(worth, 10 * costs.OVERHEAD)


def _why_not(offer: Offer, lacking: str = "", *, is_timed: bool) -> str:
    """Say what an exact count would take; seconds where those of its products are known."""
    seconds = f"{offer.seconds[1]:.2g} s and " if is_timed else ""
    return (
        f"{offer.method.name} would be exact but is predicted to take {seconds}"
        f"{offer.products[1]} products{lacking and f', and {lacking}'}: "
        "certified sampling first"
    )


def _why_sampling(methods: Sequence[Method], facts: Facts, goal: Goal) -> str:
    """Say why no exact method has made an offer."""
    declined = _declined(methods, facts, goal)
    if declined:
        return f"n = {facts.n} and {declined}: certified counting by products"
    dear = max((method.price(facts, goal) for method in methods), default=0.0)
    if dear > 0.0:
        return (
            f"n = {facts.n} and the analysis of the pattern alone would take {dear:.2g} s: "
            "certified sampling first"
        )
    return f"n = {facts.n} and no exact count known to be cheap: certified counting by products"


def _declined(methods: Sequence[Method], facts: Facts, goal: Goal) -> str:
    """Return what the first of them says that keeps it from an offer."""
    return next((why for one in methods if (why := one.declines(facts, goal))), "")
