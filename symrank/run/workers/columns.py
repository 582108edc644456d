r"""A round in errands: tasks, and columns of tasks where there are more workers than tasks.

The columns of a block do not know each other: kernels add each in an order of its own, whatever
stands beside it (`symrank.kernels.compiled.sums`). So a task on k columns is the same as tasks on
parts of them, to the last bit, if the products are as well: those of `Operator.is_columnwise`. One
column alone is multiplied, and its norm taken, by other loops than two; so no part has one.

Other products are never parted: BLAS multiplies two columns in another order than eight, and the
caller's code may do anything. There a round has as many errands as it has tasks.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from symrank import kernels
from symrank.methods import Task
from symrank.recurrences.segments import State, side_by_side, slices
from symrank.run.crew import Common, States

__all__ = ["Part", "parts_of"]

LEAST = 2  # columns
ENOUGH = 2  # tasks for each worker: then no one waits long for the last
ANY_NUMBER = 4  # columns of a part, where nobody knows how many workers there are


@dataclasses.dataclass(frozen=True)
class Part:
    """Some columns of the task that is `turn` in its round."""

    turn: int
    task: Task
    state: Any


def parts_of(
    work: Common, tasks: Sequence[Task], states: States, num_workers: int | None
) -> list[Part]:
    """Return the parts of all tasks in their order; the states leave `states`."""
    found = []
    for turn, task in enumerate(tasks):
        state = states.pop(task.key, None)
        for first, last in _ends(work, task, len(tasks), num_workers):
            is_all = last - first == task.num_vectors
            own = task if is_all else _narrowed(task, first, last)
            columns = state if is_all or state is None else _compact(state.part(first, last))
            found.append(Part(turn, own, columns))
    return found


def _ends(
    work: Common, task: Task, num_tasks: int, num_workers: int | None
) -> Sequence[tuple[int, int]]:
    """Return which columns go together: as many parts as keep all workers busy."""
    k = task.num_vectors
    if k < 2 * LEAST or not work.method.has_columns(task) or not _are_columnwise(work):
        return [(0, k)]
    if num_workers is None:
        count = -(-k // ANY_NUMBER)
    elif num_tasks % num_workers == 0 or num_tasks >= ENOUGH * num_workers:
        count = 1
    else:
        count = max(-(-num_workers // num_tasks), ENOUGH)
    return slices(k, -(-k // min(count, k // LEAST)))


def _are_columnwise(work: Common) -> bool:
    """Whether products and kernels promise bits for a column; `reference` adds as NumPy does."""
    kernel = kernels.load(work.method.kernel or work.operator.kernel)
    return work.operator.is_columnwise and kernel is not kernels.load("reference")


def _narrowed(task: Task, first: int, last: int) -> Task:
    """Return the task on columns first..last-1: keys end with the number of the first one."""
    return dataclasses.replace(
        task, key=(*task.key[:-1], task.key[-1] + first), num_vectors=last - first
    )


def _compact(state: State) -> State:
    """Return the state with columns of its own: kernels read whole rows."""
    names = (*state.blocks, *state.known)
    own = {name: side_by_side([x]) for name in names if (x := getattr(state, name)) is not None}
    return dataclasses.replace(state, **own)
