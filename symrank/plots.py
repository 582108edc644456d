"""Draw a result: how many eigenvalues lie above each cut, and how well that is known.

The only file that imports matplotlib. Figures are plain objects; no global state is touched.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from symrank._typing import FloatArray
from symrank.errors import MissingBackendError, OptionError
from symrank.measure import RitzMeasure
from symrank.result import RankResult

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "matplotlib":
        raise
    raise MissingBackendError(
        "drawing a result needs matplotlib: pip install 'symrank-linalg[plot]'."
    ) from error

__all__ = ["FORMATS", "check_path", "plot_result", "save_plot"]

FORMATS = (".png", ".svg")
SIZE = (7.0, 4.2)  # inches: fits a page and a slide
MIN_CUTS, MAX_CUTS = 8, 36  # at each the band takes one eigenvalue problem per probe
WORK = 2e8  # sum of squared orders of those problems: some seconds
BLUE, GREY, RED = "#1f5fa8", "#b8bfc8", "#b3261e"


def plot_result(result: RankResult, ax: Axes | None = None) -> Axes:
    """Draw the counting function #{|lambda| > tau} of a result.

    The line is the estimate, the shade round it the band at the confidence of the run. Grey
    stripes are the gaps, the dashed line is the cut, and the point on it is the answer with its
    interval. The band holds at every single cut with that confidence, not at all of them at once.

    Parameters
    ----------
    result
        With a Ritz measure (Lanczos) or all eigenvalues (dense).
    ax
        Where to draw; default: the axes of a new `matplotlib.figure.Figure`.

    Returns
    -------
    Axes
        Save its figure by ``ax.figure.savefig``, or hand it to a notebook.

    Raises
    ------
    OptionError
        Where the method kept no spectrum.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> ax = symrank.rank(np.diag([3.0, 1.0, 0.0])).plot()
    >>> ax.get_ylabel()
    'eigenvalues above the cut'
    """
    magnitudes, counts = _spectrum(result)
    if ax is None:
        ax = Figure(figsize=SIZE, layout="constrained").add_subplot()
    left, right = _window(result, magnitudes)
    ax.set_xscale("log")
    ax.set_xlim(left, right)
    _draw_gaps(result, ax, left, right)
    top = 0.0
    if result.measure is not None:
        edges = [edge for gap in result.gaps[:1] for edge in (gap.low, 0.99 * gap.high)]
        cuts = _cuts(result.measure, [*edges, result.threshold], left, right)
        top = _draw_band(result.measure, result.confidence, ax, cuts)
    x, y = _staircase(magnitudes, counts, left, right)
    ax.plot(x, y, color=BLUE, lw=1.6, label="estimate")
    low, high = _draw_answer(result, ax, left)
    _write_labels(result, ax, low, high)
    top = max(top, high, y[0], 1.0)
    ax.set_ylim(-0.03 * top, 1.06 * top)
    return ax


def check_path(path: str | Path) -> Path:
    """Return the path of a figure, or raise `OptionError` before any work is spent."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise OptionError(f"a figure is written as {' or '.join(FORMATS)}, and not as {path}.")
    if path.is_dir() or not path.parent.is_dir():
        raise OptionError(f"{path} cannot be written: its folder must exist, and it be a file.")
    return path


def save_plot(result: RankResult, path: str | Path) -> None:
    """Draw a result into a .png or .svg file.

    Parameters
    ----------
    result
        See `plot_result`.
    path
        Of the file, which is replaced.

    Raises
    ------
    OptionError
        For another format, a missing folder, or a result without a spectrum.
    """
    path = check_path(path)
    figure = Figure(figsize=SIZE, layout="constrained")
    plot_result(result, figure.add_subplot())
    try:
        figure.savefig(path, dpi=160)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error}.") from error


def _spectrum(result: RankResult) -> tuple[FloatArray, FloatArray]:
    """Return |lambda|, ascending, and how many eigenvalues each value stands for."""
    if result.measure is not None:
        values, counts = result.measure.ritz_values, result.measure.n * result.measure.weights
    elif "eigenvalues" in result.diagnostics:
        values = np.asarray(result.diagnostics["eigenvalues"], dtype=np.float64)
        counts = np.ones(values.size)
    else:
        raise OptionError(
            f"method={result.method!r} keeps no spectrum, so there is no counting function to "
            "draw: run method='lanczos', or restore a result saved by to_dict(measure=True)."
        )
    magnitudes = np.abs(values)
    order = np.argsort(magnitudes, kind="stable")
    return magnitudes[order], counts[order]


def _window(result: RankResult, magnitudes: FloatArray) -> tuple[float, float]:
    """Return the ends of the axis: from below the cut to above the largest eigenvalue."""
    right = max(float(magnitudes.max(initial=0.0)), 10.0 * result.threshold)
    if right == 0.0:
        return 0.1, 10.0
    tiny = np.finfo(np.float64).tiny
    left = result.threshold / 30.0 if result.threshold > 0.0 else right * 1e-17
    return max(left, tiny), 3.0 * right


def _cuts(measure: RitzMeasure, always: Sequence[float], left: float, right: float) -> FloatArray:
    """Return where the band is computed: evenly on the axis and in the count, and at `always`."""
    cost = sum(run.alpha.size**2 for run in measure.runs)
    half = int(min(max(WORK / cost, MIN_CUTS), MAX_CUTS)) // 2
    magnitudes = np.abs(measure.ritz_values)
    order = np.argsort(magnitudes)
    share = np.cumsum(measure.weights[order])
    first = float(np.interp(left, magnitudes[order], share))
    places = np.interp(np.linspace(first, share[-1], half), share, magnitudes[order])
    cuts = np.concatenate([np.geomspace(left, right, half), places, always])
    return np.unique(np.clip(cuts, left, right))


def _staircase(
    magnitudes: FloatArray, counts: FloatArray, left: float, right: float
) -> tuple[FloatArray, FloatArray]:
    """Return the corners of the falling estimate; (m,), (m,)."""
    magnitudes, counts = magnitudes[magnitudes > left], counts[magnitudes > left]
    total = counts.sum()
    above = np.maximum(total - np.cumsum(counts), 0.0)  # just right of each value
    x = np.concatenate([[left], np.repeat(magnitudes, 2), [right]])
    y = np.repeat(np.concatenate([[total], above]), 2)
    return x, y


def _draw_gaps(result: RankResult, ax: Axes, left: float, right: float) -> None:
    """Draw the plateaus as stripes."""
    label = "gap"
    for gap in (gap for gap in result.gaps if left < gap.high):
        ends = max(gap.low, left), min(gap.high, right)
        ax.axvspan(*ends, color=GREY, alpha=0.3, lw=0, label=label)
        label = "_"  # only one in the legend


def _draw_band(measure: RitzMeasure, confidence: float, ax: Axes, cuts: FloatArray) -> float:
    """Draw between neighbouring cuts what the bounds on the null mass at both prove together.

    That mass grows with the cut. So the best lower bound from the left and the best upper bound
    from the right hold in between, for sure and at no cost in confidence: sampling comes after.
    Returns the top of the band.
    """
    low, high = np.array([measure.null_mass(float(cut)) for cut in cuts]).T
    low = np.maximum.accumulate(low)[:-1]
    high = np.minimum.accumulate(high[::-1])[::-1][1:]
    low = np.minimum(low, high)  # they may cross by rounding
    ends = [measure.interval_from(*pair)(confidence) for pair in zip(low, high, strict=True)]
    fewest, most = np.array(ends).T
    label = f"{confidence:.0%} band"
    ax.stairs(most, cuts, baseline=fewest, fill=True, color=BLUE, alpha=0.22, lw=0, label=label)
    return float(most.max())


def _draw_answer(result: RankResult, ax: Axes, left: float) -> tuple[int, int]:
    """Draw the cut, and on it the rank with its interval, which is returned."""
    tau = max(result.threshold, left)
    low, high = result.interval()
    ax.axvline(tau, color=RED, lw=1.0, ls="--", label=f"cut {result.threshold:.2g}")
    ax.errorbar(
        [tau],
        [result.rank],
        yerr=[[result.rank - low], [high - result.rank]],
        fmt="o",
        ms=5,
        capsize=4,
        color=RED,
        label="rank and interval",
    )
    return low, high


def _write_labels(result: RankResult, ax: Axes, low: int, high: int) -> None:
    """Write axes, title and legend."""
    ax.set_xlabel(r"cut $\tau$ on $|\lambda|$")
    ax.set_ylabel("eigenvalues above the cut")
    answer = f"rank {result.rank} in [{low}, {high}] at {result.confidence:.0%}"
    ax.set_title(f"{answer}, n = {result.n}, {result.method}", fontsize="medium", loc="left")
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=5, fontsize="small", frameon=False
    )
