"""A fixed sample of the grid: every door, spectrum and form at least twice, small orders."""

from functools import cache

import pytest

from tests.adversary import grid, law

SAMPLE = grid.sample(640)
VERDICT = cache(grid.run)


def marks(cell):
    return [getattr(pytest.mark, name) for name in ("torch", "jax", "dask")
            if cell.form.lower().startswith(name)]  # fmt: skip


@pytest.mark.parametrize(
    "cell", [pytest.param(cell, id=cell.name, marks=marks(cell)) for cell in SAMPLE]
)
def test_the_law_of_a_cell(cell):
    assert VERDICT(cell).violations == []


def test_langevin_misses_are_as_rare_as_promised():
    assert law.sampled_p_value([VERDICT(cell) for cell in SAMPLE]) >= law.REJECT


def test_a_clear_gap_is_settled():
    verdicts = [VERDICT(cell) for cell in SAMPLE]
    assert sum(verdict.is_gap for verdict in verdicts) >= 20
    assert law.open_share(verdicts) <= law.MOST_OPEN
