"""Figures without a display, beside the results that they show."""

from typing import Any

from bench import record


def pyplot() -> Any:
    """Return matplotlib.pyplot that needs no display."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def keep(figure: Any, name: str) -> str:
    """Write bench/results/NAME.svg without a date."""
    path = record.RESULTS / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    return str(path)
