"""A crew of several: errands are sent out as long as workers are free, and merged in order.

Whoever answers first, the states of a round are handed on in the order of its tasks, so that a run
has the same bits with any crew. Products are counted as outcomes come in; the witness of an
operator that may change is asked here, at the end of the round, as ever.

The end. Time up, Ctrl-C, an error of a product or of the observer: what has not been sent is not
sent, what is queued is cancelled, what is under way is told to stop (a process of symrank's own is
ended, a thread or a stranger's process ends after its product), and is waited for only so long.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from contextlib import contextmanager
from typing import Any

from symrank.errors import LostWorkersError, OptionError, SymrankError
from symrank.methods import Task
from symrank.methods.base import Tick
from symrank.operators import Operator
from symrank.run.budget import TimeUp
from symrank.run.crew import Alone, Common, Crew, States
from symrank.run.workers.columns import Part, parts_of
from symrank.run.workers.errands import Errand, Outcome
from symrank.run.workers.pools import Pool, Reply
from symrank.support import foreign

__all__ = ["Several"]

POLL = 0.1  # seconds between looks at the clock; also Ctrl-C is heard then, on every system
GRACE = 1.0  # seconds after the deadline, or the end: for the last words of who was at work
AHEAD = 2  # errands a worker, so that none waits for the next; more would only take memory


class Several(Crew):
    """Does the tasks of a round with a pool, which is made when it is first needed."""

    def __init__(self, make: Callable[[], Pool]) -> None:
        self._make = make
        self._pool: Pool | None = None

    def each(
        self, work: Common, tasks: Sequence[Task], states: States, tick: Tick
    ) -> Iterator[tuple[Task, Any]]:
        """See `Crew.each`; a round that is one errand is done here."""
        _refuse(work.operator)
        if self._pool is None:
            self._pool = _made(self._make)
        parts = parts_of(work, tasks, states, self._pool.num_workers)
        if len(parts) == 1:
            here = Alone()
            here.done = self.done
            yield from here.each(work, tasks, {tasks[0].key: parts[0].state}, tick)
            return
        merged = Merger(work, tasks, [part.turn for part in parts], self.done)
        shift = Shift(self._pool, work, parts, tick)
        try:
            for number, state in shift.outcomes():
                yield from merged.add(number, state)
        finally:
            shift.end()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Send home at the end who was hired meanwhile; see `Crew.at_work`."""
        try:
            yield
        finally:
            self._dismiss()

    def _dismiss(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
            pool.close()


class Merger:
    """Puts parts together, and hands tasks on in order."""

    def __init__(
        self,
        work: Common,
        tasks: Sequence[Task],
        turns: Sequence[int],  # of the tasks, for every part
        done: Callable[[Task, Any], None] | None,
    ) -> None:
        self._work, self._tasks, self._turns, self._done = work, tasks, turns, done
        self._found: dict[int, Any] = {}  # states of parts, by their numbers
        self._whole: dict[int, Any] = {}  # states of tasks, by their turns
        self._next = 0

    def add(self, number: int, state: Any) -> Iterator[tuple[Task, Any]]:
        """Take the state of a part; yield the tasks whose turn it is then."""
        self._found[number] = state
        turn = self._turns[number]
        own = [j for j, other in enumerate(self._turns) if other == turn]
        if all(j in self._found for j in own):
            whole = self._work.joined([self._found.pop(j) for j in own])
            self._whole[turn] = whole
            if self._done is not None:
                self._done(self._tasks[turn], whole)
        while self._next in self._whole:
            turn, self._next = self._next, self._next + 1
            yield self._tasks[turn], self._whole.pop(turn)


class Shift:
    """The errands of a round, from the first that is sent to the last that is back.

    It takes the parts out of the list that it is given: a state lives as long as it is needed.
    """

    def __init__(self, pool: Pool, work: Common, parts: list[Part], tick: Tick) -> None:
        self._pool, self._work, self._tick = pool, work, tick
        self._num_parts, self._left = len(parts), parts
        self._left.reverse()
        self._replies: dict[Reply, Errand] = {}
        self._errors: dict[int, BaseException] = {}
        self._again: set[int] = set()  # errands that were sent once more
        self._sent = 0
        self._is_over = False

    def outcomes(self) -> Iterator[tuple[int, Any]]:
        """Yield the number and the new state of every part, as they come.

        Raises
        ------
        TimeUp
            Where the deadline is over before the last is back.
        LostWorkersError
            Where an errand has gone with its worker.
        Exception
            Of a product: where several errands end by one, that of the first in order.
        """
        while True:
            self._send()
            if not self._replies:
                break
            done, _ = wait(self._replies, timeout=POLL, return_when=FIRST_COMPLETED)
            for reply in done:
                outcome = self._outcome(reply)
                if outcome is None:
                    continue
                if outcome.is_late:
                    self._tick(outcome.products)
                    raise TimeUp
                if outcome.error is not None:
                    self._errors[outcome.number] = outcome.error
                    continue
                self._tick(outcome.products)
                yield outcome.number, outcome.state
            if time.perf_counter() > self._work.deadline + GRACE:
                raise TimeUp
            self._raise_first()
        self._is_over = True

    def end(self) -> None:
        """Stop what is still under way."""
        if self._is_over:
            return
        for reply in self._replies:
            reply.cancel()
        self._pool.stop()
        wait(self._replies, timeout=GRACE)

    def _raise_first(self) -> None:
        """Raise the error of the first errand that has one, once all before it are back."""
        first = min(self._errors, default=None)
        if first is not None and all(one.number > first for one in self._replies.values()):
            raise self._errors[first]

    def _send(self) -> None:
        """Send errands while workers are free; none after an error, but those before it."""
        workers = self._pool.num_workers
        most = self._num_parts if workers is None else AHEAD * workers
        while self._left and len(self._replies) < most and not self._errors:
            part = self._left.pop()
            self._submit(self._pool.submit, self._errand(self._sent, part))
            self._sent += 1

    def _errand(self, number: int, part: Part) -> Errand:
        return Errand(
            number=number,
            task=part.task,
            state=part.state,
            seconds=self._work.deadline - time.perf_counter(),
            errstate=foreign.callers_state(),
        )

    def _submit(self, submit: Callable[[Common, Errand], Reply], errand: Errand) -> None:
        try:
            reply = submit(self._work, errand)
        except SymrankError:
            raise
        except Exception as error:  # an executor that is shut down, or broken
            raise _lost(error) from error
        self._replies[reply] = errand

    def _outcome(self, reply: Reply) -> Outcome | None:
        """Return what came back; None where the errand had to be sent again."""
        errand = self._replies.pop(reply)
        try:
            outcome = reply.result()
        except (CancelledError, Exception) as error:
            if isinstance(error, LostWorkersError | OptionError):
                raise
            again = self._pool.submit_again(self._work, errand)
            if again is None or errand.number in self._again:
                raise _lost(error) from error
            self._again.add(errand.number)
            self._replies[again] = errand
            return None
        if not isinstance(outcome, Outcome) or outcome.number != errand.number:
            raise LostWorkersError(
                "executor has given the answer of another task, or one that is none: its futures "
                "must hold what the function that was submitted returns."
            )
        if outcome.is_unwanted:
            raise LostWorkersError(
                "a worker misses the file of the operator, which somebody else has removed from "
                "the temporary folder. Set TMPDIR to one that is left alone."
            )
        if outcome.lacks_package:
            self._submit(self._pool.submit_whole, errand)
            return None
        return outcome


def _made(make: Callable[[], Pool]) -> Pool:
    try:
        return make()
    except Exception as error:  # a client that is closed, no room for a folder
        raise _lost(error) from error


def _lost(error: BaseException) -> LostWorkersError:
    said = f"{type(error).__name__}: {error}".rstrip(": .")
    return LostWorkersError(
        f"executor has lost a task of the run ({said}): a worker died, or the executor was shut "
        "down or its queue cancelled. What was known by then is the `result` of this error. Make a "
        "new executor, or let symrank have one: executor='processes' replaces a worker that dies."
    )


def _refuse(operator: Operator) -> None:
    """Raise where products are made on a device, which workers would only share."""
    if operator.kernel is not None:
        raise OptionError(
            "executor is for products that processors make, and A lives on a device, which one "
            "process keeps busy: leave executor out, or pass A.get(), a copy on the host."
        )
