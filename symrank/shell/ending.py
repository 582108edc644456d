"""How a command ends: what is known of a run, and one line where it may end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from symrank.answer.result import RankResult
from symrank.errors import SymrankError
from symrank.shell import process
from symrank.spectrum.outcome import Progress, Status

__all__ = ["Run", "end_of", "one_line_errors"]


class Run:
    """What is known of a run, for the line in which it may end."""

    interval: tuple[int, int] | None = None
    result: RankResult | None = None
    is_answered = False

    def watch(self, show: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
        """Return an observer that remembers the interval, and shows the rest."""

        def observe(now: Progress) -> None:
            self.interval = now.interval
            if show is not None:
                show(now)

        return observe

    @property
    def known(self) -> str:
        """Return what the last finished round has said, as the end of a sentence."""
        if self.is_answered:
            return "The answer above holds."
        if self.result is not None:
            return f"The answer: {self.result}"
        if self.interval is not None:
            return f"The last finished round: rank in {list(self.interval)}"
        return ""


@contextmanager
def one_line_errors() -> Iterator[Run]:
    """Turn whatever ends a command into one line on stderr and an exit status."""
    run = Run()
    try:
        with process.interruptible():
            yield run
    except typer.Exit:
        raise
    except process.CannotWriteError as error:
        if not error.is_gone:
            _fail(f"{error}. {run.known}", process.BAD, error)
        raise typer.Exit(process.ANSWERED) from error
    except KeyboardInterrupt as error:
        text = f"interrupted. {run.known}" if run.known else process.NO_ANSWER
        _fail(text, process.interrupted(), error)
    except SymrankError as error:
        _fail(str(error), process.BAD, error)
    except Exception as error:
        _fail(f"{process.explain(error)} {run.known}", process.BAD, error)


def end_of(result: RankResult) -> None:
    """End with the status of the signal where one has cut the run short."""
    if result.status is Status.INTERRUPTED:
        raise typer.Exit(process.interrupted())


def _fail(sentence: str, status: int, error: BaseException) -> NoReturn:
    process.complain(sentence)
    raise typer.Exit(status) from error
