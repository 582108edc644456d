"""Rows: losses and gradients that are none, or change."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symrank
from symrank.errors import NonFiniteError, OperatorError, SymrankError
from tests.faults.row import Row

D = np.repeat([2.0, 1.0, 0.0], 20)
LATE = 260  # gradients: the step is found and measured by fewer


class Gradient:
    """x -> D x, with a fault from the call LATE on."""

    def __init__(self, fault: Callable[[Any], Any], late: int = 0) -> None:
        self.fault, self.left = fault, late

    def __call__(self, theta: Any) -> Any:
        self.left -= 1
        return D * theta if self.left >= 0 else self.fault(theta)


def stateful(theta: Any, state: list[float] = [1.0]) -> Any:  # noqa: B006, the fault
    state[0] += 0.01
    return state[0] * D * theta


def in_place(theta: Any) -> Any:
    theta *= D
    return theta


def raises(theta: Any) -> Any:
    raise RuntimeError("the disk is gone")


GRADIENTS: dict[str, tuple[Callable[[Any], Any], type[Exception] | None]] = {
    "is NaN": (lambda t: t * np.nan, NonFiniteError),
    "has another shape": (lambda t: t[:3], OperatorError),
    "is None": (lambda t: None, OperatorError),
    "works in place": (in_place, None),
    "drifts": (stateful, SymrankError),
    "raises": (raises, RuntimeError),
    "is complex": (lambda t: D * t * 1j, OperatorError),
}


def by_differences(
    fault: Callable[[Any], Any], kind: type[Exception] | None, late: int, tmp: Path
) -> None:
    def ask() -> Any:
        H = symrank.finite_difference_hessian(Gradient(fault, late), np.ones(60))
        return symrank.rank(H, rng=1)

    if kind is None:
        assert ask().interval() == (40, 40)
        return
    with pytest.raises(kind):
        ask()


def torch_loss(make: Callable[[Any, Any], Any], kind: type[Exception] | None, tmp: Path) -> None:
    torch = pytest.importorskip("torch")
    loss = make(torch, torch.from_numpy(D))

    def ask() -> Any:
        point = torch.ones(60, dtype=torch.float64)
        return symrank.rank(symrank.torch.hessian(loss, point), rng=1)

    if kind is None:
        assert ask().interval() == (40, 40)
        return
    with pytest.raises(kind):
        ask()


def good(torch: Any, d: Any) -> Any:
    return lambda p: (d * p**2).sum() / 2.0


def changed_in_place(torch: Any, d: Any) -> Any:
    def loss(p: Any) -> Any:
        with torch.no_grad():
            p.mul_(1.0)
        return (d * p**2).sum() / 2.0

    return loss


def late_noise(torch: Any, d: Any) -> Any:
    calls = [0]

    def loss(p: Any) -> Any:
        calls[0] += 1
        return (d * p**2).sum() * (0.5 + 0.1 * (calls[0] > 1))

    return loss


LOSSES: dict[str, tuple[Callable[[Any, Any], Any], type[Exception] | None]] = {
    "is quadratic": (good, None),
    "is NaN": (lambda torch, d: lambda p: (d * p**2).sum() * float("nan"), NonFiniteError),
    "is no tensor": (lambda torch, d: lambda p: (d * p**2).sum().item(), OperatorError),
    "is a vector": (lambda torch, d: lambda p: d * p**2, OperatorError),
    "is detached": (lambda torch, d: lambda p: (d * p**2).sum().detach(), OperatorError),
    "ignores its parameters": (lambda torch, d: lambda p: d.sum(), OperatorError),
    "is random": (lambda torch, d: lambda p: (torch.rand(60) * p**2).sum(), SymrankError),
    "is another one each time": (late_noise, SymrankError),
    "writes into its parameters": (changed_in_place, None),
    "raises": (lambda torch, d: raises, RuntimeError),
}


def _rows() -> list[Row]:
    rows = []
    for name, (fault, kind) in GRADIENTS.items():
        for late in (0, LATE):
            when = "late" if late else "from the start"
            check = partial(by_differences, fault, kind, late)
            door = "finite_difference_hessian"
            rows.append(Row(group="gradients", fault=f"{name} {when}", door=door, check=check))
    for name, (make, kind) in LOSSES.items():
        check = partial(torch_loss, make, kind)
        rows.append(Row(group="networks", fault=f"the loss {name}", door="torch", check=check))
    return rows


ROWS = _rows()
