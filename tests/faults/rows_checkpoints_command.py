"""Rows: what may happen to `rank --checkpoint`, `resume` and `show`."""

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from symrank.run.checkpoint import archive
from symrank.run.checkpoint.store import Store
from tests.faults.checkpoints import LAM, ask, row
from tests.faults.command import end, keeps_the_law, matrix, run, signalled, start

SLOWLY = """
import symrank
from symrank.run.checkpoint import remembered
keep, count = remembered.Remembered._keep, []
def kept(*args):
    keep(*args)
    count.append(1)
    if len(count) == 2:
        hold()
remembered.Remembered._keep = kept
"""


def command(number: signal.Signals, tmp: Path) -> None:
    """The command is ended by a signal, prints the answer so far, and is resumed."""
    np.save(tmp / "B.npy", np.diag(LAM))
    words = ("rank", "B.npy", "--method", "lanczos", "--seed", "1", "--precision", "1")
    process = start(tmp, *words, "--checkpoint", "kept", hook=SLOWLY)
    assert process.stderr.readline() == b"ready\n"
    process.send_signal(number)
    status, out, _ = end(process)
    if number is signal.SIGKILL:
        assert status == -9
    else:
        assert status == 128 + number
        assert "INTERRUPTED" in out
    status, out, err = end(start(tmp, "show", "kept"))
    assert (status, err) == (0, "")
    assert "2 finished" in out
    _, resumed, _ = end(start(tmp, "resume", "kept", "--json"))
    status, whole, _ = end(start(tmp, *words, "--json"))
    first, second = json.loads(resumed), json.loads(whole)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def of_python(tmp: Path) -> None:
    ask(tmp / "kept")
    status, out, err = end(start(tmp, "resume", "kept"))
    assert (status, out) == (2, "")
    assert "was begun from Python" in err


def hostile_command(tmp: Path) -> None:
    matrix(tmp)
    end(start(tmp, "rank", "A.npy", "--method", "lanczos", "--checkpoint", "kept"))
    path = tmp / "kept" / "manifest.json"
    record = archive.loaded(path.read_bytes())
    for command in ({"file": 3}, {"file": "A.npy", "\x1b[2J": 1}, [], {"file": "A.npy"}):
        path.write_bytes(archive.dumped({**record, "command": command}))
        status, out, err = end(start(tmp, "resume", "kept"))
        assert (status, out) == (2, ""), err
        assert "\x1b" not in err


def begun(tmp: Path, *more: str) -> tuple[str, ...]:
    """Finish a run that keeps its tasks in `kept`; return its words without the folder."""
    np.save(tmp / "B.npy", np.diag(LAM))
    words = ("rank", "B.npy", "--method", "lanczos", "--seed", "1", "--precision", "1")
    keeps_the_law(*run(tmp, *words, "--checkpoint", "kept", *more), wanted=0, rank="")
    return words


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def no_checkpoint(door: str, make: Callable[[Path], object], say: str, tmp: Path) -> None:
    """One line, and nothing is changed or made."""
    make(tmp / "kept")
    before = sorted(tmp.rglob("*")), files(tmp)
    keeps_the_law(*run(tmp, door, "kept"), wanted=2, say=say)
    assert (sorted(tmp.rglob("*")), files(tmp)) == before


def nothing(path: Path) -> None:
    """No folder."""


def of_others(path: Path) -> None:
    path.mkdir()
    (path / "thesis.tex").write_text("of somebody")


def garbage(path: Path) -> None:
    path.mkdir()
    (path / "manifest.json").write_bytes(b"\x1b[2J{")


def changed_file(change: Callable[[Path], object], say: str, tmp: Path) -> None:
    """The file of the command is not what it was."""
    begun(tmp)
    change(tmp / "B.npy")
    before = files(tmp / "kept")
    keeps_the_law(*run(tmp, "resume", "kept"), wanted=2, say=say)
    assert files(tmp / "kept") == before


def another_matrix(path: Path) -> None:
    np.save(path, np.diag(LAM[::-1]))


def held(tmp: Path) -> None:
    """A session that goes on is not joined, and may be looked at."""
    begun(tmp)
    with Store(tmp / "kept").held():
        keeps_the_law(*run(tmp, "resume", "kept"), wanted=2, say="in use by another run")
        status, out, err = run(tmp, "show", "kept")
    assert (status, err) == (0, "")
    assert "none yet" not in out


def no_reader(door: str, tmp: Path) -> None:
    """What is written goes nowhere: the answer is in the line of error, and kept."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    begun(tmp)
    with open("/dev/full", "wb") as full:
        keeps_the_law(*run(tmp, door, "kept", stdout=full), wanted=2, say="No space left")
    status, out, err = run(tmp, "show", "kept")
    assert (status, err) == (0, "")
    assert "none yet" not in out


def bad_folder(make: Callable[[Path], object], say: str, tmp: Path) -> None:
    matrix(tmp)
    make(tmp / "kept")
    before = files(tmp)
    words = ("rank", "A.npy", "--method", "lanczos", "--checkpoint", "kept")
    keeps_the_law(*run(tmp, *words), wanted=2, say=say)
    assert files(tmp) == before


def again(number: signal.Signals, more: tuple[str, ...], tmp: Path) -> None:
    """A run with `more` words, ended twice; the second end is that of `resume`."""
    np.save(tmp / "B.npy", np.diag(LAM))
    words = ("rank", "B.npy", "--method", "lanczos", "--seed", "1", "--precision", "1")
    signalled(tmp, *words, "--checkpoint", "kept", *more, hook=SLOWLY, signals=[number])
    signalled(tmp, "resume", "kept", hook=SLOWLY, signals=[number])
    _, resumed, _ = run(tmp, "resume", "kept", "--json")
    _, whole, _ = run(tmp, *words, "--json")
    first, second = json.loads(resumed), json.loads(whole)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def mistaken(value: str, tmp: Path) -> None:
    matrix(tmp)
    words = ("rank", "A.npy", "--method", "lanczos", "--executor", value)
    keeps_the_law(*run(tmp, *words), wanted=2, say="executor=")


NONE: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("nothing is there", nothing, "no checkpoint"),
    ("a file for a folder", Path.touch, "checkpoint"),
    ("an empty folder", Path.mkdir, "no checkpoint"),
    ("a folder of others", of_others, "no checkpoint"),
    ("a manifest of garbage", garbage, "checkpoint"),
)
ENDS: tuple[tuple[str, signal.Signals, tuple[str, ...], bool], ...] = (
    ("SIGINT", signal.SIGINT, (), True),
    ("SIGKILL", signal.SIGKILL, (), True),
    ("SIGINT", signal.SIGINT, ("--executor", "2"), False),
    ("SIGKILL", signal.SIGKILL, ("--executor", "2"), True),
    ("SIGKILL", signal.SIGKILL, ("--executor", "threads"), True),
)

ROWS = [
    row("SIGINT", "rank --checkpoint", partial(command, signal.SIGINT)),
    row("SIGTERM", "rank --checkpoint", partial(command, signal.SIGTERM), True),
    row("SIGKILL", "rank --checkpoint", partial(command, signal.SIGKILL), True),
    row("a checkpoint of Python's", "resume", of_python),
    row("a command that is none", "resume", hostile_command),
    *(
        row(fault, door, partial(no_checkpoint, door, make, say))
        for fault, make, say in NONE
        for door in ("resume", "show")
    ),
    row("the file is gone", "resume", partial(changed_file, Path.unlink, "does not exist")),
    row("another matrix in the file", "resume",
        partial(changed_file, another_matrix, "of another operator")),
    row("another session", "resume and show", held),
    *(row("output on a full disk", door, partial(no_reader, door)) for door in ("resume", "show")),
    row("a file for a folder", "rank --checkpoint",
        partial(bad_folder, Path.touch, "no folder that can be written")),
    row("a folder of others", "rank --checkpoint",
        partial(bad_folder, of_others, "of other files")),
    *(
        row(f"{fault}, and {fault} of resume", " ".join(["rank --checkpoint", *more]),
            partial(again, number, more), is_slow)
        for fault, number, more, is_slow in ENDS
    ),
    *(
        row(f"{value!r}", "rank --executor", partial(mistaken, value))
        for value in ("gpu", "", "0", "-1", "2.5", "1e3")
    ),
]  # fmt: skip
