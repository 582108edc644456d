"""Run the command as a process of its own, in the middle of whatever may happen to it.

The law of every such run: exit status 0, 2 or that of a signal, no traceback, at most one line on
the error stream, and with 0 the answer. A hook is Python that runs before the command in the same
process: it holds the command at a moment, where it says ``ready`` on the error stream.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests import processes

ROOT = Path(__file__).parents[2]
CHANGES = ("SYMRANK_TRACEBACK", "PYTHONUNBUFFERED")  # how a command ends
PATIENCE = 60.0  # seconds after which a run counts as hung
START = """
import os, sys, time
def ready(): os.write(2, b"ready\\n")
def hold(seconds=50.0):
    ready()
    time.sleep(seconds)
"""
MAIN = """
import symrank.__main__
symrank.__main__.main()
"""


def matrix(folder: Path, name: str = "A.npy") -> str:
    """Write a matrix of rank 2 and order 3; return its name."""
    np.save(folder / name, np.diag([3.0, 1.0, 0.0]))
    return name


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in CHANGES}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


def start(folder: Path, *words: str, hook: str = "", **options) -> subprocess.Popen:
    """Start the command in a folder, with pipes where nothing else is said."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    given = f"import sys\nsys.argv = {['symrank', *words]!r}\n{START}\n{hook}\n{MAIN}"
    code = ["-c", given] if hook else ["-m", "symrank", *words]
    env = environment(**options.pop("env", {}))
    return processes.Popen([sys.executable, *code], cwd=folder, env=env, **{**streams, **options})


def run(
    folder: Path, *words: str, hook: str = "", shell: str = "", **options
) -> tuple[int, str, str]:
    """Run the command to its end, or a line of shell in which ``$S`` is the command."""
    if shell:
        env = environment(S=f"{sys.executable} -m symrank", **options.pop("env", {}))
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(["bash", "-c", shell], cwd=folder, env=env, **pipes, **options)
    else:
        process = start(folder, *words, hook=hook, **options)
    return end(process)


def end(process: subprocess.Popen) -> tuple[int, str, str]:
    """Wait for the end of a run, and return what it has left."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError("the command hangs") from None
    said = (err or b"").decode(errors="replace")
    return process.returncode, (out or b"").decode(errors="replace"), said


def signalled(
    folder: Path, *words: str, hook: str, signals: list[signal.Signals], **options
) -> tuple[int, str, str]:
    """Send signals to a run that was held by its hook, each where it says ``ready``."""
    process = start(folder, *words, hook=hook, **options)
    for number in signals:
        while (line := process.stderr.readline()) != b"ready\n":
            assert line, f"it ended without being held: {process.wait()}"
        process.send_signal(number)
    return end(process)


def keeps_the_law(status: int, out: str, err: str, wanted: int, say: str = "", rank: str = "2"):
    """Raise AssertionError where a run has ended otherwise than it should."""
    lines = [line for line in err.splitlines() if line != "ready"]
    assert "Traceback" not in err, err
    assert status == wanted, (status, out, err)
    assert len(lines) == (1 if say else 0), err
    assert say in err, err
    if wanted == 0 and rank:
        assert out.split()[:2] == ["rank", rank] or f'"rank": {rank}' in out, out
