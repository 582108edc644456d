"""Several proved brackets of one number, the looks at one law, and regions with bands for ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank.answer import records
from symrank.errors import OptionError
from symrank.spectrum.brackets import narrower
from symrank.spectrum.intervals import BetaInterval, ExactInterval, Intersection
from symrank.spectrum.region import Edge, Region

SHARE = st.floats(0.0, 1.0)


@given(truth=SHARE, widths=st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=5))
def test_true_brackets_give_a_narrower_true_one(truth, widths):
    brackets = [(truth - left, truth + right) for left, right in widths]
    (low, high), is_void = narrower(*brackets)
    assert not is_void
    assert low <= truth <= high
    assert all(low >= max(b[0], 0.0) and high <= min(b[1], 1.0) for b in brackets)


@given(low=SHARE, gap=st.floats(1e-6, 0.5))
def test_a_contradiction_leaves_what_was_known_beforehand(low, gap):
    bounds, is_void = narrower((low - 0.1, low), (low + gap, low + 1.0), whole=(-5.0, 5.0))
    assert is_void
    assert tuple(bounds) == (-5.0, 5.0)


def test_ends_that_cross_by_rounding_have_met():
    bounds, is_void = narrower((0.2, 0.5 - 1e-12), (0.5, 0.9), allowance=1e-10)
    assert not is_void
    assert tuple(bounds) == (0.5 - 1e-12, 0.5)


def test_rows_are_judged_one_by_one_and_nan_proves_nothing():
    bounds, is_void = narrower([[0.1, 0.2], [0.6, 0.5], [math.nan, 0.5]])
    assert is_void.tolist() == [False, True, True]
    np.testing.assert_array_equal(bounds, [[0.1, 0.2], [0.0, 1.0], [0.0, 1.0]])


class TestLooks:
    def law(self, share, m, looks=2):
        return BetaInterval(n=1000, num_probes=m, null_low=share, null_high=share, num_looks=looks)

    def test_what_one_look_rejects_stays_rejected(self):
        first, second = self.law(0.30, 8), self.law(0.31, 60)
        both = Intersection(of=(first, second))
        for level in (0.5, 0.95, 1 - 1e-9):
            low, high = both(level)
            assert low == max(first(level)[0], second(level)[0])
            assert high == min(first(level)[1], second(level)[1])

    def test_looks_that_miss_each_other_give_their_hull(self):
        both = Intersection(of=(ExactInterval(low=1, high=3), ExactInterval(low=7, high=9)))
        assert both(0.95) == (1, 9)

    def test_the_level_is_that_of_all_looks_together(self):
        # both looks on fresh probes: the union bound makes the pair conservative, not optimistic
        rng = np.random.default_rng(5)
        n, d, m = 1000, 300, 8
        held = 0
        for _ in range(400):
            shares = rng.beta(m * d / 2, m * (n - d) / 2, 2)
            low, high = Intersection(of=tuple(self.law(x, m) for x in shares))(0.95)
            held += low <= n - d <= high
        assert held >= 365  # binomial(400, 0.95) falls below once in a thousand

    def test_it_survives_json(self):
        law = Intersection(of=(self.law(0.2, 4, 3), self.law(0.25, 9, 3)))
        again = records.interval_from(records.interval_to(law))
        assert again == law
        assert again.num_looks == 3


class TestRegions:
    def test_without_a_cut_the_floor_is_sharp(self):
        region = Region.level((2.0, 2.1), 0.5, 0.5, None, None)
        assert region == Region.null_space(0.5)
        assert region.bands == ()

    def test_a_cut_is_a_band_and_a_relative_one_covers_what_the_norm_may_be(self):
        region = Region.level((2.0, 2.1), 1e-3, 1e-3, None, 0.5)
        assert region.cut == 1.0
        assert region.high == Edge(1.0 - 1e-3, 1.0, 1.05 + 1e-3)
        assert region.low == Edge(-1.05 - 1e-3, -1.0, -(1.0 - 1e-3))

    def test_a_cut_below_the_floor_is_the_floor(self):
        assert Region.level((1.0, 1.0), 1e-3, 1e-3, 1e-4, 0.0) == Region.null_space(1e-3)

    def test_a_cut_next_to_the_floor_keeps_clear_of_the_null_space(self):
        region = Region.level((1.0, 1.0), 1e-3, 1e-3, 1.5e-3, None)
        assert region.high.left == 0.75e-3  # zeros drift by less than half a floor

    @pytest.mark.parametrize("window", [(0.0, 0.5), (-0.5, 0.0), (0.0, math.inf)])
    def test_an_end_at_zero_stands_at_the_floor(self, window):
        region = Region.between(window, 1.0, 1e-3, 1e-3, 1.0)
        edge = region.low if window[0] == 0.0 else region.high
        assert edge == Edge.sharp(1e-3)
        assert region.is_signed

    def test_an_end_beyond_the_spectrum_is_infinite(self):
        region = Region.between((-7.0, 1e300), 1.0, 1e-3, 1e-3, 1.0)
        assert (region.low, region.high) == (Edge.sharp(-math.inf), Edge.sharp(math.inf))

    def test_a_window_narrower_than_its_ends_is_refused_in_the_units_of_the_caller(self):
        with pytest.raises(OptionError, match=r"\(50, 50.1\] is narrower .* 0.2:"):
            Region.between((0.5, 0.501), 1.0, 1e-3, 1e-3, 100.0)

    def test_a_sharp_end_can_be_made_a_band(self):
        region = Region.between((-math.inf, 0.0), 1.0, 1e-3, 1e-3, 1.0).with_bands()
        assert region.low == Edge.sharp(-math.inf)
        assert region.high == Edge(0.5e-3, 1e-3, 1.5e-3)
