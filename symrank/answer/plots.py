"""Draw an answer: how many eigenvalues lie above each cut, and how well that is known.

Figures are plain objects; no global state is touched.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from symrank.errors import MissingBackendError, OptionError
from symrank.spectrum import curves
from symrank.spectrum.known import Known
from symrank.spectrum.measure import RitzMeasure
from symrank.spectrum.outcome import Gap
from symrank.spectrum.signed import Sampled
from symrank.support.typing import FloatArray

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "matplotlib":
        raise
    raise MissingBackendError(
        "drawing a result needs matplotlib: pip install 'symrank-linalg[plot]'."
    ) from error

__all__ = [
    "FORMATS",
    "Answer",
    "check_path",
    "draw",
    "draw_cdf",
    "draw_density",
    "new_axes",
    "save_plot",
]

FORMATS = (".png", ".svg")
SIZE = (7.0, 4.2)  # inches: fits a page and a slide
MIN_CUTS, MAX_CUTS = 8, 36  # at each the band takes one eigenvalue problem per probe
WORK = 2e8  # sum of squared orders of those problems: some seconds
POINTS = 60  # at which a signed curve is drawn: some seconds for a long run
WINDOWS = 50  # of a density across the spectrum, where the steps resolve as many
BLUE, GREY, RED = "#1f5fa8", "#b8bfc8", "#b3261e"


class Answer(NamedTuple):
    """A count with its interval."""

    rank: int
    low: int
    high: int
    confidence: float


def draw(
    spectrum: RitzMeasure | Sequence[float],
    *,
    gaps: Sequence[Gap],
    cut: float,
    answer: Answer,
    where: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw the counting function #{|lambda| > tau} and a count at a cut.

    The line is the estimate, the shade round it the band at the confidence of the answer. Grey
    stripes are the gaps, the dashed line is the cut, and the point on it is the answer with its
    interval. The band holds at every single cut with that confidence, not at all of them at once.

    Parameters
    ----------
    spectrum
        A Ritz measure, or all eigenvalues, which have no band.
    gaps
        Plateaus, the one next to the cut first.
    cut
        Eigenvalues with ``|lambda| > cut`` count.
    answer
        The count.
    where
        What it was found for and how, in the title.
    ax
        Where to draw; default: the axes of a new `matplotlib.figure.Figure`.

    Returns
    -------
    Axes
        Save its figure by `save_plot`, or hand it to a notebook.
    """
    magnitudes, counts = _staircase_of(spectrum)
    ax = new_axes(ax)
    left, right = _window(cut, magnitudes)
    ax.set_xscale("log")
    ax.set_xlim(left, right)
    _draw_gaps(gaps, ax, left, right)
    top = 0.0
    if isinstance(spectrum, RitzMeasure):
        edges = [edge for gap in gaps[:1] for edge in (gap.low, 0.99 * gap.high)]
        cuts = _cuts(spectrum, [*edges, cut], left, right)
        top = _draw_band(spectrum, answer.confidence, ax, cuts)
    x, y = _staircase(magnitudes, counts, left, right)
    ax.plot(x, y, color=BLUE, lw=1.6, label="estimate")
    _draw_answer(answer, cut, ax, left)
    _write_labels(answer, where, ax)
    top = max(top, answer.high, y[0], 1.0)
    ax.set_ylim(-0.03 * top, 1.06 * top)
    return ax


def draw_cdf(spectrum: Sampled | Known, confidence: float, ax: Axes | None = None) -> Axes:
    """Draw #{lambda <= x}, the band at each x and, paler, the one that holds at all x at once."""
    ax = new_axes(ax)
    x = _places(spectrum)
    for simultaneous, alpha in ((True, 0.15), (False, 0.25)):
        curve = curves.cdf(spectrum, x, confidence, simultaneous=simultaneous)
        where = "at once" if simultaneous else "at each x"
        label = f"{confidence:.0%} band, {where}"
        ax.fill_between(x, curve.low, curve.high, color=BLUE, alpha=alpha, lw=0, label=label)
    ax.plot(x, curve.estimate, color=BLUE, lw=1.6, label="estimate")
    ax.set_xlabel(r"$x$")
    ax.set_ylabel("eigenvalues at most x")
    ax.set_title(f"staircase of n = {spectrum.n} eigenvalues", fontsize="medium", loc="left")
    ax.legend(fontsize="small", frameon=False)
    return ax


def draw_density(
    spectrum: Sampled | Known, width: float | None, confidence: float, ax: Axes | None = None
) -> Axes:
    """Draw the density of states in windows side by side, each with its interval."""
    ax = new_axes(ax)
    left, right = _ends(spectrum)
    if width is None:
        spacing = max(spectrum.spacing(float(x)) for x in np.linspace(left, right, WINDOWS))
        width = max(spacing, (right - left) / WINDOWS)
    num = max(1, int(np.ceil((right - left) / width)))
    start = 0.5 * (left + right - num * width)
    x = start + width * (np.arange(num) + 0.5)
    found = curves.density(spectrum, x, width, confidence)
    edges = start + width * np.arange(num + 1)
    label = f"{confidence:.0%} interval"
    ax.stairs(
        found.high, edges, baseline=found.low, fill=True, color=BLUE, alpha=0.22, lw=0, label=label
    )
    ax.stairs(found.estimate, edges, color=BLUE, lw=1.6, label=f"windows of {width:.3g}")
    ax.set_xlabel(r"$\lambda$")
    ax.set_ylabel("share of eigenvalues per unit")
    ax.set_title(f"density of n = {spectrum.n} eigenvalues", fontsize="medium", loc="left")
    ax.legend(fontsize="small", frameon=False)
    return ax


def new_axes(ax: Axes | None) -> Axes:
    """Return the axes that were given, or those of a new figure."""
    return Figure(figsize=SIZE, layout="constrained").add_subplot() if ax is None else ax


def _ends(spectrum: Sampled | Known) -> tuple[float, float]:
    """Return ends of an axis round the spectrum as it was seen."""
    if isinstance(spectrum, Known):
        least, most = spectrum.span
    else:
        least, most = spectrum.measure.ritz_values[[0, -1]].tolist()
    pad = 0.02 * (most - least) or max(abs(least), 1.0)
    return least - pad, most + pad


def _places(spectrum: Sampled | Known) -> FloatArray:
    """Return where a staircase is drawn: evenly on the axis, and evenly in the count."""
    left, right = _ends(spectrum)
    ranks = np.unique(np.linspace(1, max(spectrum.n, 1), POINTS // 2).astype(int))
    even = [spectrum.likely(k) for k in ranks.tolist()] if spectrum.n else []
    return np.unique(np.concatenate([np.linspace(left, right, POINTS // 2), even]))


def check_path(path: str | Path) -> Path:
    """Return the path of a figure, or raise `OptionError` before any work is spent."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise OptionError(f"a figure is written as {' or '.join(FORMATS)}, and not as {path}.")
    if path.is_dir() or not path.parent.is_dir():
        raise OptionError(f"{path} cannot be written: its folder must exist, and it be a file.")
    return path


def save_plot(ax: Axes, path: str | Path) -> None:
    """Write the figure of `ax` to a .png or .svg file, which is replaced.

    Raises
    ------
    OptionError
        For another format, or a missing folder.
    """
    path = check_path(path)
    try:
        cast(Figure, ax.figure).savefig(path, dpi=160)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error}.") from error


def _staircase_of(spectrum: RitzMeasure | Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Return |lambda|, ascending, and how many eigenvalues each value stands for."""
    if isinstance(spectrum, RitzMeasure):
        values, counts = spectrum.ritz_values, spectrum.n * spectrum.weights
    else:
        values = np.asarray(spectrum, dtype=np.float64)
        counts = np.ones(values.size)
    magnitudes = np.abs(values)
    order = np.argsort(magnitudes, kind="stable")
    return magnitudes[order], counts[order]


def _window(cut: float, magnitudes: FloatArray) -> tuple[float, float]:
    """Return the ends of the axis: from below the cut to above the largest eigenvalue."""
    right = max(float(magnitudes.max(initial=0.0)), 10.0 * cut)
    if right == 0.0:
        return 0.1, 10.0
    tiny = np.finfo(np.float64).tiny
    left = cut / 30.0 if cut > 0.0 else right * 1e-17
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


def _draw_gaps(gaps: Sequence[Gap], ax: Axes, left: float, right: float) -> None:
    """Draw the plateaus as stripes."""
    label = "gap"
    for gap in (gap for gap in gaps if left < gap.high):
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


def _draw_answer(answer: Answer, cut: float, ax: Axes, left: float) -> None:
    """Draw the cut, and on it the rank with its interval."""
    tau = max(cut, left)
    ax.axvline(tau, color=RED, lw=1.0, ls="--", label=f"cut {cut:.2g}")
    ax.errorbar(
        [tau],
        [answer.rank],
        yerr=[[answer.rank - answer.low], [answer.high - answer.rank]],
        fmt="o",
        ms=5,
        capsize=4,
        color=RED,
        label="rank and interval",
    )


def _write_labels(answer: Answer, where: str, ax: Axes) -> None:
    """Write axes, title and legend."""
    ax.set_xlabel(r"cut $\tau$ on $|\lambda|$")
    ax.set_ylabel("eigenvalues above the cut")
    rank, low, high, confidence = answer
    title = f"rank {rank} in [{low}, {high}] at {confidence:.0%}, {where}"
    ax.set_title(title, fontsize="medium", loc="left")
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=5, fontsize="small", frameon=False
    )
