"""Rows: checkpoints that are damaged or hostile.

The law: the answer is that of an undisturbed run, to the last bit, or a `CheckpointError` says what
is wrong and what to do. A file of a task that was damaged is computed again, and a note says so.
"""

import io
import os
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from symrank.run.checkpoint import archive
from tests.faults.checkpoints import ask, row, told, tried

FLIPS = 9  # positions of a file


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


KINDS = (
    "manifest.json", "operator.npz", "clock.json", "result.json", "*.npz", "*.vectors", "*.part"
)  # fmt: skip
SAID = ("clock.json", "result.json")  # which nothing is counted from

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
]
