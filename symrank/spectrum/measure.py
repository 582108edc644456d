r"""The spectral measures of all probes, pooled: what a run knows of the spectrum as a whole.

`symrank.spectrum.lanczos_run` bounds the mass that one probe has in an interval,
`symrank.spectrum.intervals` turns the bounds of all probes into a count, and
`symrank.spectrum.sums` turns their nodes and weights into traces of functions with an error.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symrank.spectrum import parts, sums
from symrank.spectrum.brackets import narrower
from symrank.spectrum.intervals import BetaInterval
from symrank.spectrum.lanczos_run import LanczosRun
from symrank.spectrum.pooled import PooledRuns
from symrank.spectrum.region import Edge, Region
from symrank.spectrum.sums import Estimate, Kind
from symrank.support.typing import FloatArray

__all__ = ["LanczosRun", "RitzMeasure"]

STEEPEST = 0.8  # of what is open, still open after a doubling of the steps


@dataclass(frozen=True, eq=False, repr=False)
class RitzMeasure(PooledRuns):
    """The spectral measures of all probes, pooled: an estimate of the spectrum of A.

    Eigenvalues are in the units of the caller's operator: the runs' times `scale`.

    Parameters
    ----------
    runs
        One `LanczosRun` per probe.
    n
        Dimension.
    scale
        Unit of the runs' eigenvalues.
    is_complex
        Whether the probes were complex.
    num_looks
        How many looks at a growing set of probes share alpha.
    num_zeros
        Eigenvalues of A known to be zero that no probe saw, by the shape of a matrix or by deflate:
        `runs` are those of an operator of dimension n with all the others.
    """

    def trace(
        self,
        f: Callable[[FloatArray], FloatArray],
        *,
        kind: Kind | None = None,
        lower: float = 0.0,
    ) -> Estimate:
        """Estimate tr f(A) at no further product.

        Parameters
        ----------
        f
            Takes and returns an array; it must be defined at the Ritz values.
        kind
            ``"completely monotone"``: derivatives of f alternate, f > 0 first (1/(x + c),
            exp(-x)); ``"bernstein"``: those of f' do (log x, sqrt x, x/(x + c)). With either,
            Gauss and Gauss-Radau rules bound the quadrature error; without, it is estimated.
        lower
            A lower bound of the spectrum, used with `kind`; by default A is semidefinite. f must
            be of its kind from slightly below on: by 64
            `symrank.spectrum.lanczos_run.LanczosRun.drift`, for rounding.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> from symrank import gallery
        >>> A = gallery.diagonal(np.linspace(1.0, 2.0, 500))
        >>> measure = symrank.rank(A, method="lanczos", rng=1).measure
        >>> logdet = measure.trace(np.log, kind="bernstein", lower=0.5)
        >>> low, high = logdet.interval(0.99)
        >>> bool(low < np.log(np.linspace(1.0, 2.0, 500)).sum() < high)
        True
        """
        return sums.trace(self, f, kind, lower)

    def degrees_of_freedom(self, c: float) -> Estimate:
        """Estimate tr A (A + c I)^-1 for a semidefinite A and c > 0, in proved brackets."""
        return sums.degrees_of_freedom(self, c)

    def degrees_of_freedom_of_moduli(self, c: float) -> Estimate:
        """Estimate the sum of |lambda| / (|lambda| + c), c > 0, for any symmetric A."""
        return parts.degrees_of_freedom("moduli", self, c)

    def degrees_of_freedom_of_positive_part(self, c: float) -> Estimate:
        """Estimate the sum of lambda / (lambda + c) over lambda > 0; -A has the negative part."""
        return parts.degrees_of_freedom("positive part", self, c)

    def log_pseudo_determinant(self, tau: float) -> Estimate:
        """Estimate the sum of log |lambda| over |lambda| > tau; quadrature error estimated."""
        return sums.log_pseudo_determinant(self, tau)

    def intrinsic_dimension(self) -> Estimate:
        """Estimate tr A / |A| for a semidefinite A, the stable rank of its square root."""
        return sums.moment_rank(self, 1)

    def intrinsic_dimension_of_moduli(self) -> Estimate:
        """Estimate the sum of |lambda| over |A|, for any symmetric A."""
        return parts.intrinsic_dimension("moduli", self)

    def intrinsic_dimension_of_positive_part(self) -> Estimate:
        """Estimate the sum of the positive lambda over the largest one."""
        return parts.intrinsic_dimension("positive part", self)

    def stable_rank(self) -> Estimate:
        """Estimate |A|_F^2 / |A|^2 = tr A^2 / |A|^2 for any symmetric A."""
        return sums.moment_rank(self, 2)

    def effective_rank(self) -> Estimate:
        """Estimate exp(-sum_i p_i log p_i), p_i = |lambda_i| / sum_j |lambda_j|.

        A ratio of two sums: its error is that of the linear part.

        References
        ----------
        .. [1] O. Roy and M. Vetterli, "The effective rank: a measure of effective
           dimensionality", EUSIPCO 2007.
        """
        return sums.entropy_rank(self)

    def null_mass(self, tau: float, *, radau: bool = True) -> tuple[float, float]:
        """Pooled bounds on the share of the probes in the eigenvalues |lambda| <= tau."""
        bounds = [run.null_mass(tau / self.scale, radau=radau) for run in self.runs]
        return self.pool(narrower(bounds)[0])

    def uncounted_mass(self, region: Region) -> tuple[float, float]:
        """Pooled bounds on the share of the probes in what does not count.

        `region` is in the units of the runs.
        """
        return self.pool(narrower([run.uncounted_mass(region) for run in self.runs])[0])

    def at_ends(
        self, region: Region, confidence: float
    ) -> tuple[tuple[Edge, float, tuple[int, int]], ...]:
        """Return every band of a region, its proved mass, and bounds on its eigenvalues."""
        found = []
        for edge in region.bands:
            mass = self.pool(narrower([run.band_mass(edge) for run in self.runs])[0])
            count = self.interval_from(1.0 - mass[1], 1.0 - mass[0])(confidence)
            found.append((edge, mass[0], count))
        return tuple(found)

    def least_between(
        self, low: float, high: float, confidence: float, *, is_signed: bool = False
    ) -> int:
        """Return how many eigenvalues are proved to lie between two levels; 0 where none is.

        Parameters
        ----------
        low, high
            The levels, ``low < |lambda| <= high``, in the units of the runs.
        confidence
            Of the number; that there is one at all is certain.
        is_signed
            Whether lambda itself and not its modulus is meant.
        """

        def below(run: LanczosRun, level: float) -> tuple[float, float]:
            bounds = run.mass_left if is_signed else run.null_mass
            return bounds(level, radau=False)

        least = np.zeros(len(self.runs))
        for j, run in enumerate(self.runs):
            sizes = run.ritz_values if is_signed else np.abs(run.ritz_values)
            if ((sizes > low) & (sizes <= high)).any():
                least[j] = max(0.0, below(run, high)[0] - below(run, low)[1])
        if not least.any():
            return 0
        return self.n - self.interval_from(float(self._share @ least), 1.0)(confidence)[1]

    def likely_mass(self, region: Region, low: float, high: float) -> float:
        r"""Guess the mass of what does not count, between its proved bounds; no bound itself.

        Until the null space is resolved the upper bound is the Christoffel function at the cut,
        the null mass and what the steps do not tell from it. That rest is multiplied by some
        :math:`\rho` as the steps double: :math:`2^{-p}` where the counting function starts as
        :math:`x^{p/2}` (a Laplacian), less above a gap, 1 for a log-uniform spectrum. Bounds
        :math:`h_1, h_2, h_3` at a quarter, half and all of the steps give Aitken's

        .. math:: h_3 - (h_2 - h_3) \frac{\rho}{1 - \rho}, \quad
            \rho = \frac{h_2 - h_3}{h_1 - h_2},

        clipped to the bounds. `STEEPEST` bounds :math:`\rho`, against rounding and for spectra
        that have no limit in sight.

        Parameters
        ----------
        region
            What does not count, in the units of the runs.
        low, high
            Bounds on its pooled mass.
        """
        if self.n * (high - low) < 0.5 or min(run.alpha.size for run in self.runs) < 4:
            return 0.5 * (low + high)
        quarter, half = (self._highest(region, part) for part in (4, 2))
        before, now = quarter - half, half - high
        rho = min(now / before, STEEPEST) if before > 0.0 else STEEPEST
        return min(max(high - max(now, 0.0) * rho / (1.0 - rho), low), high)

    def _highest(self, region: Region, part: int) -> float:
        """Return the upper bound of what does not count that one step in `part` gave."""
        leading = [run.leading(run.alpha.size // part) for run in self.runs]
        return self.pool(narrower([run.uncounted_mass(region) for run in leading])[0])[1]

    def interval_from(self, low: float, high: float) -> BetaInterval:
        """Return the Beta interval that belongs to bounds on the pooled null mass."""
        return BetaInterval(
            n=self.n,
            num_probes=len(self.runs),
            null_low=low,
            null_high=high,
            num_looks=self.num_looks,
            is_complex=self.is_complex,
        )

    def inertia(
        self, tau: float, confidence: float
    ) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Intervals of n_plus, n_zero and n_minus at the cut, that hold all at once.

        Gauss-Radau bounds at tau and -tau, and the contour bound of the null mass; alpha is split
        evenly over the three.
        """
        if self.spectral_norm == 0.0:  # A z = 0 for a Gaussian z: there is no level to stand at
            zero = self.n + self.num_zeros
            return (0, 0), (zero, zero), (0, 0)
        level = 1.0 - (1.0 - confidence) / 3.0
        x = tau / self.scale
        left = narrower([run.mass_left(-x) for run in self.runs])[0]
        right = narrower([run.mass_left(x) for run in self.runs])[0]
        null = narrower([run.null_mass(x) for run in self.runs])[0]
        found = []
        for low, high in (  # of what does not count
            self.pool(right),
            self.pool(1.0 - null[:, ::-1]),
            self.pool(1.0 - left[:, ::-1]),
        ):
            found.append(self.interval_from(low, high)(level))
        plus, (zero_low, zero_high), minus = found
        return plus, (zero_low + self.num_zeros, zero_high + self.num_zeros), minus

    def counting_function(self, tau: FloatArray, confidence: float) -> FloatArray:
        """Estimate and band of #{|lambda| > tau}; (3, len(tau)): estimate, low, high.

        The band is that of eqs. (2) and (3): no eigenproblem per cut. A cut is as sharp as the
        products (`symrank.spectrum.region`), and none lies below the noise floor.
        """
        norm, rows = self.spectral_norm / self.scale, []
        floor = max(run.floor for run in self.runs)
        delta = max(run.sharpness for run in self.runs)
        for cut in np.atleast_1d(tau):
            estimate = self.n * float(self.weights[np.abs(self.ritz_values) > cut].sum())
            region = Region.level((norm, norm), floor, delta, float(cut) / self.scale, None)
            bounds = self.pool(
                narrower([run.uncounted_mass(region, radau=False) for run in self.runs])[0]
            )
            low, high = self.interval_from(*bounds)(confidence)
            rows.append((min(max(estimate, low), high), low, high))
        return np.array(rows).T
