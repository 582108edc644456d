"""`subprocess.Popen` by fork; see `tests.processes.template` for the other side."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Popen", "own", "run"]

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(__file__).with_name("template.py")
NEW = "SYMRANK_NEW_INTERPRETERS"
# no library reads these while it loads
HARMLESS = (
    "PYTHONUNBUFFERED",
    "TMPDIR",
    "SYMRANK_TRACEBACK",
    "PYTEST_CURRENT_TEST",
    "COLUMNS",
    "_",
)
POLL_S = 0.005
_own: set[int] = set()


class Template:
    """The process that is forked, and the socket by which it is asked."""

    def __init__(self) -> None:
        self.environment = {"PYTHONPATH": str(ROOT), **os.environ}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, str(TEMPLATE), str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )
        self.socket, self.lock = ours, threading.Lock()

    def ask(self, question: dict[str, Any], descriptors: tuple[int, ...] = ()) -> Any:
        with self.lock:
            socket.send_fds(self.socket, [json.dumps(question).encode()], list(descriptors))
            answer = self.socket.recv(1000)
        assert answer, "the template has died"
        return json.loads(answer)

    def fits(self, env: dict[str, str]) -> bool:
        """True if the process would load the same libraries in the same way."""
        mine, its = (
            {k: v for k, v in e.items() if k not in HARMLESS}
            for e in (self.environment, {"PYTHONPATH": str(ROOT), **env})
        )
        return mine == its


@cache
def template(pid: int) -> Template:
    """Return the template of this process."""
    _own.add((found := Template()).process.pid)
    return found


def own() -> frozenset[int]:
    """Return the children of this process that belong to the tests themselves."""
    return frozenset(_own)


class Popen(subprocess.Popen):
    """A process that is forked where it can be."""

    _template: Template | None = None

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any,
                       pass_fds: Any, cwd: Any, env: Any, *rest: Any) -> None:  # fmt: skip
        *_, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite = rest[:9]
        *_, start_new_session, _ = rest[9:]
        env = dict(os.environ if env is None else env)
        if not can_fork(args) or preexec_fn or pass_fds or not template(os.getpid()).fits(env):
            super()._execute_child(
                args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest
            )
            return
        self._template = template(os.getpid())
        ends = zip((p2cread, c2pwrite, errwrite), range(3), strict=True)
        self.pid = self._template.ask(
            {
                "args": [os.fsdecode(a) for a in args[1:]], "env": env,
                "cwd": os.fspath(os.path.abspath(cwd or ".")), "session": bool(start_new_session),
            },
            tuple(own if end == -1 else end for end, own in ends),
        )  # fmt: skip
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._template is None:
            return super()._try_wait(wait_flags)
        while True:
            pid, status = self._template.ask({"wait": self.pid})
            if pid or wait_flags & os.WNOHANG:
                return pid, status
            time.sleep(POLL_S)

    def _internal_poll(self, *args: Any, **kwargs: Any) -> int | None:
        if self._template is None:
            return super()._internal_poll(*args, **kwargs)
        if self.returncode is None and self._waitpid_lock.acquire(False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid == self.pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


def can_fork(args: Any) -> bool:
    """True for ``python -c CODE``, ``python -m symrank`` and ``python FILE``, without options."""
    if os.environ.get(NEW) or sys.platform != "linux" or not isinstance(args, list):
        return False
    return args[0] == sys.executable and (
        args[1:2] == ["-c"] or args[1:3] == ["-m", "symrank"] or args[1].endswith(".py")
    )


def run(args: list[str], *, timeout: float = 300.0, check: bool = False,
        capture_output: bool = False, **options: Any) -> subprocess.CompletedProcess:  # fmt: skip
    """Run a process to its end, as `subprocess.run` does."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    given = options.pop("input", None)
    if given is not None:
        options["stdin"] = subprocess.PIPE
    with Popen(args, **options) as process:
        try:
            out, err = process.communicate(given, timeout=timeout)
        except BaseException:
            process.kill()
            with contextlib.suppress(Exception):
                process.communicate(timeout=10.0)
            raise
    done = subprocess.CompletedProcess(args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done
