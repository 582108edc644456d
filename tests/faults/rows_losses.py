"""Rows: losses that are none, that spoil what they are given, or that change under a run.

The loss is quadratic about a point that is not stationary, n = 160, with the spectrum of
`tests.faults.machine`; from gradient evaluation `first` on its fault is in force.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symrank
from symrank.errors import (
    ChangedOperatorError,
    NonFiniteError,
    NotSymmetricError,
    OperatorError,
    OptionError,
    SymrankError,
)
from symrank.spectrum.outcome import Status
from tests.faults.machine import ENTRIES, MAX_MATVECS, RANK, N, is_right
from tests.faults.row import Check, Row

GROUP = "losses"
DOOR, PILOT, LATE = 0, 40, 1500  # at once, in the pilot, in the chains
Pair = tuple[Any, Any]
Fault = Callable[["LossMachine", Any, Pair], Any]


class LossMachine:
    """A quadratic loss with a slope and a constant, known by values and gradients alone."""

    def __init__(self, fault: Fault, first: int = DOOR) -> None:
        self.fault, self.first, self.count = fault, first, 0
        rng = np.random.default_rng(9)
        self.n, self.theta0 = N, rng.standard_normal(N)
        self.slope = 0.1 * rng.standard_normal(N)
        self.kept: dict[Any, Any] = {}

    def honest(self, Theta: Any) -> Pair:
        """Return losses and gradients without a fault."""
        d = Theta - self.theta0[:, None]
        grad = ENTRIES[:, None] * d + self.slope[:, None]
        return 0.3 + self.slope @ d + 0.5 * (d * d * ENTRIES[:, None]).sum(axis=0), grad

    def loss_and_grad(self, Theta: Any) -> Any:
        self.count += Theta.shape[1]
        found = self.honest(Theta)
        return self.fault(self, Theta, found) if self.count > self.first else found


class WithHessian(LossMachine):
    """The same with its Hessian, which has no fault."""

    def hessian(self) -> Any:
        return np.diag(ENTRIES)


KINDS = {"gradients alone": LossMachine, "with a Hessian": WithHessian}


def spoiled(value: float, which: int) -> Fault:
    """Put one number into the losses (0) or the gradients (1)."""

    def fault(machine: LossMachine, Theta: Any, found: Pair) -> Any:
        found[which].flat[0] = value
        return found

    return fault


def after(change: Callable[[Any, Any], Any]) -> Fault:
    return lambda machine, Theta, found: change(*found)


def zeroes_its_input(machine: LossMachine, Theta: Any, found: Pair) -> Any:
    Theta[...] = 0.0
    return found


def one_buffer(machine: LossMachine, Theta: Any, found: Pair) -> Any:
    buffers = machine.kept.setdefault(Theta.shape, (found[0].copy(), found[1].copy()))
    for buffer, fresh in zip(buffers, found, strict=True):
        buffer[...] = fresh
    return buffers


def noisy(machine: LossMachine, Theta: Any, found: Pair) -> Any:
    rng = machine.kept.setdefault("rng", np.random.default_rng(8))
    return found[0], found[1] * (1.0 + 1e-3 * rng.standard_normal(found[1].shape))


def trains_on(machine: LossMachine, Theta: Any, found: Pair) -> Any:
    """The data move on: another slope and another constant, and one curvature less."""
    loss, grad = machine.honest(Theta + 0.01)
    return loss + 0.1, grad


def raising(machine: LossMachine, Theta: Any, found: Pair) -> Any:
    raise KeyError("boom")


HARMLESS: dict[str, Fault] = {
    "zeroes its input": zeroes_its_input,
    "one buffer": one_buffer,
    "Fortran-ordered gradients": after(lambda loss, grad: (loss, np.asfortranarray(grad))),
    "lists": after(lambda loss, grad: [loss.tolist(), grad.tolist()]),
    "a read-only pair": after(lambda loss, grad: (_frozen(loss), _frozen(grad))),
}
NO_PAIR: dict[str, Fault] = {
    "None": after(lambda loss, grad: None),
    "gradients alone": after(lambda loss, grad: grad),
    "a mean loss": after(lambda loss, grad: (loss.mean(), grad)),
    "losses as a column": after(lambda loss, grad: (loss[:, None], grad)),
    "gradients transposed": after(lambda loss, grad: (loss, np.vstack([grad, grad]).T)),
    "a gradient raveled": after(lambda loss, grad: (loss, grad.ravel())),
    "complex gradients": after(lambda loss, grad: (loss, grad * (1.0 + 1e-3j))),
    "complex losses": after(lambda loss, grad: (loss + 0j, grad)),
    "text": after(lambda loss, grad: (loss.astype(str), grad)),
}


def _frozen(x: Any) -> Any:
    x.flags.writeable = False
    return x


def ask(machine: Any, **options: Any) -> Any:
    return symrank.rank(machine, "langevin", rng=1, max_matvecs=MAX_MATVECS, **options)


def right(kind: str, fault: Fault) -> Check:
    def check(tmp: Path) -> None:
        assert is_right(ask(KINDS[kind](fault)), RANK)

    return check


def refused(kind: str, fault: Fault, first: int, *errors: type[SymrankError]) -> Check:
    """The error, unless the run ended before; never an answer."""

    def check(tmp: Path) -> None:
        machine = KINDS[kind](fault, first)
        with pytest.raises(errors) as info:
            ask(machine)
        assert isinstance(info.value, SymrankError)

    return check


def kept(kind: str, first: int) -> Check:
    """The caller's exception comes out as it is, with what was known."""

    def check(tmp: Path) -> None:
        with pytest.raises(KeyError, match="boom") as info:
            ask(KINDS[kind](raising, first))
        assert any("caller's code" in note for note in info.value.__notes__)
        if first == LATE:
            assert is_right(info.value.result, RANK)  # type: ignore[attr-defined]

    return check


def honest(kind: str, fault: Fault, first: int = DOOR) -> Check:
    """An error of ours, a status that claims nothing, or an answer that holds."""

    def check(tmp: Path) -> None:
        try:
            result = ask(KINDS[kind](fault, first))
        except SymrankError:
            return
        void = result.status in (Status.NOT_QUADRATIC, Status.NOT_SMOOTH)
        assert void or is_right(result, RANK), result

    return check


def with_field(name: str, value: Any, error: type[SymrankError]) -> Check:
    def check(tmp: Path) -> None:
        machine = WithHessian(after(lambda loss, grad: (loss, grad)))
        setattr(machine, name, value)
        with pytest.raises(error):
            ask(machine)

    return check


FIELDS: dict[str, tuple[str, Any, type[SymrankError]]] = {
    "theta0 holds NaN": ("theta0", np.where(np.arange(N) == 3, np.nan, 1.0), NonFiniteError),
    "theta0 is a column": ("theta0", np.ones((N, 1)), OperatorError),
    "theta0 is text": ("theta0", "weights", OperatorError),
    "theta0 is complex": ("theta0", np.ones(N) + 0j, OperatorError),
    "theta0 is empty": ("theta0", np.ones(0), OperatorError),
    "n is another": ("n", N - 1, OperatorError),
    "a Hessian of another order": ("hessian", lambda: np.eye(N - 1), OperatorError),
    "a complex Hessian": ("hessian", lambda: np.eye(N) + 0j, OperatorError),
    "a Hessian that is None": ("hessian", lambda: None, OperatorError),
}
ROUGH: dict[str, Fault] = {
    "single precision": after(lambda loss, grad: (_single(loss), _single(grad))),
    "half precision": after(lambda loss, grad: (_half(loss), _half(grad))),
    "gradients of twice the loss": after(lambda loss, grad: (loss, 2.0 * grad)),
    "gradients of minus the loss": after(lambda loss, grad: (loss, -grad)),
    "zero gradients": after(lambda loss, grad: (loss, 0.0 * grad)),
    "1e200 times": after(lambda loss, grad: (1e200 * loss, 1e200 * grad)),
}


def _single(x: Any) -> Any:
    return x.astype(np.float32)


def _half(x: Any) -> Any:
    with np.errstate(over="ignore"):
        return x.astype(np.float16)


def _rows() -> list[Row]:
    rows = []
    for kind in KINDS:
        rows += [row(name, kind, right(kind, fault)) for name, fault in HARMLESS.items()]
        rows += [
            row(f"loss_and_grad returns: {name}", kind, refused(kind, fault, DOOR, OperatorError))
            for name, fault in NO_PAIR.items()
        ]
        for value in (np.nan, np.inf):
            for which, first in ((0, DOOR), (1, PILOT), (0, LATE), (1, LATE)):
                what = ("loss", "gradient")[which]
                check = refused(kind, spoiled(value, which), first, NonFiniteError)
                rows.append(row(f"a {what} of {value} from evaluation {first}", kind, check))
        for first in (DOOR, PILOT, LATE):
            changes = (ChangedOperatorError, NotSymmetricError, OperatorError, OptionError)
            if first != DOOR:
                check = refused(kind, trains_on, first, *changes)
                rows.append(row(f"trains on from evaluation {first}", kind, check))
            rows.append(
                row(f"noise from evaluation {first}", kind, refused(kind, noisy, first, *changes))
            )
            rows.append(row(f"raises at evaluation {first}", kind, kept(kind, first)))
        rows += [row(name, kind, honest(kind, fault)) for name, fault in ROUGH.items()]
    rows += [row(name, "a field", with_field(*field)) for name, field in FIELDS.items()]
    return rows


def row(fault: str, door: str, check: Check) -> Row:
    return Row(group=GROUP, fault=fault, door=door, check=check)


ROWS = _rows()
