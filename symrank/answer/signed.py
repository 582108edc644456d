"""What a result says of the signed spectrum, lambda itself and not its modulus."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from symrank.errors import OptionError
from symrank.spectrum import curves
from symrank.spectrum.curves import Cdf, Density, Quantiles, Slices
from symrank.spectrum.intervals import Hull, Interval
from symrank.spectrum.known import Known
from symrank.spectrum.measure import RitzMeasure
from symrank.spectrum.signed import Sampled
from symrank.support.options import check_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SignedSpectrum"]

Ends = tuple[int, int]


def _signs_within(signs: tuple[Ends, Ends], rank: Ends) -> tuple[Ends, Ends]:
    """Return bounds on n_plus and n_minus that their sum, the rank, allows; it may be wider.

    What a rank may have beyond both signs together, where units decide, may be of either sign.
    """
    (plus, most_plus), (minus, most_minus) = signs
    low, high = rank
    more = max(0, high - most_plus - most_minus)
    most_plus, most_minus = most_plus + more, most_minus + more
    fewer = max(0, plus + minus - low)
    plus, minus = max(0, plus - fewer), max(0, minus - fewer)
    return (
        (max(plus, low - most_minus), min(most_plus, high - minus)),
        (max(minus, low - most_plus), min(most_minus, high - plus)),
    )


class SignedSpectrum:
    """Questions about the signed spectrum that a finished run answers at no further product.

    They need a Ritz measure, as ``method="lanczos"`` leaves one, or all eigenvalues, as
    ``method="dense"`` does; with a preconditioner G they speak of G A.
    """

    if TYPE_CHECKING:  # fields of the result
        n: int
        dtype: str
        method: str
        confidence: float
        threshold: float
        bounds: tuple[float, float]
        inertia: tuple[int, int, int] | None
        between: tuple[float, float] | None
        evidence: Interval
        measure: RitzMeasure | None
        diagnostics: Mapping[str, Any]

        def interval(self, confidence: float | None = None) -> Ends:
            """Return integers that hold the count."""

    def cdf(self, x: Any, confidence: float | None = None, *, simultaneous: bool = False) -> Cdf:
        """Count the eigenvalues ``lambda <= x``, the integrated density of states.

        Parameters
        ----------
        x
            A number or an array (t,); infinite ends may be asked for. Each is as sharp as the
            products, and 0 asks for signs, as the ends of `symrank.count`.
        confidence
            Of the band; that of the run by default.
        simultaneous
            False: the band holds at each x by itself. True: it holds at all x of the line at once,
            asked for or not (`symrank.spectrum.path`), and so also at any x chosen by the data.

        Returns
        -------
        Cdf
            Numbers of eigenvalues; divide by its `n` for shares.

        Raises
        ------
        OptionError
            If `x` is no array of numbers, or the method kept no spectrum.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> from symrank import gallery
        >>> A = gallery.diagonal(np.linspace(-1.0, 1.0, 200))
        >>> curve = symrank.rank(A, "lanczos", rng=1).cdf([-0.5, 0.0, 0.5], simultaneous=True)
        >>> bool((curve.low <= [50, 100, 150]).all() and ([50, 100, 150] <= curve.high).all())
        True
        """
        level = self._level(confidence)
        return curves.cdf(self._spectrum(), x, level, simultaneous=bool(simultaneous))

    def density(self, x: Any, width: float, confidence: float | None = None) -> Density:
        """Estimate the density of states: shares of eigenvalues in windows, per unit of lambda.

        A window is ``(x - width/2, x + width/2]``, so that each value is a count with the interval
        of a count. Mind its ``resolution``: the steps tell nothing finer.

        Parameters
        ----------
        x
            Centres, a number or an array (t,).
        width
            Of a window.
        confidence
            Of each interval by itself; that of the run by default.

        Returns
        -------
        Density

        Raises
        ------
        OptionError
            If `x` or `width` is out of range, the window is narrower than the noise of the
            products, or the method kept no spectrum.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> from symrank import gallery
        >>> A = gallery.diagonal(np.linspace(-1.0, 1.0, 200))
        >>> found = symrank.rank(A, "lanczos", rng=1).density([-0.5, 0.5], 0.4)
        >>> bool((found.low <= 0.5).all() and (found.high >= 0.5).all()), found.is_resolved
        (True, True)
        """
        width = check_number("width", width, lambda w: 0.0 < w < np.inf, "must be positive.")
        return curves.density(self._spectrum(), x, width, self._level(confidence))

    def quantiles(self, q: Any, confidence: float | None = None) -> Quantiles:
        """Return the eigenvalues below or at which shares `q` of all lie, with intervals.

        Parameters
        ----------
        q
            Shares between 0 and 1, a number or an array (t,); the eigenvalue of q is number
            ``ceil(q n)`` from below, at least the first.
        confidence
            Of each interval by itself; that of the run by default.

        Returns
        -------
        Quantiles

        Raises
        ------
        OptionError
            If `q` is out of range, or the method kept no spectrum.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> from symrank import gallery
        >>> A = gallery.diagonal(np.linspace(-1.0, 1.0, 201))
        >>> median = symrank.rank(A, "lanczos", rng=1).quantiles(0.5)
        >>> bool(median.low[0] <= 0.0 <= median.high[0]), median.order[0].item()
        (True, 101)
        """
        return curves.quantiles(self._spectrum(), q, self._level(confidence))

    def slices(self, k: int, confidence: float | None = None) -> Slices:
        """Cut the spectrum into `k` intervals with about as many eigenvalues each.

        For solvers that take an interval at a time (FEAST, EVSL, SLEPc's slicing). Where many
        eigenvalues coincide no edge can part them, and there are fewer slices.

        Parameters
        ----------
        k
            How many, 1 to n.
        confidence
            Of all intervals at once; that of the run by default.

        Returns
        -------
        Slices
            The outer edges hold all eigenvalues; they are infinite after steps too few for a bound
            of the norm.

        Raises
        ------
        OptionError
            If `k` is out of range, or the method kept no spectrum.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> from symrank import gallery
        >>> A = gallery.diagonal(np.linspace(-1.0, 1.0, 200))
        >>> parts = symrank.rank(A, "lanczos", rng=1).slices(4)
        >>> bool((parts.low <= 50).all() and (parts.high >= 50).all())
        True
        """
        return curves.slices(self._spectrum(), k, self._level(confidence))

    def plot_cdf(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the staircase #{lambda <= x} with both bands (needs matplotlib).

        Examples
        --------
        >>> import numpy as np, symrank
        >>> symrank.rank(np.diag([3.0, 1.0, -2.0])).plot_cdf().get_ylabel()
        'eigenvalues at most x'
        """
        from symrank.answer import plots

        return plots.draw_cdf(self._spectrum(), self._level(None), ax)

    def plot_density(self, width: float | None = None, ax: "Axes | None" = None) -> "Axes":
        """Draw the density of states with its intervals (needs matplotlib).

        Parameters
        ----------
        width
            Of the windows; by default what the steps resolve, or a fiftieth of the spectrum where
            that is more.
        ax
            Where to draw; default: the axes of a new figure.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> symrank.rank(np.diag([3.0, 1.0, -2.0])).plot_density(0.5).get_ylabel()
        'share of eigenvalues per unit'
        """
        from symrank.answer import plots

        if width is not None:
            width = check_number("width", width, lambda w: 0.0 < w < np.inf, "must be positive.")
        return plots.draw_density(self._spectrum(), width, self._level(None), ax)

    def inertia_intervals(
        self, confidence: float | None = None
    ) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Return intervals of n_plus, n_zero and n_minus that hold all at once.

        Raises
        ------
        OptionError
            Where the method has seen no signs, or the result is a count.
        """
        if self.inertia is not None and self.bounds[0] == self.bounds[1]:
            plus, zero, minus = self.inertia
            return (plus, plus), (zero, zero), (minus, minus)
        level = self.confidence if confidence is None else confidence
        low, high = self.interval(level)
        if self.between is None and (known := self._proved_signs((low, high))):
            return known[0], (self.n - high, self.n - low), known[1]
        if self.measure is None or self.between is not None:
            raise OptionError(
                f"method={self.method!r} left no Ritz measure of a rank, so there are no intervals "
                "of the inertia: run symrank.inertia(A), or rank with method='lanczos'."
            )
        plus_ends, zero_ends, minus_ends = self.measure.inertia(self.threshold, level)
        if isinstance(self.evidence, Hull):  # what else may count has either sign
            plus_ends, minus_ends = (
                (mine[0], max(mine[1], high - other[0]))
                for mine, other in ((plus_ends, minus_ends), (minus_ends, plus_ends))
            )
            zero_ends = min(zero_ends[0], self.n - high), max(zero_ends[1], self.n - low)
        return plus_ends, zero_ends, minus_ends

    def _proved_signs(self, rank: Ends) -> tuple[Ends, Ends] | None:
        """Return bounds on n_plus and n_minus of a rank within `rank`, where no sampling enters."""
        found = self.diagnostics
        if "n_plus" in found and "n_minus" in found:  # of pivots
            plus, minus = found["n_plus"], found["n_minus"]
            return _signs_within(((plus[0], plus[1]), (minus[0], minus[1])), rank)
        if self.measure is not None or "eigenvalues" not in found:
            return None
        low, high = rank  # the largest `low` are sure; what is open may have either sign
        values = np.asarray(found["eigenvalues"], np.float64)
        largest = values[np.argsort(-np.abs(values), kind="stable")][:low]
        plus, more = int((largest > 0.0).sum()), high - low
        return (plus, plus + more), (low - plus, low - plus + more)

    def _level(self, confidence: float | None) -> float:
        level = self.confidence if confidence is None else confidence
        rule = "must lie between 0 and 1, for example 0.95."
        return check_number("confidence", level, lambda x: 0.0 < x < 1.0, rule)

    def _spectrum(self) -> Sampled | Known:
        """Return what was kept of the spectrum."""
        measure, evidence = self.measure, self.diagnostics
        if measure is not None:
            return Sampled(measure)
        if "eigenvalues" not in evidence:
            raise OptionError(
                f"method={self.method!r} kept no spectrum: run method='lanczos' or 'dense' by "
                "name, or restore a result saved by to_dict(measure=True)."
            )
        values = np.asarray(evidence["eigenvalues"], np.float64)
        values = np.sort(np.append(values, np.zeros(self.n - values.size)))
        eps = float(np.finfo(self.dtype).eps)
        norm = float(np.abs(values).max(initial=0.0))
        rounding = max(values.size, 1) * eps * norm
        return Known(
            values,
            error=evidence.get("eigenvalue_error", 10.0 * rounding),
            floor=evidence.get("noise_floor", rounding),
        )
