"""The protocol of a method: three pure functions, and the rounds belong to the caller.

    next_tasks(goal, round, summary) -> tasks     what to run next; none: nothing affordable is left
    run(operator, goal, task, state, tick) -> state     one bounded segment of work
    summarise(goal, states, previous) -> summary        what all finished segments say together

A state is a bag of arrays. `run` may use up the state it is given, and calls `tick(k)` after
every k products, which may raise to stop the run: an unfinished segment is then lost, never the
summary of the round before.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from symrank.errors import ChangedOperatorError, NonFiniteError
from symrank.methods.seen import Seen
from symrank.operators import Operator
from symrank.operators.facts import Facts
from symrank.preconditioners import Preconditioner
from symrank.spectrum.intervals import Interval
from symrank.spectrum.measure import RitzMeasure
from symrank.spectrum.outcome import Band, Basis, Gap, Status
from symrank.spectrum.region import FLOOR, PRODUCT_ERROR, Region
from symrank.support.options import UNLIMITED
from symrank.support.typing import FloatArray

__all__ = [
    "Goal",
    "Method",
    "Offer",
    "Summary",
    "Task",
    "Tick",
    "bands",
    "unit_rounding",
]

Tick = Callable[[int], None]


def unit_rounding(dtype: np.dtype[Any], noise: float) -> float:
    """Return eps of a product whose relative error is rounding, or `noise` where that is larger."""
    return max(float(np.finfo(dtype).eps), noise / PRODUCT_ERROR)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What is asked for, in the units of the (scaled) operator that the method sees."""

    n: int
    dtype: np.dtype[Any]
    atol: float | None
    rtol: float | None
    half_width: float  # target half-width of the interval, in eigenvalues
    open_ended: bool  # no precision was asked for: go on while resolution is the larger error
    confidence: float
    max_matvecs: int
    seed: int
    scale: float = 1.0  # caller's eigenvalue = scale * eigenvalue here
    preconditioner: Preconditioner | None = None  # one without a factor: the method applies it
    noise: float = 0.0  # relative error of a product, where it is above rounding
    between: tuple[float, float] | None = None  # count in (a, b] instead of a rank
    extra_products: int = 0  # that resolution may take where no precision was asked for
    deadline: float = math.inf  # of `time.perf_counter`: for a segment that no `tick` can end
    weight: int = 1  # products of the caller's operator in one that the method sees
    look: int = 0  # products that the caller takes at the end of every round, of max_matvecs
    norm_bound: float = math.inf  # of |A|, from the door: `symrank.operators.witness`
    spent_looks: int = 0  # of the run that is gone on with: they share alpha with those to come
    zeros: tuple[int, int | None] = (0, None)  # proved: eigenvalues that are zero, least and most

    @property
    def eps(self) -> float:
        """Unit of rounding of a product: it errs by at most 10 eps |A||x|."""
        return unit_rounding(self.dtype, self.noise)

    @property
    def is_complex(self) -> bool:
        """True if a probe is complex."""
        return self.dtype.kind == "c"

    def products_in(self, matvecs: int) -> int:
        """Return how many products a budget of the caller's holds, the look at its end kept back.

        Where it holds only one, that is the method's, and the look is left out.
        """
        kept = self.look * self.weight
        return max(1, (matvecs - (kept if matvecs >= kept + self.weight else 0)) // self.weight)

    @property
    def has_cut(self) -> bool:
        """True if the caller set atol or rtol above zero, or the ends of an interval."""
        return bool(self.atol or self.rtol or self.between)

    def region(
        self, norm: float, margin: float = 0.0, floor: float = FLOOR, delta: float = FLOOR
    ) -> Region:
        """Return which eigenvalues the question is about.

        Parameters
        ----------
        norm, margin
            |A| is at least `norm`, and exceeds it by at most the share `margin`, infinite where
            nothing is known.
        floor, delta
            The noise floor, and half the width of a band, in eps |A|.

        Raises
        ------
        NonFiniteError, ChangedOperatorError
            Where `norm` is none that the operator can have.
        """
        self.check_norm(norm)
        unit = self.eps * norm
        most = norm * (1.0 + margin) if math.isfinite(margin) else math.inf
        if self.between is not None:
            return Region.between(self.between, most, floor * unit, delta * unit, self.scale)
        return Region.level((norm, most), floor * unit, delta * unit, self.atol, self.rtol)

    def check_norm(self, norm: float) -> None:
        """Raise where |A| >= `norm` cannot be; see `region`."""
        if not math.isfinite(norm):
            raise NonFiniteError(
                "|A|, as the method sees it, is no finite number: products with the operator hold "
                "infinities or NaN, or numbers whose squares overflow. Look for overflow, a "
                "division by zero or missing data in it."
            )
        if norm > self.norm_bound:
            raise ChangedOperatorError(
                f"a method sees |A| >= {norm * self.scale:.3g}, and the products at the door prove "
                f"|A| <= {self.norm_bound * self.scale:.3g}: at least one product came out wrong. "
                "Look for uninitialised memory or overflow in the operator."
            )


@dataclass(frozen=True)
class Task:
    """A bounded segment of work on the state called `key`."""

    key: tuple[Any, ...]
    num_steps: int = 0
    num_vectors: int = 0
    is_part: bool = False  # more steps of the same segment follow: what ends one waits for them


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the finished segments say; the fields are those of `RankResult`."""

    rank: int
    estimate: float
    stderr: float
    bounds: tuple[float, float]
    threshold: float
    status: Status
    evidence: Interval
    samples: FloatArray = field(default_factory=lambda: np.empty(0))
    gaps: Sequence[Gap] = ()
    inertia: tuple[int, int, int] | None = None
    measure: RitzMeasure | None = None
    basis: Basis | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    at_ends: Sequence[Band] = ()
    notes: Sequence[str] = ()
    memo: Any = None  # the method's own memory from round to round
    is_final: bool = False  # more products could add nothing: what is open is the spectrum's doing
    given_up: str = ""  # why work that would have told more was given up: a clock, or a death

    @property
    def num_products(self) -> int:
        """Products of the rounds so far, of a method that refines: its memo knows them."""
        return int(self.memo.num_products)


def bands(measure: RitzMeasure, region: Region, goal: Goal) -> tuple[float, tuple[Band, ...]]:
    """Return the proved mass in the bands of a region, and how many eigenvalues each holds."""
    found = measure.at_ends(region, goal.confidence)
    unit = goal.scale
    named = (
        Band(low=edge.left * unit, high=edge.right * unit, least=least, most=most)
        for edge, _, (least, most) in found
    )
    return sum(mass for _, mass, _ in found), tuple(named)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a method is predicted to take, and why it should run.

    Attributes
    ----------
    method
        The method object.
    products
        Products with one vector, ``(least, most)``.
    seconds
        Wall time on one core, ``(least, most)``.
    num_bytes
        Memory beyond the operator.
    why
        A sentence.
    """

    method: "Method"
    products: tuple[int, int]
    seconds: tuple[float, float]
    num_bytes: int
    why: str = ""

    @classmethod
    def certain(
        cls, method: "Method", products: int, seconds: float, num_bytes: int, why: str
    ) -> "Offer":
        """Return an offer without a span."""
        return cls(
            method=method,
            products=(products, products),
            seconds=(seconds, seconds),
            num_bytes=num_bytes,
            why=why,
        )

    def slower(self, difference: float) -> "Offer":
        """Return the offer with `difference` more seconds for every product."""
        low, high = (t + k * difference for t, k in zip(self.seconds, self.products, strict=True))
        return replace(self, seconds=(low, high))

    def __repr__(self) -> str:
        return f"<Offer: {self}>"

    def __str__(self) -> str:
        least, most = self.products
        if least < UNLIMITED <= most:
            work = f"from {least} products, {self.seconds[0]:.2g} s"
        else:
            seconds = _span(*self.seconds, "{:.2g}")
            work = f"{_span(least, most, '{:.0f}')} products, {seconds} s"
        return f"{self.method.name}: {work}, {self.num_bytes / 2**20:.0f} MiB"


def _span(low: float, high: float, form: str) -> str:
    return form.format(low) if low == high else f"{form.format(low)} to {form.format(high)}"


class Method(ABC):
    """A frozen value that holds the options of a method and knows how to run it.

    `next_tasks`, `run` and `summarise` are the method; what else is asked of one has an answer here
    that holds for most. All are functions of their arguments alone, in any process, and again.
    """

    name: ClassVar[str]
    """What the method is called by."""

    is_exact: ClassVar[bool] = False
    """Whether it counts exactly or says nothing, rather than sample."""

    counts_between: ClassVar[bool] = False
    """Whether it counts in (a, b] itself; else the shifted operator is counted."""

    counts_moduli: ClassVar[bool] = False
    """Whether it counts singular values from a factor (`symrank.operators.modulus`)."""

    solves: ClassVar[bool] = False
    """Whether it can use a preconditioner that has no factor."""

    refines: ClassVar[bool] = False
    """Whether a finished run goes on to a higher precision."""

    runs_on_kernels: ClassVar[bool] = False
    """Whether its recurrences are those of `symrank.kernels`."""

    reads: ClassVar[tuple[str, ...] | None] = None
    """What `run` reads of the goal, where that is little: another goal does the same task then."""

    num_blocks: ClassVar[int] = 2
    """Blocks of vectors that a state holds for each of its own."""

    smaller: ClassVar[str] = "Pass method='lanczos' with few probes, symrank.Lanczos(num_probes=1)"
    """What would take less memory."""

    kernel: str | None = None
    """The kernel file asked for, of one that does."""

    @abstractmethod
    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:
        """Return the tasks of the next round; none: nothing is left to do."""

    @abstractmethod
    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Do one task, starting from `state` (None at first), which is used up."""

    @abstractmethod
    def summarise(
        self, goal: Goal, states: Mapping[tuple[Any, ...], Any], previous: Summary | None
    ) -> Summary:
        """Return what all states say together."""

    def has_columns(self, task: Task) -> bool:  # noqa: ARG002
        """Whether a task is on columns that do not know each other.

        Its key then ends with the number of the first one, and its state is one of
        `symrank.recurrences.segments`, or an array (..., k).
        """
        return False

    def offer(self, facts: Facts, goal: Goal, seen: Seen | None = None) -> Offer | None:  # noqa: ARG002
        """Return what it would take to answer, and why it should; None where it should not.

        `seen` is what sampling has shown so far; None before the first product.
        """
        return None

    def price(self, facts: Facts, goal: Goal) -> float:  # noqa: ARG002
        """Predict the seconds that it takes to make an offer."""
        return 0.0

    def declines(self, facts: Facts, goal: Goal) -> str:  # noqa: ARG002
        """Say what keeps it from an offer that it could make otherwise; empty for nothing."""
        return ""

    def unasked(self) -> "Method":
        """Return the method as it runs where the caller has not asked for it."""
        return self

    def is_free_of_squares(self, facts: Facts) -> bool:  # noqa: ARG002
        """Whether it counts singular values where the operator has squared them."""
        return False

    def divides(self, task: Task) -> bool:  # noqa: ARG002
        """Whether the steps of a task may be done in parts, one after another, to the same bits."""
        return False

    def num_bytes(self, facts: Facts, goal: Goal, task: Task) -> int:  # noqa: ARG002
        """Return what the state of a new task holds, beyond the operator."""
        return self.num_blocks * goal.n * goal.dtype.itemsize * task.num_vectors

    def suits_moduli(self, facts: Facts) -> bool:  # noqa: ARG002
        """Whether it counts singular values, of a factor of which these facts are known."""
        return self.counts_moduli

    def is_free(self, facts: Facts) -> bool:  # noqa: ARG002
        """Whether it takes no product, so that no budget of products ends it."""
        return False
