"""Every row of the table of faults keeps the law."""

import pytest

from tests.faults.table import ROWS

pytestmark = pytest.mark.faults


# groups that start processes, a second or more each: a fault at one door, and at others slowly
DEAR = ("checkpoints", "command", "factorisations", "processes", "signals", "workers")
FIRST = {(row.group, row.fault): row.name for row in reversed(ROWS)}


def marks(row):
    library = {"networks": [pytest.mark.torch], "dask": [pytest.mark.dask]}.get(row.group, [])
    is_again = row.group in DEAR and FIRST[row.group, row.fault] != row.name
    return library + ([pytest.mark.slow] if row.is_slow or is_again else [])


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name, marks=marks(row)) for row in ROWS])
def test_a_row_keeps_the_law(row, tmp_path):
    row.check(tmp_path)


def test_every_row_has_a_name_of_its_own():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
