"""Rows: what happens to the streams, the paths and the memory of the command."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.faults.command import end, environment, keeps_the_law, matrix, run, start
from tests.faults.row import Row

LONG = "a" * 300
NO_SPACE = "cannot be written (No space left on device)"
SMALL_DEMO = """
import symrank.shell.report as report, symrank.gallery as gallery
report.PROBLEMS = report.PROBLEMS[:1]
report.PROBLEMS[0].__dict__["make"] = lambda seed: (gallery.diagonal([1.0] * 20 + [0.0] * 9), 20)
"""


def needs(path: str) -> None:
    if not os.path.exists(path):
        pytest.skip(f"no {path} here")


def full(words: str, say: str, tmp: Path, hook: str = "") -> None:
    needs("/dev/full")
    matrix(tmp)
    with open("/dev/full", "wb") as nothing:
        done = run(tmp, *words.split(), stdout=nothing, hook=hook)
    keeps_the_law(*done, wanted=2, say=say)


def shell(line: str, wanted: int, say: str, tmp: Path, rank: str = "") -> None:
    matrix(tmp)
    keeps_the_law(*run(tmp, shell=line), wanted=wanted, say=say, rank=rank)


def closed_pipe(words: str, tmp: Path, hook: str = "") -> None:
    """The reader has gone before the first byte."""
    matrix(tmp)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run(tmp, *words.split(), stdout=writer, hook=hook)
    finally:
        os.close(writer)
    keeps_the_law(*done, wanted=0, rank="")


def closed_error_pipe(tmp: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status, out, _ = run(tmp, "rank", "none.npy", stderr=writer)
    finally:
        os.close(writer)
    assert (status, out) == (2, "")


def mistake(words: list[str], say: str, tmp: Path, *, answers: bool = False) -> None:
    matrix(tmp)
    done = run(tmp, *words)
    keeps_the_law(*done, wanted=2, say=say)
    assert done[1].startswith("rank") == answers


def picture_on_a_full_disk(tmp: Path) -> None:
    needs("/dev/full")
    (tmp / "a.png").symlink_to("/dev/full")
    mistake(["rank", "A.npy", "--plot", "a.png"], "cannot be written", tmp, answers=True)


def no_home(tmp: Path) -> None:
    matrix(tmp)
    nowhere = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), "/proc/none")
    done = run(tmp, "rank", "A.npy", "--plot", "a.svg", env={**nowhere, "MPLCONFIGDIR": ""})
    keeps_the_law(*done, wanted=0)
    assert (tmp / "a.svg").read_text().startswith("<?xml")


RAISES = """
import symrank.shell.cli as cli
def fail(*args, **options):
    {first}
    raise {error}
cli.{place} = fail
"""
TELL = "options['progress'](symrank.Progress(5, 9, (2, 4)))"


def error(place: str, error: str, say: str, tmp: Path, first: str = "pass", traceback="") -> None:
    matrix(tmp)
    hook = RAISES.format(place=place, error=error, first=first)
    status, out, err = run(tmp, "rank", "A.npy", hook=hook, env=_wish(traceback))
    if traceback:
        assert (status, out) == (2, "")
        assert "Traceback" in err
        assert say in err.splitlines()[-1]
    else:
        keeps_the_law(status, out, err, wanted=2, say=say)


def _wish(traceback: str) -> dict[str, str]:
    return {"SYMRANK_TRACEBACK": traceback} if traceback else {}


EVIL = "\x1b]0;owned\x07\x1b[2Jé€\u202e.npy"


def evil_name(env: dict[str, str], tmp: Path) -> None:
    matrix(tmp, EVIL)
    done = run(tmp, "rank", EVIL, env=env)
    keeps_the_law(*done, wanted=0)
    assert "\\x1b]0;owned\\x07\\x1b[2J" in done[1]
    assert "\\u202e" in done[1]
    assert "\x1b" not in done[1]


def evil_name_in_a_message(env: dict[str, str], tmp: Path) -> None:
    done = run(tmp, "rank", EVIL, env=env)
    keeps_the_law(*done, wanted=2, say="does not exist")
    assert "\\x1b]0;owned" in done[2]
    assert "\x1b" not in done[2]


def name_of_bytes(tmp: Path) -> None:
    name = b"\xff\xfe.npy"
    os.rename(tmp / matrix(tmp), os.fsencode(tmp) + b"/" + name)
    keeps_the_law(*run(tmp, "rank", os.fsdecode(name)), wanted=0)
    done = run(tmp, "rank", os.fsdecode(b"\xfe.npy"))
    keeps_the_law(*done, wanted=2, say="does not exist")


def evil_name_on_a_terminal(tmp: Path) -> None:
    """Colours are rich's own; nothing of the name is."""
    matrix(tmp, EVIL)
    control, terminal = pty.openpty()
    process = start(tmp, "rank", EVIL, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = b"".join(iter(partial(_read, control), b""))
    os.close(control)
    assert end(process)[0] == 0
    assert b"\x1b]0;" not in shown
    assert b"\x1b[2J" not in shown
    assert b"owned" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says so when the other end of a terminal is closed
        return b""


SLOWLY = """
import symrank, symrank.shell.cli as cli
true = symrank.rank
def rank(*args, progress, **options):
    def watch(now):
        progress(now)
        time.sleep(0.02)
    return true(*args, progress=watch, **options)
symrank.rank = rank
"""


HALF_A_LINE = """
import os, pty, sys
from symrank.shell import process
control, terminal = pty.openpty()
os.dup2(terminal, 2)
os.close(terminal)
os.close(control)
sys.stderr.write("half a line")
sys.exit(process.finish(0))
"""


def half_a_line(tmp: Path) -> None:
    """Python's own flush at the end, of what a terminal does not take, would end in status 120."""
    done = subprocess.run([sys.executable, "-c", HALF_A_LINE], cwd=tmp, env=environment())
    assert done.returncode == 0


def terminal_goes(tmp: Path) -> None:
    """The terminal with the bar is closed in the middle; the answer goes to a file."""
    matrix(tmp)
    control, terminal = pty.openpty()
    with open(tmp / "out", "wb") as out:
        words = ("rank", "A.npy", "--method", "lanczos", "--seed", "1")
        process = start(tmp, *words, hook=SLOWLY, stdout=out, stderr=terminal)
        os.close(terminal)
        os.read(control, 1)
        os.close(control)
        status = end(process)[0]
    answer = (tmp / "out").read_text()
    assert (status, answer.split()[:2]) == (0, ["rank", "2"]), f"exit status {status}: {answer!r}"


def row(fault: str, door: str, check: Callable[[Path], None]) -> Row:
    return Row(group="command", fault=fault, door=door, check=check)


FULL = [
    ("rank A.npy", f"{NO_SPACE}. The answer: rank 2 in [2, 2]"),
    ("rank A.npy --json", f"{NO_SPACE}. The answer: rank 2 in [2, 2]"),
    ("--help", "No space left"),
    ("rank --help", "No space left"),
    ("--version", NO_SPACE),
    ("", NO_SPACE),
]
MISTAKES = [
    ("a name of 300 letters", ["rank", f"{LONG}.npy"], "too long", False),
    ("a picture's name of 300 letters", ["rank", "A.npy", "--plot", f"{LONG}.png"], "long", False),
    ("a folder of 300 letters", ["rank", "A.npy", "--plot", f"{LONG}/a.png"], "long", False),
    ("no folder", ["rank", "A.npy", "--plot", "none/a.png"], "its folder must exist", False),
    ("a folder without writing", ["rank", "A.npy", "--plot", "/proc/a.png"], "written", True),
    ("2.5 products", ["rank", "A.npy", "--max-matvecs", "2.5"], "max_matvecs=2.5", False),
    ("NaN seconds", ["rank", "A.npy", "--max-seconds", "nan"], "max_seconds=nan", False),
    ("negative seconds", ["rank", "A.npy", "--max-seconds", "-1"], "max_seconds=-1", False),
]
ERRORS = [
    ("load_matrix", "MemoryError('8 TiB')", "out of memory (8 TiB)"),
    ("load_matrix", "OSError(5, 'Input/output error', 'A.npy')", "Input/output error: A.npy"),
    ("load_matrix", "RecursionError('too deep')", "RecursionError: too deep. This is a fault"),
    ("symrank.rank", "MemoryError()", "out of memory: "),
    ("symrank.rank", "ZeroDivisionError('division by zero')", "SYMRANK_TRACEBACK=1"),
    ("symrank.rank", "KeyError('a')", "KeyError: 'a'. This is a fault"),
    ("written.say_rows", "ValueError('a')", "The answer: rank 2 in [2, 2]"),
]
CLOSED = "the standard output is closed"
ASCII = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

ROWS = [
    *(row("output on a full disk", words, partial(full, words, say)) for words, say in FULL),
    row("output on a full disk", "demo", partial(full, "demo", NO_SPACE, hook=SMALL_DEMO)),
    row("no standard output", "rank", partial(shell, "$S rank A.npy >&-", 2, CLOSED)),
    row("no standard output", "--version", partial(shell, "$S --version >&-", 2, CLOSED)),
    row("no error stream", "rank", partial(shell, "$S rank A.npy 2>&-", 0, "", rank="2")),
    row("no error stream", "a mistake", partial(shell, "$S rank none.npy 2>&-", 2, "")),
    row("no streams at all", "rank", partial(shell, "$S rank A.npy <&- >&- 2>&-", 2, "")),
    row("a reader that leaves", "rank", partial(closed_pipe, "rank A.npy")),
    row("a reader that leaves", "rank --json", partial(closed_pipe, "rank A.npy --json")),
    row("a reader that leaves", "--help", partial(closed_pipe, "--help")),
    row("a reader that leaves", "demo", partial(closed_pipe, "demo", hook=SMALL_DEMO)),
    row("nobody reads the errors", "a mistake", closed_error_pipe),
    row("a terminal that is closed", "rank with a bar", terminal_goes),
    row("a terminal that is closed", "half a line", half_a_line),
    *(
        row(fault, "rank", partial(mistake, words, say, answers=answers))
        for fault, words, say, answers in MISTAKES
    ),
    row("a picture on a full disk", "rank --plot", picture_on_a_full_disk),
    row("no HOME to write to", "rank --plot", no_home),
    *(
        row(raised, f"in {place}", partial(error, place, raised, say))
        for place, raised, say in ERRORS
    ),
    row(
        "MemoryError after a round",
        "in symrank.rank",
        partial(error, "symrank.rank", "MemoryError", "rank in [2, 4]", first=TELL),
    ),
    row(
        "a fault, and a wish to see where",
        "in symrank.rank",
        partial(error, "symrank.rank", "KeyError('a')", "KeyError", traceback="1"),
    ),
    row("terminal codes in a name", "the answer", partial(evil_name, {})),
    row("terminal codes in a name", "the answer in ASCII", partial(evil_name, ASCII)),
    row("terminal codes in a name", "a message", partial(evil_name_in_a_message, {})),
    row("terminal codes in a name", "a message in ASCII", partial(evil_name_in_a_message, ASCII)),
    row("terminal codes in a name", "the C locale", partial(evil_name_in_a_message, C)),
    row("terminal codes in a name", "a terminal", evil_name_on_a_terminal),
    row("a name that is no UTF-8", "the answer and a message", name_of_bytes),
]
