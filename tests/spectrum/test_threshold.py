"""The cut, the crowding and the plateaus."""

import numpy as np
import pytest

from symrank.spectrum import threshold

EPS = np.finfo(float).eps


def test_cut_is_numpys_and_never_below_the_floor():
    assert threshold.cut(2.0, EPS, 0.5, 0.1) == 0.5
    assert threshold.cut(2.0, EPS, 0.1, 0.1) == 0.2
    assert threshold.cut(2.0, EPS, None, None) == threshold.FLOOR * EPS * 2.0
    assert threshold.cut(2.0, EPS, 0.0, 0.0) == threshold.FLOOR * EPS * 2.0


def test_plateaus_are_found_and_the_one_at_the_cut_comes_first():
    sizes = np.array([0.0, 0.0, 1e-8, 2e-8, 0.1, 1.0])
    gaps = threshold.plateaus(sizes, np.ones(6), 1e-13)
    assert [(g.low, g.high, g.count) for g in gaps] == [
        (1e-13, 1e-8, 4.0),
        (2e-8, 0.1, 2.0),
        (0.1, 1.0, 1.0),
    ]
    assert gaps[0].ratio == pytest.approx(1e5)


def test_an_eigenvalue_of_negligible_weight_closes_no_plateau():
    sizes = np.array([0.0, 1e-5, 1.0])
    gaps = threshold.plateaus(sizes, np.array([3.0, 1e-3, 4.0]), 1e-13)
    assert [(g.low, g.high) for g in gaps] == [(1e-13, 1.0)]


def test_no_eigenvalues_no_plateaus():
    assert threshold.plateaus(np.empty(0), np.empty(0), 0.0) == ()
