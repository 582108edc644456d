"""Rows: checkpoints that are damaged, hostile, somebody else's, in use, or have no room.

The law: the answer is that of an undisturbed run, to the last bit, or a `CheckpointError` says what
is wrong and what to do. A file of a task that was damaged is computed again, and a note says so.
"""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

import symrank
from symrank import gallery
from symrank.errors import CheckpointError
from symrank.run.checkpoint import archive
from symrank.support import durable
from tests import processes
from tests.faults.child import ROOT, python
from tests.faults.command import end, matrix, start
from tests.faults.row import Row

N = 60
LAM = np.append(np.geomspace(1e-2, 1.0, 40), np.zeros(N - 40))
OPTIONS: dict[str, Any] = {"method": "lanczos", "precision": 2.0, "rng": 5}
FLIPS = 9  # positions of a file


def ask(folder: Path | None, A: Any = None, **options: Any) -> symrank.RankResult:
    A = gallery.diagonal(LAM) if A is None else A
    return symrank.rank(A, checkpoint=folder, **{**OPTIONS, **options})


def tried(call: Callable[[], Any]) -> tuple[Any, str]:
    """Return what a call returns, or what it refuses in."""
    try:
        return call(), ""
    except (CheckpointError, symrank.errors.OptionError) as error:
        return None, str(error)


def told(result: symrank.RankResult) -> str:
    record = result.to_dict(measure=True)
    for name in ("seconds", "notes"):
        record.pop(name)
    return json.dumps(record)


def begun(folder: Path) -> str:
    """Make a finished checkpoint, with a file of every kind; return the answer."""
    answer = told(ask(folder, max_seconds=1e6))
    tasks = folder / "tasks"
    (one,) = sorted(tasks.glob("*.vectors"))[-1:]
    reader = archive.Reader(one.with_suffix(".npz"))
    archive.save(one.with_suffix(".part"), reader.record, {})
    (folder / "clock.json").write_bytes(archive.dumped({"readings": {"0": [1.0]}}))
    return answer


def holds(folder: Path, wanted: str, *, may_refuse: bool) -> None:
    """Raise where the answer is another one, or a refusal has no remedy."""
    found, refusal = tried(lambda: ask(folder, max_seconds=1e6))
    if refusal:
        assert may_refuse, refusal
        assert "Remove the folder, or pass another path" in refusal
    else:
        assert told(found) == wanted


def flipped(path: Path) -> list[bytes]:
    """The file with one byte changed, at places all over it."""
    data = path.read_bytes()
    found = []
    for at in np.linspace(0, len(data) - 1, FLIPS).astype(int):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        found.append(bytes(changed))
    return found


def cut(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[: len(data) // 2], data[:-1], b"", os.urandom(len(data)), b"\0" * len(data)]


def damaged(kind: str, damage: Callable[[Path], list[bytes]], tmp: Path) -> None:
    folder = tmp / "kept"
    wanted = begun(folder)
    path = sorted(folder.rglob(kind))[-1]
    files = {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    is_of_a_task = path.parent.name == "tasks" or kind in ("clock.json", "result.json")
    for data in damage(path):
        for one, before in files.items():
            one.write_bytes(before)
        path.write_bytes(data)
        holds(folder, wanted, may_refuse=not is_of_a_task)


def replaced(kind: str, make: Callable[[Path], object], tmp: Path) -> None:
    folder = tmp / "kept"
    wanted = begun(folder)
    path = sorted(folder.rglob(kind))[-1]
    path.unlink()
    make(path)
    is_of_a_task = path.parent.name == "tasks" or kind in ("clock.json", "result.json")
    holds(folder, wanted, may_refuse=not is_of_a_task)


def nothing(path: Path) -> None:
    """A missing file."""


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


def all_vectors(tmp: Path) -> None:
    """What is gone on from is computed again from the first task, and that is said."""
    folder = tmp / "kept"
    options = {"precision": 2.0}
    wanted = told(ask(None).refine(**options))
    ask(folder)
    for path in (folder / "tasks").glob("*.vectors"):
        path.unlink()
    found = ask(folder).refine(**options)
    assert told(found) == wanted


def noted(tmp: Path) -> None:
    folder = tmp / "kept"
    wanted = begun(folder)
    path = sorted(folder.rglob("*.npz"))[-1]
    path.write_bytes(path.read_bytes()[:-9])
    found = ask(folder, max_seconds=1e6)
    assert told(found) == wanted
    assert "damaged, and" in found.notes[-1]


def hostile(make: Callable[[], bytes], tmp: Path) -> None:
    """An archive that nobody of symrank's wrote in the place of a task's."""
    folder = tmp / "kept"
    wanted = begun(folder)
    sorted((folder / "tasks").glob("*.npz"))[0].write_bytes(make())
    holds(folder, wanted, may_refuse=False)


def _zip(record: dict[str, Any], packing: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as made:
        for name, data in members.items():
            made.writestr(f"{name}.npy", data)
        made.writestr("state.json", archive.dumped(record))
    return file.getvalue()


TASK = {"products": 1, "seconds": 1.0, "steps": 1}


def pickled() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([open], dtype=object), allow_pickle=True)
    tree = {"array": "a0", "shape": [1], "dtype": "|O"}
    record = {"tree": tree, "away": {}, "task": TASK, "sums": {"a0": "0" * 64}}
    return _zip(record, a0=file.getvalue())


def unknown_class() -> bytes:
    tree = {"of": "Popen", "fields": {"args": "true"}}
    return _zip({"tree": tree, "away": {}, "task": TASK, "sums": {}})


def deep() -> bytes:
    tree: Any = []
    for _ in range(500):
        tree = [tree]
    return _zip({"tree": tree, "away": {}, "task": TASK, "sums": {}})


def bomb() -> bytes:
    record = {"tree": None, "away": {}, "task": TASK, "sums": {"a0": "0" * 64}}
    return _zip(record, zipfile.ZIP_DEFLATED, a0=b"\0" * 50_000_000)


def claims() -> bytes:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f8", "fortran_order": False, "shape": (2**60,)}
    )
    record = {"tree": None, "away": {}, "task": TASK, "sums": {"a0": "0" * 64}}
    return _zip(record, a0=head.getvalue())


def refused(say: str, tmp: Path, **options: Any) -> None:
    """Another run than that of the checkpoint; nothing of it is changed."""
    folder = tmp / "kept"
    ask(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    _, refusal = tried(lambda: ask(folder, **options))
    assert say in refusal, refusal or "it was taken for the same run"
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def other_versions(name: str, value: Any, say: str, tmp: Path) -> None:
    folder = tmp / "kept"
    ask(folder)
    path = folder / "manifest.json"
    record = archive.loaded(path.read_bytes())
    path.write_bytes(archive.dumped({**record, name: value}))
    found, refusal = tried(lambda: ask(folder))
    assert say in (refusal or found.notes[0])
    assert (found is not None) == (name == "versions")


def full_disk(after: int, tmp: Path) -> None:
    """Nothing can be written from some file on: the run goes on, and says so."""
    wanted, count, write = told(ask(None)), 0, durable.write

    def fail(path: Path, fill: Any) -> None:
        nonlocal count
        count += 1
        if count > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, fill)

    with patch.object(durable, "write", fail):
        found, refusal = tried(lambda: ask(tmp / "kept"))
    if refusal:
        assert after < 2, refusal
        assert "No space left on device" in refusal
    else:
        assert told(found) == wanted
        assert "could not be kept" in found.notes[-1]
    assert told(ask(tmp / "kept")) == wanted
    assert not list((tmp / "kept").rglob(".*.part"))


LIMITED = """
import resource, signal
import numpy as np, symrank
from symrank import gallery
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
A = gallery.diagonal(np.append(np.geomspace(1e-2, 1.0, 40), np.zeros(20)))
symrank.rank(A, "lanczos", precision=2.0, rng=5)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
found = symrank.rank(A, "lanczos", precision=2.0, rng=5, checkpoint="kept")
assert "could not be kept" in found.notes[-1], found.notes
"""


def no_larger_files(tmp: Path) -> None:
    python(LIMITED, tmp)
    assert told(ask(tmp / "kept")) == told(ask(None))


def in_use(tmp: Path) -> None:
    """Another process works there; with its end the lock is gone, however it ends."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from symrank.run.checkpoint.store import Store\n"
        "with Store(Path('kept')).held():\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", code]
    process = processes.Popen(words, cwd=tmp, env=env, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline().strip() in (b"held", "held")
        _, refusal = tried(lambda: ask(tmp / "kept"))
        assert "in use by another run" in refusal
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert told(ask(tmp / "kept")) == told(ask(None))


def in_use_by_a_thread(tmp: Path) -> None:
    """Eight threads on one checkpoint: one of them runs, or they run one after another."""
    wanted, found, refusals = told(ask(None)), [], []

    def work() -> None:
        answer, refusal = tried(lambda: told(ask(tmp / "kept")))
        (refusals if refusal else found).append(answer or refusal)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) + len(refusals) == 8
    assert set(found) == {wanted}
    assert all("in use" in refusal for refusal in refusals)


def bad_path(make: Callable[[Path], Any], say: str, tmp: Path) -> None:
    path = make(tmp)
    before = sorted(tmp.rglob("*"))
    _, refusal = tried(lambda: ask(path))
    assert say in refusal, refusal or "it was taken"
    assert sorted(tmp.rglob("*")) == before


def a_file(tmp: Path) -> Path:
    (tmp / "file").write_text("of somebody")
    return tmp / "file"


def a_full_folder(tmp: Path) -> Path:
    (tmp / "home").mkdir()
    (tmp / "home" / "thesis.tex").write_text("of somebody")
    return tmp / "home"


def a_linked_folder(tmp: Path) -> None:
    (tmp / "real").mkdir()
    (tmp / "link").symlink_to(tmp / "real")
    wanted = told(ask(tmp / "link"))
    assert told(ask(tmp / "real")) == wanted == told(ask(None))


def a_linked_lock(tmp: Path) -> None:
    (tmp / "kept").mkdir()
    (tmp / "precious").write_text("of somebody")
    (tmp / "kept" / "lock").symlink_to(tmp / "precious")
    _, refusal = tried(lambda: ask(tmp / "kept"))
    assert "no folder that can be written" in refusal, refusal or "a link was followed"
    assert (tmp / "precious").read_text() == "of somebody"


def other_operator(make: Callable[[], Any], tmp: Path) -> None:
    A = sp.diags_array(LAM, format="csr")
    ask(tmp / "kept", A)
    _, refusal = tried(lambda: ask(tmp / "kept", make()))
    assert "of another operator" in refusal, refusal or "it was taken for the same"
    assert ask(tmp / "kept", A).rank == ask(None, A).rank


def changed(at: int, by: float) -> Any:
    lam = LAM.copy()
    lam[at] += by
    return sp.diags_array(lam, format="csr")


def noise_is_no_change(tmp: Path) -> None:
    """Rounding in another order, and the noise that was declared, are the same operator."""

    def noisy(seed: int) -> Any:
        rng = np.random.default_rng(seed)

        def product(X: Any) -> Any:
            return LAM[:, None] * X + 1e-7 * rng.standard_normal(X.shape) / N**0.5

        return symrank.as_operator(
            sp.linalg.LinearOperator((N, N), matmat=product, matvec=lambda x: LAM * x, dtype=float)
        )

    first = ask(tmp / "kept", noisy(1), noise=1e-6)
    again = ask(tmp / "kept", noisy(2), noise=1e-6)
    assert first.interval() == again.interval()
    assert first.num_matvecs == again.num_matvecs


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


def row(fault: str, door: str, check: Callable[[Path], None], is_slow: bool = False) -> Row:
    def without_waiting(tmp: Path) -> None:
        with patch.object(os, "fsync"):  # no row cuts the power
            check(tmp)

    return Row(group="checkpoints", fault=fault, door=door, check=without_waiting, is_slow=is_slow)


KINDS = (
    "manifest.json", "operator.npz", "clock.json", "result.json", "*.npz", "*.vectors", "*.part"
)  # fmt: skip
SAID = ("clock.json", "result.json")  # which nothing is counted from
OTHERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("precision", {"precision": 3.0}, "precision=3.0 here and 2.0 there"),
    ("confidence", {"confidence": 0.9}, "confidence=0.9 here and 0.95 there"),
    ("atol", {"atol": 0.1}, "atol=0.1 here"),
    ("rtol", {"rtol": 0.1}, "rtol=0.1 here"),
    ("max_matvecs", {"max_matvecs": 777}, "max_matvecs=777 here"),
    ("noise", {"noise": 1e-9}, "noise=1e-09 here"),
    ("check", {"check": False}, "check=False here"),
    ("rng", {"rng": 6}, "rng gives the seed 6 here and 5 there"),
    ("method", {"method": "dense"}, "method=Dense() here"),
    ("an option of a method", {"method": symrank.Lanczos(num_probes=4)}, "num_probes=4"),
    ("preconditioner", {"preconditioner": np.ones(N)}, "preconditioner="),
    ("hermitian", {"hermitian": True}, "hermitian=True here"),
)
OPERATORS: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("an entry", partial(changed, 3, 1e-9)),
    ("a zero", partial(changed, N - 1, 1e-3)),
    ("the sign", lambda: sp.diags_array(-LAM, format="csr")),
    ("the unit", lambda: sp.diags_array(2.0 * LAM, format="csr")),
    ("the order", lambda: sp.diags_array(LAM[::-1].copy(), format="csr")),
    ("the size", lambda: sp.diags_array(LAM[1:], format="csr")),
    ("the type", lambda: sp.diags_array(LAM.astype(np.float32), format="csr")),
)

ROWS = [
    *(row("a flipped byte", kind, partial(damaged, kind, flipped)) for kind in KINDS),
    *(
        row("cut short, or garbage", kind, partial(damaged, kind, cut), kind in SAID)
        for kind in KINDS
    ),
    *(row("missing", kind, partial(replaced, kind, nothing)) for kind in KINDS),
    *(
        row(f"{make.__name__.replace('_', ' ')} in its place", kind, partial(replaced, kind, make))
        for make in (a_folder, a_pipe, a_link, a_loop)
        for kind in ("manifest.json", "operator.npz", "*.npz", "*.vectors")
    ),
    row("all vectors are missing", "refine", all_vectors),
    row("a damaged task", "the note", noted),
    *(
        row(make.__name__.replace("_", " "), "a task", partial(hostile, make))
        for make in (pickled, unknown_class, deep, bomb, claims)
    ),
    *(row("another run", name, partial(refused, say, **other)) for name, other, say in OTHERS),
    row("a newer format", "manifest", partial(other_versions, "format", 2, "has the format 2")),
    row("a newer symrank", "manifest", partial(other_versions, "symrank", "9.9", "symrank 9.9")),
    row("another NumPy", "manifest",
        partial(other_versions, "versions", {"numpy": "9"}, "other software")),
    *(row("a full disk", f"from file {k}", partial(full_disk, k)) for k in (0, 1, 2, 3, 4)),
    row("no file above 3000 bytes", "rank", no_larger_files),
    row("another process", "rank", in_use),
    row("eight threads", "rank", in_use_by_a_thread),
    row("a file for a folder", "path", partial(bad_path, a_file, "no folder that can be written")),
    row("a folder of others", "path", partial(bad_path, a_full_folder, "of other files")),
    row("a NUL", "path", partial(bad_path, lambda _: "a\0b", "no folder that can be written")),
    row("nothing", "path", partial(bad_path, lambda _: "", "must be the path of a folder")),
    row("a number", "path", partial(bad_path, lambda _: 3, "must be the path of a folder")),
    row("no writing", "path", partial(bad_path, lambda _: "/proc/kept", "can be written")),
    row("a link to a folder", "path", a_linked_folder),
    row("a link for a lock", "path", a_linked_lock),
    *(row("another operator", name, partial(other_operator, make)) for name, make in OPERATORS),
    row("an operator with noise", "fingerprint", noise_is_no_change),
    row("SIGINT", "rank --checkpoint", partial(command, signal.SIGINT)),
    row("SIGTERM", "rank --checkpoint", partial(command, signal.SIGTERM), True),
    row("SIGKILL", "rank --checkpoint", partial(command, signal.SIGKILL), True),
    row("a checkpoint of Python's", "resume", of_python),
    row("a command that is none", "resume", hostile_command),
]  # fmt: skip
