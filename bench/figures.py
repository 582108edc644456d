"""Figures of the results, drawn from their JSON when the documents are built.

A folder with figures has a module `drawing`; a function there takes a record and returns a figure.
"""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

Record = dict[str, Any]
Drawing = Callable[[Record], Figure]

BLUE, GREEN, RED, PINK = "#0072B2", "#009E73", "#D55E00", "#CC79A7"  # Okabe and Ito
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "black", "grey"


def drawings() -> dict[str, Drawing]:
    """Return what draws the figure of a result, by the name of the result."""
    from bench.intervals import drawing as intervals
    from bench.kernels import drawing as kernels
    from bench.networks import drawing as networks
    from bench.paper import drawing as paper
    from bench.race import drawing as race

    return {
        "intervals/langevin_accuracy": intervals.langevin_accuracy,
        "kernels/langevin": kernels.langevin,
        "networks/spectra": networks.spectra,
        "paper/table1": paper.table1,
        "paper/fig1": paper.fig1,
        "paper/fig2": paper.fig2,
        "paper/fig3": paper.fig3,
        "race/accuracy_per_matvec": race.accuracy_per_matvec,
    }
