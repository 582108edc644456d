"""Rows: operators that change half-way, that raise half-way, and what is known then."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symrank
from symrank.answer.result import RankResult
from symrank.errors import ChangedOperatorError, NonFiniteError, NotSymmetricError, SymrankError
from symrank.spectrum.outcome import Status
from tests.faults.machine import (
    ENTRIES,
    FORMS,
    METHODS,
    RANK,
    Fault,
    Machine,
    Subclass,
    ask,
    blocks,
    is_right,
    keeps_the_law,
    vectors,
)
from tests.faults.row import Check, Row

GROUP = "late operators"
LATE = 150
LATE_IN = {"sketch": 60}  # which takes fewer products than that in all
LATER = 700  # after some rounds of sampling to the precision of one eigenvalue


def with_diagonal(d: Any) -> Fault:
    """Become another operator."""

    def fault(machine: Machine, X: Any, is_on: bool) -> Any:
        return d[:, None] * X if is_on else machine.multiply(X)

    return fault


def noisy(size: float) -> Fault:
    """Add relative noise."""
    rng = np.random.default_rng(8)

    def fault(machine: Machine, X: Any, is_on: bool) -> Any:
        Y = machine.multiply(X)
        return Y * (1.0 + size * rng.standard_normal(Y.shape)) if is_on else Y

    return fault


def asymmetric(machine: Machine, X: Any, is_on: bool) -> Any:
    """Lose the symmetry."""
    Y = machine.multiply(X)
    if is_on:
        Y[0] += X[-1]
    return Y


def raising(error: Callable[[], BaseException]) -> Fault:
    """Raise."""

    def fault(machine: Machine, X: Any, is_on: bool) -> Any:
        if is_on:
            raise error()
        return machine.multiply(X)

    return fault


LOSES, GAINS = ENTRIES.copy(), ENTRIES.copy()
LOSES[np.flatnonzero(ENTRIES)[:30]] = 0.0
GAINS[np.flatnonzero(ENTRIES == 0.0)[:30]] = 0.5
CHANGES: dict[str, Fault] = {
    "loses 30 eigenvalues": with_diagonal(LOSES),
    "gains 30 eigenvalues": with_diagonal(GAINS),
    "becomes zero": with_diagonal(0.0 * ENTRIES),
    "becomes 1e100 times as large": with_diagonal(1e100 * ENTRIES),
    "loses one eigenvalue": with_diagonal(np.where(ENTRIES == 1.0, 0.0, ENTRIES)),
    "noise of 1e-3 that was not declared": noisy(1e-3),
    "loses its symmetry": asymmetric,
}
CHANGED_DOORS = (
    *METHODS, "default", "count", "count by chebyshev", "refine", "gram", "augmented", "inertia",
    "pencil", "null space", "range space",
)  # fmt: skip
FEW_DOORS = ("lanczos", "sketch", "projection", "langevin", "default")
ERRORS: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("boom"),
    "MemoryError": MemoryError,
    "LinAlgError": lambda: np.linalg.LinAlgError("boom"),
    "SystemExit": lambda: SystemExit(3),
    "GeneratorExit": GeneratorExit,
    "KeyError": lambda: KeyError("boom"),
    "SymrankError": lambda: symrank.errors.OptionError("of a run within"),
}


def seen(fault: Fault, door: str, first: int) -> Check:
    """The change is an error, unless the run ended before it."""

    def check(tmp: Path) -> None:
        machine = Machine(fault, first)
        error = keeps_the_law(door, machine, SymrankError)
        if machine.count >= machine.first:
            kinds = (ChangedOperatorError, NotSymmetricError, NonFiniteError)  # squares overflow
            assert isinstance(error, kinds), error

    return check


def kept(name: str, door: str) -> Check:
    """The exception keeps its type, says where it was, and carries what was known."""

    def check(tmp: Path) -> None:
        machine = Machine(raising(ERRORS[name]), LATE_IN.get(door, LATE))
        with pytest.raises(type(ERRORS[name]())) as info:
            ask(door, machine)
        error = info.value
        assert type(error) is type(ERRORS[name]())
        assert any("caller's code in product" in note for note in error.__notes__)
        _check_known(error.result)

    return check


def _check_known(result: RankResult | None) -> None:
    if result is not None:
        assert result.status is Status.INTERRUPTED
        assert is_right(result, RANK), result


def interrupted(door: str) -> Check:
    """Ctrl-C within a product: the result so far, or KeyboardInterrupt where there is none."""

    def check(tmp: Path) -> None:
        try:
            result, truth = ask(door, Machine(raising(KeyboardInterrupt), LATE))
        except KeyboardInterrupt:
            return
        assert result.status in (Status.INTERRUPTED, Status.EXACT), result.status
        assert is_right(result, truth)

    return check


def known_after_rounds(method: str | None, fault: Fault, kind: type[BaseException]) -> Check:
    """After some rounds there is an interval, and the error has it."""

    def check(tmp: Path) -> None:
        seen: list[Any] = []
        machine = Machine(fault, LATER if method != "langevin" else 4 * LATER)
        options: dict[str, Any] = {"precision": 1.0, "max_matvecs": 20_000, "rng": 1}
        with pytest.raises(kind) as info:
            symrank.rank(
                vectors(machine), method, progress=lambda p: seen.append(p.interval), **options
            )
        result = info.value.result  # type: ignore[attr-defined]
        assert result.status is Status.INTERRUPTED
        assert result.interval() == seen[-1]
        assert is_right(result, RANK)

    return check


def count_is_told_as_asked(tmp: Path) -> None:
    """A count by a shifted operator carries the count, not the rank of the shifted operator."""
    machine = Machine(raising(lambda: ValueError("boom")), 2500)
    with pytest.raises(ValueError, match="boom") as info:
        symrank.count(blocks(machine), 0.1, 2.0, "langevin", rng=1, precision=0.5)
    result = info.value.result  # type: ignore[attr-defined]
    assert result is None or (result.between == (0.1, 2.0) and is_right(result, RANK))


def observer_raises(tmp: Path) -> None:
    """An observer is the caller's code too."""

    def progress(told: Any) -> None:
        if told.interval is not None:
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom") as info:
        symrank.rank(blocks(Machine(with_diagonal(ENTRIES))), "lanczos", rng=1, progress=progress)
    assert is_right(info.value.result, RANK)  # type: ignore[attr-defined]


def budget(limit: int) -> Check:
    """A look is left out rather than the budget broken, and the result says so."""

    def check(tmp: Path) -> None:
        result = symrank.rank(
            blocks(Machine(with_diagonal(ENTRIES))), "lanczos", rng=1, max_matvecs=limit
        )
        assert result.num_matvecs <= max(limit, 10)
        assert is_right(result, RANK)
        unseen = any("whether the operator is still" in note for note in result.notes)
        assert unseen == (limit <= 10)

    return check


def without_checks(tmp: Path) -> None:
    """check=False takes no product for a look."""
    machine = Machine(with_diagonal(ENTRIES))
    result = symrank.rank(Subclass(machine), "dense", rng=1, check=False)
    assert machine.count == result.num_matvecs == ENTRIES.size + 1  # one for the scale
    assert is_right(result, RANK)


def declared_noise(tmp: Path) -> None:
    """Noise within what was declared is no change."""
    machine = Machine(noisy(1e-6), 1)
    result = symrank.rank(blocks(machine), "lanczos", rng=1, noise=1e-5, max_matvecs=2000)
    assert is_right(result, RANK)


def planned(value: float) -> Check:
    """`plan` multiplies too."""

    def check(tmp: Path) -> None:
        def fault(machine: Machine, X: Any, is_on: bool) -> Any:
            return np.full(X.shape, value) if is_on else machine.multiply(X)

        with pytest.raises(symrank.errors.NonFiniteError, match="at product 10 of the run"):
            symrank.plan(blocks(Machine(fault, 10)), rng=1)

    return check


def _rows() -> list[Row]:
    rows = [
        Row(group=GROUP, fault=f"{name} at {first}", door=door, check=seen(fault, door, first))
        for name, fault in CHANGES.items()
        for first in (12, LATE)
        for door in (CHANGED_DOORS if "30" in name and first == LATE else FEW_DOORS)
    ]
    rows += [
        Row(
            group=GROUP,
            fault=f"{name} at {LATE_IN.get(door, LATE)}",
            door=door,
            check=kept(name, door),
        )
        for name in ERRORS
        for door in (*FEW_DOORS, "chebyshev", "vectors alone", "Operator subclass")
    ]
    rows += [
        Row(group=GROUP, fault="Ctrl-C in a product", door=door, check=interrupted(door))
        for door in (*METHODS, *(name for name in FORMS if name not in ("augmented", "refine")))
    ]
    losing, failing = CHANGES["loses 30 eigenvalues"], raising(lambda: RuntimeError("boom"))
    for method in ("lanczos", "projection", "langevin"):
        for name, fault, kind in (
            ("a change", losing, ChangedOperatorError),
            ("an error", failing, RuntimeError),
        ):
            check = known_after_rounds(method, fault, kind)
            rows.append(Row(group=GROUP, fault=f"{name} after rounds", door=method, check=check))
    for fault_name, door, check in (
        ("an error in a shifted count", "count", count_is_told_as_asked),
        ("an observer that raises", "progress", observer_raises),
        ("no checks", "check=False", without_checks),
        ("declared noise", "noise", declared_noise),
        ("NaN in the timed product", "plan", planned(np.nan)),
        ("inf in the timed product", "plan", planned(np.inf)),
        *((f"a budget of {limit}", "max_matvecs", budget(limit)) for limit in (1, 10, 11, 12, 40)),
    ):
        rows.append(Row(group=GROUP, fault=fault_name, door=door, check=check))
    return rows


ROWS = _rows()
