"""Tables of real and of large matrices."""

from collections.abc import Iterable
from typing import Any

from tables import Record, bars, show, table

REAL_HEADS = (
    *("matrix", "class", "n", "rank", "answer"),
    *("interval", "holds", "status", "products", "seconds"),
)
LABELS = {
    "well_posed": "matrices with a clear gap or full rank",
    "covered": "of these, interval holds the rank",
    "not_covered": "interval misses the rank",
    "small": "of these, n <= 4000",
    "small_exact_integer": "n <= 4000, the rank itself",
    "small_wrong": "n <= 4000, another integer",
    "large": "of these, n > 4000",
    "large_below_1_percent": "n > 4000, half-width below 1 % of n",
    "large_below_0.1_percent": "n > 4000, half-width below 0.1 % of n",
    "large_resolved": "n > 4000, half-width at most 1 or a tenth of min(rank, nullity)",
    "clear_gap": "matrices with a clear gap",
    "clear_gap_sure": "of these, EXACT or CONVERGED",
    "clear_gap_not_sure": "a clear gap, but neither EXACT nor CONVERGED",
    "ill_posed_but_sure": "no gap or a weak one, and yet EXACT or CONVERGED",
    "seconds": "seconds, all matrices",
}


def draw_real_matrices(record: Record) -> Iterable[str]:
    """One line a matrix, after the summary."""
    summary = record["summary"]
    yield from table(
        ("figure", "value"), [(LABELS.get(key, key), show(v)) for key, v in summary.items()]
    )
    yield ""
    yield from table(
        REAL_HEADS,
        [
            (
                f"`{r['name']}`",
                f"{r['class']}, {r['definiteness']}",
                r["n"],
                r["truth"],
                r["rank"],
                f"[{r['low']}, {r['high']}]",
                show(r["contains"]),
                r["status"],
                r["products"],
                r["seconds"],
            )
            for r in record["rows"]
        ],
    )


def draw_choice(record: Record) -> Iterable[str]:
    """The summary, then the seconds of the choice and of every single method."""
    summary = record["summary"]
    yield from bars({"bars": {k: summary[k] for k in ("over_best", "peer_over_choice")}})
    yield ""
    names = list(dict.fromkeys(name for r in record["rows"] for name in r["answers"]))

    def cell(answer: Record | None) -> str:
        if answer is None:
            return ""
        if "error" in answer:
            return answer["error"].split(" s")[0] + " s" if "over" in answer["error"] else "refused"
        return f"{answer['seconds']:.2f} [{answer['low']}, {answer['high']}]"

    yield from table(
        ("matrix", "n", "rank", "chosen", *names),
        [
            (
                *(f"`{r['name']}`", r["n"], r["truth"], r["answers"]["choice"].get("method", "")),
                *(cell(r["answers"].get(name)) for name in names),
            )
            for r in record["rows"]
        ],
    )


def draw_null_space(record: Record) -> Iterable[str]:
    """The grid with and without a cycle, the bars, then one line a matrix and preconditioner."""
    heads = ("preconditioner", "answer", "interval", "status", "residual over norm")

    def line(r: Record) -> tuple[Any, ...]:
        residual = r["residual_over_norm"]
        return (
            *(r["preconditioner"], r["rank"], f"[{r['low']}, {r['high']}]", r["status"]),
            *("" if residual is None else f"{residual:.0e}", r["products"], r["seconds"]),
        )

    yield from table((*heads, "products", "seconds"), map(line, record["grid"]))
    yield ""
    yield from table(
        ("cycle over none", "measured", "wanted"),
        [
            (name, bar["figure"], f"at most {bar['at_most']}")
            for name, bar in record["bars"].items()
        ],
    )
    yield ""
    yield from table(
        ("figure", "value"),
        [(key.replace("_", " "), show(v)) for key, v in record["summary"].items()],
    )
    yield ""
    yield from table(
        ("matrix", "n", "rank", *heads, "products", "seconds"),
        [(f"`{r['name']}`", r["n"], r["truth"], *line(r)) for r in record["rows"]],
    )


def draw_large_grid(record: Record) -> Iterable[str]:
    """A line a size, and the bars."""
    keys = ("n", "rank", "truth", "low", "high", "products", "seconds", "peak_mib")
    heads = (*keys[:-1], "peak, MiB")
    yield from table(heads, [[r[key] for key in keys] for r in record["rows"]])
    yield ""
    yield from bars(record)


def draw_grid_laplacian(record: Record) -> Iterable[str]:
    """The one run, a line a figure."""
    yield from table(
        ("figure", "value"),
        [(key.replace("_", " "), show(value)) for key, value in record["figures"].items()],
    )
