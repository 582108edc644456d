"""Rows: Ctrl-C, SIGTERM and SIGHUP at every moment of the command.

The run is held at the moment by a hook, so that no row depends on a clock: while libraries load,
while the file is read, before and after the first round, while the answer is written, while the
picture is drawn, and while the interpreter closes down.
"""

import json
import os
import re
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from tests.faults.command import ROOT, keeps_the_law, matrix, run, signalled
from tests.faults.row import Row

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
NONE = "interrupted before the first round was finished: there is no answer."
SLOW_LIBRARY = """
import os, time
os.write(2, b"ready\\n")
try:
    time.sleep({seconds})
except BaseException:  # as libraries do that look for others
    pass
import sys
sys.path.remove({folder!r})
del sys.modules["numpy"]
import numpy
sys.modules["numpy"] = numpy
"""
READING = "import symrank.shell.cli as cli\ncli.load_matrix = lambda file: hold()"
OBSERVED = """
import symrank
true = symrank.rank
told = []
def rank(*args, progress, **options):
    def watch(now):
        progress(now)
        if not told and (now.interval is not None) == {after}:
            told.append(now)
            hold()
    return true(*args, progress=watch, **options)
symrank.rank = rank
"""
LOST = """
import symrank
def rank(*args, progress, **options):
    progress(symrank.Progress(5, 9, (2, 4)))
    hold()
symrank.rank = rank
"""
WRITING = """
import symrank.shell.written as written
true = written.say_rows
def say_rows(rows):
    for seconds in {moments}:
        hold(seconds)
    true(rows)
written.say_rows = say_rows
"""
DRAWING = "import symrank.answer.plots as plots\nplots.save_plot = lambda *a: hold()"
CLOSING = "import atexit\natexit.register(hold, 0.3)"
SAMPLED = ("rank", "A.npy", "--method", "lanczos", "--seed", "1")


def loading(number: signal.Signals, tmp: Path) -> None:
    """NumPy is one that takes long, and swallows what interrupts it."""
    matrix(tmp)
    slow = tmp / "slow"
    (slow / "numpy").mkdir(parents=True)
    code = SLOW_LIBRARY.format(seconds=50, folder=str(slow))
    (slow / "numpy" / "__init__.py").write_text(code)
    path = os.pathsep.join((str(slow), str(ROOT)))
    done = signalled(tmp, "rank", "A.npy", hook="", signals=[number], env={"PYTHONPATH": path})
    keeps_the_law(*done, wanted=128 + number, say=NONE)


def held(
    hook: str, numbers: list[signal.Signals], wanted: int, say: str, tmp: Path, *more: str
) -> tuple[int, str, str]:
    matrix(tmp)
    done = signalled(tmp, *SAMPLED, *more, hook=hook, signals=numbers)
    keeps_the_law(*done, wanted=wanted, say=say)
    return done


def after_a_round(number: signal.Signals, tmp: Path) -> None:
    np.save(tmp / "B.npy", np.diag(np.append(np.geomspace(1e-6, 1.0, 300), np.zeros(100))))
    words = ("rank", "B.npy", "--method", "lanczos", "--seed", "1")
    hook = OBSERVED.format(after=True)
    status, out, err = signalled(tmp, *words, hook=hook, signals=[number])
    keeps_the_law(status, out, err, wanted=128 + number, rank="")
    assert "INTERRUPTED" in out
    low, high = json.loads(re.search(r"interval +(\[.*?\])", out)[1])
    assert low <= 300 <= high


def drawing(number: signal.Signals, tmp: Path) -> None:
    say = "interrupted. The answer above holds."
    _, out, _ = held(DRAWING, [number], 128 + number, say, tmp, "--plot", "a.png")
    assert out.split()[:2] == ["rank", "2"]


def ignored_by_the_parent(tmp: Path) -> None:
    """As under nohup: a signal that is ignored at the start stays ignored."""
    matrix(tmp)
    line = (
        "trap '' HUP; $S rank A.npy & P=$!; sleep 0.3; kill -HUP $P; sleep 0.3; kill -HUP $P; "
        "wait $P"
    )
    keeps_the_law(*run(tmp, shell=line), wanted=0)


DEMO = """
import symrank, symrank.shell.report as report, symrank.gallery as gallery
problem = report.PROBLEMS[0]
problem.__dict__["make"] = lambda seed: (gallery.diagonal([1.0] * 20 + [0.0] * 9), 20)
report.PROBLEMS = (problem, problem)
true, runs = report.rank, []
def rank(*args, **options):
    runs.append(1)
    if len(runs) == 3:
        hold()
    return true(*args, **options)
report.rank = rank
"""


def demo(number: signal.Signals, tmp: Path) -> None:
    """The lines so far are shown."""
    done = signalled(tmp, "demo", hook=DEMO, signals=[number])
    keeps_the_law(*done, wanted=128 + number, rank="")
    assert "in 2 of 2 runs" in done[1]


LATE = """
import symrank.shell.cli as cli
def load(file):
    try:
        time.sleep(50)
    except Exception as error:  # as parsers do
        raise RuntimeError("swallowed") from error
cli.load_matrix = load
"""


def reading_is_late(tmp: Path) -> None:
    matrix(tmp)
    done = run(tmp, "rank", "A.npy", "--max-seconds", "0.3", hook=LATE)
    keeps_the_law(*done, wanted=2, say="could not be read within max_seconds=0.3")


USED = """
import symrank, symrank.shell.cli as cli
load, true = cli.load_matrix, symrank.rank
def load_late(file):
    time.sleep(0.4)
    return load(file)
def rank(*args, max_seconds, **options):
    assert 0.0 < max_seconds <= 30.0 - 0.4, max_seconds
    return true(*args, max_seconds=max_seconds, **options)
cli.load_matrix, symrank.rank = load_late, rank
"""


def reading_uses_the_time(tmp: Path) -> None:
    matrix(tmp)
    keeps_the_law(*run(tmp, "rank", "A.npy", "--max-seconds", "30", hook=USED), wanted=0)


def no_limit(tmp: Path) -> None:
    matrix(tmp)
    words = ("rank", "A.npy", "--max-seconds", "inf", "--max-matvecs", "inf")
    keeps_the_law(*run(tmp, *words), wanted=0)


def row(fault: str, door: str, check: Callable[[Path], None]) -> Row:
    is_twin = fault == "SIGTERM" and door not in ("while libraries load", "after a round")
    is_slow = fault == "SIGHUP" or is_twin  # the code is that of SIGINT
    return Row(group="signals", fault=fault, door=door, check=check, is_slow=is_slow)


def of_signals() -> list[Row]:
    rows = []
    before = OBSERVED.format(after=False)
    for number in (INT, TERM, HUP):
        name, ended = number.name, 128 + number
        rows += [
            row(name, "while libraries load", partial(loading, number)),
            row(name, "while the file is read", partial(held, READING, [number], ended, NONE)),
            row(name, "before a round", partial(held, before, [number], ended, NONE)),
            row(name, "after a round", partial(after_a_round, number)),
            row(name, "while the picture is drawn", partial(drawing, number)),
            row(name, "while Python closes down", partial(held, CLOSING, [number], 0, "")),
            row(name, "in the demo", partial(demo, number)),
        ]
        writing = WRITING.format(moments=(0.3,))
        rows.append(row(name, "while it is written", partial(held, writing, [number], 0, "")))
    twice = WRITING.format(moments=(0.3, 50))
    known = "interrupted. The answer: rank 2 in [2, 2]"
    rows.append(
        row("SIGINT twice", "while it is written", partial(held, twice, [INT, INT], 130, known))
    )
    told = "interrupted. The last finished round: rank in [2, 4]"
    rows.append(row("SIGTERM that gets lost", "in rank", partial(held, LOST, [TERM], 143, told)))
    return rows


ROWS = [
    *of_signals(),
    row("SIGHUP under nohup", "rank", ignored_by_the_parent),
    row("a file that takes too long", "--max-seconds", reading_is_late),
    row("a file that takes a part of the time", "--max-seconds", reading_uses_the_time),
    row("limits of inf", "rank", no_limit),
]
