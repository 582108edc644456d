"""A crew that remembers: tasks done before are read, and others are kept as they are done.

The name of a task is a digest of what its state is a function of,

    name_k = H(name_(k-1), number of the method's rounds in the call, unit, method, goal, task),

name_(k-1) that of the task before on the same state. So what is found under it is that state, on
whatever road a call comes to it. Of a goal only what the method reads is in the digest where the
method says so (`Method.reads`); what is left to clocks never is.

Of a state that is read, the vectors stay in their file until a task goes on from them. Those of a
state that others have gone on from are gone; where they are wanted all the same, as a file was
damaged, the tasks on that state are done again from the first.

A task that is likely to take minutes is done in parts, where its method divides it, and the state
is kept after each: the parts depend on the clock, and the bits do not.
"""

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from symrank.methods import Goal, Task
from symrank.methods.base import Tick
from symrank.run.budget import TimeUp
from symrank.run.checkpoint.manifest import plain
from symrank.run.checkpoint.store import Store
from symrank.run.checkpoint.tasks import Kept
from symrank.run.crew import Common, Crew, States

__all__ = ["EVERY", "Done", "Remembered", "Timed"]

EVERY = 120.0  # seconds of work that a kill may cost
LEFT_TO_CLOCKS = ("deadline", "norm_bound", "extra_products")  # none of them changes a state


@dataclass(frozen=True)
class Done:
    """A state, and what the task has taken."""

    state: Any
    products: int
    seconds: float


@dataclass(frozen=True)
class Timed(Common):
    """Work that tells what it has taken, wherever it is done."""

    def do(self, task: Task, state: Any, tick: Tick) -> Done:
        """Do one task."""
        products, started = 0, time.perf_counter()

        def count(more: int) -> None:
            nonlocal products
            products += more
            tick(more)

        state = super().do(task, state, count)
        return Done(state, products, time.perf_counter() - started)

    def joined(self, found: Sequence[Done]) -> Done:
        """Put parts of a task together, that several workers have done at once."""
        state = super().joined([one.state for one in found])
        return Done(state, sum(one.products for one in found), sum(one.seconds for one in found))


@dataclass(frozen=True)
class _Step:
    """A task that was done, and as what."""

    name: str
    work: Common
    task: Task


@dataclass(frozen=True)
class _Spent:
    """What a task has taken so far."""

    steps: int = 0
    products: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, kept: Kept) -> "_Spent":
        """Return what the file of a task says."""
        one = kept.record
        return cls(int(one["steps"]), int(one["products"]), float(one["seconds"]))

    def more(self, piece: Task, done: Done) -> "_Spent":
        """Return the same with a part more."""
        return _Spent(
            self.steps + piece.num_steps,
            self.products + done.products,
            self.seconds + done.seconds,
        )


@dataclass
class Remembered(Crew):
    """Reads what a checkpoint has of a round, and lets `inner` do the rest."""

    inner: Crew
    store: Store
    num_tasks: int = 0  # of the call so far
    _opened: int = 0
    _past: dict[tuple[Any, ...], list[_Step]] = field(default_factory=dict)
    _away: set[str] = field(default_factory=set)  # tasks whose vectors are not in memory
    _rate: float = 0.0  # seconds a product, of the slowest task
    _asked: dict[str, int] = field(default_factory=dict)
    _unkept: dict[str, list[float]] = field(default_factory=dict)

    def opened(self) -> int:
        """See `Crew.opened`."""
        self.inner.opened()
        self._opened += 1
        return self._opened - 1

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Hold the folder."""
        with self.store.held(), self.inner.at_work():
            yield

    def reading(self, seconds: float) -> float:
        """Return what a choice reads from the clock: what it read before, on the same road.

        A reading is kept with the next task, so that a run that ends for want of time does not
        want it again when it is resumed.
        """
        place = str(self.num_tasks)
        known, asked = self.store.readings.get(place, []), self._asked.get(place, 0)
        self._asked[place] = asked + 1
        if asked < len(known):
            return known[asked]
        self._unkept.setdefault(place, []).append(seconds)
        return seconds

    def each(
        self, work: Common, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """See `Crew.each`."""
        steps = {task.key: _Step(self._name(work, task), work, task) for task in tasks}
        found = {key: self.store.tasks.load(step.name) for key, step in steps.items()}
        fresh = self._fresh(work, [t for t in tasks if found[t.key] is None], states, tick, steps)
        for task in tasks:
            kept = found[task.key]
            if kept is None:
                state = next(fresh)
            else:
                states.pop(task.key, None)
                self._tell(kept, tick)
                state = kept.state
                found[task.key] = None  # its memory is that of the run
                if not kept.is_whole:
                    self._away.add(steps[task.key].name)
                self._steps(work, task).append(steps[task.key])
            self.num_tasks += 1
            yield task, state

    def _steps(self, work: Common, task: Task) -> list[_Step]:
        return self._past.setdefault((work.number, *task.key), [])

    def _name(self, work: Common, task: Task) -> str:
        """Return the name of a task."""
        past = self._steps(work, task)
        digest = hashlib.sha256(
            json.dumps(
                [
                    past[-1].name if past else "",
                    work.number,
                    work.goal.scale,  # the unit of the operator
                    plain(work.method),
                    _read(work.goal, work.method.reads),
                    plain(replace(task, is_part=False)),
                ]
            ).encode()
        )
        return f"{work.number:02d}-{len(past):03d}-{digest.hexdigest()[:32]}"

    def _tell(self, kept: Kept, tick: Tick) -> None:
        """Count the products of a task that is read; time that is up ends none of these."""
        products = int(kept.record["products"])
        self._learn(products, float(kept.record["seconds"]))
        try:
            tick(products)
        except TimeUp:
            return

    def _learn(self, products: int, seconds: float) -> None:
        self._rate = max(self._rate, seconds / products) if products else self._rate

    def _fresh(
        self,
        work: Common,
        tasks: Sequence[Task],
        states: States,
        tick: Tick,
        steps: Mapping[tuple[Any, ...], _Step],
    ) -> Iterator[Any]:
        """Do tasks that were not done yet, and keep their states."""
        timed = Timed(**{f.name: getattr(work, f.name) for f in dataclasses.fields(work)})
        spent = dict.fromkeys(steps, _Spent())
        for task in tasks:
            part = self._part(work, task, steps[task.key])
            if part is not None:
                states[task.key], spent[task.key] = part.state, _Spent.of(part)
                self._tell(part, tick)
            elif task.key in states:
                states[task.key] = self._whole(work, task, states[task.key], tick)
        kept = partial(self._arrived, work, steps, spent)
        for pieces in self._pieces(work, tasks, spent):
            self.inner.done = kept  # as soon as it is here, in whatever order
            try:
                for piece, done in self.inner.each(timed, pieces, states, tick):
                    if piece.is_part:
                        states[piece.key] = done.state
                        continue
                    self._steps(work, piece).append(steps[piece.key])
                    yield done.state
            finally:
                self.inner.done = None

    def _arrived(
        self,
        work: Common,
        steps: Mapping[tuple[Any, ...], _Step],
        spent: dict[tuple[Any, ...], _Spent],
        piece: Task,
        done: Done,
    ) -> None:
        """Keep what a task has given, or a part of one."""
        step = steps[piece.key]
        spent[piece.key] = spent[piece.key].more(piece, done)
        self._learn(done.products, done.seconds)
        if piece.is_part:
            self._keep(self.store.tasks.save_part, step, done.state, spent[piece.key])
            return
        past = self._steps(work, piece)
        save = partial(self.store.tasks.save, before=past[-1].name if past else None)
        self._keep(save, step, done.state, spent[piece.key])

    def _part(self, work: Common, task: Task, step: _Step) -> Kept | None:
        """Return what was kept in the middle of a task."""
        if not work.method.divides(task):
            return None
        part = self.store.tasks.load_part(step.name)
        fits = part is not None and 0 < _Spent.of(part).steps < task.num_steps
        return part if fits else None

    def _whole(self, work: Common, task: Task, state: Any, tick: Tick) -> Any:
        """Return a state to go on from with its vectors, from its file, or by all its tasks."""
        past = self._steps(work, task)
        if past[-1].name not in self._away:
            return state
        kept = self.store.tasks.load(past[-1].name, with_vectors=True)
        if kept is not None:
            return kept.state
        state = None
        self.store.tasks.num_again += len(past)
        for step in past:
            state = step.work.do(step.task, state, lambda _: tick(0))
        return state

    def _keep(self, save: Callable[..., None], step: _Step, state: Any, spent: _Spent) -> None:
        """Keep a state; a key that is pressed meanwhile waits."""
        if self._unkept:
            self.store.keep_readings(self._unkept)
            self._unkept = {}
        record = {
            "method": step.work.method.name,
            "round": step.work.round_,
            "task": repr(step.task.key[0]),
            "vectors": step.task.num_vectors,
            **dataclasses.asdict(spent),
        }
        try:
            save(step.name, state, record)
        except KeyboardInterrupt:
            save(step.name, state, record)
            raise

    def _pieces(
        self, work: Common, tasks: Sequence[Task], spent: Mapping[tuple[Any, ...], _Spent]
    ) -> Iterator[list[Task]]:
        """Yield the parts of tasks in turn, one list for each time that states are kept.

        Their number is decided once, from what a product has taken so far.
        """
        left = {task.key: task.num_steps - spent[task.key].steps for task in tasks}
        likely = max((left[t.key] * t.num_vectors * self._rate for t in tasks), default=0.0)
        count = 1
        if all(work.method.divides(task) for task in tasks):
            count = max(1, math.ceil(likely / EVERY))
        for j in range(count, 1, -1):
            pieces = []
            for task in tasks:
                steps = -(-left[task.key] // j)
                if 0 < steps < left[task.key]:
                    left[task.key] -= steps
                    pieces.append(replace(task, num_steps=steps, is_part=True))
            if pieces:
                yield pieces
        yield [replace(task, num_steps=left[task.key]) for task in tasks]


def _read(goal: Goal, names: Sequence[str] | None) -> Any:
    """Return what a method reads of a goal; all that no clock decides where it does not say."""
    if names is None:
        names = [f.name for f in dataclasses.fields(goal) if f.name not in LEFT_TO_CLOCKS]
    return {name: plain(getattr(goal, name)) for name in names}
