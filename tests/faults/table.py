"""All rows, from every module `rows_*` of this folder."""

import contextlib
import importlib
import pkgutil
import signal

from tests import faults
from tests.faults.row import Row

__all__ = ["ROWS", "groups"]


def _rows() -> list[Row]:
    found: list[Row] = []
    for module in sorted(one.name for one in pkgutil.iter_modules(faults.__path__)):
        if module.startswith("rows_"):
            found += importlib.import_module(f"tests.faults.{module}").ROWS
    return found


def _hear_ctrl_c() -> None:
    """Undo what a shell does to its background jobs: the processes of a row would ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGINT, signal.default_int_handler)


_hear_ctrl_c()
ROWS = _rows()


def groups() -> dict[str, int]:
    """Return the number of rows of each group."""
    return {name: sum(row.group == name for row in ROWS) for name in {row.group: 0 for row in ROWS}}
