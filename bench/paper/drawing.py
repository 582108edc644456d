"""Figures of the reproduction of the paper."""

import numpy as np
from matplotlib.figure import Figure

from bench.figures import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, Record
from bench.paper.setup import NUM_STEPS

ROWS = {  # key of a summary, key of its error, label, colour, marker
    "langevin": ("Langevin of symrank, 15 000 products", GREEN, "s"),
    "rank": ("rank(H), 15 000 products at most", PINK, "D"),
    "rank_products": ("rank(H.to_scipy()): products alone", SKY, "x"),
    "ubaru_saad_published": ("Ubaru and Saad, published", RED, "^"),
    "ubaru_saad_repaired": ("Ubaru and Saad, repaired", ORANGE, "v"),
}
BURN_IN_SHOWN = 2000  # steps; the panel on the right of Figure 1 shows what comes after
FLOOR = 0.01  # per cent: what is below, exact answers included, is drawn here


def table1(record: Record) -> Figure:
    """Errors by width.

    Lines are printed or predicted, markers are measured.
    """
    summary = record["summary"]
    figure = Figure(figsize=(8.5, 5.2), layout="constrained")
    axes = figure.subplots()
    widths = [s["d"] for s in summary]
    axes.plot(widths, [s["paper_percent"] for s in summary], "--", color="black",
              label="Langevin, printed in the paper")  # fmt: skip
    axes.plot(widths, [s["paper_ubaru_saad_percent"] for s in summary], ":", color="black",
              label="Ubaru and Saad, printed in the paper")  # fmt: skip
    have = [s for s in summary if "chain" in s]
    x = [s["d"] for s in have]
    axes.plot(x, [s["chain"]["predicted_rms_percent"] for s in have], color=BLUE,
              label="Langevin as published, closed form")  # fmt: skip
    axes.plot(x, [s["chain"]["rms_percent"] for s in have], "o", color=BLUE,
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
    return figure


def fig2(record: Record) -> Figure:
    """Estimated ranks, with one standard deviation, against the true ones."""
    points = record["points"]
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    r = np.array([p["rank"] for p in points])
    left.plot(r, r, "--", color="grey", label="estimate = rank")
    for key, label, colour, marker in (
        ("chain", "Langevin as published", BLUE, "o"),
        ("ubaru_saad_published", "Ubaru and Saad, published", RED, "^"),
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
    return figure


def fig1(record: Record) -> Figure:
    """Loss along the chain: one chain, the mean of many, and theory."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    k, curves = np.array(record["step"]), record["curves"]
    one = record["one_chain"]
    left.plot(np.linspace(0.0, NUM_STEPS, len(one), endpoint=False), one, color=SKY,
              linewidth=0.7, label="one chain, true loss")  # fmt: skip
    for axes in (left, right):
        axes.plot(k, curves["theorem_1"], color=RED, label="Theorem 1")
        axes.axhline(record["proposition_1"], color="black", label="Proposition 1")
        axes.plot(k, curves["finite_step"], "--", color=GREEN, label="exact for this step size")
        axes.set(xlabel="step", ylabel="loss")
        axes.grid(alpha=0.3)
    mean, stderr = np.array(curves["mean"]), np.array(curves["stderr"])
    right.plot(k, mean, color=BLUE, linewidth=0.8,
               label=f"mean of {record['chains']} chains, true loss")  # fmt: skip
    right.fill_between(k, mean - 2 * stderr, mean + 2 * stderr, color=BLUE, alpha=0.25)
    late = k >= BURN_IN_SHOWN
    values = np.concatenate([mean[late], np.array(curves["theorem_1"])[late]])
    right.set(xlim=(BURN_IN_SHOWN, k[-1]), ylim=(0.99 * values.min(), 1.01 * values.max()))
    left.legend(loc="lower right")
    right.legend(loc="lower right")
    return figure


def fig3(record: Record) -> Figure:
    """Cumulative sum of the Hessian's eigenvalues with estimates as lines; counts above a cut."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = {"batch": BLUE, "frozen": GREEN}
    for row in (s for s in record["spectra"] if s["network"] == "ReLU"):
        kind, lam = row["statistics"], np.array(row["eigenvalues"])
        colour, label = colours[kind], f"{kind} statistics"
        order = np.arange(1, lam.size + 1)
        left.plot(order, 100.0 * np.cumsum(lam) / lam.sum(), color=colour, label=label)
        positive = lam[lam > 0.0]
        right.plot(positive / lam[0], order[: positive.size], color=colour, label=label)
        levels = [one for one in record["levels"] if one["statistics"] == kind]
        for one in levels:
            right.plot([one["rtol"]] * 2, [one["low"], one["high"]], color=colour, linewidth=3.0,
                       alpha=0.4)  # fmt: skip
    for row in record.get("questions", ()):  # a run may have been stopped before
        right.plot(row["rtol"], row["of_positive"], "x", color=colours[row["statistics"]])
    for name, style in (("langevin", "-"), ("ubaru_saad", "--")):
        printed, share = record["paper"][name]
        left.axvline(printed, color=BLACK, linestyle=style,
                     label=f"printed: {printed} with {share} %")  # fmt: skip
    for x, colour, label in _estimates(record):
        left.axvline(x, color=colour, linestyle=":", label=label)
    left.set(xlim=(0, 760), ylim=(0, 103), xlabel="number of eigenvalues, the largest first",
             ylabel="share of the trace, %")  # fmt: skip
    right.set(xscale="log", xlim=(1e-8, 2.0), xlabel="cut, of the largest eigenvalue",
              ylabel="eigenvalues above the cut")  # fmt: skip
    right.plot([], [], color=GREY, linewidth=3.0, alpha=0.4, label="rank(H, rtol=cut), interval")
    right.plot([], [], "x", color=GREY, label="Algorithm 1 by scale of G, at its own cut (GH)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", loc="lower right" if axes is left else "upper right")
    return figure


def _estimates(record: Record) -> list[tuple[float, str, str]]:
    """Return the lines of Figure 3 for batch statistics, each with the share it captures."""
    found = []
    kind = "batch"
    for row in record["ladder"]:
        is_shown = row["statistics"] == kind and row["G"] in ("Adam, mean 1", "clamped, mean 1")
        if is_shown and row["of_positive"] is not None:
            text = f"Algorithm 1, {row['G']}: {row['of_positive']:.0f}"
            found.append((row["of_positive"], RED, f"{text} with {100 * row['share']:.1f} %"))
    for row in record.get("ubaru_saad", ()):
        if row["statistics"] == kind and row["way"] == "published, positive part":
            text = f"Ubaru and Saad, published: {row['estimate']:.0f}"
            found.append((row["estimate"], ORANGE, f"{text} with {100 * row['share']:.1f} %"))
    for row in record["levels"]:
        if row["statistics"] == kind and row["rtol"] == 1e-3:
            text = f"rank(H, rtol=1e-3): {row['estimate']:.0f}"
            found.append((row["estimate"], PINK, f"{text} with {100 * row['share']:.1f} %"))
    return found
