r"""What a short Lanczos run says before the first chain starts.

lambda_max with a proved margin, the sign of the spectrum, a measure to tune the scheme on, and a
bound of the bias: with D = 1 - phi averaged over the window, F the counting function of n times
the spectral measure and x_0 = tau < x_1 < .. a grid, the modes that are not settled amount to

    int_(tau, oo) D dF <= sum_j (D(x_j) - D(x_(j+1))) (F_high(x_(j+1)) - F_low(tau))            (1)

for a decreasing majorant D, and F_low, F_high the certified bounds of `symrank.spectrum.measure`.
That is the mass as the probes see it; a chi-square law of their number turns it into a bound of the
sum.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import scipy.special

from symrank.methods.base import Goal, Summary, Task, Tick, bands
from symrank.methods.summaries import sampled
from symrank.operators import Operator
from symrank.recurrences import lanczos
from symrank.recurrences.norm import norm_of
from symrank.spectrum.filters import Scheme
from symrank.spectrum.margins import lambda_max_margin
from symrank.spectrum.measure import RitzMeasure
from symrank.spectrum.outcome import Status
from symrank.spectrum.region import Region
from symrank.support import probes
from symrank.support.cached import cached_property
from symrank.support.typing import FloatArray

__all__ = ["KEY", "PROBES", "Pilot", "advance", "after_pilot", "pilot_task"]

KEY = ("pilot",)
PROBES = 2  # few and long: what is soft decides on filter, burn-in and friction
STEPS = 1024  # at most, at first
SHARE = 0.1  # of the budget at most, at first
GRID = 48  # points of eq. (1)
TAIL = 1e-3  # probability that the probes mislead the bias bound, each side
PER_DECADE = 8  # bins of the measure on which a scheme is tuned
STEEPEST, FLATTEST = 0.05, 0.5  # count of a decade over that of the next, beyond what was resolved
SOFTEST = 1e-10  # modes below this share of lambda_max settle in no affordable run


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """A finished pilot; eigenvalues are those that the chains see (squared where indefinite)."""

    measure: RitzMeasure  # of the operator itself
    region: Region  # what does not count
    null: tuple[float, float]  # certified bounds on the probes' mass there
    is_indefinite: bool
    num_products: int

    @classmethod
    def of(cls, measure: RitzMeasure, goal: Goal, num_steps: int) -> "Pilot":
        """Read a pilot off the measure of its probes."""
        norm = norm_of(measure.runs, goal.n, num_steps)
        region = goal.region(norm.low, norm.proved_margin)
        return cls(
            measure=measure,
            region=region,
            null=measure.uncounted_mass(region),
            # a Ritz value lies in the numerical range: one below the noise proves a negative one,
            # on which a chain explodes whether it counts or not
            is_indefinite=bool(measure.ritz_values[0] < -region.floor),
            num_products=num_steps * len(measure.runs),
        )

    @property
    def tau(self) -> float:
        """The cut."""
        return self.region.cut

    @property
    def inner(self) -> float:
        """Below it nothing counts."""
        return self.region.high.left

    @property
    def outer(self) -> float:
        """Above it all counts."""
        return self.region.high.right

    @property
    def power(self) -> int:
        """2 where the chains run on the square of the operator."""
        return 2 if self.is_indefinite else 1

    @cached_property
    def lambda_max(self) -> float:
        """Upper bound of the largest eigenvalue, at the proved margin."""
        runs = self.measure.runs
        steps = max(run.alpha.size for run in runs)
        # closed Krylov spaces of random starts have met every eigenvalue
        num_steps = self.measure.n if self.measure.is_closed else steps
        margin = lambda_max_margin(self.measure.n, num_steps, len(runs), self.is_indefinite)
        return float((self.measure.spectral_norm * (1.0 + margin)) ** self.power)

    @property
    def counts_nothing(self) -> bool:
        """True where the cut lies above |A|: for a zero operator, too."""
        return bool(self.tau >= self.lambda_max ** (1.0 / self.power))

    def _capped(self, size: float) -> float:
        """Return a level, or |A| where that is less: one far above would leave the range."""
        return float(min(size, self.lambda_max ** (1.0 / self.power)))

    @cached_property
    def settled(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues above the cut and their counts: the whole Gauss rule."""
        lam = np.abs(self.measure.ritz_values)
        above = lam > self.tau
        return lam[above] ** self.power, self.measure.n * self.measure.weights[above]

    @cached_property
    def spectrum(self) -> tuple[FloatArray, FloatArray]:
        """A guess at the eigenvalues above the cut and their counts, to tune a scheme on.

        Every Ritz value of a probe above the cut stands for n w / m eigenvalues, w its weight. The
        smallest of them may be the null space, seen by too few steps: where its residual is as
        large as itself, its count is what is left when as much as the bounds on the null mass allow
        is taken for zeros, and `_continued` adds softer eigenvalues below the median of these
        nodes. What comes out is binned, as the tuning takes time for every node.
        """
        n, runs = self.measure.n, self.measure.runs
        lam, counts, edges = [], [], []
        for run in runs:
            size = np.abs(run.ritz_values)
            count = n / len(runs) * run.weights
            first = int(np.where(size > self.tau, size, np.inf).argmin())
            edges.append(float(size[first]))
            if run.residuals[first] >= size[first] > self.tau:
                known = float(count[size <= self.tau].sum())
                most_null = max(0.0, n / len(runs) * self.null[1] - known)
                count[first] = max(0.0, count[first] - most_null)
            else:
                edges[-1] = 0.0
            lam.append(size[size > self.tau])
            counts.append(count[size > self.tau])
        nodes, weights = np.concatenate(lam), np.concatenate(counts)
        edge = float(np.median(edges))
        if edge > 0.0:
            more = self._continued(nodes, weights, edge)
            nodes, weights = np.append(nodes, more[0]), np.append(weights, more[1])
        return _binned(nodes[weights > 0.0] ** self.power, weights[weights > 0.0])

    def _continued(
        self, nodes: FloatArray, counts: FloatArray, edge: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return one node per decade below `edge`, down to what settles in no run.

        The counts go on falling from decade to decade as they do over the two above `edge`, by a
        factor in [STEEPEST, FLATTEST]; their sum is at most what the null mass leaves open.
        """
        first, second = (  # the decades above the edge
            float(counts[(nodes > edge * 10.0**j) & (nodes <= edge * 10.0 ** (j + 1))].sum())
            for j in (0, 1)
        )
        ratio = min(max(first / max(second, 1e-300), STEEPEST), FLATTEST)
        softest = SOFTEST ** (1.0 / self.power) * self.measure.spectral_norm
        decades = max(0, math.ceil(math.log10(edge / softest)))
        more = first * ratio ** np.arange(1, decades + 1)
        most = self.measure.n * (self.null[1] - self.null[0])
        total = float(more.sum())
        below = edge * 10.0 ** (-np.arange(decades) - 0.5)
        return np.asarray(below), np.asarray(more * min(1.0, most / max(total, 1e-300)))

    def most_between(self, high: float) -> float:
        """Bound the number that may count of |lambda| <= `high`, from the probes' mass there."""
        inside = self.measure.null_mass(max(high, self.outer))[1]
        return self._quantile(self.measure.n * (inside - self.null[0]), TAIL, 1.0)

    def bias(self, scheme: Scheme, first: int, last: int) -> tuple[float, float]:
        """Bounds on E[estimate] - rank for the mean over steps first..last-1.

        With D = 1 - phi averaged over these steps, the bias is the sum of three parts:

            D < 0 above the cut      `excess`, on the Gauss rule, up to 4 standard errors
            D > 0 above the cut      less the modes of eq. (1), at both quantiles of TAIL
            phi > 0 below the cut    `_below_the_cut`, for a cut above the noise floor
        """
        lam, counts = self.settled
        above = np.maximum(scheme.deviation(lam, first, last), 0.0)
        excess = float(counts @ above)
        noise = 4.0 * math.sqrt(2.0 * float(counts @ above**2) / len(self.measure.runs))
        below = np.maximum(-scheme.deviation(lam, first, last), 0.0)
        low, high = self._unsettled(scheme, first, last)
        typical = float(counts @ below**2) / max(float(counts @ below), 1e-300)
        unit = min(max(typical, 1e-300), 1.0)
        return (
            max(excess - noise, 0.0) - self._quantile(high, TAIL, unit),
            excess + noise + self._below_the_cut(scheme, first, last)
            - self._quantile(low, 1.0 - TAIL, unit),
        )  # fmt: skip

    def _unsettled(self, scheme: Scheme, first: int, last: int) -> tuple[float, float]:
        """Bounds on the sum of D over the modes above the cut, as the probes see it; eq. (1)."""
        n = self.measure.n
        grid = np.geomspace(self._capped(self.inner) ** self.power, self.lambda_max, GRID)
        fine = np.geomspace(grid[0], grid[-1], 16 * (GRID - 1) + 1)
        D = np.clip(-scheme.deviation(fine, first, last), 0.0, 1.0)
        most = np.maximum.accumulate(D[::-1])[::-1][::16]
        least = np.minimum.accumulate(D)[::16]
        mass = [self.null] + [
            self.measure.null_mass(float(x ** (1.0 / self.power)), radau=False) for x in grid[1:-1]
        ]
        F = n * np.array([*mass, (1.0, 1.0)])
        high = -np.diff(most, append=0.0) @ np.maximum(np.append(F[1:, 1], n) - F[0, 0], 0.0)
        low = -np.diff(least, append=0.0) @ np.maximum(F[:, 0] - F[0, 1], 0.0)
        return float(low), float(high)

    def _below_the_cut(self, scheme: Scheme, first: int, last: int) -> float:
        """Bound on what eigenvalues between the noise floor and the caller's cut add."""
        if self.region.is_signed:
            return 0.0
        floor = self.region.floor
        lam = np.geomspace(floor, self._capped(self.outer), GRID) ** self.power
        phi = float(np.max(1.0 + scheme.deviation(lam, first, last)))
        hidden = self.null[1] - self.measure.null_mass(floor)[0]
        return phi * self._quantile(self.measure.n * hidden, TAIL, 1.0)

    def _quantile(self, total: float, tail: float, unit: float) -> float:
        """Return the sum of D that the probes see as `total` or less with probability `tail`.

        They see it as a multiple of a chi-square, whose degrees of freedom are the number of modes
        of D = `unit` that make up the sum, times that of the probes.
        """
        if total <= 0.0:
            return 0.0
        h = len(self.measure.runs) * (1.0 if self.measure.is_complex else 0.5)
        number = float(scipy.special.gdtrib(1.0, tail, h * total / unit)) / h
        return unit * number


def pilot_task(goal: Goal, most: int = STEPS) -> Task:
    """Return the Lanczos run that comes first, of at most `most` steps."""
    steps = max(1, min(most, int(SHARE * goal.max_matvecs) // PROBES))
    return Task(KEY, steps, min(PROBES, goal.max_matvecs))


def advance(
    operator: Operator,
    goal: Goal,
    task: Task,
    state: lanczos.LanczosState | None,
    tick: Tick,
    kernel: str | None,
) -> lanczos.LanczosState:
    """Start the pilot, or go on with it."""
    if state is None:
        state = lanczos.start(probes.gaussian(goal.seed, 0, task.num_vectors, goal.n, goal.dtype))
    return lanczos.extend(state, operator, task.num_steps, tick, kernel)


def after_pilot(goal: Goal, state: lanczos.LanczosState) -> tuple[Pilot, Summary]:
    """Return the pilot, and what it knows of the count by itself; no memo."""
    measure = RitzMeasure(runs=lanczos.runs(state, goal.eps), n=goal.n, is_complex=goal.is_complex)
    pilot = Pilot.of(measure, goal, state.num_steps)
    law = measure.interval_from(*pilot.null)
    low, high = law(goal.confidence)
    is_met = pilot.counts_nothing and high - low <= 2.0 * goal.half_width
    estimate = goal.n * (1.0 - 0.5 * sum(pilot.null))
    return pilot, sampled(
        goal,
        law,
        estimate,
        stderr=law.stderr(estimate),
        bounds=(goal.n * (1.0 - pilot.null[1]), goal.n * (1.0 - pilot.null[0])),
        threshold=pilot.tau * goal.scale,
        status=Status.CONVERGED if is_met else Status.BUDGET_SPENT,
        measure=dataclasses.replace(measure, scale=goal.scale),
        at_ends=bands(measure, pilot.region, goal)[1],
    )


def _binned(nodes: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return geometric means and sums of counts over bins of equal width on the log scale."""
    if nodes.size == 0:
        return nodes, counts
    bins = np.floor(np.log10(nodes) * PER_DECADE)
    _, which = np.unique(bins, return_inverse=True)
    total = np.asarray(np.bincount(which, counts), np.float64)
    logs = np.bincount(which, counts * np.log(nodes)) / np.maximum(total, 1e-300)
    return np.asarray(np.exp(logs)[total > 0.0]), total[total > 0.0]
