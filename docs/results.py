"""Draw the tables of results.md from bench/results/*.json.

No figure is typed by hand: `write` puts one Markdown file a table below docs/_build, which
results.md includes. A missing file becomes a sentence.
"""

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from results_doors import draw_adversary, draw_coverage_doors, draw_mutants
from results_paper import (
    draw_accuracy_per_matvec,
    draw_langevin_paper_budget,
    draw_paper_fig1,
    draw_paper_fig2,
    draw_paper_table1,
    draw_ubaru_saad,
)
from results_world import (
    draw_busy,
    draw_determinism,
    draw_faults,
    draw_kkt,
    draw_mutated_files,
)
from tables import Record, bars, show, table

BENCH = Path(__file__).parents[1] / "bench" / "results"

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


def write(folder: Path) -> None:
    """Write one file a table; leave files that would not change."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in TABLES.items():
        path = folder / f"{name}.md"
        text = page(name, draw)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def page(name: str, draw: Callable[[Record], Iterable[str]]) -> str:
    """Return the Markdown that belongs to one file of figures."""
    source = BENCH / f"{name}.json"
    if not source.exists():
        return f"`bench/results/{name}.json` is not there: run `python -m bench.{name}`.\n"
    record = json.loads(source.read_text())
    return "\n".join([*draw(record), "", provenance(record)]) + "\n"


def provenance(record: Record) -> str:
    """Say where the figures come from."""
    machine = record.get("machine", {})
    versions = ", ".join(f"{lib} {v}" for lib, v in record.get("versions", {}).items() if v)
    return (
        f"Measured on {record.get('date', '?')[:10]} at commit {record.get('commit') or '?'}: "
        f"{machine.get('processor', '?')}, {machine.get('cores', '?')} cores, "
        f"Python {machine.get('python', '?')}, {versions}."
    )


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


def draw_coverage(record: Record) -> Iterable[str]:
    """Coverage of the nominal level, by family, and the width of the interval."""
    summary, rows = record["summary"], record["rows"]
    families = list(dict.fromkeys(r["family"] for r in rows))
    yield f"Nominal level: {record['confidence']:.0%}; {len(rows)} problems."
    yield ""

    def line(name: str, some: list[Record]) -> tuple[str, int, float, float]:
        covers = [sum(r[key] for r in some) / len(some) for key in ("covers", "t_covers")]
        return (name.replace("_", " "), len(some), covers[0], covers[1])

    yield from table(
        ("family", "problems", "covered by symrank", "covered by Student's t"),
        [
            *(line(name, [r for r in rows if r["family"] == name]) for name in families),
            line("all", rows),
        ],
    )
    yield ""
    ratio = summary["width_over_ideal"]
    yield (
        f"Width over that of the Beta interval with the projector known, in the {ratio['rows']} "
        "problems whose cut lies in a gap:"
    )
    yield ""
    yield from table(
        ("median", "90 % quantile", "largest"), [(ratio["median"], ratio["p90"], ratio["max"])]
    )


def draw_grid_laplacian(record: Record) -> Iterable[str]:
    """The one run, a line a figure."""
    yield from table(
        ("figure", "value"),
        [(key.replace("_", " "), show(value)) for key, value in record["figures"].items()],
    )


def draw_langevin_accuracy(record: Record) -> Iterable[str]:
    """Measured and predicted errors at the two largest budgets, and the figure."""
    yield "![error against products](../../../bench/results/langevin_accuracy.svg)"
    yield ""
    largest = sorted({s["budget"] for s in record["summary"]})[-2:]
    yield from table(
        ("method", "condition number", "products", "RMS error, %", "predicted, %", "covered"),
        [
            (
                s["row"],
                f"{s['kappa']:.0e}",
                s["budget"],
                s["rms_percent"],
                s["predicted_rms_percent"],
                f"{s['covers']} of {s['runs']}",
            )
            for s in record["summary"]
            if s["budget"] in largest
        ],
    )


def draw_langevin_coverage(record: Record) -> Iterable[str]:
    """Coverage of the nominal level, by family."""
    rows = record["rows"]
    yield f"Nominal level: {record['confidence']:.0%}; {len(rows)} problems."
    yield ""
    families = list(dict.fromkeys(r["family"] for r in rows))
    groups = [(f.replace("_", " "), [r for r in rows if r["family"] == f]) for f in families]
    yield from table(
        ("family", "problems", "covered"),
        [
            (name, len(some), sum(r["covers"] for r in some) / len(some))
            for name, some in [*groups, ("all", rows)]
        ],
    )


def draw_langevin_kernels(record: Record) -> Iterable[str]:
    """The bars, and all patterns in the main dtype."""
    yield "![time of a step](../../../bench/results/langevin_kernels.svg)"
    yield ""
    heads = ("pattern", "k", "scheme", "noise", "ms", "over SciPy's product", "over the limit")
    yield from table(
        heads,
        [
            (
                *(r["pattern"], r["k"], r["scheme"], r["law"]),
                1e3 * r["seconds"],
                show(r.get("over_product", "")),
                r["over_limit"],
            )
            for r in record["rows"]
            if r["dtype"] == "float64" and r["k"] in (1, 16, 64)
        ],
    )
    yield ""
    yield from bars(record)


def draw_large_grid(record: Record) -> Iterable[str]:
    """A line a size, and the bars."""
    keys = ("n", "rank", "truth", "low", "high", "products", "seconds", "peak_mib")
    heads = (*keys[:-1], "peak, MiB")
    yield from table(heads, [[r[key] for key in keys] for r in record["rows"]])
    yield ""
    yield from bars(record)


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


def draw_kernels(record: Record, key: str) -> Iterable[str]:
    """The bars, and all rows; `key` tells what a row of a pattern and width is about."""
    yield from bars(record)
    yield ""
    heads = ("pattern", key, "k", "ms", "over SciPy's product", "speed-up of two threads")
    keys = ("pattern", key, "k", "seconds", "over_product", "speed_up_of_two_threads")
    yield from table(
        heads,
        [
            [1e3 * r[key] if key == "seconds" else r[key] for key in keys]
            for r in record["rows"]
            if all(key in r for key in keys)
        ],
    )


TABLES: dict[str, Callable[[Record], Iterable[str]]] = {
    "real_matrices": draw_real_matrices,
    "choice": draw_choice,
    "null_space": draw_null_space,
    "adversary": draw_adversary,
    "coverage": draw_coverage,
    "coverage_doors": draw_coverage_doors,
    "mutants": draw_mutants,
    "faults": draw_faults,
    "mutated_files": draw_mutated_files,
    "kkt": draw_kkt,
    "determinism": draw_determinism,
    "busy": draw_busy,
    "langevin_accuracy": draw_langevin_accuracy,
    "langevin_paper_budget": draw_langevin_paper_budget,
    "paper_table1": draw_paper_table1,
    "paper_fig1": draw_paper_fig1,
    "paper_fig2": draw_paper_fig2,
    "langevin_coverage": draw_langevin_coverage,
    "langevin_kernels": draw_langevin_kernels,
    "lanczos_kernels": partial(draw_kernels, key="n"),
    "ubaru_saad": draw_ubaru_saad,
    "chebyshev_kernels": partial(draw_kernels, key="dtype"),
    "large_grid": draw_large_grid,
    "grid_laplacian": draw_grid_laplacian,
    "accuracy_per_matvec": draw_accuracy_per_matvec,
}

if __name__ == "__main__":
    write(Path(__file__).parent / "_build" / "results")
