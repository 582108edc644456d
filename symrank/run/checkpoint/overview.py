"""What a checkpoint is of and what it has come to, for those who look at it from outside."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symrank.answer.result import RankResult
from symrank.errors import CheckpointError
from symrank.run.checkpoint import archive
from symrank.run.checkpoint.archive import DamagedError, Reader
from symrank.run.checkpoint.manifest import read_manifest
from symrank.run.checkpoint.store import RESULT
from symrank.support import durable
from symrank.support.text import printable

__all__ = ["Overview", "command_of"]


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A checkpoint seen from outside; nothing of it is changed, and no lock is wanted.

    Attributes
    ----------
    manifest
        What it is of.
    num_tasks, num_products, seconds
        Finished tasks, their products, and the time that they took.
    num_damaged
        Files of tasks that are damaged; those tasks will be computed again.
    num_bytes
        On the disk.
    answer
        The last answer in a line, with the name of its status; or None.
    """

    manifest: dict[str, Any]
    num_tasks: int
    num_products: int
    seconds: float
    num_damaged: int
    num_bytes: int
    answer: str | None

    @classmethod
    def of(cls, folder: Path) -> "Overview":
        """Look at a checkpoint.

        Raises
        ------
        CheckpointError
            Where there is none, or its manifest is damaged.
        """
        known = read_manifest(folder)
        files = [path for path in (folder / "tasks").glob("*") if path.is_file()]
        records, num_damaged = [], 0
        for path in files:
            if path.suffix != ".npz":
                continue
            try:
                one = Reader(path).record["task"]
                records.append((int(one["products"]), float(one["seconds"])))
            except (DamagedError, KeyError, TypeError, ValueError):
                num_damaged += 1
        return cls(
            manifest=known,
            num_tasks=len(records),
            num_products=sum(products for products, _ in records),
            seconds=sum(seconds for _, seconds in records),
            num_damaged=num_damaged,
            num_bytes=sum(path.stat().st_size for path in files),
            answer=_answer(folder),
        )

    def rows(self) -> dict[str, str]:
        """Return labels and sentences."""
        known = self.manifest
        asked = [f"{k}={v!r}" for k, v in known["arguments"].items() if v is not None]
        rows = {"of": printable(", ".join(asked)), "seed": str(known["seed"])}
        if known.get("command"):
            rows["file"] = printable(str(known["command"].get("file")))
        tasks = f"{self.num_tasks} finished, {self.num_products} products, {self.seconds:.1f} s"
        if self.num_damaged:
            tasks += f"; {self.num_damaged} damaged, which will be computed again"
        rows["tasks"] = tasks
        rows["on disk"] = f"{self.num_bytes / 2**20:.1f} MiB"
        rows["answer"] = printable(self.answer or "none yet: no session came to its end")
        return rows


def _answer(folder: Path) -> str | None:
    with suppress(OSError, DamagedError, KeyError, TypeError, ValueError, AttributeError):
        with durable.opened(folder / RESULT) as file:
            record = archive.loaded(file.read())
        return str(RankResult.from_dict(record))
    return None


def command_of(folder: Path) -> dict[str, Any]:
    """Return the command line that has begun a checkpoint.

    Raises
    ------
    CheckpointError
        Where there is no checkpoint, or it was begun from Python.
    """
    command = read_manifest(folder)["command"]
    if not isinstance(command, dict) or not isinstance(command.get("file"), str):
        raise CheckpointError(
            f"checkpoint={printable(str(folder))!r} was begun from Python, and only the caller has "
            "its operator: call symrank.rank or symrank.count again with the same arguments and "
            "this checkpoint."
        )
    return command
