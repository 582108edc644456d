"""How the command ends: exit status, one line for every mistake, signals, streams."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

import symrank
from symrank.__main__ import main
from symrank.shell import cli
from tests import processes
from tests.shell.commands import invoke, rows, run_module

SEED = 20240131

BAD = {
    "rank missing.npy": "missing.npy does not exist",
    "rank FILE --method fast": "method='fast' is unknown: choose one of chebyshev, dense",
    "rank FILE --precision -1": r"precision=-1.* must be positive",
    "rank FILE --confidence 2": r"confidence=2.* must lie between 0 and 1",
    "rank FILE --atol nan": "atol=nan must be a finite number",
    "rank FILE --max-matvecs 0": "max_matvecs=0 must be at least 1",
    "rank FILE --rectangular gram --preconditioner jacobi": r"Preconditioner\.diagonal\(1 / diag\)",
    "rank FILE --plot a.pdf": r"written as \.png or \.svg",
    "rank FILE --plot missing/a.png": "its folder must exist",
}


@pytest.mark.parametrize("command", BAD)
def test_a_mistake_is_one_line_on_stderr_and_status_2(indefinite, command):
    done = invoke(*[indefinite if word == "FILE" else word for word in command.split()])
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.search(BAD[command], done.stderr)
    assert done.stderr.startswith("symrank: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["rank"], "(?i)missing argument"),
        (["rank", "a.npy", "--seed", "-3"], "--seed"),
        (["rank", "a.npy", "--max-matvecs", "many"], "--max-matvecs"),
        (["rank", "a.npy", "--rectangular", "square"], "--rectangular"),
        (["rank", "a.npy", "--preconditioner", "ilu"], "--preconditioner"),
        (["rank", "a.npy", "--bogus"], "--bogus"),
        (["count"], "count"),
    ],
)
def test_a_bad_command_is_one_line_on_stderr_and_status_2(monkeypatch, capsys, arguments, match):
    monkeypatch.setattr(sys, "argv", ["symrank", *arguments])
    assert cli.run() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(match, err)
    assert err.count("\n") == 1


@pytest.mark.parametrize("is_wanted", [False, True])
def test_a_fault_of_symrank_is_a_line_that_names_it_and_how_to_see_more(
    monkeypatch, capsys, indefinite, is_wanted
):
    monkeypatch.setattr(sys, "argv", ["symrank", "rank", indefinite])
    monkeypatch.setattr(symrank, "rank", lambda *args, **kwargs: 1 / 0)
    monkeypatch.setenv("SYMRANK_TRACEBACK", "1") if is_wanted else None
    assert cli.run() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.match(
        r"symrank: ZeroDivisionError: division by zero.*report it.*SYMRANK_TRACEBACK=1",
        err.splitlines()[-1],
    )
    assert ("Traceback" in err) == is_wanted
    assert is_wanted or err.count("\n") == 1


def test_ctrl_c_before_an_answer_is_130(monkeypatch, indefinite):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(symrank, "rank", interrupt)
    done = invoke("rank", indefinite)
    assert (done.exit_code, done.stdout) == (130, "")
    assert "there is no answer" in done.stderr


@pytest.fixture
def _signals():
    """Give back what `main`, which ends a process, does to the handlers."""
    names = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = [signal.getsignal(number) for number in names]
    yield
    for number, handler in zip(names, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals")
def test_ctrl_c_outside_the_run_is_130_too(monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupt)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130


def test_ctrl_c_after_a_round_answers(monkeypatch, grid):
    rank = symrank.rank

    def press_after_a_round(*args, progress, **kwargs):
        def watch(now):
            if now.interval is not None:
                raise KeyboardInterrupt

        return rank(*args, progress=watch, **kwargs)

    monkeypatch.setattr(symrank, "rank", press_after_a_round)
    done = invoke("rank", grid, "--method", "lanczos", "--seed", SEED)
    assert done.exit_code == 130
    assert rows(done.stdout)["status"].startswith("INTERRUPTED: ")


def test_module_answers_in_a_pipe_without_a_bar(indefinite):
    done = run_module("rank", indefinite)
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(done.stdout)["rank"] == "30"
    assert "\x1b" not in done.stdout


def test_module_version_help_and_mistake(tmp_path):
    assert run_module("--version").stdout == f"symrank {symrank.__version__}\n"
    assert "Commands:" in run_module().stdout
    done = run_module("rank", tmp_path / "no.npy")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "Traceback" not in done.stderr


def test_a_bar_on_a_terminal_and_json_alone_on_stdout(grid):
    control, terminal = pty.openpty()
    command = [sys.executable, "-m", "symrank", "rank", grid, "--method", "lanczos", "--json"]
    with processes.Popen(command, stdout=subprocess.PIPE, stderr=terminal) as process:
        os.close(terminal)
        shown = b""
        while chunk := _read(control):
            shown += chunk
        out = process.stdout.read()
    os.close(control)
    assert json.loads(out)["method"] == "lanczos"
    assert re.search(rb"\d+/20000 products", shown)


def _read(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says so when the other end of a terminal is closed
        return b""


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_libraries_the_command_names_the_extra(missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import symrank.__main__ as command; command.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "pip install 'symrank-linalg[cli]'" in done.stderr
