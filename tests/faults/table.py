"""All rows, from every module `rows_*` of this folder."""

import importlib
import pkgutil

from tests import faults
from tests.faults.row import Row

__all__ = ["ROWS", "groups"]


def _rows() -> list[Row]:
    found: list[Row] = []
    for module in sorted(one.name for one in pkgutil.iter_modules(faults.__path__)):
        if module.startswith("rows_"):
            found += importlib.import_module(f"tests.faults.{module}").ROWS
    return found


ROWS = _rows()


def groups() -> dict[str, int]:
    """Return the number of rows of each group."""
    return {name: sum(row.group == name for row in ROWS) for name in {row.group: 0 for row in ROWS}}
