"""Markdown tables of figures."""

from collections.abc import Iterable, Sequence
from typing import Any

Record = dict[str, Any]


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return a Markdown table; numbers to the right."""
    rows = [list(row) for row in rows]
    number = [all(isinstance(row[j], int | float) for row in rows) for j in range(len(heads))]
    rule = ["---:" if right else ":---" for right in number]
    lines = [heads, rule, *([show(value) for value in row] for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def show(value: Any) -> str:
    """Write one value of a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def bars(record: Record) -> Iterable[str]:
    """What was measured beside what is wanted."""
    yield from table(
        ("figure", "measured", "wanted"),
        [
            (
                name.replace("_", " "),
                bar["figure"],
                f"at most {bar['at_most']}" if "at_most" in bar else f"at least {bar['at_least']}",
            )
            for name, bar in record["bars"].items()
        ],
    )
