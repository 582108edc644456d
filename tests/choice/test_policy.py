"""What an offer may take, and what is believed: arithmetic on facts, and no operator."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Status, gallery
from symrank.choice import policy
from symrank.methods import Dense, Inertia, Lanczos, Offer, Seen
from symrank.methods.quadrature import lanczos
from symrank.operators.factor import as_factor
from symrank.operators.facts import Facts, Work
from symrank.operators.modulus import Modulus
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import budget_of, start
from symrank.spectrum.intervals import ExactInterval
from tests.choice.problems import chosen_from, goal_of


def test_a_likely_rank_is_enough_for_a_sketch():
    """Sampling leaves the interval open up to n; the sketch that the estimate suggests is exact."""
    n, r = 5000, 120
    Q = np.linalg.qr(np.random.default_rng(2).standard_normal((n, r)))[0]
    lam = np.geomspace(1e-7, 1.0, r)
    A = spla.LinearOperator(
        (n, n), matvec=lambda x: Q @ (lam * (Q.T @ x)), dtype=float,
        matmat=lambda X: Q @ (lam[:, None] * (Q.T @ X)),
    )  # fmt: skip
    result = symrank.rank(A, rng=1)
    assert (result.rank, result.status, result.method) == (r, Status.EXACT, "sketch")
    assert "likely below" in result.reason


def seen_of(goal, low, high, *, is_met=False, is_resolved=False):
    return Seen(
        low=low, high=high, likely=low, is_met=is_met, is_resolved=is_resolved,
        solve_length=np.inf, seconds=3.0,
    )  # fmt: skip


def test_what_an_offer_may_take_to_make():
    goal = goal_of(1000, half_width=5.0)

    def worth(*interval, **what):
        return policy.worth_of_sampling(goal, seen_of(goal, *interval, **what))

    assert worth(0, 10, is_met=True, is_resolved=True) == 3.0
    assert worth(0, 10, is_met=True) == np.inf
    assert worth(0, 80) == 6.0
    assert worth(0, 81) == np.inf


def worths(A):
    """What each round of sampling would have paid for the analysis of a pattern."""
    options = Options(seed=1, max_matvecs=4000)
    budget = budget_of(options, None)
    rounds = start(prepare(A, options, budget), Lanczos(), "", budget)
    return [
        policy.worth_of_sampling(rounds.goal, lanczos.seen(rounds.goal, summary, 1.0))
        for summary in rounds.each(budget)
    ]


def test_an_interval_that_stays_open_is_worth_any_analysis():
    rng = np.random.default_rng(0)
    lam = np.concatenate([np.zeros(2500), 10.0 ** rng.uniform(-9.0, 0.0, 2500)])
    assert np.isinf(worths(gallery.diagonal(lam))).all()
    nearly_full = np.linspace(1e-4, 1.0, 5000) ** 2  # met, and a few zeros are open
    assert np.isinf(worths(gallery.diagonal(nearly_full))[-1])
    settled = np.concatenate([np.zeros(2500), rng.uniform(0.5, 1.0, 2500)])
    assert np.isfinite(worths(gallery.diagonal(settled))).all()


def test_a_pattern_is_analysed_only_after_as_much_sampling():
    """A dear analysis: an interval that the first round settles goes without it."""
    asked = []

    class Watched(Inertia):
        def offer(self, facts, goal, seen=None):
            asked.append(facts)
            return super().offer(facts, goal, seen)

    class Dear(Watched):
        def price(self, facts, goal):
            return max(super().price(facts, goal), 2.0 * policy.ASKING_SECONDS)

    A = gallery.grid_laplacian((100, 100), remove=0.4, rng=1)
    first = chosen_from(policy.Menu(exact=(Dense(), Watched()), once_seen=()), A, seed=1)
    assert first.method == "inertia"
    assert len(asked) == 1
    later = chosen_from(policy.Menu(exact=(Dense(), Dear()), once_seen=()), A, seed=1)
    assert (later.method, later.rank) == ("inertia", gallery.laplacian_rank(A))
    assert later.num_matvecs >= first.num_matvecs + 512  # sampling came first


def test_what_ends_the_making_of_an_offer_leaves_what_was_sampled():
    """Ctrl-C in a long analysis of a pattern, and an error in it."""

    class Ending(Inertia):
        def price(self, facts, goal):
            return 2.0 * policy.ASKING_SECONDS

        def offer(self, facts, goal, seen=None):
            raise ENDS[0]

    lam = np.concatenate(
        [np.zeros(2500), 10.0 ** np.random.default_rng(0).uniform(-9.0, 0.0, 2500)]
    )
    menu = policy.Menu(exact=(Ending(),), once_seen=())
    ENDS[:] = [KeyboardInterrupt()]
    result = chosen_from(menu, gallery.diagonal(lam), seed=1)
    low, high = result.interval()
    assert (result.method, result.status) == ("lanczos", Status.INTERRUPTED)
    assert low <= 2500 <= high
    ENDS[:] = [MemoryError("the pattern")]
    with pytest.raises(MemoryError, match="the pattern"):
        chosen_from(menu, gallery.diagonal(lam), seed=1)


ENDS = []


FACTS = Facts.of_products(5000, work=Work(by_index=2e4, rows=5e3))


class Offering(Dense):
    """A method that offers what it is given."""

    def __init__(self, seconds, products=0):
        object.__setattr__(self, "terms", (products, seconds))

    def offer(self, facts, goal, seen=None):
        return Offer.certain(self, *self.terms, num_bytes=0, why="it is offered")


@pytest.mark.parametrize(
    ("seconds", "products", "options", "is_taken"),
    [
        (9.9, 0, {}, True),  # ten seconds where no precision is asked for
        (10.1, 0, {}, False),
        (0.036, 0, {"open_ended": False}, True),  # else twice the likely run, 30 probes of 64 steps
        (0.037, 0, {"open_ended": False}, False),
        (0.0, 2048, {}, True),  # four first rounds, 8 probes of 64 steps each
        (0.0, 2049, {}, False),
    ],
)
def test_the_offer_of_an_exact_count_is_taken_where_it_is_cheap(
    seconds, products, options, is_taken
):
    menu = policy.Menu(exact=(Offering(60.0), Offering(seconds, products)), once_seen=())
    plan = policy.propose(FACTS, goal_of(5000, **options), menu)
    assert plan.choice.method.is_exact is is_taken
    if is_taken:
        assert plan.reason == "it is offered"
        assert [other.method.name for other in plan.others] == ["dense", "lanczos"]


@pytest.mark.parametrize(
    ("seconds", "products", "left", "options", "is_taken"),
    [
        (9.9, 4096, (9000, 60.0), {}, True),
        (10.1, 0, (9000, 60.0), {}, False),
        (0.0, 4097, (9000, 60.0), {}, False),  # a switch takes 4096 products or twice those spent
        (0.0, 4096, (4000, 60.0), {}, False),  # and what the budget holds
        (9.9, 0, (9000, 5.0), {}, False),
        (0.0, 0, (9000, 60.0), {"atol": 1.0}, True),  # with a cut, too
    ],
)
def test_an_offer_after_sampling_is_taken_within_what_is_left(
    seconds, products, left, options, is_taken
):
    menu = policy.Menu(exact=(Offering(seconds, products),), once_seen=())
    goal = dataclasses.replace(goal_of(5000), **options)
    seen = dataclasses.replace(seen_of(goal, 0, 5000), seconds=1.0)
    offer = policy.reconsider(FACTS, goal, seen, 512, left, menu)
    assert (offer is not None) is is_taken
    met = dataclasses.replace(seen, is_met=True)
    asked = dataclasses.replace(goal, open_ended=False)
    assert policy.reconsider(FACTS, asked, met, 512, left, menu) is None


def test_what_multiplies_is_not_offered_where_there_are_no_products():
    """The singular values of a factor, whose few zeros a sketch would otherwise settle."""
    goal = goal_of(5000)
    seen = dataclasses.replace(seen_of(goal, 4998, 4999, is_met=True), solve_length=1.0)
    left, menu = (9000, 60.0), policy.Menu(exact=(), once_seen=policy.MENU.once_seen)
    assert policy.reconsider(FACTS, goal, seen, 512, left, menu) is not None
    modulus = Modulus(as_factor(sp.eye_array(7, 5)))
    assert not modulus.facts.has_products
    facts = dataclasses.replace(FACTS, halves=modulus.facts.halves)
    assert policy.reconsider(facts, goal, seen, 512, left, menu) is None


def result_of(method, low, high, evidence=None):
    from symrank.answer.result import RankResult

    return RankResult(
        rank=low, estimate=float(low), stderr=0.0, bounds=(float(low), float(high)), threshold=0.0,
        status=Status.EXACT, n=100, dtype="float64", method=method, confidence=0.95,
        evidence=evidence or ExactInterval(low=low, high=high),
    )  # fmt: skip


def test_an_exact_count_that_sampling_rules_out_is_not_believed():
    from symrank.choice.two_answers import unless_contradicted
    from symrank.spectrum.intervals import BetaInterval

    law = BetaInterval(n=100, num_probes=400, null_low=0.5, null_high=0.5)
    sampled = result_of("lanczos", 50, 50, law)
    low, high = law(1 - 1e-9)
    for rank in (low, 50, high):
        assert unless_contradicted(result_of("sketch", rank, rank), sampled).rank == rank
        assert unless_contradicted(result_of("sketch", rank, rank), sampled).status is Status.EXACT
    for rank in (low - 1, high + 1):
        result = unless_contradicted(result_of("sketch", rank, rank), sampled)
        assert result.status is Status.NO_GAP_FOUND
        assert result.interval() == (0, 100)  # neither is trusted
        assert f"sketch finds [{rank}, {rank}]" in result.notes[0]


def test_two_intervals_that_miss_each_other_give_their_hull():
    from symrank.choice.two_answers import both

    first, second = result_of("lanczos", 10, 20), result_of("sketch", 21, 25)
    result = both(first, second)
    assert result.interval() == (10, 25)
    assert result.status is Status.NO_GAP_FOUND
    assert "miss each other" in result.notes[0]
    assert both(first, result_of("sketch", 20, 25)).interval() == (20, 25)  # the narrower one
