"""The doors of a checkpoint: a run that was stopped in its middle and resumed, or read again."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.adversary.asks import Answer

__all__ = ["Observer", "Stopped", "kept"]

STOPPED = 3  # looks of an observer after which a run is stopped


class Stopped(BaseException):
    """As a kill: nobody catches it."""


def kept(ask: Callable[..., Answer], *named: Any) -> Answer:
    """Ask twice on one checkpoint, the first time as far as a few products.

    `named` is what the door has, the problem and the options.
    """
    *before, problem, options = named
    with tempfile.TemporaryDirectory() as folder, patch.object(os, "fsync"):
        path = Path(folder) / "kept"
        with contextlib.suppress(Stopped):
            ask(*before, problem, {**options, "checkpoint": path, "progress": Observer()})
        return ask(*before, problem, {**options, "checkpoint": path})


class Observer:
    """Stops a run."""

    def __init__(self) -> None:
        self.left = STOPPED

    def __call__(self, now: Any) -> None:
        self.left -= 1
        if not self.left:
            raise Stopped
