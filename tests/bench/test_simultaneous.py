"""A fixed sample of the coverage of bands that hold everywhere."""

import numpy as np
import pytest

from bench.intervals.simultaneous import WIDEST, judge, solve

SEEDS = {"law": range(60), "lanczos": range(3)}
LEAST = {"law": 51, "lanczos": 2}  # fewer: P(Bin(60, 0.95) < 51) = 2e-3, and 7e-3 of 3


@pytest.mark.parametrize("road", SEEDS)
def test_bands_hold_everywhere_and_are_narrow(road):
    rows = [solve((road, seed)) for seed in SEEDS[road]]
    found = judge(road, rows)
    assert found["hold_everywhere"] >= LEAST[road]
    assert 1.2 < found["width_ratio"] < WIDEST
    assert 0.85 < found["pointwise_share"] <= 1.0
    if road == "law":
        assert found["hold_everywhere"] < len(rows)  # as narrow as the law allows
        assert np.mean([row["points"] for row in rows]) > 150
