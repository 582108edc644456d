"""What a checkpoint is of: the arguments of a call as plain values, and what differs from them.

Arrays are told by their shapes: the fingerprint of the operator that the methods see
(`symrank.run.checkpoint.fingerprint`) tells the numbers of a preconditioner, of a mass and of null
vectors that were taken out, within rounding. How long, on what and watched by whom a run is made is
no part of it: ``max_seconds``, ``executor`` and ``progress`` may change from session to session.
"""

import dataclasses
import math
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from symrank.errors import CheckpointError
from symrank.preconditioners import Preconditioner
from symrank.run.checkpoint import archive
from symrank.run.checkpoint.archive import DamagedError
from symrank.run.options import Options
from symrank.support import durable
from symrank.support.text import printable

__all__ = [
    "ANEW", "FORMAT", "MANIFEST", "arguments_of", "differing", "plain", "read_manifest", "versions",
]  # fmt: skip

FORMAT = 1
MANIFEST = "manifest.json"
ANEW = "Remove the folder, or pass another path, to begin anew."
FREE = ("max_seconds", "seed", "checkpoint", "executor")
LIBRARIES = ("numpy", "scipy", "numba")


def arguments_of(options: Options, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call that decide what is computed; `asked` is beside options."""
    fields = {f.name: getattr(options, f.name) for f in dataclasses.fields(options)}
    return {k: plain(v) for k, v in {**asked, **fields}.items() if k not in FREE}


def plain(value: Any) -> Any:
    """Return a value as JSON holds it, or what tells it from most others."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, float | np.number):
        number = float(value)
        return number if math.isfinite(number) else repr(number)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Preconditioner):
        return f"Preconditioner {value.name}"
    if dataclasses.is_dataclass(value):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{type(value).__name__} {list(value.shape)} {value.dtype}"
    return type(value).__name__


def versions() -> dict[str, str]:
    """Return what may change the last bits of an answer."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # numba is optional for the reference kernels
            found[name] = ""
    return {**found, "byteorder": sys.byteorder}


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs, in words."""
    return [
        f"{name}={_shown(now.get(name))} here and {_shown(before.get(name))} there"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def _shown(value: Any) -> str:
    if not isinstance(value, dict) or "kind" not in value:
        return repr(value)
    fields = [f"{k}={_shown(v)}" for k, v in value.items() if k != "kind" and v is not None]
    return f"{value['kind']}({', '.join(fields)})"


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
        if found == FORMAT:
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
    if found != FORMAT:
        raise CheckpointError(
            f"checkpoint={name!r} has the format {found}, and this version of symrank reads "
            f"{FORMAT}: use the version that wrote it. {ANEW}"
        )
    return record
