"""Who does the tasks of a round: they are pure functions, so anyone may, in any order.

    states of the round = [method.run(operator, goal, task, state, tick) for task in tasks]

A crew does that, and hands the states back in the order of the tasks, whoever was done first: what
the states say together then has the same bits whatever crew it was.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from symrank.methods import Goal, Method, Task
from symrank.methods.base import Tick
from symrank.operators import Operator

__all__ = ["Alone", "Crew", "Work"]

States = dict[tuple[Any, ...], Any]


@dataclass(frozen=True)
class Work:
    """What all tasks of a round have in common."""

    method: Method
    operator: Operator
    goal: Goal
    round_: int
    number: int = 0  # of the method's rounds within the call: `Crew.opened`

    def __call__(self, task: Task, state: Any, tick: Tick) -> Any:
        """Do one task; the state is used up."""
        return self.method.run(self.operator, self.goal, task, state, tick)


class Crew(ABC):
    """Does the tasks of a round."""

    def opened(self) -> int:
        """Return the number of a method's rounds, which begin now, within the call."""
        return 0

    def at_work(self) -> AbstractContextManager[None]:
        """Hold what a crew needs while it works; for who goes on after the call has ended."""
        return nullcontext()

    @abstractmethod
    def each(
        self, work: Work, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """Yield every task with its new state, in order; old states leave `states` as they go."""


class Alone(Crew):
    """Does one task after another, where it is called."""

    def each(
        self, work: Work, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """See `Crew.each`."""
        for task in tasks:
            yield task, work(task, states.pop(task.key, None), tick)
