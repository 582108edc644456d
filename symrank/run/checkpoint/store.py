"""The folder of a checkpoint: who may write to it, what run it is of, and the files of its tasks.

=====================  =======================================================================
file                   what it holds
=====================  =======================================================================
``manifest.json``      format, arguments, seed, versions, the command line if there was one
``operator.npz``       the product of the operator with a fixed vector
``tasks/*.npz``        what summaries read of the state after a task
``tasks/*.vectors``    its blocks of vectors; only of the newest task on a state
``tasks/*.part``       the state in the middle of a long task
``clock.json``         what choices have read from the clock, where there is a ``max_seconds``
``result.json``        the last answer
``lock``               nothing; it is locked while a process works here
=====================  =======================================================================

A file is whole or not there, and all of it is under checksums. A task whose own file is missing or
damaged is computed again, and the answer says so; without its manifest or the fingerprint of its
operator a checkpoint is none.
"""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from symrank.errors import CheckpointError
from symrank.operators.witness import relative_change
from symrank.run.checkpoint import archive, manifest
from symrank.run.checkpoint.archive import DamagedError, Reader
from symrank.run.checkpoint.fingerprint import Subject
from symrank.run.checkpoint.manifest import ANEW, MANIFEST, read_manifest
from symrank.run.checkpoint.tasks import TaskFiles
from symrank.support import durable
from symrank.support.text import printable
from symrank.support.typing import Array

__all__ = ["RESULT", "Store"]

OPERATOR, CLOCK, RESULT = "operator.npz", "clock.json", "result.json"
VERSION: str = importlib.import_module("symrank").__version__
OWN = {MANIFEST, OPERATOR, CLOCK, RESULT, "lock", "tasks"}


class Store:
    """A checkpoint that this process may work on.

    Attributes
    ----------
    folder
        Where it lies.
    tasks
        The files of its tasks.
    readings
        What choices have read from the clock, by the number of tasks before.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tasks = TaskFiles(folder / "tasks")
        self.readings: dict[str, list[float]] = {}
        self._beside: tuple[dict[str, Array], float] = {}, 0.0
        self._notes: list[str] = []
        self._lock = durable.Lock(folder / "lock")

    def __fspath__(self) -> str:
        return str(self.folder)

    @property
    def name(self) -> str:
        """The path as a message may show it."""
        return printable(str(self.folder))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, against other processes and threads.

        Raises
        ------
        CheckpointError
            Where another one holds it, or it cannot be written.
        """
        try:
            if self.folder.is_dir() and not (self.folder / MANIFEST).exists():
                self._refuse_others()
            self.tasks.folder.mkdir(parents=True, exist_ok=True)
            is_mine = self._lock.take()
        except (OSError, ValueError) as error:  # the second: a NUL in the path
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(
                f"checkpoint={self.name!r} is no folder that can be written "
                f"({getattr(error, 'strerror', None) or error}): pass the path of one, or of none "
                "yet."
            ) from error
        if not is_mine:
            raise CheckpointError(
                f"checkpoint={self.name!r} is in use by another run, which holds its lock: wait "
                "for that one, or pass another path."
            )
        try:
            yield
        finally:
            self._lock.drop()

    def begin(self, arguments: Mapping[str, Any], seed: int | None) -> int | None:
        """Compare with the run that the folder is of, and return its seed; None if it is of none.

        Raises
        ------
        CheckpointError
            Where it is of another run, of another version, damaged, or not one of symrank's.
        """
        if not (self.folder / MANIFEST).exists():
            self._refuse_others()
            return None
        known = read_manifest(self.folder)
        if not (self.folder / OPERATOR).exists() and self.tasks.is_empty:
            return None  # nothing was kept yet
        self._refuse_versions(known)
        differs = manifest.differing(known["arguments"], arguments)
        if seed is not None and seed != known["seed"]:
            differs.append(f"rng gives the seed {seed} here and {known['seed']} there")
        if differs:
            raise CheckpointError(
                f"checkpoint={self.name!r} is of another run: {'; '.join(differs)}. Pass the same "
                f"arguments; for more precision refine the result of that run. {ANEW}"
            )
        others = manifest.differing(known["versions"], manifest.versions())
        if others and not self.tasks.is_empty:
            self._notes.append(
                f"the checkpoint was begun with other software ({'; '.join(others)}): the answer "
                "holds, and its last bits may differ from those of a run in one piece."
            )
        if (self.folder / CLOCK).exists():
            with suppress(DamagedError, OSError, KeyError):  # then the clock is read anew
                self.readings = archive.loaded((self.folder / CLOCK).read_bytes())["readings"]
        return int(known["seed"])

    def create(
        self, arguments: Mapping[str, Any], seed: int, command: Mapping[str, Any] | None
    ) -> None:
        """Write the manifest of a new run.

        Raises
        ------
        CheckpointError
            Where it cannot be written.
        """
        record = {
            "format": manifest.FORMAT,
            "symrank": VERSION,
            "versions": manifest.versions(),
            "arguments": arguments,
            "seed": seed,
            "command": command,
        }
        self._write_or_raise(MANIFEST, record)

    def _write_or_raise(self, name: str, record: Mapping[str, Any]) -> None:
        data = archive.dumped(record)
        try:
            durable.write(self.folder / name, _writer(data))
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> CheckpointError:
        return CheckpointError(
            f"checkpoint={self.name!r} cannot be written ({error.strerror or error}), and nothing "
            "was computed yet: make room, or pass another path."
        )

    def _refuse_others(self) -> None:
        """Raise where the folder is somebody else's, or has lost its manifest."""
        if not self.tasks.is_empty or (self.folder / OPERATOR).exists():
            raise CheckpointError(
                f"checkpoint={self.name!r} has lost its {MANIFEST}: nothing tells what run its "
                f"tasks are of. {ANEW}"
            )
        names = {path.name for path in self.folder.iterdir() if not path.name.startswith(".")}
        if names - OWN:
            raise CheckpointError(
                f"checkpoint={self.name!r} is a folder of other files "
                f"({printable(sorted(names - OWN)[0])}): pass the path of an empty one, or of none "
                "yet."
            )

    def _refuse_versions(self, known: Mapping[str, Any]) -> None:
        if known["symrank"] != VERSION:
            raise CheckpointError(
                f"checkpoint={self.name!r} was begun with symrank {known['symrank']}, and this is "
                f"{VERSION}, whose tasks may mean something else: finish it with that "
                f"version. {ANEW}"
            )

    def beside(self, values: Mapping[str, Array], rtol: float) -> None:
        """Let `confirm` compare more than an operator, each array to within a share of its size."""
        self._beside = {f"beside {name}": np.asarray(x) for name, x in values.items()}, rtol

    def confirm(self, subject: Subject) -> None:
        """See that the operator is that of before.

        Raises
        ------
        CheckpointError
            Where it is another one.
        """
        path, facts = self.folder / OPERATOR, subject.facts
        if not path.exists() and self.tasks.is_empty:
            try:
                archive.save(path, facts, {**subject.products(), **self._beside[0]})
            except OSError as error:
                raise self._unwritten(error) from error
            return
        try:
            reader = Reader(path)
            before = {k: reader.record.get(k) for k in facts}
            products = reader.arrays(reader.record["sums"])
        except DamagedError as error:
            raise CheckpointError(
                f"{OPERATOR} of checkpoint={self.name!r} is damaged ({error}): nothing tells "
                f"whether its tasks are of this operator. {ANEW}"
            ) from error
        differs = "; ".join(manifest.differing(before, facts)) or self._difference(
            subject, products
        )
        if differs:
            raise CheckpointError(
                f"checkpoint={self.name!r} is of another operator: {differs}. Pass the one of "
                f"before. {ANEW}"
            )

    def _difference(self, subject: Subject, before: dict[str, Array]) -> str:
        """Say how an operator, and what is compared beside it, differ from those of before."""
        own = {k: x for k, x in before.items() if not k.startswith("beside")}
        now, rtol = self._beside
        rest = {k: x for k, x in before.items() if k not in own}
        if now.keys() != rest.keys() or any(now[k].shape != rest[k].shape for k in now):
            return "it is of another kind"
        for name, x in now.items():
            change = relative_change(rest[name].reshape(-1, 1), x.reshape(-1, 1))
            if not change <= rtol:
                return f"the {name.removeprefix('beside ')} differ by {change:.3g} of their size"
        return subject.difference(own)

    def keep_readings(self, more: Mapping[str, list[float]]) -> None:
        """Keep what choices have read from the clock, for the road that the next task is on."""
        for place, values in more.items():
            self.readings.setdefault(place, []).extend(values)
        with suppress(OSError):  # then the clock is read anew
            data = archive.dumped({"readings": self.readings})
            durable.write(self.folder / CLOCK, _writer(data))

    @property
    def notes(self) -> Sequence[str]:
        """What an answer should say of the checkpoint."""
        notes = list(self._notes)
        if again := self.tasks.num_again:
            notes.append(
                f"files of the checkpoint were missing or damaged, and {again} finished tasks were "
                "computed again."
            )
        if lost := self.tasks.lost:
            notes.append(
                f"{len(lost)} tasks could not be kept in the checkpoint ({lost[-1]}): the answer "
                "does not depend on it, and a run that is resumed computes them again."
            )
        return notes

    def finish(self, record: Mapping[str, Any]) -> None:
        """Keep an answer, for those who ask what a checkpoint has come to."""
        text = json.loads(json.dumps(record, default=_as_list))
        with suppress(OSError):
            data = archive.dumped(text)
            durable.write(self.folder / RESULT, _writer(data))


def _writer(data: bytes) -> Callable[[BinaryIO], None]:
    def fill(file: BinaryIO) -> None:
        file.write(data)

    return fill


def _as_list(value: Any) -> Any:
    """Return a NumPy number or array as JSON has it."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
