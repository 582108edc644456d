"""Draw the tables of results.md from bench/results/*.json.

No figure is typed by hand: `write` puts one Markdown file a table below docs/_build, which
results.md includes. A missing file becomes a sentence.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parents[1] / "bench" / "results"
Record = dict[str, Any]

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


def draw_langevin_paper_budget(record: Record) -> Iterable[str]:
    """Errors in per cent of the rank, a line a width."""
    yield from table(
        (
            *("d", "trials", "automatic, RMS", "covered", "seconds"),
            *("Euler-Maruyama, mean", "standard error", "its RMS", "predicted RMS", "the paper"),
        ),
        [
            (
                s["d"],
                s["trials"],
                s["automatic_rms_percent"],
                s["automatic_covers"],
                s["seconds_median"],
                s["euler_maruyama_mean_percent"],
                s["euler_maruyama_mean_stderr"],
                s["euler_maruyama_rms_percent"],
                s["euler_maruyama_predicted_rms_percent"],
                s["paper_percent"],
            )
            for s in record["summary"]
        ],
    )


def draw_paper_table1(record: Record) -> Iterable[str]:
    """Table 1: printed, reproduced, predicted; then where the error is from; then all rows."""
    summary = record["summary"]
    chains = [s for s in summary if "chain" in s]
    yield "![errors by width](../../../bench/results/paper_table1.svg)"
    yield ""
    yield "RMS errors in per cent of the rank; *z*: distance from the closed form, standard errors."
    yield ""
    yield from table(
        ("d", "the paper", "closed form", "true loss", "trials", "z of the mean", "z of the RMS"),
        [
            (
                *(s["d"], s["paper_percent"], s["chain"]["predicted_rms_percent"]),
                *(s["chain"][key] for key in ("rms_percent", "trials", "z_mean", "z_rms")),
            )
            for s in chains
        ],
    )
    yield ""
    yield "Where it comes from, in per cent of the rank (closed forms, means over the trials):"
    yield ""
    keys = (
        *("bias_of_time_percent", "bias_of_step_percent", "predicted_mean_percent"),
        *("mean_percent", "predicted_spread_percent", "std_percent", "eta_lambda_max"),
    )
    yield from table(
        (
            *("d", "unsettled modes", "step size", "bias in all", "measured bias", "spread"),
            *("measured spread", "largest eta lambda", "condition", "CPU s a trial"),
        ),
        [
            (
                s["d"],
                *(s["chain"][key] for key in keys),
                f"{s['chain']['condition_median']:.0e}",
                s["chain"]["cpu_seconds_a_trial"],
            )
            for s in chains
        ],
    )
    yield ""
    yield from paper_rows(summary)


def paper_rows(summary: Sequence[Record]) -> Iterable[str]:
    """One line a width and way, at the budget of the paper."""
    names = {
        "langevin": 'rank(H, method="langevin")',
        "rank": "rank(H)",
        "ubaru_saad_published": "Ubaru and Saad, published",
        "ubaru_saad_repaired": "Ubaru and Saad, repaired",
    }
    yield from table(
        ("d", "answer of", "trials", "RMS error, %", "covered", "products at most", "seconds"),
        [
            (
                *(s["d"], f"`{name}`" if "rank" in name else name),
                *(s[key]["trials"], s[key]["rms_percent"], s[key]["covers"]),
                *(s[key]["products_at_most"], s[key]["seconds_median"]),
            )
            for key, name in names.items()
            for s in summary
            if key in s
        ],
    )


def draw_paper_fig1(record: Record) -> Iterable[str]:
    """The figure, and the late mean against both curves."""
    yield "![loss along the chain](../../../bench/results/paper_fig1.svg)"
    yield ""
    late = record["late_mean_over_theory_percent"]
    yield from table(
        ("chains", "late mean over Theorem 1, %", "over the exact mean, %", "standard error, %"),
        [
            (
                *(record["chains"], late["theorem_1"], late["finite_step"]),
                record["late_mean_stderr_percent"],
            )
        ],
    )


def draw_paper_fig2(record: Record) -> Iterable[str]:
    """The figure, and its points."""
    yield "![estimated ranks](../../../bench/results/paper_fig2.svg)"
    yield ""
    heads = ("rank", "Langevin, mean", "deviation", "Ubaru and Saad, mean", "deviation")

    def cells(point: Record, name: str) -> tuple[Any, Any]:
        return (point[name]["mean"], point[name]["std"]) if name in point else ("", "")

    yield from table(
        heads,
        [
            (p["rank"], *cells(p, "chain"), *cells(p, "ubaru_saad_published"))
            for p in record["points"]
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


def draw_lanczos_kernels(record: Record) -> Iterable[str]:
    """The bars, and all patterns."""
    yield from bars(record)
    yield ""
    heads = ("pattern", "n", "k", "ms", "over SciPy's product", "speed-up of two threads")
    keys = ("pattern", "n", "k", "seconds", "over_product", "speed_up_of_two_threads")
    yield from table(
        heads,
        [
            [1e3 * r[key] if key == "seconds" else r[key] for key in keys]
            for r in record["rows"]
            if all(key in r for key in keys)
        ],
    )


def draw_chebyshev_kernels(record: Record) -> Iterable[str]:
    """The bars, and all rows."""
    yield from bars(record)
    yield ""
    heads = ("pattern", "dtype", "k", "ms", "over SciPy's product", "speed-up of two threads")
    keys = ("pattern", "dtype", "k", "seconds", "over_product", "speed_up_of_two_threads")
    yield from table(
        heads,
        [[1e3 * r[key] if key == "seconds" else r[key] for key in keys] for r in record["rows"]],
    )


def draw_ubaru_saad(record: Record) -> Iterable[str]:
    """Errors in per cent of the rank, a line a width, and the answers to A in other units."""
    heads = (
        *("d", "trials", "published, mean error, %", "the paper", "its threshold over lambda_max"),
        *("repaired, RMS error, %", "covered", "width of the interval over n", "NO_GAP_FOUND"),
        *("products at most", "seconds"),
    )
    keys = (
        *("d", "trials", "published_mean_percent", "paper_percent", "published_threshold"),
        *("repaired_rms_percent", "repaired_covers", "repaired_width_median", "repaired_no_gap"),
        *("products_at_most", "seconds_median"),
    )
    yield from table(heads, [[s[key] for key in keys] for s in record["summary"]])
    yield ""
    yield "Answers for $A$, $10^{-8} A$ and $10^8 A$, $d = 16$, rank 256:"
    yield ""
    yield from table(("variant", "answers"), [(k, show(v)) for k, v in record["units"].items()])


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


def draw_accuracy_per_matvec(record: Record) -> Iterable[str]:
    """The figure, the bars, then the median errors: a line a problem and budget."""
    yield "![error against products](../../../bench/results/accuracy_per_matvec.svg)"
    yield ""
    reached, wanted = len(record["finished"]), len(record["plan"]["units"])
    yield f"Problems times seeds reached in {record['seconds']:.0f} s: {reached} of {wanted}."
    yield ""
    yield from table(
        ("method", "runs", "bars that hold the rank", "median half-width, % of n", "unspent, %"),
        [
            (
                *(c["method"], c["runs"]),
                f"{c['covers']} of {c['bars']}" if c["bars"] else "none",
                "" if c["half_width_over_n"] is None else show(100.0 * c["half_width_over_n"]),
                "" if c["unspent"] is None else show(100.0 * c["unspent"]),
            )
            for c in record["coverage"]
        ],
    )
    yield ""
    summary = record["summary"]
    for group in (record["plan"]["methods"][:8], record["plan"]["methods"][8:]):
        cells = {
            (s["problem"], s["budget"], s["method"]): "declined"
            if "declined" in s
            else f"{100.0 * s['error_median']:.3g}"
            + ("" if s["budget"] else f" ({s['products']:.0f} products)")
            for s in summary
        }
        runs = {(s["problem"], s["budget"]): (s["n"], s.get("runs", "")) for s in summary}
        yield from table(
            ("problem", "n", "products", "runs", *group),
            [
                (
                    *(f"`{problem}`", n, budget, count),
                    *(
                        cells.get((problem, budget, m), cells.get((problem, None, m), ""))
                        for m in group
                    ),
                )
                for (problem, budget), (n, count) in runs.items()
                if budget
            ],
        )
        yield ""


TABLES: dict[str, Callable[[Record], Iterable[str]]] = {
    "real_matrices": draw_real_matrices,
    "choice": draw_choice,
    "null_space": draw_null_space,
    "coverage": draw_coverage,
    "langevin_accuracy": draw_langevin_accuracy,
    "langevin_paper_budget": draw_langevin_paper_budget,
    "paper_table1": draw_paper_table1,
    "paper_fig1": draw_paper_fig1,
    "paper_fig2": draw_paper_fig2,
    "langevin_coverage": draw_langevin_coverage,
    "langevin_kernels": draw_langevin_kernels,
    "lanczos_kernels": draw_lanczos_kernels,
    "ubaru_saad": draw_ubaru_saad,
    "chebyshev_kernels": draw_chebyshev_kernels,
    "large_grid": draw_large_grid,
    "grid_laplacian": draw_grid_laplacian,
    "accuracy_per_matvec": draw_accuracy_per_matvec,
}

if __name__ == "__main__":
    write(Path(__file__).parent / "_build" / "results")
