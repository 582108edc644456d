"""Tables of what the adversary found: doors times spectra, coverage by door, mutants."""

from collections.abc import Iterable

from tables import Record, table

__all__ = ["draw_adversary", "draw_coverage_doors", "draw_mutants"]


def draw_adversary(record: Record) -> Iterable[str]:
    """What became of every cell, and what broke the law."""
    summary = record["summary"]
    p_value = summary["langevin_p_value"]
    yield from table(
        ("figure", "value"),
        [
            ("cells", summary["cells"]),
            ("cells that break the law", summary["violations"]),
            *((name.lower().replace("_", " "), n) for name, n in summary["by_status"].items()),
            ("cells with a clear gap", summary["gap_cells"]),
            ("of these, share that ends open", summary["open_share_of_gap_cells"]),
            ("claims of Langevin intervals", summary["langevin_claims"]),
            ("of these, missed at 1 - 1e-4", summary["langevin_misses"]),
            ("probability of as many misses", p_value),
            ("seconds", record["seconds"]),
        ],
    )


def draw_coverage_doors(record: Record) -> Iterable[str]:
    """How many intervals of every door hold, at each rank, and their width."""
    rows, ranks = record["rows"], list(dict.fromkeys(row["rank"] for row in record["rows"]))
    yield f"Nominal level: {record['confidence']:.0%}; {rows[0]['seeds']} runs a cell."
    yield ""

    def cell(door: str, rank: str) -> str:
        (row,) = [row for row in rows if row["door"] == door and row["rank"] == rank]
        width = row["width_over_known"]
        return f"{row['holds']}" + ("" if width is None else f" ({width:.2f})")

    yield from table(
        ("door", *(f"rank {rank}" for rank in ranks)),
        [
            (door, *(cell(door, rank) for rank in ranks))
            for door in dict.fromkeys(row["door"] for row in rows)
        ],
    )


def draw_mutants(record: Record) -> Iterable[str]:
    """How many broken certificates are caught, by what, and those that nothing catches."""
    summary = record["summary"]
    names = {"sample": "the sample of every test run", "tests": "the tests of the module"}
    yield from table(
        ("caught by", "mutants"),
        [(names.get(stage, stage), number) for stage, number in summary["by_stage"].items()],
    )
    yield ""
    yield from (f"- `{key}`" for key in summary["survivors"])
