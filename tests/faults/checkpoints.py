"""What the rows of checkpoints share: a run that is kept, and how its answers are compared."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import symrank
from symrank import gallery
from symrank.errors import CheckpointError
from tests.faults.row import Row

__all__ = ["LAM", "N", "ask", "row", "told", "tried"]

N = 60
LAM = np.append(np.geomspace(1e-2, 1.0, 40), np.zeros(N - 40))
OPTIONS: dict[str, Any] = {"method": "lanczos", "precision": 2.0, "rng": 5}


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


def row(fault: str, door: str, check: Callable[[Path], None], is_slow: bool = False) -> Row:
    def without_waiting(tmp: Path) -> None:
        with patch.object(os, "fsync"):  # no row cuts the power
            check(tmp)

    return Row(group="checkpoints", fault=fault, door=door, check=without_waiting, is_slow=is_slow)
