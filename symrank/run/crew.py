"""Who does the tasks of a round: they are pure functions, so anyone may, in any order.

    states of the round = [method.run(operator, goal, task, state, tick) for task in tasks]

A crew does that, and hands the states back in the order of the tasks, whoever was done first: what
the states say together then has the same bits whatever crew it was.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from symrank.methods import Goal, Method, Task
from symrank.methods.base import Tick
from symrank.operators import Operator

__all__ = ["Alone", "Common", "Crew"]

States = dict[tuple[Any, ...], Any]


@dataclass(frozen=True)
class Common:
    """What all tasks of a round have in common."""

    method: Method
    operator: Operator
    goal: Goal
    round_: int

    def do(self, task: Task, state: Any, tick: Tick) -> Any:
        """Do one task; the state is used up."""
        return self.method.run(self.operator, self.goal, task, state, tick)


class Crew(ABC):
    """Does the tasks of a round."""

    @abstractmethod
    def each(
        self, common: Common, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """Yield every task with its new state, in order; old states leave `states` as they go."""


class Alone(Crew):
    """Does one task after another, where it is called."""

    def each(
        self, common: Common, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """See `Crew.each`."""
        for task in tasks:
            yield task, common.do(task, states.pop(task.key, None), tick)
