"""What goes to a worker and what comes back, and what a worker does in between.

An errand is a task, or some columns of one, with the state that it starts from. Its outcome is the
new state, or the error that ended it; products are counted in either. A worker knows no budget: it
is told how many seconds are left when it is sent, and asks after every product whether it is still
wanted.
"""

import os
import pickle
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symrank.errors import OperatorError
from symrank.kernels.compiled import threads
from symrank.methods import Task
from symrank.run.crew import Common
from symrank.support import foreign

__all__ = ["CutShort", "Errand", "Outcome", "perform"]

HERE = platform.node()


class CutShort(Exception):  # noqa: N818 - not an error: it ends an errand
    """The seconds of an errand are up, or nobody wants it any longer."""

    def __init__(self, *, is_late: bool) -> None:
        self.is_late = is_late


@dataclass(kw_only=True)
class Errand:
    """A task, or columns of one, on its way."""

    number: int  # of the errand in its round
    task: Task
    state: Any
    seconds: float  # that were left at `sent`
    errstate: Mapping[str, Any]  # of the caller's code
    sent: float = field(default_factory=time.time)
    host: str = HERE
    process: int = field(default_factory=os.getpid)  # that has sent it
    work: Common | None = None  # where it is sent: without what is in the package

    @property
    def seconds_left(self) -> float:
        """What is left by the clock of this machine; clocks of two machines are not compared."""
        waited = max(0.0, time.time() - self.sent) if self.host == HERE else 0.0
        return self.seconds - waited


@dataclass(kw_only=True)
class Outcome:
    """What became of an errand."""

    number: int
    state: Any = None
    products: int = 0
    error: BaseException | None = None
    is_late: bool = False  # the seconds were up
    is_unwanted: bool = False  # nobody waits for it, or so it seemed
    lacks_package: bool = False  # the worker cannot see the operator


def perform(work: Common, errand: Errand, is_unwanted: Callable[[], bool]) -> Outcome:
    """Run an errand to its end, with the threads that a worker has."""
    outcome = Outcome(number=errand.number)
    end = time.perf_counter() + errand.seconds_left

    def tick(products: int) -> None:
        outcome.products += products
        if time.perf_counter() > end:
            raise CutShort(is_late=True)
        if is_unwanted():
            raise CutShort(is_late=False)

    try:
        with threads.limited(threads.of_a_worker()), foreign.own_arithmetic(errand.errstate):
            outcome.state = work.do(errand.task, errand.state, tick)
    except CutShort as cut:
        outcome.is_late, outcome.is_unwanted = cut.is_late, not cut.is_late
    except Exception as error:
        outcome.error = error
    return outcome


def sendable(error: BaseException) -> BaseException:
    """Return an error that comes through a pickle: another one in its place where it does not."""
    try:
        again = pickle.loads(pickle.dumps(error))
        if type(again) is type(error):
            return error
    except Exception as why:
        error.add_note(f"It cannot be pickled: {why}")
    replaced = OperatorError(f"a product in a worker ended with {type(error).__name__}: {error}")
    if foreign.is_callers(error):
        foreign.mark(replaced)
    return replaced
