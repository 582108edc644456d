"""Rows: checkpoints of other runs and operators, in use, at paths that are none, without room.

The law is that of `rows_checkpoints`.
"""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

import symrank
from symrank.run.checkpoint import archive
from symrank.support import durable
from tests import processes
from tests.faults.checkpoints import LAM, N, ask, row, told, tried
from tests.faults.child import ROOT, python


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
    *(row("another run", name, partial(refused, say, **other)) for name, other, say in OTHERS),
    row("a newer format", "manifest", partial(other_versions, "format", 2, "has the format 2")),
    row("a newer symrank", "manifest", partial(other_versions, "symrank", "9.9", "symrank 9.9")),
    row(
        "another NumPy",
        "manifest",
        partial(other_versions, "versions", {"numpy": "9"}, "other software"),
    ),
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
]
