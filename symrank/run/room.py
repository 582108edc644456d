"""Is there room for a round? Memory is asked for before it is taken.

A process that takes more than there is does not get an error from Linux: it is ended, or makes the
machine crawl. So what the new states of a round will hold is held against what is free, by the
machine, by the group of a container and by ``ulimit``. A first round that does not fit is an error
before any of its products; a later one is left out, and the answer so far says so.
"""

from collections.abc import Container, Sequence
from typing import Any

from symrank.errors import MemoryShortError
from symrank.files.limits import free_bytes
from symrank.methods import Goal, Method, Task
from symrank.operators.facts import Facts

__all__ = ["lacking", "refuse_without_room"]

GIBI = 2.0**30
SMALL = 2**20  # bytes: to ask what is free takes as long as counting a matrix of this size


def lacking(
    method: Method, facts: Facts, goal: Goal, tasks: Sequence[Task], states: Container[Any]
) -> str:
    """Say what the new states of a round take and what is free; empty where they fit."""
    wanted = sum(method.num_bytes(facts, goal, task) for task in tasks if task.key not in states)
    if wanted <= SMALL:
        return ""
    free = free_bytes()
    if wanted <= free:
        return ""
    return f"{wanted / GIBI:.3g} GiB of vectors, and {free / GIBI:.3g} GiB are free"


def refuse_without_room(method: Method, facts: Facts, goal: Goal, tasks: Sequence[Task]) -> None:
    """Raise `MemoryShortError` where a first round does not fit."""
    if said := lacking(method, facts, goal, tasks, ()):
        raise MemoryShortError(
            f"method={method.name!r} for n = {goal.n} takes {said}. {method.smaller}, or use a "
            "machine with more memory."
        )
