"""Figures of the reproduction of the paper; colours of Okabe and Ito."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.figures import keep, pyplot
from bench.paper_setup import NUM_STEPS

ROWS = {  # key of a summary, key of its error, label, colour, marker
    "langevin": ("Langevin of symrank, 15 000 products", "#009E73", "s"),
    "rank": ("rank(H), 15 000 products at most", "#CC79A7", "D"),
    "rank_products": ("rank(H.to_scipy()): products alone", "#56B4E9", "x"),
    "ubaru_saad_published": ("Ubaru and Saad, published", "#D55E00", "^"),
    "ubaru_saad_repaired": ("Ubaru and Saad, repaired", "#E69F00", "v"),
}
BURN_IN_SHOWN = 2000  # steps; the panel on the right of Figure 1 shows what comes after
FLOOR = 0.01  # per cent: what is below, exact answers included, is drawn here


def draw_table1(summary: Sequence[dict[str, Any]], name: str) -> str:
    """RMS errors by width; lines are printed or predicted, markers are measured."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(8.5, 5.2), layout="constrained")
    widths = [s["d"] for s in summary]
    axes.plot(widths, [s["paper_percent"] for s in summary], "--", color="black",
              label="Langevin, printed in the paper")  # fmt: skip
    axes.plot(widths, [s["paper_ubaru_saad_percent"] for s in summary], ":", color="black",
              label="Ubaru and Saad, printed in the paper")  # fmt: skip
    have = [s for s in summary if "chain" in s]
    x = [s["d"] for s in have]
    axes.plot(x, [s["chain"]["predicted_rms_percent"] for s in have], color="#0072B2",
              label="Langevin as published, closed form")  # fmt: skip
    axes.plot(x, [s["chain"]["rms_percent"] for s in have], "o", color="#0072B2",
              label="Langevin as published, true loss")  # fmt: skip
    for key, (label, colour, marker) in ROWS.items():
        have = [s for s in summary if key in s]
        errors = [max(s[key]["rms_percent"], FLOOR) for s in have]
        axes.plot([s["d"] for s in have], errors, marker, color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="width d of the network; the rank is $d^2$",
             ylabel="RMS error, % of the rank")  # fmt: skip
    axes.set_xticks(widths, [str(d) for d in widths], minor=False)
    axes.minorticks_off()
    axes.set_title(f"Table 1. Errors below {FLOOR} % are drawn there.", fontsize="medium")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center", fontsize="small")
    return keep(figure, name)


def draw_fig2(points: Sequence[dict[str, Any]], name: str) -> str:
    """Estimated ranks with one standard deviation against the true ones."""
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    r = np.array([p["rank"] for p in points])
    left.plot(r, r, "--", color="grey", label="estimate = rank")
    for key, label, colour, marker in (
        ("chain", "Langevin as published", "#0072B2", "o"),
        ("ubaru_saad_published", "Ubaru and Saad, published", "#D55E00", "^"),
    ):
        have = [p for p in points if key in p]
        x = np.array([p["rank"] for p in have])
        mean = np.array([p[key]["mean"] for p in have])
        std = np.array([p[key]["std"] for p in have])
        style = {"fmt": marker, "color": colour, "capsize": 4, "label": label}
        left.errorbar(x, mean, yerr=std, **style)
        right.errorbar(x, 100 * (mean / x - 1), yerr=100 * std / x, **style)
    left.set(xscale="log", yscale="log", xlabel="rank", ylabel="estimated rank")
    right.axhline(0.0, color="grey", linestyle="--")
    right.set(xscale="log", xlabel="rank", ylabel="estimate against rank, %")
    for axes in (left, right):
        axes.set_xticks(r, [f"${round(v**0.5)}^2$" for v in r], minor=False)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    left.legend()
    return keep(figure, name)


def draw_fig1(figures: dict[str, Any], name: str) -> str:
    """The loss of one chain and the mean of many against theory, over the steps."""
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    k, curves = np.array(figures["step"]), figures["curves"]
    one = figures["one_chain"]
    left.plot(np.linspace(0.0, NUM_STEPS, len(one), endpoint=False), one, color="#56B4E9",
              linewidth=0.7, label="one chain, true loss")  # fmt: skip
    for axes in (left, right):
        axes.plot(k, curves["theorem_1"], color="#D55E00", label="Theorem 1")
        axes.axhline(figures["proposition_1"], color="black", label="Proposition 1")
        axes.plot(k, curves["finite_step"], "--", color="#009E73", label="exact for this step size")
        axes.set(xlabel="step", ylabel="loss")
        axes.grid(alpha=0.3)
    mean, stderr = np.array(curves["mean"]), np.array(curves["stderr"])
    right.plot(k, mean, color="#0072B2", linewidth=0.8,
               label=f"mean of {figures['chains']} chains, true loss")  # fmt: skip
    right.fill_between(k, mean - 2 * stderr, mean + 2 * stderr, color="#0072B2", alpha=0.25)
    late = k >= BURN_IN_SHOWN
    values = np.concatenate([mean[late], np.array(curves["theorem_1"])[late]])
    right.set(xlim=(BURN_IN_SHOWN, k[-1]), ylim=(0.99 * values.min(), 1.01 * values.max()))
    left.legend(loc="lower right")
    right.legend(loc="lower right")
    return keep(figure, name)
