"""The Beta interval: exact coverage, monotone, and its edges."""

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from symrank.answer import records
from symrank.spectrum.intervals import (
    BetaInterval,
    Capped,
    ChainInterval,
    ExactInterval,
    Plus,
    Raised,
    Within,
)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize(("n", "d", "m"), [(300, 1, 4), (300, 150, 3), (50, 49, 2), (2000, 30, 8)])
def test_coverage_is_the_nominal_one(n, d, m, is_complex):
    rng = np.random.default_rng([n, d, m, is_complex])
    trials, dof = 4000, 2 if is_complex else 1
    inside = rng.chisquare(m * d * dof, trials)
    share = inside / (inside + rng.chisquare(m * (n - d) * dof, trials))
    hits = 0
    for b in share:
        law = BetaInterval(n=n, num_probes=m, null_low=b, null_high=b, is_complex=is_complex)
        low, high = law(0.95)
        hits += low <= n - d <= high
    # both tails are exact; at d = 1 and n - 1 one of them is never used, as B is not 0 or 1
    nominal = 0.975 if d in (1, n - 1) else 0.95
    noise = 4.5 * np.sqrt(nominal * (1 - nominal) / trials)
    assert abs(hits / trials - nominal) < noise


@given(
    n=st.integers(2, 500),
    m=st.integers(1, 20),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    wider=st.floats(0, 0.1),
)
def test_wider_bounds_give_a_wider_interval(n, m, ends, wider):
    # at B = 0 and B = 1 an integer becomes possible that was not: another question
    assume(wider < ends[0] and ends[1] < 1.0 - wider)
    narrow = BetaInterval(n=n, num_probes=m, null_low=ends[0], null_high=ends[1])
    wide = BetaInterval(
        n=n, num_probes=m, null_low=max(0.0, ends[0] - wider), null_high=min(1.0, ends[1] + wider)
    )
    low, high = narrow(0.9)
    assert 0 <= low <= high <= n
    assert wide(0.9)[0] <= low
    assert high <= wide(0.9)[1]
    assert narrow(0.99)[0] <= low
    assert high <= narrow(0.99)[1]


def test_edges_are_single_integers():
    none = BetaInterval(n=1000, num_probes=8, null_low=0.0, null_high=1e-12)
    everything = BetaInterval(n=1000, num_probes=8, null_low=1.0 - 1e-12, null_high=1.0)
    assert none(0.95) == (1000, 1000)
    assert everything(0.95) == (0, 0)


def test_looks_share_alpha():
    one = BetaInterval(n=1000, num_probes=4, null_low=0.5, null_high=0.5)
    three = BetaInterval(n=1000, num_probes=4, null_low=0.5, null_high=0.5, num_looks=3)
    assert three(0.95) == one(1 - 0.05 / 3)


def test_stderr_is_that_of_the_beta_law():
    law = BetaInterval(n=400, num_probes=3, null_low=0.2, null_high=0.2)
    draws = np.random.default_rng(6).beta(3 * 80 / 2, 3 * 320 / 2, 200_000)
    assert law.stderr(320) == pytest.approx(400 * draws.std(), rel=0.01)  # 1/sqrt(2 N) = 0.16 %


def chain_law(**fields):
    defaults = {
        "n": 100,
        "estimate": 50.2,
        "stderr": 0.0,
        "dof": 4,
        "bias_low": 0.0,
        "bias_high": 0.0,
    }
    return ChainInterval(**(defaults | fields))


def test_chain_interval_is_widened_by_the_bias_bounds():
    assert chain_law(bias_low=-3.0, bias_high=1.0)(0.95) == (50, 53)  # integers in [49.2, 53.2]


def test_chain_interval_is_never_empty():
    assert chain_law()(0.95) == (50, 50)  # no integer lies in [50.2, 50.2]
    assert chain_law(estimate=50.0 - 1e-12)(0.95) == (50, 50)
    assert chain_law(estimate=-3.0)(0.95) == (0, 0)
    assert chain_law(estimate=200.0)(0.95) == (100, 100)


def test_chain_interval_has_the_nominal_coverage():
    rng = np.random.default_rng(5)
    trials, dof, hits = 20_000, 7, 0
    for _ in range(trials):
        stderr = 3.0 * np.sqrt(rng.chisquare(dof) / dof)
        law = chain_law(estimate=50 + 3.0 * rng.standard_normal(), stderr=stderr, dof=dof)
        low, high = law(0.95)
        hits += low <= 50 <= high
    assert abs(hits / trials - 0.95) < 4.5 * np.sqrt(0.95 * 0.05 / trials)


def test_looks_at_growing_chains_share_alpha():
    one, three = (chain_law(stderr=4.0, num_looks=looks) for looks in (1, 3))
    assert three(0.95) == one(1 - 0.05 / 3)


@pytest.mark.parametrize(
    "law",
    [
        ExactInterval(low=3, high=4),
        BetaInterval(n=9, num_probes=2, null_low=0.1, null_high=0.2, num_looks=2),
        chain_law(stderr=0.5, num_looks=2),
        Capped(most=7, of=BetaInterval(n=9, num_probes=2, null_low=0.1, null_high=0.2)),
    ],
)
def test_intervals_survive_json(law):
    assert records.interval_from(json.loads(json.dumps(records.interval_to(law)))) == law


def test_raised_moves_the_upper_end_alone_and_survives_a_record():
    law = BetaInterval(n=100, num_probes=4, null_low=0.3, null_high=0.35)
    low, high = law(0.95)
    for most, more in ((0.9, 0), (2.7, 2), (1000.0, 100 - high)):
        raised = Raised(n=100, most=most, of=law)
        assert raised(0.95) == (low, high + more)
        record = json.loads(json.dumps(records.interval_to(raised)))
        assert records.interval_from(record) == raised


def test_a_count_in_a_larger_space_is_capped():
    law = BetaInterval(n=90, num_probes=2, null_low=0.1, null_high=0.2, num_looks=3)
    low, high = law(0.95)
    assert Capped(most=high - 1, of=law)(0.95) == (low, high - 1)
    assert Capped(most=low - 1, of=law)(0.95) == (low - 1, low - 1)
    assert Capped(most=90, of=law).num_looks == 3


@pytest.mark.parametrize("is_missed", [False, True])
def test_what_is_proved_cuts_an_interval_and_keeps_it_nested(is_missed):
    law = BetaInterval(n=1000, num_probes=8, null_low=0.09, null_high=0.09)
    level = 1 - 1e-6 if is_missed else 0.95
    inside = Within(low=0, high=905, level=level, of=law, is_missed=is_missed)
    total = Plus(low=10, high=12, of=inside)
    assert law(0.01)[0] > 905 >= law(0.95)[0]
    before = (905, 905)
    for confidence in (0.01, 0.3, 0.5, 0.9, 0.95, 0.999, 1 - 1e-9):
        low, high = inside(confidence)
        assert low <= before[0] <= before[1] <= high <= 905
        assert total(confidence) == (low + 10, high + 12)
        before = low, high
    if is_missed:
        assert inside(0.5) == inside(level)
    again = records.interval_from(json.loads(json.dumps(records.interval_to(total))))
    assert again == total


def test_a_share_within_rounding_proves_no_eigenvalue():
    """Runs far longer than n, with eigenvalues 1e-6 of |A|, had a share of 2e-11 where none is."""
    nothing = BetaInterval(n=12, num_probes=8, null_low=2e-11, null_high=6e-11)
    assert nothing(0.95) == (12, 12)
    everything = BetaInterval(n=12, num_probes=8, null_low=1.0 - 6e-11, null_high=1.0 - 2e-11)
    assert everything(0.95) == (0, 0)
    one = BetaInterval(n=12, num_probes=8, null_low=1e-2, null_high=2e-2)
    assert one(0.95)[1] <= 11
