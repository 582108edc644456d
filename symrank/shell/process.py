"""The process of the command: its streams, its signals, and the one line in which it ends.

    exit status 0     an answer was written, or whoever read it has gone
    exit status 2     one line on the error stream says what is wrong and what to do
    exit status 130   Ctrl-C has ended the run; the answer so far was written, if there was one
    exit status 143   the same by SIGTERM; 129 by SIGHUP

and no other, whatever happens. Nothing here imports more than Python's own small modules: a signal
that comes while NumPy, SciPy and Numba are loading is answered too. Nothing is known then, so the
process leaves at once; an exception could be taken for a failed import, or get lost in an
``except`` of other people. Later a signal raises `KeyboardInterrupt` in the main thread, which
`symrank.rank` turns into the answer of the last finished round. And once an answer is known, the
first signal is only noted while it is written.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from types import FrameType
from typing import TextIO

from symrank.support.text import one_line

__all__ = [
    "ANSWERED",
    "BAD",
    "NO_ANSWER",
    "CannotWriteError",
    "TooLong",
    "answering",
    "complain",
    "ends_within",
    "explain",
    "finish",
    "handle_signals",
    "interrupted",
    "interruptible",
    "prepare_streams",
    "say",
    "writing",
]

ANSWERED, BAD = 0, 2
SIGNALLED = 128  # and the number of the signal, as shells have it
NO_ANSWER = "interrupted before the first round was finished: there is no answer."
TRACEBACK = "SYMRANK_TRACEBACK"  # with this variable set, an error shows where it arose
ENDING = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is unknown to Windows
STANDARD = 3  # descriptors below are the standard streams

Handler = Callable[[int, FrameType | None], None]


class CannotWriteError(Exception):
    """The standard output takes no more; `is_gone` where its reader has left."""

    def __init__(self, error: OSError) -> None:
        self.is_gone = error.errno == errno.EPIPE
        super().__init__(f"the standard output cannot be written ({error.strerror or error})")


class TooLong(BaseException):
    """The time of `ends_within` is up; no Exception, as parsers catch those to reword them."""


class _Moment(Enum):
    """What a signal finds, which is what it does."""

    LOADING = "nothing is known: leave at once"
    RUNNING = "raise KeyboardInterrupt, which rounds turn into an answer"
    ANSWERING = "an answer is being written: the first signal waits"
    DONE = "nothing is left to be interrupted"


class _Now:
    moment = _Moment.LOADING
    number = int(signal.SIGINT)  # of the signal that has ended the run


def interrupted() -> int:
    """Return the exit status of a run that a signal has ended."""
    return SIGNALLED + _Now.number


def handle_signals() -> None:
    """Let the signals that ask for an end do what the moment says; at first, leave."""
    _Now.moment = _Moment.LOADING
    _install(_handle)


def _handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if _Now.moment is _Moment.LOADING:
        with suppress(OSError):
            os.write(2, f"symrank: {NO_ANSWER}\n".encode())
        os._exit(SIGNALLED + number)
    if _Now.moment is _Moment.RUNNING:
        _Now.number = number
        raise KeyboardInterrupt
    if _Now.moment is _Moment.ANSWERING:
        _Now.moment = _Moment.RUNNING


def _install(handler: Handler | signal.Handlers) -> None:
    """Handle the signals that ask for an end; one that the parent ignores stays so (nohup)."""
    for name in ENDING:
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue
        with suppress(ValueError):  # not in the main thread
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a signal raise `KeyboardInterrupt` in the block, and do nothing after it."""
    try:
        _Now.moment = _Moment.RUNNING
        yield
    finally:
        _Now.moment = _Moment.DONE


@contextmanager
def answering() -> Iterator[Callable[[], None]]:
    """Give a function to call once an answer is known; from there to the end a signal waits."""

    def is_known() -> None:
        _Now.moment = _Moment.ANSWERING

    yield is_known
    _Now.moment = _Moment.RUNNING


@contextmanager
def ends_within(seconds: float | None) -> Iterator[None]:
    """Raise `TooLong` in the block after so many seconds, where there are alarms.

    Python code is interrupted, and so are its calls of the system; a call of a C library is left
    to end first.
    """
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise TooLong

    try:
        before = signal.signal(signal.SIGALRM, stop)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def prepare_streams() -> bool:
    """Make the streams fit to write anything; tell whether there is a standard output at all.

    A closed descriptor is opened on nothing: the next file would get its number otherwise, and
    what a library prints would end in it.
    """
    if os.name == "posix":
        while (descriptor := os.open(os.devnull, os.O_RDWR)) < STANDARD:
            pass
        os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - till the end
    return sys.stdout is not None


def say(text: str) -> None:
    """Write to the standard output, or raise `CannotWriteError`."""
    with writing():
        sys.stdout.write(f"{text}\n")


@contextmanager
def writing() -> Iterator[None]:
    """See that what the block writes to the standard output has arrived.

    Raises
    ------
    CannotWriteError
        Where it has not.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        _drop(sys.stdout)
        raise CannotWriteError(error) from error


def complain(sentence: str) -> None:
    """Write one line to the error stream, if it takes one."""
    try:
        sys.stderr.write(f"symrank: {one_line(sentence)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        _drop(sys.stderr)  # Python's own attempt at the end would change the exit status


def explain(error: BaseException) -> str:
    """Return one sentence for an error that is none of symrank's own."""
    if os.environ.get(TRACEBACK):
        import traceback

        with suppress(OSError):
            traceback.print_exception(error)
    said = str(error).strip().rstrip(".")
    if isinstance(error, MemoryError):
        return (
            f"out of memory{f' ({said})' if said else ''}: a smaller --max-matvecs, another "
            "--method or a machine with more of it will do."
        )
    if isinstance(error, OSError):
        what = error.strerror or said or type(error).__name__
        return f"{what}: {error.filename}" if error.filename is not None else f"{what}."
    return (
        f"{type(error).__name__}{f': {said}' if said else ''}. This is a fault of symrank or of a "
        f"library: please report it, with what {TRACEBACK}=1 in the environment shows."
    )


def finish(status: int) -> int:
    """Flush what is left, at most once, and return the exit status."""
    _install(signal.SIG_IGN)
    try:
        sys.stderr.flush()
    except (OSError, ValueError):  # half a line for a terminal that is gone
        _drop(sys.stderr)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as error:
        _drop(sys.stdout)
        if status == BAD:  # one line has been said
            return BAD
        if getattr(error, "errno", None) != errno.EPIPE:
            complain(f"the standard output cannot be written ({error}).")
            return BAD
    return status


def _drop(stream: TextIO) -> None:
    """Send to nowhere what Python still holds for a stream, and would try at its end."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
