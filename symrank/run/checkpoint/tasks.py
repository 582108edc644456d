"""The files of the tasks of a checkpoint: read where they are what was written, and written.

Each task has a file of what summaries read of its state, and one of its blocks of vectors, which is
there until another task has gone on from them. The second is written first and named by its
digests in the first, so whenever the writer was killed the first tells the truth.
"""

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from symrank.errors import CheckpointError, OperatorError
from symrank.run.checkpoint import archive
from symrank.run.checkpoint.archive import DamagedError, Reader
from symrank.run.checkpoint.encoded import Encoded, decode
from symrank.support.text import printable

__all__ = ["Kept", "TaskFiles"]

DAMAGE = (DamagedError, KeyError, TypeError, ValueError, AttributeError)


@dataclasses.dataclass(frozen=True)
class Kept:
    """What the file of a task says; without its vectors unless they were asked for."""

    state: Any
    record: Mapping[str, Any]  # products, seconds, and what names the task
    is_whole: bool = True  # with its vectors, or it has none


class TaskFiles:
    """The folder of the files of tasks.

    Attributes
    ----------
    num_again
        Finished tasks to be computed again, as files were missing or damaged.
    lost
        Why tasks could not be kept, one reason for each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.num_again = 0
        self.lost: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was kept yet."""
        return not (any(self.folder.glob("*.npz")) or any(self.folder.glob("*.part")))

    def load(self, name: str, *, with_vectors: bool = False) -> Kept | None:
        """Return what was kept of a task; None where nothing was, or not as it was written.

        Raises
        ------
        CheckpointError
            Where it does not fit in memory.
        """
        if not (self.folder / f"{name}.npz").exists():
            return None
        try:
            return self._loaded(f"{name}.npz", with_vectors=with_vectors)
        except DAMAGE:
            self.num_again += not with_vectors  # else whoever asked knows how many that makes
            return None
        except OperatorError as error:
            raise CheckpointError(
                f"a state in checkpoint={printable(str(self.folder.parent))!r} does not fit in "
                f"memory: {error}"
            ) from error

    def load_part(self, name: str) -> Kept | None:
        """Return the state in the middle of a task; None where there is none."""
        if not (self.folder / f"{name}.part").exists():
            return None
        with suppress(*DAMAGE):
            return self._loaded(f"{name}.part", with_vectors=True)
        return None

    def _loaded(self, name: str, *, with_vectors: bool) -> Kept:
        reader = Reader(self.folder / name)
        record = reader.record
        arrays = reader.arrays(record["sums"])
        if with_vectors and record["away"]:
            sums = record["away"]
            vectors = Reader((self.folder / name).with_suffix(".vectors"))
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
                sums = archive.save(self.folder / f"{name}.vectors", {}, encoded.away)
            record = {"tree": encoded.tree, "away": sums, "task": task}
            archive.save(self.folder / f"{name}.npz", record, encoded.arrays)
        except OSError as error:
            self.lost.append(error.strerror or str(error))
            return
        with suppress(OSError):
            (self.folder / f"{name}.part").unlink(missing_ok=True)
            if before is not None:
                (self.folder / f"{before}.vectors").unlink(missing_ok=True)

    def save_part(self, name: str, state: Any, task: Mapping[str, Any]) -> None:
        """Keep the state in the middle of a task, until the task is done."""
        encoded = Encoded(state)
        record = {"tree": encoded.tree, "away": {}, "task": task}
        try:
            path = self.folder / f"{name}.part"
            archive.save(path, record, {**encoded.arrays, **encoded.away})
        except OSError as error:
            self.lost.append(error.strerror or str(error))
