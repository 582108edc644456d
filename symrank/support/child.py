"""Functions of the package run in a child process, which may die without harm.

Foreign code that can crash, run away or take all memory (a factorisation, a parser of hostile
bytes) is called in a fresh interpreter started by `subprocess`: no fork, no `multiprocessing`, so
that it works from unguarded scripts, daemonic workers, notebooks and threads.

    with Child(tick=tick) as child:
        answer, arrays = child.call("symrank.module:function", {"k": 3}, {"x": x}, cpu_seconds=10.0)

In the child ``function(arguments, arrays)`` returns a pair of the same kind. Arrays travel as .npy
files in a temporary folder, memory-mapped in the child, everything else as JSON: no answer can run
code here. What the module of the function remembers lasts until the `with` block ends.

The law. While a call waits, `tick` is called every `POLL` seconds and may raise; any exception ends
the child at once. A child that dies, raises, exceeds its limits or cannot be started is one
`ChildDied` with the reason. The child has its own session (Ctrl-C reaches the parent alone), one
thread for every library, the parent's `sys.path` after the standard library without the current
folder, and it ends with its parent. The folder is gone with the block, and holds no array while the
child is at work.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from symrank.support.child_errors import (
    ChildDied,
    ChildNotStarted,
    ChildRaised,
    ChildTimedOut,
    death,
)
from symrank.support.temporary import TemporaryFolder

__all__ = ["Answer", "Child", "ChildDied", "ChildNotStarted", "ChildRaised", "ChildTimedOut", "run"]

POLL = 0.02  # seconds between ticks
START_SECONDS = 60.0  # an interpreter on a slow network disk takes some
PATIENCE = 20.0  # times its CPU time is the wall time of a child that is not stuck
LONGEST = 2**24  # bytes of an answer without its arrays
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "RAYON", "VECLIB_MAXIMUM")
PACKAGE = Path(__file__).parents[1]
FAR_SIDE = Path(__file__).with_name("child_side.py")


class Answer(NamedTuple):
    """What a function in the child returned."""

    values: Any  # plain JSON
    arrays: dict[str, np.ndarray[Any, Any]]
    cpu_seconds: float  # that the function took


def run(
    target: str,
    arguments: Mapping[str, Any] | None = None,
    arrays: Mapping[str, Any] | None = None,
    *,
    cpu_seconds: float | None = None,
    num_bytes: int | None = None,
    tick: Callable[[], None] | None = None,
) -> Answer:
    """Call one function once, in a child of its own; the parameters are those of `Child`."""
    with Child(num_bytes=num_bytes, tick=tick) as child:
        return child.call(target, arguments, arrays, cpu_seconds=cpu_seconds)


class Child:
    """A process that runs functions of importable modules; a context manager, for one thread.

    Parameters
    ----------
    num_bytes
        Memory that the calls may take beyond what the interpreter holds (Linux; elsewhere nothing
        limits it).
    tick
        Called while a call waits. What it raises ends the child and is passed on.
    """

    def __init__(
        self, *, num_bytes: int | None = None, tick: Callable[[], None] | None = None
    ) -> None:
        self._num_bytes, self.tick = num_bytes, tick
        self._owner = os.getpid()
        self._folder: TemporaryFolder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._num_calls = 0

    def __enter__(self) -> "Child":
        try:
            self._start()
        except (OSError, RuntimeError) as error:  # no file, no process, no thread can be had
            self.close()
            raise ChildNotStarted(f"could not be started: {error}") from error
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self,
        target: str,
        arguments: Mapping[str, Any] | None = None,
        arrays: Mapping[str, Any] | None = None,
        *,
        cpu_seconds: float | None = None,
    ) -> Answer:
        """Return ``function(arguments, arrays)`` for the ``"module:function"`` of `target`.

        Parameters
        ----------
        arguments
            Plain values, as JSON has them; paths must be absolute.
        arrays
            Of numbers; read-only in the function.
        cpu_seconds
            CPU time of this call, all threads of the child together.

        Raises
        ------
        ChildDied
            Or one of its kinds; the child is gone then, but for `ChildRaised`.
        """
        try:
            self._send(target, arguments or {}, arrays or {}, cpu_seconds)
            return self._loaded(self._wait(_wall_seconds(cpu_seconds)))
        except ChildRaised:
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the child and remove its folder, whatever it is at."""
        if os.getpid() != self._owner:  # a fork of the owner
            return
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # what was not sent any more
                    pipe.close()  # type: ignore[union-attr]
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def _start(self) -> None:
        _check_interpreter()
        self._folder = TemporaryFolder()
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-P", "-W", "ignore", str(FAR_SIDE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.path,
            env=_environment(),
            start_new_session=True,
        )
        reader = threading.Thread(
            target=_read, args=(self._process.stdout, self._lines), daemon=True
        )
        reader.start()
        path = [p for p in sys.path if isinstance(p, str) and os.path.isabs(p)]
        self._say(
            {
                "path": path,
                "package": str(PACKAGE),
                "parent": self._owner,
                "num_bytes": self._num_bytes,
            }
        )
        try:
            self._wait(START_SECONDS)
        except ChildDied as error:
            raise ChildNotStarted(f"could not be started: {sys.executable} {error}") from error

    def _send(
        self,
        target: str,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, Any],
        cpu_seconds: float | None,
    ) -> None:
        if self._folder is None:
            raise ChildDied("is gone already")
        self._num_calls += 1
        stem = os.path.join(self._folder.path, f"{self._num_calls}")
        files = {}
        try:
            for i, (name, value) in enumerate(arrays.items()):
                array = np.asarray(value)
                file = f"{stem}-in-{i}.npy"
                np.save(file, array, allow_pickle=False)
                files[name] = (file, array.size)
        except OSError as error:
            raise ChildDied(f"could not be handed its arrays: {error}") from error
        self._say(
            {
                "target": target,
                "arguments": dict(arguments),
                "arrays": files,
                "answers": f"{stem}-out",
                "cpu_seconds": cpu_seconds,
            }
        )

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer, which is none, tells why
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()

    def _wait(self, seconds: float | None) -> dict[str, Any]:
        """Return the next answer; tick until it comes."""
        assert self._process is not None
        end = time.monotonic() + seconds if seconds is not None else None
        while True:
            try:
                line = self._lines.get(timeout=POLL)
                break
            except queue.Empty:
                if self.tick is not None:
                    self.tick()
            if end is not None and time.monotonic() > end:
                raise ChildTimedOut(f"gave no answer within {seconds:.0f} s")
        if not line:
            raise death(self._process)
        try:
            reply = json.loads(line)
            error = reply.get("error")
            if error is None:
                return dict(reply)
            kind, message = error
        except (ValueError, TypeError, AttributeError) as wrong:
            raise ChildDied("gave an answer that cannot be read") from wrong
        raise ChildRaised(str(kind), str(message))

    def _loaded(self, reply: dict[str, Any]) -> Answer:
        """Read the arrays of an answer, from files of our own naming."""
        folder = "" if self._folder is None else self._folder.path
        stem = os.path.join(folder, f"{self._num_calls}-out")
        arrays = {}
        try:
            for i, name in enumerate(reply["arrays"]):
                file = f"{stem}-{i}.npy"
                arrays[str(name)] = np.load(file, allow_pickle=False)
                os.unlink(file)
            return Answer(reply["answer"], arrays, float(reply["cpu_seconds"]))
        except (OSError, ValueError, TypeError, KeyError, MemoryError) as error:
            raise ChildDied("gave an answer that cannot be read") from error


def _read(stdout: Any, lines: "queue.SimpleQueue[bytes]") -> None:
    """Hand on what the child says; an empty line is its death."""
    try:
        while line := stdout.readline(LONGEST):
            lines.put(line)
    except (OSError, ValueError):  # closed by `Child.close`
        pass
    lines.put(b"")


def _wall_seconds(cpu_seconds: float | None) -> float | None:
    """Return what a call may take by the clock: all there is where nothing counts CPU time."""
    if cpu_seconds is None:
        return None
    return START_SECONDS + cpu_seconds * (PATIENCE if hasattr(signal, "setitimer") else 1.0)


def _check_interpreter() -> None:
    """Start nothing that is no Python interpreter: a frozen program would start itself again."""
    name = os.path.basename(sys.executable or "").lower()
    if getattr(sys, "frozen", False) or "py" not in name:
        raise ChildNotStarted(f"could not be started: sys.executable={name!r} is no interpreter")


def _environment() -> dict[str, str]:
    """Return the environment with one thread for every library, and Python's own left out."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") or k == "PYTHONHOME"}
    return kept | {f"{name}_NUM_THREADS": "1" for name in THREADS}
