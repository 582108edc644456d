"""One row of the table of faults."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Check = Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fault at a door; `check` gets an empty folder and raises where the law is broken.

    A check raises AssertionError where the package is at fault, and may call `pytest.skip` with a
    reason where this machine cannot show the fault (no /dev/full, running as root).
    """

    group: str
    fault: str
    door: str
    check: Check
    is_slow: bool = False  # more than some seconds: with ``-m slow`` and in the bench only

    @property
    def name(self) -> str:
        return f"{self.group} | {self.fault} | {self.door}"
