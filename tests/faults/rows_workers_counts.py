"""Rows: workers and executors that go astray while a count is made, a pencil's or a rectangle's."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

import symrank
from symrank.errors import LostWorkersError, OperatorError
from tests.faults.row import Row
from tests.run.crews import Here, Slow, bits

MANY = symrank.Lanczos(num_probes=64)  # some tasks a round
COUNT, INF = 150, float("inf")  # half of the rows, from 1 to 2; the others are zero
ROWS_OF_X, COLUMNS = 400, 300


class Rectangle(LinearOperator):  # type: ignore[misc, unused-ignore]
    """A diagonal below which rows of zeros are; `twist` as in `tests.run.crews.Slow`."""

    is_columnwise = True

    def __init__(self, twist: str = "", at: int = 0) -> None:
        super().__init__(np.dtype(float), (ROWS_OF_X, COLUMNS))
        self.inner = Slow(COLUMNS, twist=twist, at=at)

    def _matmat(self, X: Any) -> Any:
        return np.concatenate([self.inner._matmat(X), np.zeros((ROWS_OF_X - COLUMNS, X.shape[1]))])

    def _rmatmat(self, X: Any) -> Any:
        return self.inner._matmat(X[:COLUMNS])


def ask(door: str, executor: Any, twist: str = "", at: int = 0) -> Any:
    """Ask at a door for what is COUNT; precise enough for some rounds."""
    options = {"rng": 7, "max_matvecs": 12_800, "precision": 1e-9, "executor": executor}
    A: Any = Rectangle(twist, at) if "rectangle" in door else Slow(twist=twist, at=at)
    if door == "rank of a rectangle":
        return symrank.rank(A, MANY, **options)
    if door == "inertia":
        return symrank.inertia(A, MANY, **options).result
    if door == "table":
        return symrank.count(A, [0.5, 1.25, INF], method=MANY, **options).total
    if door == "pencil":
        return symrank.count(A, 0.125, INF, MANY, M=np.full(COLUMNS, 4.0), **options)
    return symrank.count(A, 0.5, INF, MANY, **options)


DOORS = ("count", "count of a rectangle", "rank of a rectangle", "table", "pencil", "inertia")


def holds(result: Any) -> None:
    low, high = result.interval()
    assert low <= COUNT <= high, result


def deadly(door: str, folder: Path) -> None:
    with pytest.raises(LostWorkersError, match=r"taken 2 worker processes with it.*SIGKILL"):
        ask(door, 2, "die")


def astray(door: str, twist: str, folder: Path) -> None:
    calm = Here()
    ask(door, calm)
    with pytest.raises(LostWorkersError) as caught:
        ask(door, Here(twist, at=len(calm.submitted) - 1))  # in its last round
    holds(caught.value.result)


def twice(door: str, folder: Path) -> None:
    found = ask(door, Here("twice"))
    assert bits(found) == bits(ask(door, None))
    holds(found)


def raising(door: str, executor: Any, folder: Path) -> None:
    with pytest.raises((ZeroDivisionError, OperatorError)) as caught:
        ask(door, executor, "raise", at=40)
    assert "the caller's own" in str(caught.value)


TWISTS = {
    "shut down half-way": "shut down",
    "futures are cancelled": "cancel",
    "the answer of another task": "others",
    "an answer that is none": "none",
}


def _rows() -> list[Row]:
    checks: list[tuple[str, str, Callable[[Path], None], bool]] = []
    for door in DOORS:
        is_late = door != "pencil" and door != "rank of a rectangle"
        checks.append(("a task kills its worker", door, partial(deadly, door), is_late))
        checks.append(("every task is done twice", door, partial(twice, door), is_late))
        for fault, twist in TWISTS.items():
            checks.append((fault, door, partial(astray, door, twist), is_late))
        for name in ("threads", 2):
            check = partial(raising, door, name)
            checks.append(("a product raises", f"{door}, {name}", check, name == 2 and is_late))
    return [
        Row(group="counts by workers", fault=fault, door=door, check=check, is_slow=is_slow)
        for fault, door, check, is_slow in checks
    ]


ROWS = _rows()
