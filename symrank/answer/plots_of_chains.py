"""Draw the energy of chains on a loss: Theorem 1's curve, and what the run made of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symrank.answer.plots import BLUE, GREY, RED, new_axes

__all__ = ["draw_curve"]


def draw_curve(
    curve: Mapping[str, Any], *, rank: float, trace: float, where: str, ax: Axes | None = None
) -> Axes:
    """Draw the energy of chains on a loss over time: Theorem 1's curve, in units of a count.

    Dots are 4 L / sigma^2 of every step, averaged over the chains, the thin line what the pilot's
    spectrum predicts, the stripe the window, the line in it the running mean, and the dashed line
    the slope at zero, 2 tr(GA) in these units, eq. (13).

    Parameters
    ----------
    curve
        ``result.diagnostics["curve"]``.
    rank
        The estimate.
    trace
        tr(GA).
    where
        What it was found for and how, in the title.
    ax
        As of `draw`.
    """
    ax = new_axes(ax)
    time = np.asarray(curve["time"])
    ax.plot(time, curve["loss"], ".", ms=2.5, color=GREY, label=r"$4 L / \sigma^2$")
    ax.plot(time, curve["predicted"], color="black", lw=0.9, label="predicted by the pilot")
    ax.axvspan(*curve["window"], color=GREY, alpha=0.25, lw=0, label="window")
    ax.plot(curve["running_time"], curve["running"], color=BLUE, lw=1.6, label="running estimate")
    if trace > 0.0 and not curve["is_kinetic"]:
        end = min(rank / (2.0 * trace), float(time[-1]))
        ax.plot([0.0, end], [0.0, 2.0 * trace * end], color=RED, lw=1.0, ls="--", label="slope")
    ax.set_xlabel("time of the chain")
    ax.set_ylabel("energy, in eigenvalues")
    ax.set_title(where, fontsize="medium", loc="left")
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=5, fontsize="small", frameon=False
    )
    return ax
