"""Figure of two trained networks: counts, density, effective dimension, rank along training."""

from typing import Any

from matplotlib.figure import Figure

from bench.figures import BLUE, GREEN, GREY, ORANGE, RED, Record

TITLES = {"digits": "ReLU network, MNIST", "writer": "transformer, docstrings"}
KINDS = {"hessian": BLUE, "gauss-newton": GREEN}
RELATIVE = {0: GREY, 1: ORANGE, 2: RED, 3: BLUE}  # which cuts along training


def spectra(record: Record) -> Figure:
    """Curvature of two trained networks, and its rank along training."""
    names = list(dict.fromkeys(row["network"] for row in record["matrices"]))
    figure = Figure(figsize=(16, 3.9 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 4, squeeze=False)
    for row, name in zip(panels, names, strict=True):
        _counts(row[0], record, name)
        _density(row[1], record, name)
        _dimensions(row[2], record, name)
        _along(row[3], record, name)
        row[0].set_title(TITLES[name], fontsize="medium", loc="left")
    for ax in panels.flat:
        ax.grid(alpha=0.3)
    return figure


def _of(record: Record, table: str, **wanted: str) -> list[Record]:
    return [r for r in record[table] if all(r[key] == value for key, value in wanted.items())]


def _counts(ax: Any, record: Record, name: str) -> None:
    """Draw the staircase of both signs in double precision, and single precision dashed."""
    sides = [("hessian", "above", BLUE), ("hessian", "below", RED),
             ("gauss-newton", "above", GREEN)]  # fmt: skip
    for kind, side, colour in sides:
        rows = _of(record, "counts", network=name, matrix=kind, dtype="float64")
        x = [r["cut"] for r in rows]
        sign = "> c" if side == "above" else "< -c"
        label = f"{'Hessian' if kind == 'hessian' else 'Gauss-Newton'} {sign}"
        ends = [[max(r[f"{side}_{end}"], 0.5) for r in rows] for end in ("low", "high")]
        ax.fill_between(x, *ends, color=colour, alpha=0.2, lw=0)
        ax.plot(x, [max(r[side], 0.5) for r in rows], color=colour, label=label)
        rows = _of(record, "counts", network=name, matrix=kind, dtype="float32")
        ax.plot(x, [max(r[side], 0.5) for r in rows], "--", color=colour, lw=1)
    for truth in _of(record, "truth", network=name):
        y = [max(count, 0.5) for count in truth["exact"]]
        ax.plot(x, y, "k.", ms=4, label="Gauss-Newton, all eigenvalues")
    ax.set(xscale="log", yscale="log", xlabel="cut c / |A|", ylabel="eigenvalues beyond the cut")
    ax.legend(fontsize="x-small")


def _density(ax: Any, record: Record, name: str) -> None:
    for kind, colour in KINDS.items():
        rows = _of(record, "density", network=name, matrix=kind, dtype="float64")
        x = [r["x"] for r in rows]
        least = 1e-8
        ends = [[max(r[end], least) for r in rows] for end in ("low", "high")]
        ax.fill_between(x, *ends, color=colour, alpha=0.25, step="mid", lw=0)
        ax.step(x, [max(r["estimate"], least) for r in rows], where="mid", color=colour, label=kind)
    ax.set(yscale="log", ylim=(1e-8, None), xlabel="eigenvalue", ylabel="share per unit")
    ax.legend(fontsize="x-small")


def _dimensions(ax: Any, record: Record, name: str) -> None:
    for kind, colour in KINDS.items():
        rows = _of(record, "dimensions", network=name, matrix=kind, dtype="float64")
        x = [r["ridge"] for r in rows]
        ends = [[max(r[end], 0.5) for r in rows] for end in ("low", "high")]
        ax.fill_between(x, *ends, color=colour, alpha=0.2, lw=0)
        part = ", positive part" if kind == "hessian" else ""
        y = [max(r["estimate"], 0.5) for r in rows]
        ax.plot(x, y, "o-", ms=3, color=colour, label=kind + part)
    ax.set(xscale="log", yscale="log", xlabel="ridge / |A|", ylabel="effective dimension")
    ax.legend(fontsize="x-small")


def _along(ax: Any, record: Record, name: str) -> None:
    rows = _of(record, "along", network=name)
    x = [r["epoch"] for r in rows]
    for which, colour in RELATIVE.items():
        y, low, high = zip(*(r["relative"][which] for r in rows), strict=True)
        ends = [[max(value, 0.5) for value in end] for end in (low, high)]
        ax.fill_between(x, *ends, color=colour, alpha=0.2, lw=0)
        label = f"|lambda| > {record['relative'][which]:.2g} |H|"
        ax.plot(x, [max(value, 0.5) for value in y], "o-", ms=3, color=colour, label=label)
    ax.set(yscale="log", xlabel="epoch", ylabel="Hessian, eigenvalues beyond the cut")
    ax.legend(fontsize="x-small")
