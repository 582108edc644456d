"""Figure of the Langevin errors: measured as points, predicted as lines."""

import numpy as np
from matplotlib.figure import Figure

from bench.figures import BLUE, GREEN, PINK, RED, Record

ROWS = {
    "baoab": BLUE,
    "leimkuhler-matthews": GREEN,
    "euler-maruyama": RED,
    "euler-maruyama, energy": PINK,
}


def langevin_accuracy(record: Record) -> Figure:
    """Error against products.

    One panel for every other condition number.
    """
    summary = record["summary"]
    shown = sorted({s["kappa"] for s in summary})[::2]
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True)
    for panel, kappa in zip(panels, shown, strict=True):
        for row, colour in ROWS.items():
            mine = [s for s in summary if s["row"] == row and s["kappa"] == kappa]
            x = [s["budget"] for s in mine]
            panel.plot(x, [s["predicted_rms_percent"] for s in mine], color=colour, label=row)
            panel.plot(x, [s["rms_percent"] for s in mine], "o", color=colour, markersize=4)
        exponent = round(np.log10(kappa))
        panel.set(xscale="log", yscale="log", title=f"condition number $10^{exponent}$")
        panel.set_xlabel("products")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("RMS error, % of the rank")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4,
        title="lines: predicted from the closed forms; points: measured",
    )  # fmt: skip
    return figure
