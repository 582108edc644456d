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

import dataclasses
import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from symrank.errors import CheckpointError, OperatorError
from symrank.run.checkpoint import archive, manifest
from symrank.run.checkpoint.archive import DamagedError, Reader
from symrank.run.checkpoint.encoded import Encoded, decode
from symrank.run.checkpoint.fingerprint import Subject
from symrank.support import durable
from symrank.support.text import printable

__all__ = ["Kept", "Store", "read_manifest"]

MANIFEST, OPERATOR, CLOCK, RESULT = "manifest.json", "operator.npz", "clock.json", "result.json"
ANEW = "Remove the folder, or pass another path, to begin anew."
VERSION: str = importlib.import_module("symrank").__version__
OWN = {MANIFEST, OPERATOR, CLOCK, RESULT, "lock", "tasks"}


@dataclasses.dataclass(frozen=True)
class Kept:
    """What the file of a task says; without its vectors unless they were asked for."""

    state: Any
    record: Mapping[str, Any]  # products, seconds, and what names the task
    is_whole: bool = True  # with its vectors, or it has none


class Store:
    """A checkpoint that this process may work on.

    Attributes
    ----------
    folder
        Where it lies.
    notes
        What an answer should say of it.
    readings
        What choices have read from the clock, by the number of tasks before.
    num_again
        Tasks computed again, as their files are damaged or missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tasks = folder / "tasks"
        self.num_again = 0
        self.readings: dict[str, list[float]] = {}
        self._notes: list[str] = []
        self._lost: list[str] = []  # reasons why tasks could not be saved
        self._lock = durable.Lock(folder / "lock")

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
            self.tasks.mkdir(parents=True, exist_ok=True)
            is_mine = self._lock.take()
        except OSError as error:
            raise CheckpointError(
                f"checkpoint={self.name!r} is no folder that can be written "
                f"({error.strerror or error}): pass the path of one, or of none yet."
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
        if not (self.folder / OPERATOR).exists() and not self._has_tasks():
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
        if others and self._has_tasks():
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

    def _has_tasks(self) -> bool:
        return any(self.tasks.glob("*.npz")) or any(self.tasks.glob("*.part"))

    def _refuse_others(self) -> None:
        """Raise where the folder is somebody else's, or has lost its manifest."""
        if self._has_tasks() or (self.folder / OPERATOR).exists():
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

    def confirm(self, subject: Subject) -> None:
        """See that the operator is that of before.

        Raises
        ------
        CheckpointError
            Where it is another one.
        """
        path, facts = self.folder / OPERATOR, subject.facts
        if not path.exists() and not self._has_tasks():
            try:
                archive.save(path, facts, {"y": subject.product()})
            except OSError as error:
                raise self._unwritten(error) from error
            return
        try:
            reader = Reader(path)
            before, y = {k: reader.record.get(k) for k in facts}, reader.arrays(["y"])["y"]
        except DamagedError as error:
            raise CheckpointError(
                f"{OPERATOR} of checkpoint={self.name!r} is damaged ({error}): nothing tells "
                f"whether its tasks are of this operator. {ANEW}"
            ) from error
        differs = "; ".join(manifest.differing(before, facts)) or subject.difference(y)
        if differs:
            raise CheckpointError(
                f"checkpoint={self.name!r} is of another operator: {differs}. Pass the one of "
                f"before. {ANEW}"
            )

    def load(self, name: str, *, with_vectors: bool = False) -> Kept | None:
        """Return what was kept of a task; None where nothing was, or not as it was written.

        Raises
        ------
        CheckpointError
            Where it does not fit in memory.
        """
        if not (self.tasks / f"{name}.npz").exists():
            return None
        try:
            return self._loaded(f"{name}.npz", with_vectors=with_vectors)
        except (DamagedError, KeyError, TypeError, ValueError, AttributeError):
            self.num_again += 1
            return None
        except OperatorError as error:
            raise CheckpointError(
                f"a state in checkpoint={self.name!r} does not fit in memory: {error}"
            ) from error

    def load_part(self, name: str) -> Kept | None:
        """Return the state in the middle of a task; None where there is none."""
        if not (self.tasks / f"{name}.part").exists():
            return None
        with suppress(DamagedError, KeyError, TypeError, ValueError, AttributeError):
            return self._loaded(f"{name}.part", with_vectors=True)
        return None

    def _loaded(self, name: str, *, with_vectors: bool) -> Kept:
        reader = Reader(self.tasks / name)
        record = reader.record
        arrays = reader.arrays(record["sums"])
        if with_vectors and record["away"]:
            sums = record["away"]
            vectors = Reader((self.tasks / name).with_suffix(".vectors"))
            arrays = {**arrays, **vectors.arrays(sums, sums)}
        is_whole = with_vectors or not record["away"]
        return Kept(decode(record["tree"], arrays), record["task"], is_whole)

    def save(self, name: str, state: Any, task: Mapping[str, Any], before: str | None) -> None:
        """Keep the state after a task; the vectors of the task `before` it are no longer needed.

        What cannot be written is told in the notes: the answer does not depend on it.
        """
        encoded = Encoded(state)
        try:
            sums = {}
            if encoded.away:
                sums = archive.save(self.tasks / f"{name}.vectors", {}, encoded.away)
            record = {"tree": encoded.tree, "away": sums, "task": task}
            self._write_clock()
            archive.save(self.tasks / f"{name}.npz", record, encoded.arrays)
        except OSError as error:
            self._lost.append(error.strerror or str(error))
            return
        with suppress(OSError):
            (self.tasks / f"{name}.part").unlink(missing_ok=True)
            if before is not None:
                (self.tasks / f"{before}.vectors").unlink(missing_ok=True)

    def save_part(self, name: str, state: Any, task: Mapping[str, Any]) -> None:
        """Keep the state in the middle of a task, until the task is done."""
        encoded = Encoded(state)
        record = {"tree": encoded.tree, "away": {}, "task": task}
        try:
            path = self.tasks / f"{name}.part"
            archive.save(path, record, {**encoded.arrays, **encoded.away})
        except OSError as error:
            self._lost.append(error.strerror or str(error))

    def _write_clock(self) -> None:
        data = archive.dumped({"readings": self.readings})
        if self.readings:
            durable.write(self.folder / CLOCK, _writer(data))

    @property
    def notes(self) -> Sequence[str]:
        """What an answer should say of the checkpoint."""
        notes = list(self._notes)
        if self.num_again:
            notes.append(
                f"{self.num_again} finished tasks of the checkpoint were computed again: their "
                "files were missing or damaged."
            )
        if self._lost:
            notes.append(
                f"{len(self._lost)} tasks could not be kept in the checkpoint "
                f"({self._lost[-1]}): the answer does not depend on it, and a run that is resumed "
                "computes them again."
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


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what a checkpoint is of.

    Raises
    ------
    CheckpointError
        Where there is none, it is damaged, or of a newer format.
    """
    name = printable(str(folder))
    try:
        with durable.opened(folder / MANIFEST) as file:
            record = archive.loaded(file.read())
        found = int(record["format"])
        if found == manifest.FORMAT:
            _ = record["arguments"], record["seed"], record["versions"], record["symrank"]
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{name!r} is no checkpoint: it has no {MANIFEST}. Pass the folder that was given as "
            "checkpoint."
        ) from error
    except (OSError, DamagedError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{MANIFEST} of checkpoint={name!r} is damaged ({error}): nothing tells what run its "
            f"tasks are of. {ANEW}"
        ) from error
    if found != manifest.FORMAT:
        raise CheckpointError(
            f"checkpoint={name!r} has the format {found}, and this version of symrank reads "
            f"{manifest.FORMAT}: use the version that wrote it. {ANEW}"
        )
    return record
