"""Tables of everyday matrices, and of what workers are worth."""

from collections.abc import Iterable

from tables import Record, table

__all__ = ["draw_everyday", "draw_networks", "draw_workers"]


def draw_everyday(record: Record) -> Iterable[str]:
    """Forty matrices beside the tool that a user would take."""
    rows = record["rows"]
    held, fast = (sum(row[key] for row in rows) for key in ("holds", "fast"))
    yield from table(
        ("matrix", "size", "true rank", "rank", "interval", "by", "seconds", "tool",
         "seconds of it", "ratio", "within the bar"),
        [
            (
                row["name"], row["shape"], f"{'at most ' * row['bound']}{row['truth']}",
                round(row["rank"]), f"[{row['low']}, {row['high']}]", row["method"],
                row["seconds"], row["tool"], row["tool_seconds"], row["ratio"], row["fast"],
            )
            for row in rows
        ],
    )  # fmt: skip
    yield ""
    yield (
        f"{held} of {len(rows)} intervals hold; {fast} are within the bar: 1.2 times the tool, "
        "half of it where n is at least 4000 and the tool is dense, twice and 0.3 s for graphs. "
        "The answer of the tool is -1 where SuperLU finds a singular matrix and gives none."
    )


def draw_networks(record: Record) -> Iterable[str]:
    """The networks of the paper by products alone."""
    yield from table(
        ("d", "minimum", "n", "true rank", "interval", "by", "products", "at most", "seconds",
         "CPU seconds", "within the bars"),
        [
            (
                row["d"], row["minimum"], row["n"], row["truth"],
                f"[{row['low']}, {row['high']}]", row["method"],
                row["products"], round(row["bar_products"]), row["seconds"], row["cpu_seconds"],
                row["within"],
            )
            for row in record["rows"]
        ],
    )  # fmt: skip


def draw_workers(record: Record) -> Iterable[str]:
    """Speed of one and two workers, and what a task costs."""
    yield from table(
        ("executor", "workers", "seconds", "times as fast as one process"),
        [(r["executor"], r["workers"], r["seconds"], r["speed"]) for r in record["speeds"]],
    )
    yield ""
    yield from table(
        ("executor", "a task, ms", "with 16 MiB there and back, ms"),
        [(r["executor"], r["empty_ms"], r["blocks_ms"]) for r in record["overheads"]],
    )
    yield ""
    yield (
        f"n = {record['n']}. Two threads add large arrays {record['bandwidth']:.2f} times as fast "
        f"as one: what the memory allows. Best of two workers: {record['best']:.2f}, wanted: "
        f"{record['aim']}."
    )
