"""Figure of a Langevin step: the time of a number of a block over the width of the block."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bench.figures import BLUE, GREY, RED, Record

LAWS = {"rademacher": ("signs", "o-"), "gaussian": ("Gaussian", "s--")}


def langevin(record: Record) -> Figure:
    """Time of a step.

    One panel for every pattern but the dense one.
    """
    rows = record["rows"]
    names = list(dict.fromkeys(r["pattern"] for r in rows if r["pattern"] != "dense"))
    figure = Figure(figsize=(2.6 * len(names), 3.4), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True)
    for ax, name in zip(axes, names, strict=True):
        _panel(ax, name, rows)
    axes[0].set_ylabel("ns a number of the block")
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center", ncols=4, fontsize="small", frameon=False,
    )  # fmt: skip
    return figure


def _panel(ax: Any, name: str, rows: list[Record]) -> None:
    for law, (label, style) in LAWS.items():
        wanted = (name, "float64", "euler-maruyama", law)
        chosen = [r for r in rows if (r["pattern"], r["dtype"], r["scheme"], r["law"]) == wanted]
        k = np.array([r["k"] for r in chosen])
        ns = 1e9 / (chosen[0]["n"] * k)
        if law == "rademacher":
            limit = ns * [r["limit_seconds"] for r in chosen]
            ax.plot(k, limit, "-", color=GREY, lw=3, label="memory limit")
            if "product_seconds" in chosen[0]:
                product = ns * [r["product_seconds"] for r in chosen]
                ax.plot(k, product, "^:", color=RED, ms=4, label="bare A @ X of SciPy")
        taken = ns * [r["seconds"] for r in chosen]
        ax.plot(k, taken, style, color=BLUE, ms=4, label=f"whole step, {label}")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(k, [str(width) for width in k])
    ax.minorticks_off()
    ax.set_xlabel("chains of a block")
    ax.set_title(f"{name}, n = {chosen[0]['n']:,}", fontsize="medium", loc="left")
