"""Products with a fault that begins at a chosen one, and the doors at which they come in.

The operator is diagonal, n = 160, with 100 eigenvalues of 0.2 to 1 and 60 zeros. A `Machine`
counts the vectors that it multiplies; from number `first` on its fault is in force. A door makes of
a machine what the caller passes, asks, and returns the result; all doors ask for the same count,
100, or 200 of the augmented twin.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse.linalg as spla

import symrank
from symrank import Preconditioner
from symrank.answer.result import RankResult
from symrank.operators import Operator
from symrank.spectrum.outcome import Basis, Status

N, RANK = 160, 100
ENTRIES = np.zeros(N)
ENTRIES[np.random.default_rng(5).permutation(N)[:RANK]] = np.linspace(0.2, 1.0, RANK)
MAX_MATVECS = 3000
DOOR = 12  # the checks are over before this product

Fault = Callable[["Machine", Any, bool], Any]
Door = Callable[["Machine"], tuple[RankResult, int]]


class Machine:
    """D X with a fault from vector `first` on; `d` is the diagonal."""

    def __init__(self, fault: Fault, first: int = DOOR, d: Any = ENTRIES) -> None:
        self.fault, self.first, self.d = fault, first, d
        self.count = 0
        self.kept: dict[Any, Any] = {}

    def __call__(self, X: Any) -> Any:
        """Multiply a block."""
        self.count += X.shape[1]
        return self.fault(self, X, self.count >= self.first)

    def multiply(self, X: Any) -> Any:
        """Multiply without a fault."""
        return self.d[:, None] * X

    def vector(self, x: Any) -> Any:
        """Multiply one vector."""
        product = self(x.reshape(-1, 1))
        return product.ravel() if isinstance(product, np.ndarray) else product


class Subclass(Operator):
    """An operator class of the caller's."""

    def __init__(self, machine: Machine) -> None:
        super().__init__((N, N), float, name="faulty")
        self.machine = machine

    def _matmat(self, X: Any) -> Any:
        return self.machine(X)


def blocks(machine: Machine) -> Any:
    """Return a LinearOperator that multiplies blocks."""
    call = {"matvec": machine.vector, "matmat": machine}
    adjoint = {"rmatvec": machine.vector, "rmatmat": machine}
    return spla.LinearOperator((N, N), **call, **adjoint, dtype=float)


def vectors(machine: Machine) -> Any:
    """Return a LinearOperator that multiplies vectors alone."""
    return spla.LinearOperator((N, N), matvec=machine.vector, rmatvec=machine.vector, dtype=float)


def _rank(A: Any, method: Any = "lanczos", **options: Any) -> tuple[RankResult, int]:
    return symrank.rank(A, method, rng=1, max_matvecs=MAX_MATVECS, **options), RANK


def by_method(method: str | None) -> Door:
    """Return the door of a LinearOperator and a method."""
    return lambda machine: _rank(blocks(machine), method)


def by_count(method: str | None) -> Door:
    """Return the door of a count of all eigenvalues above 0.1."""

    def door(machine: Machine) -> tuple[RankResult, int]:
        options: dict[str, Any] = {"rng": 1, "max_matvecs": MAX_MATVECS}
        return symrank.count(blocks(machine), 0.1, 2.0, method, **options), RANK

    return door


def _refined(machine: Machine) -> tuple[RankResult, int]:
    first, after = machine.first, 10**9
    machine.first = after
    result = symrank.rank(blocks(machine), "lanczos", rng=1, precision=20.0)
    machine.first = machine.count + first
    return result.refine(1.0, max_matvecs=MAX_MATVECS), RANK


def _augmented(machine: Machine) -> tuple[RankResult, int]:
    A = symrank.augmented(blocks(machine))
    return symrank.rank(A, "lanczos", rng=1, max_matvecs=MAX_MATVECS), 2 * RANK


def _by_products(machine: Machine) -> tuple[RankResult, int]:
    machine.d = 1.0 / np.where(ENTRIES > 0.0, ENTRIES, 1.0)
    G = Preconditioner.from_products(machine, N)
    return _rank(np.diag(ENTRIES), "projection", preconditioner=G)


def _by_factor(machine: Machine) -> tuple[RankResult, int]:
    machine.d = np.linspace(1.0, 2.0, N)
    G = Preconditioner.from_factor(blocks(machine))
    return _rank(np.diag(ENTRIES), preconditioner=G)


@dataclass
class Spanned:
    """What a basis says of the rank, as a result says it."""

    basis: Basis

    @property
    def status(self) -> Status | None:
        return self.basis.status

    @property
    def estimate(self) -> float:
        return float(np.mean(self.interval()))

    def interval(self) -> tuple[int, int]:
        assert self.basis.dimension is not None
        low, high = self.basis.dimension
        return (low, high) if self.basis.space == "range" else (N - high, N - low)


def _spanned(ask: Callable[..., Basis]) -> Door:
    """Return the door of a basis, whose vectors are what they should be whatever is said of it."""

    def door(machine: Machine) -> tuple[Any, int]:
        basis = ask(blocks(machine), rng=1, max_matvecs=MAX_MATVECS)
        away = ENTRIES > 0.0 if basis.space == "null" else ENTRIES == 0.0
        wrong = float(np.abs(basis.vectors[away]).max(initial=0.0))
        assert wrong < 1e-6, f"{basis!r} leaves its space by {wrong:.2g}"
        return Spanned(basis), RANK

    return door


def _inertia(machine: Machine) -> tuple[RankResult, int]:
    return symrank.inertia(blocks(machine), rng=1, max_matvecs=MAX_MATVECS).result, RANK


def _pencil(machine: Machine) -> tuple[RankResult, int]:
    options: dict[str, Any] = {"rng": 1, "max_matvecs": MAX_MATVECS, "M": np.full(N, 4.0)}
    return symrank.count(blocks(machine), 0.025, 0.5, **options), RANK


METHODS: dict[str, Door] = {
    name: by_method(name)
    for name in ("lanczos", "langevin", "chebyshev", "ubaru-saad", "sketch", "projection", "dense")
}
FORMS: dict[str, Door] = {
    "default": by_method(None),
    "count": by_count(None),
    "count by chebyshev": by_count("chebyshev"),
    "refine": _refined,
    "Operator subclass": lambda machine: _rank(Subclass(machine)),
    "sketch of an Operator subclass": lambda machine: _rank(Subclass(machine), "sketch"),
    "vectors alone": lambda machine: _rank(vectors(machine)),
    "gram": lambda machine: _rank(symrank.gram(blocks(machine))),
    "dense gram": lambda machine: _rank(symrank.gram(blocks(machine)), "dense"),
    "augmented": _augmented,
    "factor of a preconditioner": _by_factor,
    "inertia": _inertia,
    "pencil": _pencil,
    "null space": _spanned(symrank.null_space),
    "range space": _spanned(symrank.range_space),
}
SOLVES: dict[str, Door] = {"preconditioner by products": _by_products}
DOORS = METHODS | FORMS | SOLVES


def is_right(result: RankResult, truth: int) -> bool:
    """Tell whether the interval holds the truth."""
    low, high = result.interval()
    return low <= truth <= high and bool(np.isfinite(result.estimate))


def ask(door: str, machine: Machine) -> tuple[RankResult, int]:
    """Ask at a door, whatever the machine does to warnings and floating-point states."""
    with warnings.catch_warnings(), np.errstate(all="warn"):
        return DOORS[door](machine)


def keeps_the_law(door: str, machine: Machine, *kinds: type[BaseException]) -> BaseException | None:
    """Ask; return the error, one of `kinds`, or None where the answer is right."""
    try:
        result, truth = ask(door, machine)
    except kinds as error:
        return error
    low, high = result.interval()
    sure = result.status in (Status.EXACT, Status.CONVERGED)
    assert is_right(result, truth), f"{result}: sure {sure}, truth {truth} not in [{low}, {high}]"
    return None
