"""Rows: products that are no products, and code that spoils what it is given."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from symrank.errors import NonFiniteError, OperatorError, OptionError, SymrankError
from tests.faults.machine import DOORS, METHODS, Fault, Machine, ask, is_right, keeps_the_law
from tests.faults.row import Check, Row

GROUP = "operators"
LATE = 150  # in the middle of a run
MASK = np.arange(160)[:, None] % 7 > 0


def spoiled(value: float) -> Fault:
    """Put one number into the product."""

    def fault(machine: Machine, X: Any, is_on: bool) -> Any:
        Y = machine.multiply(X)
        if is_on:
            Y[7, 0] = value
        return Y

    return fault


def after(change: Callable[[Any], Any]) -> Fault:
    """Hand out something else than the product."""

    def fault(machine: Machine, X: Any, is_on: bool) -> Any:
        Y = machine.multiply(X)
        return change(Y) if is_on else Y

    return fault


def zeroes_its_input(machine: Machine, X: Any, is_on: bool) -> Any:
    Y = machine.multiply(X)
    X[...] = 0.0
    return Y


def masks_its_input(machine: Machine, X: Any, is_on: bool) -> Any:
    X *= (machine.d > 0.0)[:, None]
    return machine.multiply(X)


def scales_its_input(machine: Machine, X: Any, is_on: bool) -> Any:
    X *= machine.d[:, None]
    return X


def one_buffer(machine: Machine, X: Any, is_on: bool) -> Any:
    out = machine.kept.setdefault(X.shape, np.empty(X.shape))
    return np.multiply(machine.d[:, None], X, out=out)


def one_buffer_of_all_widths(machine: Machine, X: Any, is_on: bool) -> Any:
    out = machine.kept.setdefault("all", np.empty(160 * 400))[: X.size].reshape(X.shape)
    return np.multiply(machine.d[:, None], X, out=out)


def read_only(machine: Machine, X: Any, is_on: bool) -> Any:
    Y = machine.multiply(X)
    Y.flags.writeable = False
    return Y


def fortran(machine: Machine, X: Any, is_on: bool) -> Any:
    return np.asfortranarray(machine.multiply(X))


def raises_the_state(machine: Machine, X: Any, is_on: bool) -> Any:
    np.seterr(all="raise")
    return machine.multiply(X)


def warnings_are_errors(machine: Machine, X: Any, is_on: bool) -> Any:
    warnings.simplefilter("error")
    return machine.multiply(X)


def a_run_within(machine: Machine, X: Any, is_on: bool) -> Any:
    import symrank

    symrank.rank(np.diag([1.0, 0.0]), "lanczos", rng=0, check=False)
    return machine.multiply(X)


HARMLESS: dict[str, Fault] = {
    "zeroes its input": zeroes_its_input,
    "masks its input": masks_its_input,
    "multiplies in its input": scales_its_input,
    "one buffer": one_buffer,
    "one buffer of all widths": one_buffer_of_all_widths,
    "a read-only product": read_only,
    "a Fortran-ordered product": fortran,
    "a list": after(lambda Y: Y.tolist()),
    "np.seterr(all='raise')": raises_the_state,
    "warnings as errors": warnings_are_errors,
    "a run within the product": a_run_within,
}
NO_PRODUCT: dict[str, Fault] = {
    "one row less": after(lambda Y: Y[:-1]),
    "transposed": after(lambda Y: np.vstack([Y, Y]).T),
    "raveled": after(lambda Y: np.r_[Y.ravel(), 0.0]),
    "one row": after(lambda Y: Y[:1]),
    "None": after(lambda Y: None),
    "objects": after(lambda Y: Y.astype(object)),
    "text": after(lambda Y: Y.astype(str)),
    "complex": after(lambda Y: Y * (1.0 + 1e-3j)),
}
SHAPED = ("lanczos", "langevin", "chebyshev", "ubaru-saad", "sketch", "projection", "dense")


def right(fault: Fault, door: str) -> Check:
    def check(tmp: Path) -> None:
        result, truth = ask(door, Machine(fault))
        assert is_right(result, truth), result

    return check


def refused(fault: Fault, door: str, first: int, *kinds: type[SymrankError]) -> Check:
    """The error, which tells the product unless the door came first; never an answer."""

    def check(tmp: Path) -> None:
        machine = Machine(fault, first)
        error = keeps_the_law(door, machine, *kinds)
        if machine.count < machine.first:  # the run ended before
            return
        assert isinstance(error, SymrankError), "an answer from products with the fault"
        assert error.product is not None
        assert error.product <= machine.count + 64 * 8

    return check


def honest(fault: Fault, door: str, first: int) -> Check:
    """An error of ours or an answer that holds."""

    def check(tmp: Path) -> None:
        keeps_the_law(door, Machine(fault, first), SymrankError)

    return check


def one_row_of_many(tmp: Path) -> None:
    """Once the kernel has read 300 000 rows of an array of one, the interpreter is dead."""
    code = """
import numpy as np, symrank
from scipy.sparse.linalg import LinearOperator
n, count = 300_000, 0
def product(X):
    global count
    count += 1
    return X[:1] if count > 4 else X.copy()
A = LinearOperator((n, n), matvec=lambda x: x, matmat=product, dtype=float)
try:
    symrank.rank(A, "lanczos", rng=0, max_matvecs=100)
except symrank.errors.OperatorError as error:
    print("refused", error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("refused")


def _rows() -> list[Row]:
    rows = []
    fit = [door for door in DOORS if door != "preconditioner by products"]
    for name, fault in HARMLESS.items():
        doors = fit if name in ("masks its input", "one buffer") else SOME
        doors = ("dense", "sketch") if name == "a run within the product" else doors
        rows += [row(name, door, right(fault, door)) for door in doors]
    for value in (np.nan, np.inf):
        for first in (12, LATE):
            doors = DOORS if first == 12 else METHODS
            rows += [
                row(
                    f"{value} from product {first}",
                    door,
                    refused(spoiled(value), door, first, NonFiniteError),
                )
                for door in doors
            ]
    for first in (12, LATE):
        rows += [
            row(f"1e300 from product {first}", door, honest(spoiled(1e300), door, first))
            for door in DOORS
        ]
    for name, fault in NO_PRODUCT.items():
        doors = (*SHAPED, "Operator subclass") if name == "one row less" else WRONG_DOORS
        kinds = (OperatorError, OptionError)  # OptionError: of a preconditioner
        rows += [
            row(f"a product is: {name}", door, refused(fault, door, 12, *kinds)) for door in doors
        ]
    rows.append(
        Row(group=GROUP, fault="one row of 300 000", door="a process", check=one_row_of_many)
    )
    return rows


SOME = ("lanczos", "sketch", "projection", "default", "Operator subclass", "vectors alone")
WRONG_DOORS = ("lanczos", "dense", "Operator subclass", "gram", "factor of a preconditioner")


def row(fault: str, door: str, check: Check) -> Row:
    return Row(group=GROUP, fault=fault, door=door, check=check)


ROWS = _rows()
