"""Rows: factorisations in a process of their own, from scripts and interpreters of every kind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import processes
from tests.faults.row import Row

ROOT = Path(__file__).parents[2]
HEAD = f"""
import sys
sys.path.append({str(ROOT)!r})
import symrank
from symrank import gallery
from symrank.methods.pivots import ldl_far
ldl_far.CHILD_SECONDS = 0.0
L = gallery.grid_laplacian((20, 20))
def answer(**options):
    r = symrank.rank(L, "inertia", rng=3, **options)
    assert (r.rank, r.status.name) == (399, "EXACT"), r
    assert r.notes == (), r.notes
"""


def _script(tmp: Path, body: str, *, stdin: bool = False, cwd: Path | None = None) -> str:
    file = tmp / "script.py"
    file.write_text(HEAD + body)
    (tmp / "temporary").mkdir()
    done = processes.run(
        [sys.executable, "-"] if stdin else [sys.executable, str(file)],
        input=HEAD + body if stdin else "",
        cwd=cwd or tmp,
        env={**os.environ, "TMPDIR": str(tmp / "temporary")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp / "temporary").iterdir()) == []
    return done.stdout


def unguarded(tmp: Path) -> None:
    """The script runs once: nothing imports it again."""
    assert _script(tmp, "print('once', flush=True); answer()\n").count("once") == 1


def from_stdin(tmp: Path) -> None:
    _script(tmp, "answer()\n", stdin=True)


def from_thread(tmp: Path) -> None:
    body = "import threading\nt = threading.Thread(target=answer)\nt.start(); t.join()\n"
    _script(tmp, body + "answer()\nprint('done')\n")


def from_daemon(tmp: Path) -> None:
    """A daemonic worker may have no children by multiprocessing; by subprocess it may."""
    body = """
import multiprocessing
if __name__ == "__main__":
    p = multiprocessing.get_context("spawn").Process(target=answer, daemon=True)
    p.start(); p.join()
    assert p.exitcode == 0, p.exitcode
"""
    _script(tmp, body)


def from_pool(tmp: Path) -> None:
    body = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(3) as pool:
    list(pool.map(lambda _: answer(), range(3)))
"""
    _script(tmp, body)


def beside_impostors(name: str, tmp: Path) -> None:
    """A current folder with a file named like a module of the child is not looked into."""
    folder = tmp / "work"
    folder.mkdir()
    (folder / f"{name}.py").write_text("raise SystemExit(f'{__name__} is an impostor')\n")
    body = f"import os\nos.chdir({str(folder)!r})\nsys.path.insert(0, '')\nanswer()\n"
    _script(tmp, body)


def folder_is_gone(tmp: Path) -> None:
    """The current folder was removed under the run."""
    folder = tmp / "work"
    folder.mkdir()
    _script(tmp, f"import os\nos.chdir({str(folder)!r})\nos.rmdir(os.getcwd())\nanswer()\n")


def strange_environment(tmp: Path) -> None:
    """Variables that steer an interpreter do not reach the child."""
    body = """
import os
os.environ |= {"PYTHONPATH": "/nowhere", "PYTHONSTARTUP": "/nowhere/x.py", "PYTHONINSPECT": "1"}
os.environ |= {"PYTHONWARNINGS": "error", "PYTHONPROFILEIMPORTTIME": "1"}
answer()
"""
    _script(tmp, body)


def closed_streams(tmp: Path) -> None:
    """Without stdin, stdout and stderr, as under a service manager."""
    body = """
import os
for fd in (0, 1, 2):
    os.close(fd)
try:
    answer()
except BaseException:
    os._exit(9)
os._exit(0)
"""
    _script(tmp, body)


@contextlib.contextmanager
def _running(tmp: Path, body: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a script whose child spins; give it with the child's number, and end it."""
    spin = 'ldl_far.FACTORISE = "tests.faults.bad_servers:spin"\n'
    file = tmp / "script.py"
    file.write_text(HEAD + spin + body)
    (tmp / "temporary").mkdir()
    parent = processes.Popen(
        [sys.executable, str(file)],
        env={**os.environ, "TMPDIR": str(tmp / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield parent, _spinning_child(parent, tmp)
    finally:
        parent.kill()
        parent.wait()


def _spinning_child(parent: subprocess.Popen[str], tmp: Path) -> int:
    """Wait for a child that has mapped its input, and spins; return its number."""
    end = time.monotonic() + 60.0
    while time.monotonic() < end and parent.poll() is None:
        with contextlib.suppress(OSError):
            for found in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split():
                ticks = Path(f"/proc/{found}/stat").read_text().rsplit(")", 1)[1].split()[11]
                is_fed = not list((tmp / "temporary").glob("*/*.npy"))
                if int(ticks) > 60 and is_fed:
                    return int(found)
        time.sleep(0.05)
    parent.kill()
    raise AssertionError(f"no child was seen: {parent.communicate()[0]}")


def _is_gone(pid: int) -> bool:
    end = time.monotonic() + 20.0
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":  # of an orphan, where nobody adopts
            return True
        time.sleep(0.05)
    return False


def _needs_proc() -> None:
    if sys.platform != "linux":
        pytest.skip("needs /proc")


def parent_dies(by: int, tmp: Path) -> None:
    """A child does not outlive its parent."""
    _needs_proc()
    with _running(tmp, "answer()\n") as (parent, child):
        parent.send_signal(by)
        parent.communicate(timeout=60)
        assert _is_gone(child)
    assert not list((tmp / "temporary").glob("*/*.npy"))


def interrupted(tmp: Path) -> None:
    """Ctrl-C in the factorisation: at once, nothing left behind, and the run goes on after."""
    _needs_proc()
    body = """
try:
    answer()
except KeyboardInterrupt:
    print("interrupted", flush=True)
ldl_far.FACTORISE = "symrank.methods.pivots.ldl_served:factorise"
answer()
print("answered", flush=True)
"""
    with _running(tmp, body) as (parent, child):
        parent.send_signal(signal.SIGINT)
        out, _ = parent.communicate(timeout=60)
    assert out.split() == ["interrupted", "answered"], out
    assert _is_gone(child)
    assert list((tmp / "temporary").iterdir()) == []


def interrupted_after_sampling(tmp: Path) -> None:
    """Ctrl-C in a factorisation that followed on sampling: what was known is the answer."""
    _needs_proc()
    body = """
from symrank.choice import auto, policy
policy.EXACT_SECONDS, policy.WORTH = -1.0, -1.0  # not at first
plan = policy.propose
def propose(facts, goal, menu, seconds_left):
    found = plan(facts, goal, menu)
    policy.EXACT_SECONDS, policy.WORTH = 10.0, 1e9  # but after a round
    return found
auto.propose = propose
L = gallery.grid_laplacian((66, 66)) - 2.5 * __import__("scipy.sparse").sparse.eye_array(4356)
r = symrank.rank(L, rng=3)
low, high = r.interval()
assert low <= 4356 <= high, r
print(r.method, r.status.name, flush=True)
"""
    with _running(tmp, body) as (parent, _):
        parent.send_signal(signal.SIGINT)
        out, _ = parent.communicate(timeout=60)
    assert out.split() == ["lanczos", "INTERRUPTED"], out


def _row(
    fault: str, door: str, check: Callable[..., None], *args: object, is_slow: bool = False
) -> Row:
    asked = partial(check, *args)
    return Row(group="factorisations", fault=fault, door=door, check=asked, is_slow=is_slow)


ROWS = [
    _row("a script without a guard", "method='inertia'", unguarded),
    _row("a script from stdin", "method='inertia'", from_stdin),
    _row("a thread", "method='inertia'", from_thread),
    _row("three threads", "method='inertia'", from_pool),
    _row("a daemonic worker", "method='inertia'", from_daemon),
    *(
        _row(
            f"a file {name}.py in the current folder",
            "method='inertia'",
            beside_impostors,
            name,
            is_slow=name not in ("numpy", "symrank"),
        )
        for name in ("json", "numpy", "symrank", "site", "encodings")
    ),
    _row("a current folder that is gone", "method='inertia'", folder_is_gone),
    _row("variables for an interpreter", "method='inertia'", strange_environment),
    _row("closed standard streams", "method='inertia'", closed_streams),
    _row("a parent that is killed", "method='inertia'", parent_dies, signal.SIGKILL),
    _row("a parent that is asked to end", "method='inertia'", parent_dies, signal.SIGTERM),
    _row("Ctrl-C in the factorisation", "method='inertia'", interrupted),
    _row("Ctrl-C in the factorisation", "rank, after sampling", interrupted_after_sampling),
]
