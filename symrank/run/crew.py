"""Who does the tasks of a round: they are pure functions, so anyone may, in any order.

    states of the round = [method.run(operator, goal, task, state, tick) for task in tasks]

A crew does that, and hands the states back in the order of the tasks, whoever was done first: what
the states say together then has the same bits whatever crew it was.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
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
    deadline: float = math.inf  # of `time.perf_counter` here: an answer is known, and time is short

    def __call__(self, task: Task, state: Any, tick: Tick) -> Any:
        """Do one task; the state is used up."""
        return self.method.run(self.operator, self.goal, task, state, tick)


class Crew(ABC):
    """Does the tasks of a round.

    Attributes
    ----------
    done
        Called with a task and its new state as soon as that is here, which may be long before its
        turn comes in `each`. None: nobody asks.
    """

    done: Callable[[Task, Any], None] | None = None

    @abstractmethod
    def each(
        self, work: Work, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """Yield every task with its new state, in order; old states leave `states` as they go.

        Where the iterator is closed, what is not finished is lost.
        """

    def close(self) -> None:  # noqa: B027 - most crews have hired no one
        """Send home whom the crew has hired; `each` hires anew."""


class Alone(Crew):
    """Does one task after another, where it is called."""

    def each(
        self, work: Work, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """See `Crew.each`."""
        for task in tasks:
            state = work(task, states.pop(task.key, None), tick)
            if self.done is not None:
                self.done(task, state)
            yield task, state
