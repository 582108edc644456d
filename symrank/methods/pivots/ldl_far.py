"""Factorisations in a child process: ended by a clock, by the caller, or by their own death.

A factorisation is one call of foreign code that nothing can interrupt, and whose pattern tells what
it takes only where few pivots are delayed for the sake of stability. One that is predicted to take
long runs in a child (`symrank.support.child`), where

    max(LEAST_SECONDS, patience x prediction)                                              (1)

seconds of CPU time are the end of it, and twice that the end of all that are asked for. The factor
stays where it is: its solves run there as well, and the bits are those of a run without a child.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from symrank.methods.base import Tick
from symrank.methods.pivots.ldl import STYLES, AnySolver, Cost, Factorisation, Solver
from symrank.support.child import Answer, Child, ChildDied, ChildNotStarted, ChildTimedOut
from symrank.support.typing import FloatArray

__all__ = ["GaveUpError", "Solvers"]

CHILD_SECONDS = 2.0  # predicted for a count: worth an interpreter of its own
MOST_FACTORISATIONS = 4
LEAST_SECONDS = 10.0  # an exact count is worth these whatever was predicted
MEMORY = 2**30  # bytes beside the factor: the matrix, blocks of solves, fronts
MEMORY_GROWTH = 8  # of the factor over its prediction
FACTORISE = "symrank.methods.pivots.ldl_served:factorise"
SOLVE = "symrank.methods.pivots.ldl_served:solve"
UNREADABLE = "its process gave an answer that cannot be read"


class GaveUpError(Exception):
    """No further factorisation can be had; the text is the reason."""

    def __init__(self, reason: str, *, is_late: bool = False) -> None:
        super().__init__(reason)
        self.is_late = is_late  # more time could have helped


class Solvers:
    """Makes solvers, here or in a child that is started when it is first needed.

    A context manager; the child ends with it.

    Parameters
    ----------
    cost, matrix
        Cost of one factorisation, and the matrix, of which shifts are factorised.
    limits
        Beyond which nothing is tried: bytes of a factor, and operations.
    patience
        Of eq. (1); infinite for no limit on time and memory.
    tick
        Called with no products while the child works.
    deadline
        Of `time.perf_counter`.

    Attributes
    ----------
    note
        Why there is no child where there should be one.
    """

    def __init__(
        self,
        cost: Cost,
        matrix: Any,
        limits: tuple[float, float],
        patience: float,
        tick: Tick,
        deadline: float,
    ) -> None:
        self._costs = {0: cost}  # by the number of the style
        self._matrix, self._limits = matrix, limits
        self._once = math.inf
        num_bytes = None
        if math.isfinite(patience):
            self._once = max(LEAST_SECONDS, patience * cost.seconds)
            num_bytes = MEMORY + MEMORY_GROWTH * cost.num_bytes
        self._left = 2.0 * self._once
        self._child = Child(num_bytes=num_bytes, tick=lambda: _watch(tick, deadline))
        self._is_started = False
        self._num_solvers = 0
        self.note = ""

    def __enter__(self) -> "Solvers":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def __call__(self, number: int) -> AnySolver | None:
        """Return a solver of one of the `STYLES`; None where that is predicted to be too dear."""
        if number not in self._costs:
            self._costs[number] = self._costs[0].of_style(number, self._matrix)
        cost = self._costs[number]
        is_too_dear = cost.num_bytes > self._limits[0] or cost.flops > self._limits[1]
        if number and (is_too_dear or cost.seconds > self._once):
            return None
        if MOST_FACTORISATIONS * cost.seconds <= CHILD_SECONDS or self.note:
            return Solver(STYLES[number])
        try:
            self._start()
        except ChildNotStarted as error:
            if math.isfinite(self._once):
                raise GaveUpError(f"a process of their own {error}") from error
            self.note = str(error)
            return Solver(STYLES[number])
        self._num_solvers += 1
        return FarSolver(self, self._num_solvers, STYLES[number])

    def _start(self) -> None:
        if not self._is_started:
            self._child.__enter__()
            self._is_started = True

    def call(self, target: str, arguments: dict[str, Any], arrays: dict[str, Any]) -> Answer:
        """Call a function in the child, within the time that is left."""
        limit = min(self._once, self._left)
        seconds = limit if math.isfinite(limit) else None
        try:
            answer = self._child.call(target, arguments, arrays, cpu_seconds=seconds)
        except ChildTimedOut as error:
            given = "" if seconds is None else f" of {seconds:.0f} s"
            raise GaveUpError(f"its process {error}{given}", is_late=True) from error
        except ChildDied as error:
            raise GaveUpError(f"its process {error}") from error
        self._left = max(self._left - answer.cpu_seconds, 0.01)
        return answer


class FarSolver:
    """The twin of `symrank.methods.pivots.ldl.Solver` whose factor lives in the child."""

    def __init__(self, solvers: Solvers, number: int, style: dict[str, Any]) -> None:
        self._solvers, self._number, self._style = solvers, number, style

    def factorise(self, matrix: Any) -> Factorisation | None:
        """Factorise a symmetric float64 CSR `matrix`; None where the solver gives up."""
        arguments = {"solver": self._number, "style": self._style, "n": matrix.shape[0]}
        arrays = {name: getattr(matrix, name) for name in ("data", "indices", "indptr")}
        found = self._solvers.call(FACTORISE, arguments, arrays).values
        if found is None:
            return None
        try:
            return Factorisation(**found, solve=self._solve)
        except TypeError as error:
            raise GaveUpError(UNREADABLE) from error

    def _solve(self, B: FloatArray) -> FloatArray:
        found = self._solvers.call(SOLVE, {"solver": self._number}, {"B": B}).arrays
        X = found.get("X")
        if X is None or X.shape != B.shape or X.dtype != B.dtype:
            raise GaveUpError(UNREADABLE)
        return X


def _watch(tick: Callable[[int], None], deadline: float) -> None:
    """Tell the run that time passes, and end with it."""
    tick(0)
    if time.perf_counter() > deadline:
        raise GaveUpError("max_seconds was up", is_late=True)
