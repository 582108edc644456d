r"""Rank from Chebyshev moments: a plan made on a pilot, and what the moments then prove.

The filter is 1 - w with w of `symrank.methods.moments.windows`. For m Gaussian probes, pooled,

    E[n sum_j v_j' (1 - w)(A) v_j / sum_j v_j' v_j] = tr (1 - w)(A),
    variance, w a projector of rank d:  2 d (n - d) / (m n + 2)  (complex: half of it)

What w misses are eigenvalues between the cut tau and delta, where it is neither 0 nor 1. The share
of the probes in [0, tau] and in [0, delta] is bounded by the moments themselves, so the Beta law
gives a proved lower end for the count above tau and a proved upper end for that above delta; how
many lie between is bounded by the certified mass of the pilot's probes there, a Lanczos run.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.methods import pilot as pilots
from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.methods.moments.polynomials import evaluate
from symrank.methods.moments.windows import EDGE, FILTERS, damped_step, measured, polynomial
from symrank.methods.pilot import Pilot
from symrank.methods.summaries import sampled
from symrank.operators import Operator
from symrank.recurrences import chebyshev, lanczos
from symrank.spectrum import threshold
from symrank.spectrum.intervals import BetaInterval, Raised
from symrank.spectrum.outcome import Gap, Status
from symrank.support import probes
from symrank.support.cached import cached_property
from symrank.support.typing import FloatArray

__all__ = ["FILTERS", "Degrees", "Memo", "Wishes", "next_tasks", "run", "summarise"]

LONGEST_PILOT = 4096  # steps: its bounds take time like their square
LARGER_SHARE = 0.25  # of the budget, for a pilot that tells nothing of the null space
WORTH_MORE = 1.25  # a pilot is not prolonged by less
BLOCK = 16  # vectors advanced together: one panel of the kernels
FIRST_VECTOR = pilots.PROBES  # the pilot's probes are not used again
SAFETY = 0.8  # of the half-width asked for
Z_PLAN = 2.0  # half-width that a plan promises, in standard errors
RIPPLE = 0.1  # epsilon n over the standard error
EPSILONS = (1e-6, 0.05)
MAX_STEPS = 8192
ROUNDING = 4.0  # units of eps and of the degree, in the value of a polynomial of norm 1


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the caller of a method has fixed."""

    kind: str = "optimal"
    degree: int | None = None
    num_vectors: int | None = None
    kernel: str | None = None


@dataclass(frozen=True)
class Domain:
    """Eigenvalues as x in [0, 1]: (lambda + pad) / (L + pad), or (lambda / (L + pad))^2."""

    norm: float  # L
    pad: float  # rounding makes negative eigenvalues
    is_indefinite: bool

    @property
    def interval(self) -> tuple[float, float]:
        """Centre and half-width of the recurrence's interval."""
        if self.is_indefinite:
            return 0.0, self.norm + self.pad
        return 0.5 * self.norm, 0.5 * self.norm + self.pad

    def x(self, size: Any) -> Any:
        """Return the x of eigenvalues of modulus `size`."""
        if self.is_indefinite:
            return (size / (self.norm + self.pad)) ** 2
        return (size + self.pad) / (self.norm + 2.0 * self.pad)

    def size(self, x: Any) -> Any:
        """Invert `x`."""
        if self.is_indefinite:
            return np.sqrt(x) * (self.norm + self.pad)
        return np.maximum(x * (self.norm + 2.0 * self.pad) - self.pad, 0.0)


@dataclass(frozen=True)
class Degrees:
    """Products per vector, vectors, and the largest |w| where it should be zero."""

    num_steps: int
    num_vectors: int
    epsilon: float


@dataclass(frozen=True)
class Memo:
    """What the next round needs to know."""

    pilot: Pilot
    is_done: bool = False
    num_products: int = 0

    @cached_property
    def domain(self) -> Domain:
        """The interval of the recurrence, by the pilot's proved margin."""
        norm = self.pilot.lambda_max ** (1.0 / self.pilot.power)
        return Domain(norm, self.pilot.region.floor, self.pilot.is_indefinite)

    def degree(self, num_steps: int) -> int:
        """Degree of w in x: two moments per product, and an even polynomial where indefinite."""
        return 2 * num_steps // self.pilot.power


def tasks_of(degrees: Degrees, interval: tuple[float, float]) -> list[Task]:
    """Return blocks of vectors; the key holds plan, interval and the first vector's number."""
    parts = probes.blocks(FIRST_VECTOR, FIRST_VECTOR + degrees.num_vectors, BLOCK)
    return [Task(("moments", degrees, *interval, j), degrees.num_steps, m) for j, m in parts]


def next_tasks(goal: Goal, summary: Summary, wishes: Wishes) -> Sequence[Task]:
    """Return more of the pilot while it pays, then the vectors' recurrences."""
    memo: Memo = summary.memo
    left = goal.max_matvecs - memo.num_products
    low, high = summary.evidence(goal.confidence)
    if memo.is_done or left < 1 or memo.pilot.lambda_max == 0.0 or low == high:
        return []
    chosen = _choose(goal, memo, wishes, left)
    more = _more_pilot(goal, memo, left - chosen.num_steps * chosen.num_vectors)
    if more:
        return [Task(pilots.KEY, more, len(memo.pilot.measure.runs))]
    return tasks_of(chosen, memo.domain.interval)


def _more_pilot(goal: Goal, memo: Memo, spare: int) -> int:
    """Return the further steps of a pilot that leaves the null space open, at most as many again.

    The bounds of the null mass close suddenly, once the smallest eigenvalues are resolved, and
    without them the interval has no upper end, however many vectors are averaged.
    """
    pilot = memo.pilot
    is_open = goal.n * (pilot.null[1] - pilot.null[0]) > goal.half_width
    if not is_open or memo.num_products > pilot.num_products:  # the vectors have run already
        return 0
    num_probes = len(pilot.measure.runs)
    done = pilot.num_products // num_probes
    most = max(pilot.num_products + spare, int(LARGER_SHARE * goal.max_matvecs)) // num_probes
    steps = min(2 * done, most, LONGEST_PILOT)
    return steps - done if steps >= WORTH_MORE * done else 0


def run(
    operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick, kernel: str | None
) -> FloatArray | lanczos.LanczosState:
    """Run the pilot, or a block of vectors: what is kept of it are the moments."""
    if task.key == pilots.KEY:
        return pilots.advance(operator, goal, task, state, tick, kernel)
    _, _, centre, half_width, first = task.key
    Z = probes.gaussian(goal.seed, first, task.num_vectors, goal.n, goal.dtype)
    state = chebyshev.start(Z, centre, half_width)
    return chebyshev.extend(state, operator, task.num_steps, tick, kernel).moments


def _choose(goal: Goal, memo: Memo, wishes: Wishes, left: int) -> Degrees:
    """Return the cheapest plan that meets the precision, else the one of least squared error."""
    pilot = memo.pilot
    if wishes.degree is None:
        finest = max(1, min(MAX_STEPS, left // (wishes.num_vectors or 1)))
        octaves = np.arange(0.0, math.log2(finest) + 1e-9, 0.5)
        steps = sorted({finest, *(int(2.0**j) for j in octaves if 2.0**j >= min(8, finest))})
    else:
        steps = [min(left, -(-wishes.degree // 2))]
    lam, counts = pilot.spectrum
    x = memo.domain.x(lam ** (1.0 / pilot.power))
    tau = float(min(memo.domain.x(pilot.outer), 1.0))
    d = goal.n * min(max(0.5 * sum(pilot.null), 0.5 / goal.n), 1.0 - 0.5 / goal.n)
    spread = d * (goal.n - d) / (goal.n * (1.0 if goal.is_complex else 0.5))  # over m: variance
    wanted = math.ceil(spread * (Z_PLAN / (0.5 * goal.half_width)) ** 2)

    def scored(k: int) -> tuple[tuple[bool, float], Degrees]:
        """Return what is to be least, and the plan."""
        m = max(1, min(wishes.num_vectors or wanted, left // k))
        stderr = math.sqrt(spread / m)
        epsilon = float(np.clip(RIPPLE * stderr / goal.n, *EPSILONS))
        w = measured(polynomial(wishes.kind, memo.degree(k), epsilon, tau), tau, epsilon)
        bias = float(counts @ np.abs(evaluate(w.coefficients, 2.0 * x - 1.0)))
        unresolved = float(counts[x <= w.delta].sum())  # the interval holds them all
        half_width = Z_PLAN * stderr + goal.n * epsilon + 0.5 * unresolved
        met = half_width <= SAFETY * goal.half_width
        return (not met, m * k if met else math.hypot(stderr, bias)), Degrees(k, m, epsilon)

    return min(map(scored, steps), key=lambda found: found[0])[1]


def summarise(
    goal: Goal, states: Mapping[tuple[Any, ...], Any], previous: Summary | None, wishes: Wishes
) -> Summary:
    """After the pilot: what it knows. After the moments: the count and its interval."""
    if states.keys() == {pilots.KEY}:
        pilot, summary = pilots.after_pilot(goal, states[pilots.KEY])
        low, high = summary.evidence(goal.confidence)
        status = Status.CONVERGED if low == high else Status.NO_GAP_FOUND
        memo = Memo(pilot, num_products=pilot.num_products)
        return dataclasses.replace(summary, status=status, memo=memo)
    assert previous is not None
    old: Memo = previous.memo
    interval = old.domain.interval
    keys = sorted((key for key in states if key[2:4] == interval), key=lambda key: key[-1])
    moments = np.concatenate([states[key] for key in keys], axis=1)
    spent = [(one.shape[0] // 2) * one.shape[1] for key, one in states.items() if key != pilots.KEY]
    pilot, num_products = old.pilot, old.pilot.num_products + sum(spent)
    if chebyshev.is_bounded(moments):
        memo = dataclasses.replace(old, is_done=True, num_products=num_products)
        return _conclude(goal, memo, keys[0][1], moments[:: pilot.power], previous, wishes)
    # an eigenvalue that the pilot has not seen lies outside: once more, on both sides of zero
    again = dataclasses.replace(pilot, is_indefinite=True)
    memo = Memo(again, is_done=pilot.is_indefinite, num_products=num_products)
    return dataclasses.replace(previous, memo=memo)


def _conclude(
    goal: Goal, memo: Memo, chosen: Degrees, moments: FloatArray, previous: Summary, wishes: Wishes
) -> Summary:
    """Turn moments in x, (degree + 1, m), into a count, its interval and a status."""
    pilot, domain = memo.pilot, memo.domain
    n, m, degree = goal.n, moments.shape[1], moments.shape[0] - 1
    tau = float(min(domain.x(pilot.outer), 1.0))
    w = measured(polynomial(wishes.kind, degree, chosen.epsilon, tau), tau, chosen.epsilon)
    pooled = moments.sum(axis=1) / moments[0].sum()
    value = float(w.coefficients @ pooled)
    low_mass, high_mass = w.bounds(value, ROUNDING * goal.eps * (degree + 1))
    between = pilot.most_between(float(domain.size(w.delta)))
    law = BetaInterval(
        n=n, num_probes=m, null_low=low_mass, null_high=high_mass, is_complex=goal.is_complex
    )
    evidence = Raised(n=n, most=between, of=law)
    low, high = evidence(goal.confidence)
    estimate = n * (1.0 - value)
    is_met = high - low <= 2.0 * goal.half_width
    crowd = _crowd(goal, pilot) if is_met else 0
    status = Status.NO_GAP_FOUND
    if is_met and not crowd:
        status = Status.CONVERGED
    elif not is_met and (
        goal.has_cut or 2.0 * (between + n * (high_mass - low_mass)) <= high - low
    ):
        status = Status.BUDGET_SPENT  # sampling is the larger part of the interval
    return sampled(
        goal,
        evidence,
        estimate,
        stderr=law.stderr(min(max(estimate, 0.0), float(n))),
        bounds=(n * (1.0 - high_mass), min(float(n), n * (1.0 - low_mass) + between)),
        threshold=previous.threshold,
        status=status,
        measure=previous.measure,
        at_ends=previous.at_ends,
        samples=n * (1.0 - w.coefficients @ moments / moments[0]),
        gaps=_gaps(goal, domain, pooled, pilot.tau),
        diagnostics={
            "num_vectors": m,
            "num_steps": chosen.num_steps,
            "degree": degree,
            "two_sided": pilot.is_indefinite,
            "transition": [pilot.tau * goal.scale, float(domain.size(w.delta)) * goal.scale],
            "most_in_transition": between,
            "ripple": max(abs(w.low), abs(w.high)),
            "crowding": crowd,
        },
        notes=(threshold.crowd_note(crowd),) if crowd else (),
        memo=memo,
    )


def _crowd(goal: Goal, pilot: Pilot) -> int:
    """Return how many eigenvalues the pilot proves to lie just above the noise floor."""
    if not pilot.region.is_signed:
        return 0
    floor = pilot.region.floor
    return pilot.measure.least_between(floor, threshold.CROWD * floor, goal.confidence)


def _gaps(goal: Goal, domain: Domain, pooled: FloatArray, tau: float) -> Sequence[Gap]:
    """Look for plateaus in the density per octave, from where the kernel resolves it upwards.

    Jackson's kernel has the width pi / K in the angle, x = sin(theta / 2)^2. So the first edge is
    a little more than that away from zero, and the others follow at a ratio of two in x.
    """
    degree = pooled.size - 1
    first = EDGE / degree
    if first >= 1.0:
        return ()
    octaves = 2.0 ** np.arange(math.floor(2.0 * math.log2(math.pi / first)))
    angles = first * np.sqrt(octaves)
    below = goal.n * np.array([damped_step(degree, float(angle)) @ pooled for angle in angles])
    counts = np.diff([*below, float(goal.n)])
    sizes = domain.size(np.sin(0.5 * angles) ** 2)
    sizes = np.concatenate([[0.0], sizes]) * goal.scale
    return threshold.plateaus(sizes, np.concatenate([below[:1], counts]), tau * goal.scale)
