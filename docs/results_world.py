"""Tables of what a hostile world can do: faults, mutated files, runaway factorisations, threads."""

from collections.abc import Iterable

from tables import Record, bars, table

__all__ = ["draw_busy", "draw_determinism", "draw_faults", "draw_kkt", "draw_mutated_files"]


def draw_faults(record: Record) -> Iterable[str]:
    """How many rows of every group keep the law."""
    verdicts = list(dict.fromkeys(v for counts in record["by_group"].values() for v in counts))
    yield from table(
        ("group", *(verdict.lower() for verdict in verdicts)),
        [
            (group, *(counts[verdict] for verdict in verdicts))
            for group, counts in record["by_group"].items()
        ],
    )
    yield ""
    yield f"{record['num_rows']} rows. Not in order:"
    yield ""
    yield from (f"- {name}: {verdict}, {why}" for name, verdict, why in record["not_in_order"])
    if not record["not_in_order"]:
        yield "- none"


def draw_mutated_files(record: Record) -> Iterable[str]:
    """What became of every file, by format."""
    verdicts = list(record["verdicts"])
    yield from table(
        ("format", *verdicts),
        [
            (f"`{suffix}`", *(counts.get(verdict, 0) for verdict in verdicts))
            for suffix, counts in record["by_format"].items()
        ],
    )
    yield ""
    yield (
        f"{record['num_files']} files in {record['seconds']:.0f} s; the slowest took "
        f"{record['most_seconds']:.1f} s, the largest {record['most_MB']:.0f} MB; "
        f"{len(record['broken'])} break the law."
    )


def draw_kkt(record: Record) -> Iterable[str]:
    """Seconds of the choice and of sampling alone, and what each may take."""

    def answer(one: Record) -> str:
        return f"[{one['low']}, {one['high']}]"

    yield from table(
        ("matrix", "n", "chosen", "answer", "s", "sampling alone", "s", "at most, s", "given up"),
        [
            (
                *(f"`{r['name']}`", r["chosen"]["n"], r["chosen"]["method"]),
                *(answer(r["chosen"]), r["chosen"]["seconds"]),
                *(answer(r["sampled"]), r["sampled"]["seconds"], r["bar"]),
                r["chosen"]["given_up"],
            )
            for r in record["rows"]
        ],
    )


def draw_determinism(record: Record) -> Iterable[str]:
    """How many pairs of method and problem give the same bits, and which do not."""
    yield from bars(record)
    yield ""
    yield (
        f"{record['num_same']} of {record['num_pairs']} pairs. Not the same: "
        + (", ".join(record["differ"]) or "none")
        + "."
    )


def draw_busy(record: Record) -> Iterable[str]:
    """The medians and their ratio."""
    yield from table(("the demo", "seconds, median"), list(record["seconds"].items()))
    yield ""
    yield from bars(record)
