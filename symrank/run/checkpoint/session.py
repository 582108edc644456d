"""One call on a checkpoint: its folder is held, its seed taken over, and its answer told.

The library installs no handler of signals: Ctrl-C raises `KeyboardInterrupt` as ever, a run ends
with the answer of its last finished round, and what was finished is kept already. The command turns
SIGTERM into the same (`symrank.shell.process`).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from symrank.answer.counts import Counts
from symrank.answer.result import RankResult
from symrank.operators.losses import Losses
from symrank.run.budget import Budget
from symrank.run.checkpoint.fingerprint import Subject
from symrank.run.checkpoint.manifest import arguments_of
from symrank.run.checkpoint.remembered import Remembered
from symrank.run.checkpoint.store import Store
from symrank.run.crew import Crew
from symrank.run.options import Options

__all__ = ["in_checkpoint", "of_command", "remembering"]

Answer = TypeVar("Answer", RankResult, RankResult | Counts)

ROUNDING = 1e5  # units of rounding of a loss, a sum over data, on another machine
_COMMAND: ContextVar[Mapping[str, Any] | None] = ContextVar("command", default=None)


@contextmanager
def of_command(command: Mapping[str, Any]) -> Iterator[None]:
    """Let a checkpoint that is begun inside know the command line that began it."""
    token = _COMMAND.set(command)
    try:
        yield
    finally:
        _COMMAND.reset(token)


def in_checkpoint(
    options: Options,
    is_drawn: bool,
    asked: Mapping[str, Any],
    answer: Callable[[Options], Answer],
) -> Answer:
    """Return ``answer(options)``, from a checkpoint and into it where the options name one.

    Parameters
    ----------
    options
        Of the call.
    is_drawn
        Whether the seed was drawn for want of one: that of the checkpoint is taken then.
    asked
        What is asked beside the options.
    answer
        Called with the options, whose `checkpoint` is a `Store` then.

    Raises
    ------
    CheckpointError
        Where the checkpoint cannot be used.
    """
    if options.checkpoint is None:
        return answer(options)
    store = Store(Path(os.fspath(options.checkpoint)).absolute())
    with store.held():
        arguments = arguments_of(options, asked)
        seed = store.begin(arguments, None if is_drawn else options.seed)
        if seed is None:
            seed = options.seed
            store.create(arguments, seed, _COMMAND.get())
        found = answer(replace(options, seed=seed, checkpoint=store))
        told: Answer = _told(found, store)
        return told


def _told(found: Any, store: Store) -> Any:
    """Return an answer with what is to be said of its checkpoint; keep a record of it."""
    result = found.total if isinstance(found, Counts) else found
    noted = replace(result, notes=(*result.notes, *store.notes)) if store.notes else result
    store.finish(noted.to_dict())
    return replace(found, total=noted) if isinstance(found, Counts) else noted


def compare_beside(options: Options, losses: Losses) -> None:
    """Let a checkpoint tell a loss by more than its Hessian.

    It takes an evaluation that no budget counts: chains are tuned for what is left of one, and a
    checkpoint should change no answer.
    """
    if isinstance(options.checkpoint, Store):
        eps = max(losses.loss_eps, losses.grad_eps)
        options.checkpoint.beside(losses.seen(), ROUNDING * eps)


def remembering(crew: Crew, options: Options, subject: Subject, budget: Budget) -> Crew:
    """Return the crew of a call, which remembers where there is a checkpoint.

    Raises
    ------
    CheckpointError
        Where the checkpoint is of another operator.
    """
    store = options.checkpoint
    if not isinstance(store, Store):
        return crew
    budget.spend(subject.num_products, is_told=False)
    store.confirm(subject)
    found = Remembered(crew, store)
    budget.remember(found.reading)
    return found
