"""What a child process can die of; internal: callers make an error or a note of it."""

import contextlib
import signal
import subprocess

__all__ = ["ChildDied", "ChildNotStarted", "ChildRaised", "ChildTimedOut", "death"]

DEATH_SECONDS = 5.0  # between the end of its answers and the end of a process


class ChildDied(Exception):  # noqa: N818 - no error of the caller
    """The child gave no answer; the text is the reason, a clause without a subject."""


class ChildNotStarted(ChildDied):
    """No child can be started here."""


class ChildTimedOut(ChildDied):
    """The child exceeded the time it was given."""


class ChildRaised(ChildDied):
    """The function raised: `kind` is the name of the exception, `message` its text."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = kind, message
        super().__init__(f"raised {kind}: {message}")


def death(process: "subprocess.Popen[bytes]") -> ChildDied:
    """Say how a child whose answers have ended has died."""
    try:
        code = process.wait(timeout=DEATH_SECONDS)
    except subprocess.TimeoutExpired:
        return ChildDied("closed its answers")
    if code >= 0:
        return ChildDied(f"ended with status {code}")
    if -code in (getattr(signal, name, 0) for name in ("SIGPROF", "SIGXCPU")):
        return ChildTimedOut("exceeded its CPU time")
    with contextlib.suppress(ValueError):
        return ChildDied(f"died by {signal.Signals(-code).name}")
    return ChildDied(f"died by signal {-code}")
