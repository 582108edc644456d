"""The figure of the race: error against products, one panel a problem."""

from typing import Any

from matplotlib.figure import Figure

from bench.figures import Record

STYLES = {  # colour, line, marker: one colour a family
    "langevin baoab": ("#1b7837", "-", "o"),
    "langevin leimkuhler-matthews": ("#1b7837", "--", "s"),
    "langevin euler-maruyama": ("#1b7837", ":", "^"),
    "lanczos": ("#2166ac", "-", "o"),
    "lanczos, cut given": ("#2166ac", "--", "s"),
    "chebyshev optimal": ("#762a83", "-", "o"),
    "chebyshev step": ("#762a83", "--", "s"),
    "chebyshev exponential": ("#762a83", ":", "^"),
    "ubaru-saad repaired": ("#e08214", "-", "o"),
    "ubaru-saad published": ("#e08214", "--", "s"),
    "ubaru-saad lanczos": ("#e08214", ":", "^"),
    "imate slq": ("#b2182b", "-", "D"),
    "primate slq": ("#d6604d", "--", "v"),
    "scipy estimate_rank": ("black", "none", "*"),
}
COLUMNS = 4
LEAST = 1e-5  # an error of zero is drawn here


def accuracy_per_matvec(record: Record) -> Figure:
    """Error against products.

    Medians and quartiles over the seeds.
    """
    summary = record["summary"]
    problems = list(dict.fromkeys(s["problem"] for s in summary))
    rows = -(-len(problems) // COLUMNS)
    figure = Figure(figsize=(15, 3.1 * rows + 1.2), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    handles: dict[str, Any] = {}
    for panel in panels.flat[len(problems) :]:
        panel.set_axis_off()
    for panel, problem in zip(panels.flat, problems, strict=False):
        mine = [s for s in summary if s["problem"] == problem]
        for method, (colour, line, marker) in STYLES.items():
            points = [s for s in mine if s["method"] == method and "declined" not in s]
            if not points:
                continue
            middle = [max(s["error_median"], LEAST) for s in points]
            below = [m - max(s["error_lower"], LEAST) for s, m in zip(points, middle, strict=True)]
            above = [max(s["error_upper"] - m, 0.0) for s, m in zip(points, middle, strict=True)]
            handles[method] = panel.errorbar(
                [s["products"] for s in points], middle, yerr=[below, above], color=colour,
                linestyle=line, marker=marker, markersize=4, linewidth=1.1, elinewidth=0.6,
                label=method,
            )  # fmt: skip
        head = mine[0]
        panel.axvline(head["n"], color="gray", linewidth=0.7, linestyle=":")
        panel.set(xscale="log", yscale="log", ylim=(0.7 * LEAST, 8.0))
        panel.set_title(f"{problem}: {head['kind']}\nn = {head['n']}, rank {head['rank']}", size=9)
        panel.grid(alpha=0.3)
    for panel in panels[-1]:
        panel.set_xlabel("products")
    for panel in panels[:, 0]:
        panel.set_ylabel("relative error")
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=5,
        title="median and quartiles over the seeds; dotted: n products, enough to write A down; "
        f"an error of 0 is drawn at {LEAST:.0e}",
    )  # fmt: skip
    return figure
