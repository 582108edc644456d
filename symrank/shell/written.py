"""How an answer is written: labels and sentences, a table, or JSON."""

import json
import math
import sys
from typing import Any

import numpy as np
from rich.console import Console, RenderableType
from rich.table import Table

from symrank.shell import process

__all__ = ["as_json", "say_rows", "say_table"]

WIDE = 1000  # columns: in a pipe nothing is wrapped


def say_rows(rows: dict[str, str]) -> None:
    """Print labels and sentences: wrapped under each other on a terminal, else a line each."""
    if sys.stdout.isatty():
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold")
        for label, text in rows.items():
            grid.add_row(label, text)
        say_table(grid)
        return
    width = max(map(len, rows)) + 2
    process.say("\n".join(f"{label:<{width}}{text}" for label, text in rows.items()))


def say_table(table: RenderableType) -> None:
    """Print what `rich` draws, in the colours and the width of the standard output."""
    width = None if sys.stdout.isatty() else WIDE
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False)
    with process.writing():
        console.print(table)


def as_json(record: dict[str, Any]) -> str:
    """Write strict JSON: NumPy numbers as numbers, what is not finite as null."""
    return json.dumps(_plain(record), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return a value in JSON's own types."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
