"""The command line that has begun a checkpoint: as a record, and back."""

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import Any

from symrank.errors import CheckpointError
from symrank.run.checkpoint.overview import command_of
from symrank.support.text import printable

__all__ = ["Conditioning", "Rectangular", "arguments_of", "command_of_rank"]


class Rectangular(StrEnum):
    """The symmetric operators made of a matrix."""

    AUG = "aug"
    GRAM = "gram"


class Conditioning(StrEnum):
    """Preconditioners that need nothing but the matrix."""

    EQUILIBRATE = "equilibrate"
    JACOBI = "jacobi"
    AMG = "amg"


def command_of_rank(file: Path, rectangular: Rectangular | None) -> dict[str, Any]:
    """Return what a command line says beside the options of `symrank.rank`."""
    of = None if rectangular is None else rectangular.value
    return {"file": str(file.absolute()), "rectangular": of}


def arguments_of(folder: Path, names: Collection[str]) -> dict[str, Any]:
    """Return the arguments of the command that has begun a checkpoint, of those with `names`.

    Raises
    ------
    CheckpointError
        Where there is no such checkpoint, or its command is none of this version's.
    """
    given = command_of(folder)
    try:
        kinds = ("rectangular", Rectangular), ("preconditioner", Conditioning)
        made = {name: kind(given[name]) for name, kind in kinds if given[name] is not None}
        unknown = sorted(given.keys() - set(names))
    except (KeyError, ValueError) as error:
        raise _unread(folder, str(error)) from error
    if unknown:
        raise _unread(folder, f"an unknown option {unknown[0]}")
    return {**given, **made, "file": Path(given["file"])}


def _unread(folder: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint={printable(str(folder))!r} holds a command that cannot be read "
        f"({printable(why)}): call 'symrank rank' with the same options and --checkpoint."
    )
