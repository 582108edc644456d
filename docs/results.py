"""Draw the tables and figures of results.md from bench/results.

No figure is typed by hand: `write` puts a Markdown file and a figure for every result below
docs/_build, and results.md includes them. A missing result becomes a sentence.
"""

import io
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from results_dncnn import draw_paper_fig3
from results_doors import draw_adversary, draw_coverage_doors, draw_mutants
from results_everyday import draw_everyday, draw_networks, draw_workers
from results_matrices import (
    draw_choice,
    draw_grid_laplacian,
    draw_large_grid,
    draw_null_space,
    draw_real_matrices,
)
from results_networks import draw_gradients, draw_loss_langevin, draw_products, draw_spectra
from results_paper import (
    draw_accuracy_per_matvec,
    draw_langevin_paper_budget,
    draw_paper_fig1,
    draw_paper_fig2,
    draw_paper_table1,
    draw_ubaru_saad,
)
from results_scaling import draw_larger, draw_sizes
from results_signed import draw_hofstadter, draw_simultaneous
from results_world import (
    draw_busy,
    draw_determinism,
    draw_faults,
    draw_kkt,
    draw_mutated_files,
)
from tables import Record, bars, show, table

from bench.figures import Drawing, drawings
from bench.record import load

Draw = Callable[[Record], Iterable[str]]


def write(folder: Path) -> None:
    """Write one file a table and a figure; leave files that would not change."""
    figures = drawings()
    for name, draw in TABLES.items():
        record = load(name)
        path = folder / f"{name}.md"
        keep(path, page(name, record, draw, figures.get(name)))
        if record and name in figures:
            keep(path.with_suffix(".svg"), svg(figures[name](record)))


def keep(path: Path, text: str) -> None:
    """Write a file that would change."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def page(name: str, record: Record | None, draw: Draw, drawing: Drawing | None) -> str:
    """Return the Markdown that belongs to one file of figures."""
    if record is None:
        module = name.replace("/", ".")
        return f"`bench/results/{name}.json` is not there: run `python -m bench.{module}`.\n"
    picture = [f"![{alt(drawing)}]({Path(name).name}.svg)", ""] if drawing else []
    return "\n".join([*picture, *draw(record), "", provenance(record)]) + "\n"


def alt(drawing: Drawing) -> str:
    """Return the first line of its docstring."""
    return str(drawing.__doc__).splitlines()[0].rstrip(".")


def svg(figure: Figure) -> str:
    """Return the same text for the same figure."""
    with rc_context({"svg.hashsalt": "symrank"}):
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def provenance(record: Record) -> str:
    """Say where the figures come from."""
    machine = record.get("machine", {})
    versions = ", ".join(f"{lib} {v}" for lib, v in record.get("versions", {}).items() if v)
    return (
        f"Measured on {record.get('date', '?')[:10]} at commit {record.get('commit') or '?'}: "
        f"{machine.get('processor', '?')}, {machine.get('cores', '?')} cores, "
        f"Python {machine.get('python', '?')}, {versions}."
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


def draw_langevin_accuracy(record: Record) -> Iterable[str]:
    """Measured and predicted errors at the two largest budgets."""
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


TABLES: dict[str, Draw] = {
    "everyday/compare": draw_everyday,
    "everyday/networks": draw_networks,
    "scaling/workers": draw_workers,
    "scaling/sizes": draw_sizes,
    "scaling/larger": draw_larger,
    "matrices/real": draw_real_matrices,
    "matrices/choice": draw_choice,
    "matrices/null_space": draw_null_space,
    "hostile/adversary": draw_adversary,
    "intervals/coverage": draw_coverage,
    "intervals/doors": draw_coverage_doors,
    "hostile/mutants": draw_mutants,
    "hostile/faults": draw_faults,
    "hostile/mutated_files": draw_mutated_files,
    "hostile/kkt": draw_kkt,
    "hostile/determinism": draw_determinism,
    "hostile/busy": draw_busy,
    "networks/loss_langevin": draw_loss_langevin,
    "networks/gradients": draw_gradients,
    "networks/products": draw_products,
    "networks/spectra": draw_spectra,
    "intervals/simultaneous": draw_simultaneous,
    "intervals/hofstadter": draw_hofstadter,
    "intervals/langevin_accuracy": draw_langevin_accuracy,
    "paper/budget": draw_langevin_paper_budget,
    "paper/table1": draw_paper_table1,
    "paper/fig1": draw_paper_fig1,
    "paper/fig2": draw_paper_fig2,
    "paper/fig3": draw_paper_fig3,
    "intervals/langevin_coverage": draw_langevin_coverage,
    "kernels/langevin": draw_langevin_kernels,
    "kernels/lanczos": partial(draw_kernels, key="n"),
    "paper/ubaru_saad": draw_ubaru_saad,
    "kernels/chebyshev": partial(draw_kernels, key="dtype"),
    "matrices/large_grid": draw_large_grid,
    "matrices/grid_laplacian": draw_grid_laplacian,
    "race/accuracy_per_matvec": draw_accuracy_per_matvec,
}

if __name__ == "__main__":
    write(Path(__file__).parent / "_build" / "results")
