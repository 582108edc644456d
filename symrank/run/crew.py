"""Who does the tasks of a round: they are pure functions, so anyone may, in any order.

    states of the round = [method.run(operator, goal, task, state, tick) for task in tasks]

A crew does that, and hands the states back in the order of the tasks, whoever was done first: what
the states say together then has the same bits whatever crew it was.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from symrank.methods import Goal, Method, Task
from symrank.methods.base import Tick
from symrank.operators import Operator
from symrank.recurrences import segments
from symrank.recurrences.segments import State, side_by_side

__all__ = ["Alone", "Common", "Crew"]

States = dict[tuple[Any, ...], Any]


@dataclass(frozen=True)
class Common:
    """What all tasks of a round have in common."""

    method: Method
    operator: Operator
    goal: Goal
    round_: int
    number: int = 0  # of the method's rounds within the call: `Crew.opened`
    deadline: float = math.inf  # of `time.perf_counter` here: an answer is known, and time is short

    def do(self, task: Task, state: Any, tick: Tick) -> Any:
        """Do one task; the state is used up."""
        return self.method.run(self.operator, self.goal, task, state, tick)

    def joined(self, found: Sequence[Any]) -> Any:
        """Return what a task gives from what parts of its columns have given, in their order."""
        if len(found) == 1:
            return found[0]
        return segments.joined(found) if isinstance(found[0], State) else side_by_side(found)


class Crew(ABC):
    """Does the tasks of a round.

    Attributes
    ----------
    done
        Called with a task and its new state as soon as that is here, which may be long before its
        turn comes in `each`. None: nobody asks.
    """

    done: Callable[[Task, Any], None] | None = None

    def opened(self) -> int:
        """Return the number of a method's rounds, which begin now, within the call."""
        return 0

    def at_work(self) -> AbstractContextManager[None]:
        """Hold what a crew needs while it works; for who goes on after the call has ended."""
        return nullcontext()

    @abstractmethod
    def each(
        self, common: Common, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """Yield every task with its new state, in order; old states leave `states` as they go.

        Where the iterator is closed, what is not finished is lost.
        """


class Alone(Crew):
    """Does one task after another, where it is called."""

    def each(
        self, common: Common, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """See `Crew.each`."""
        for task in tasks:
            state = common.do(task, states.pop(task.key, None), tick)
            if self.done is not None:
                self.done(task, state)
            yield task, state
