"""Tables of the DnCNN: spectra, what each scale of G asks, levels, chains on the true loss."""

from collections.abc import Iterable
from typing import Any

from tables import Record, bars, table

__all__ = ["draw_paper_fig3"]

LEFT = 20.0  # exponent of a mode that has left its saddle by all means


def draw_paper_fig3(record: Record) -> Iterable[str]:
    """All tables of the DnCNN; a run that was stopped has some of them."""
    for draw in (_spectra, _ladder, _questions, _levels, _baseline, _literal, _scan):
        yield from draw(record)
        yield ""
    if "bars" in record:
        yield from bars(record)


def percent(share: float | None) -> str:
    return "" if share is None else f"{100.0 * share:.1f}"


def number(value: float | None, form: str = ".4g") -> str:
    return "" if value is None else f"{value:{form}}"


def ends(row: Record) -> str:
    return "" if row["low"] is None else f"{row['low']:.4g} to {row['high']:.4g}"


def _spectra(record: Record) -> Iterable[str]:
    yield "Exact spectra at the end of training. *34*, *133*: the share of the trace in as many"
    yield "eigenvalues, in per cent; the paper prints 88 and 98.5."
    yield ""
    heads = (
        *("activation", "statistics", "images", "gradient", "largest", "smallest", "negative"),
        *("above 1e-3", "above 1e-6", "34", "133", "for 88 %", "for 98.5 %"),
    )
    keys = (
        *("network", "statistics", "images", "gradient", "lambda_max", "lambda_min", "negative"),
        *("above_1e-3", "above_1e-6", "share_34", "share_133", "for_88", "for_98.5"),
    )
    rows = [
        [percent(row[key]) if key.startswith("share") else row[key] for key in keys]
        for row in record["spectra"]
    ]
    yield from table(heads, rows)


def _ladder(record: Record) -> Iterable[str]:
    yield "The printed step 0.1, 30 000 steps and window of 10 000: closed forms by the scale of G."
    yield "*Exponent*: of the growth along the most negative eigenvalue of GH."
    yield ""
    heads = ("statistics", "G", "eta lambda max", "modes that diverge", "estimate, positive part",
             "its share, %", "exponent", "estimate")  # fmt: skip
    yield from table(heads, [_rung(row) for row in record.get("ladder", ())])


def _rung(row: Record) -> list[Any]:
    if row["unstable"]:
        whole = "diverges"
    else:
        whole = "leaves the saddle" if row["exponent"] > LEFT else f"{row['estimate']:.4g}"
    return [
        *(row[key] for key in ("statistics", "G", "eta_lambda_max", "unstable")),
        number(row["of_positive"]),
        percent(row.get("share")),
        number(row["exponent"], ".2g"),
        whole,
    ]


def _questions(record: Record) -> Iterable[str]:
    yield "The same rungs as a question: eigenvalues of GH above a cut, exactly and by `count`."
    yield ""
    heads = ("statistics", "G", "closed form", "cut, of the largest", "exact", "count", "interval",
             "products")  # fmt: skip
    keys = ("statistics", "G", "of_positive", "rtol", "exact", "count")
    yield from table(
        heads,
        [[*(r[k] for k in keys), ends(r), r["products"]] for r in record.get("questions", ())],
    )


def _levels(record: Record) -> Iterable[str]:
    yield "`rank(H, rtol=...)` by Lanczos, both signs; *share*: of the trace, positive part."
    yield ""
    heads = ("statistics", "rtol", "exact", "estimate", "interval", "products", "share, %")
    yield from table(
        heads,
        [
            [r["statistics"], f"{r['rtol']:.0e}", r["exact"], r["estimate"], ends(r), r["products"],
             percent(r["share"])]
            for r in record.get("levels", ())
        ],
    )  # fmt: skip
    for kind, found in record.get("staircase", {}).items():
        said = "holds" if found["holds"] else "does not hold"
        yield ""
        yield (
            f"Simultaneous band of `result.cdf` at {len(found['x'])} points, {kind} statistics, "
            f"{found['products']} products: it {said} at all of them."
        )


def _baseline(record: Record) -> Iterable[str]:
    yield "Ubaru and Saad; the published variant refuses a negative eigenvalue."
    yield ""
    heads = ("statistics", "way", "estimate", "interval", "share, %", "threshold", "status")
    rows = [
        [r["statistics"], r["way"], r["estimate"], ends(r), percent(r["share"]),
         f"{r['threshold']:.2g}", r["status"]]
        for r in record.get("ubaru_saad", ()) if "estimate" in r
    ]  # fmt: skip
    yield from table(heads, rows)


def _literal(record: Record) -> Iterable[str]:
    yield "The printed parameters on the true loss, one chain of 50 steps, and what `rank` says of"
    yield "them before a chain starts; below, what it says where nothing is given."
    yield ""
    heads = ("statistics", "G", "eta lambda max", "loss", "a thousand times that at step",
             "largest loss", "rank says")  # fmt: skip
    rows = [
        [r["statistics"], r["G"], r["eta_lambda_max"], r["loss"],
         "never" if r["lost_at"] is None else str(r["lost_at"]), number(r["largest_loss"]),
         r["said"].split(":")[0]]
        for r in record.get("literal", ())
    ]  # fmt: skip
    yield from table(heads, rows)
    yield ""
    keys = ("statistics", "G", "status")
    yield from table(keys, [[r[key] for key in keys] for r in record.get("automatic", ())])


SEEN = ("estimate", "filtered interval", "moved", "product error", "status")


def _seen(row: Record) -> list[str]:
    width = None if row["low"] is None else 100.0 * (row["high"] - row["low"]) / row["closed_form"]
    return [
        number(row["estimate"]), ends(row), number(row["moved"], ".2g"),
        number(row["product_error"], ".2g"), row["status"], number(width, ".2g"),
    ]  # fmt: skip


def _scan(record: Record) -> Iterable[str]:
    yield "Algorithm 1 on the true loss at a stable step, beside its closed form: the ReLU network,"
    yield "its SiLU twin, and the twin with chains enough for an interval of 2 % (*width*)."
    yield ""
    heads = ("activation", "statistics", "G", "sigma^2", "closed form", *SEEN, "width, %")
    rows = [
        [name, *(r[key] for key in ("statistics", "G")), f"{r['noise_var']:.0e}", r["closed_form"],
         *_seen(r)]
        for name, part in (("ReLU", "scan"), ("SiLU", "twin_scan"), ("SiLU", "twin"))
        for r in record.get(part, ())
    ]  # fmt: skip
    yield from table(heads, rows)
