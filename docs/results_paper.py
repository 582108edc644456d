"""Tables of the reproduction of the paper, of its baseline and of the race."""

from collections.abc import Iterable, Sequence
from typing import Any

from tables import Record, show, table


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
        "rank_products": "rank(H.to_scipy())",
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
    """The late mean against both curves."""
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
    """The points of the figure."""
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


def draw_accuracy_per_matvec(record: Record) -> Iterable[str]:
    """The bars, then the median errors: a line a problem and budget."""
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
