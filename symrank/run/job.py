"""From what the caller passed to the operator and the goal that a method sees."""

import dataclasses
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank import preconditioners
from symrank.answer.result import RankResult
from symrank.errors import NonFiniteError, OptionError
from symrank.methods import Goal
from symrank.methods.base import unit_rounding
from symrank.operators import Operator, as_operator
from symrank.operators.checks import checked
from symrank.operators.deflated import Deflated
from symrank.operators.padded import MOST_WHOLE
from symrank.operators.transforms import Scaled
from symrank.operators.witness import Witness
from symrank.preconditioners import Preconditioner
from symrank.recurrences.norm import norm
from symrank.run.budget import Counter, located
from symrank.spectrum import threshold
from symrank.support import foreign, probes
from symrank.support.options import check_budget, check_number, shown
from symrank.support.probes import Streams
from symrank.support.typing import Array, FloatArray

__all__ = ["Job", "Options", "Rng", "prepare", "seed_of"]

PRECISION = 0.005  # half-width by default, as a share of n
# exponents of |A|: Lanczos vectors are not normalised, and the square of a product with one, about
# |A|^4, stays in the range up to here
EXTREME = {"f": 30, "F": 30, "d": 200, "D": 200}
NORM_STEPS = 12  # of Lanczos, for |A|, where |A Q| is judged

Rng = int | np.random.SeedSequence | np.random.Generator | None


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `symrank.rank` that are not about the method; checked."""

    seed: int
    atol: float | None = None
    rtol: float | None = None
    window: tuple[float, float] | None = None  # of `symrank.count`
    precision: float | None = None
    confidence: float = 0.95
    max_matvecs: float | None = None  # an int once checked
    max_seconds: float | None = None
    noise: float | None = None
    deflate: Array | None = None
    preconditioner: Preconditioner | FloatArray | str | None = None
    check: bool = True

    def __post_init__(self) -> None:
        for name in ("atol", "rtol"):
            rule = "must be a finite number >= 0, or None for the noise floor."
            self._settle(name, lambda x: 0.0 <= x < math.inf, rule)
        rule = "must lie between 0 and 1, for example 0.95."
        level = check_number("confidence", self.confidence, lambda x: 0.0 < x < 1.0, rule)
        object.__setattr__(self, "confidence", level)
        budget = check_budget(self.precision, self.max_matvecs, self.max_seconds)
        for name, value in zip(("precision", "max_matvecs", "max_seconds"), budget, strict=True):
            object.__setattr__(self, name, value)
        rule = "is the relative error of a product: between 0 and 0.1."
        self._settle("noise", lambda x: 0.0 <= x < 0.1, rule)
        if not isinstance(self.check, bool | np.bool_):
            raise OptionError(f"check={shown(self.check)} must be True or False.")
        if self.deflate is not None and self.preconditioner is not None:
            msg = (
                "deflate and preconditioner were both given: null vectors of A are none of the "
                "preconditioned operator. Leave one of them out."
            )
            raise OptionError(msg)

    def _settle(self, name: str, is_allowed: Callable[[float], bool], rule: str) -> None:
        """Check a number that may be None, and keep it as a float."""
        value = getattr(self, name)
        if value is not None:
            object.__setattr__(self, name, check_number(name, value, is_allowed, rule))

    def half_width(self, n: int) -> float:
        """Return the half-width asked for, in eigenvalues."""
        share = PRECISION if self.precision is None else self.precision
        return share if share >= 1.0 else share * n


@dataclass(frozen=True, kw_only=True)
class Job:
    """What stays the same whichever method runs."""

    operator: Operator  # preconditioned, scaled, deflated
    given: Operator  # not scaled: a common factor may make zeros of small entries
    goal: Goal
    preconditioner: Preconditioner | None
    num_deflated: int
    window: tuple[float, float] | None  # of `symrank.count`, in the caller's units
    num_zeros: int = 0  # that the shape of a Gram operator, or empty rows, give away
    witness: Witness | None = None  # where the caller's code multiplies
    as_asked: Callable[[RankResult], RankResult] = lambda result: result  # from the method's count

    def budget(self, products: int) -> int:
        """Return how many of `products` a method may take: one look at the witness is kept back.

        Where there is only one, the method takes it, and the look is left out.
        """
        weight = self.operator.matvecs_per_product
        look = 0 if self.witness is None else weight
        return max(1, (products - (look if products >= look + weight else 0)) // weight)

    def on_shorter_side(self) -> "Job":
        """Return the job for A A^H in place of A^H A, or the other way round, if smaller."""
        window = self.goal.window
        if window is not None and window[0] < 0.0 <= window[1]:
            return self  # the zeros of the longer side count
        operator = self.operator.shorter_side()
        if operator is self.operator:
            return self
        return dataclasses.replace(
            self,
            operator=operator,
            goal=dataclasses.replace(self.goal, n=operator.n),
            num_zeros=self.num_zeros + self.operator.n - operator.n,
        )


def prepare(A: Any, options: Options, counter: Counter) -> Job:
    """Coerce, precondition, scale, check and deflate."""
    operator, options, num_zeros = _occupied(as_operator(A), options)
    noise = operator.noise if options.noise is None else options.noise
    G = preconditioners.as_preconditioner(options.preconditioner, operator)
    if G is not None:
        operator = preconditioners.apply(operator, G)
    with located(counter):
        scaled, factor = _scaled(operator, options.seed, counter)
        witness = None
        if options.check:
            used, witness = checked(
                scaled, probes.stream(options.seed, Streams.CHECK.start), noise=noise
            )
            counter.num_matvecs += used * operator.matvecs_per_product
        num_deflated = 0
        if options.deflate is not None:
            deflated = Deflated(scaled, options.deflate)
            _check_null(deflated, noise, options, counter)
            scaled, num_deflated = deflated, deflated.num_vectors
    goal = Goal(
        n=scaled.n,
        dtype=scaled.dtype,
        atol=None if options.atol is None else min(options.atol * factor, sys.float_info.max),
        rtol=options.rtol,
        window=None if options.window is None else _times(options.window, factor),
        half_width=options.half_width(operator.n),
        refine=options.precision is None,
        confidence=options.confidence,
        max_matvecs=1,
        seed=options.seed,
        scale=1.0 / factor,
        preconditioner=None if G is None or G.factor is not None else G,
        noise=noise,
        norm_bound=math.inf if witness is None else witness.norm_bound,
    )
    job = Job(
        operator=scaled,
        given=operator,
        goal=goal,
        preconditioner=G,
        num_deflated=num_deflated,
        window=options.window,
        num_zeros=num_zeros,
        witness=witness,
    )
    look = 0 if witness is None else 1
    goal = dataclasses.replace(goal, max_matvecs=job.budget(counter.left), look=look)
    return dataclasses.replace(job, goal=goal)


def _occupied(operator: Operator, options: Options) -> tuple[Operator, Options, int]:
    """Return what is left without empty rows, the options for it, and the number of those rows."""
    base, index = operator.occupied()
    if index is None:
        return operator, options, 0
    num_empty = operator.n - base.n
    window, diagonal = options.window, options.preconditioner
    counts_zeros = window is not None and window[0] < 0.0 <= window[1]
    if counts_zeros or options.deflate is not None or isinstance(diagonal, Preconditioner):
        if operator.n <= MOST_WHOLE:
            return operator.whole(), options, 0
        raise OptionError(
            f"a window that holds zero, deflate and a Preconditioner ask for the whole A, and "
            f"{num_empty} of its {operator.n} rows are empty and left out: count on "
            "either side of zero, and pass the diagonal of G as an array."
        )
    if diagonal is not None and not isinstance(diagonal, str):
        given = np.asarray(diagonal)
        if given.shape != (operator.n,):
            raise OptionError(
                f"preconditioner of shape {given.shape} is no diagonal of a matrix of n = "
                f"{operator.n}: pass an array of shape ({operator.n},)."
            )
        options = dataclasses.replace(options, preconditioner=given[index])
    return base, options, num_empty


def _times(window: tuple[float, float], factor: float) -> tuple[float, float]:
    """Scale the ends of an interval; what is not zero must not become zero."""
    a, b = (x * factor or math.copysign(math.ulp(0.0), x) if x else 0.0 for x in window)
    return a, b


def _check_null(operator: Deflated, noise: float, options: Options, counter: Counter) -> None:
    """Raise where A Q is more than rounding: A would not be what is left of it."""
    base = operator.base
    steps = min(NORM_STEPS, base.n)
    z = probes.gaussian(options.seed, Streams.DEFLATION.start, 1, base.n, base.dtype)
    eps = unit_rounding(base.dtype, noise)
    floor = threshold.cut(norm(base, z, steps, eps, lambda _: None).low, eps, None, None)
    counter.num_matvecs += (steps + operator.num_vectors) * base.matvecs_per_product
    residual = operator.null_residual()
    if residual > floor:
        raise OptionError(
            f"deflate={operator.num_vectors} vectors, but |A Q| = {residual / floor:.3g} times "
            "the noise floor of the products: they are no null vectors. Leave deflate out, or "
            "refine them, for example by Sketch(side='null', basis=True)."
        )


def _scaled(operator: Operator, seed: int, counter: Counter) -> tuple[Operator, float]:
    """Scale an operator of extreme norm by a power of two; return it with the factor."""
    size = operator.facts.largest
    if size is None and operator.n:
        x = probes.stream(seed, Streams.CHECK.start, 1).standard_normal((operator.n, 1))
        for small in (1.0, 2.0**-600):  # what overflows for x tells its size for a small x
            size = _product_size(operator, (small * x).astype(operator.dtype)) / small
            counter.num_matvecs += operator.matvecs_per_product
            if math.isfinite(size):
                break
    # left to `checked`, which names the entry
    unchecked = operator.is_explicit and size is not None and not math.isfinite(size)
    if size is None or size == 0.0 or unchecked:
        return operator, 1.0
    if not math.isfinite(size):
        msg = (
            "a product with A holds infinities or NaN: the rank of such an operator is not "
            "defined. Look for overflow, division by zero or missing data in A."
        )
        raise NonFiniteError(msg)
    exponent = math.frexp(size)[1]
    if abs(exponent) <= EXTREME[operator.dtype.char]:
        return operator, 1.0
    factor = math.ldexp(1.0, -max(min(exponent, 1000), -1022))  # its inverse must be normal
    stored = operator.times(factor)
    return Scaled(operator, factor) if stored is None else stored, factor


def _product_size(operator: Operator, x: Array) -> float:
    """Return the largest number of a product; infinite where it overflows."""
    try:
        with foreign.overflow_allowed():
            y = operator.matmat(x)
        foreign.refuse_non_finite(y)
    except NonFiniteError as error:
        if foreign.is_callers(error):
            raise
        return math.inf
    return float(np.abs(y).max())


def seed_of(rng: Rng) -> int:
    """Turn what the caller passed as rng into one integer, which replays the run."""
    if rng is None:
        rng = np.random.SeedSequence()
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        return int(rng)
    msg = f"rng={shown(rng)} must be a non-negative integer, a numpy SeedSequence or a Generator."
    raise OptionError(msg)
