"""`rank`: coerce, check, choose, run rounds, and say what was found."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from symrank import kernels, preconditioners, probes
from symrank._typing import FloatArray
from symrank.choose import choose
from symrank.errors import DivergedError, NonFiniteError, OptionError
from symrank.methods import BY_NAME, Goal, Method, Projection, Summary
from symrank.operators import Operator, as_operator
from symrank.operators.checks import check_operator
from symrank.operators.transforms import Scaled
from symrank.preconditioners import Preconditioner
from symrank.result import Progress, RankResult, Status

__all__ = ["rank", "seed_of"]

PRECISION = 0.005
MAX_MATVECS = 20_000
# exponents of two beyond which |A|^2 |v| could leave the range: Lanczos vectors are not normalised
EXTREME = {"f": 30, "F": 30, "d": 200, "D": 200}
CHECK_STREAM = 2**32 - 1  # a stream that no probe uses

Rng = int | np.random.SeedSequence | np.random.Generator | None


def rank(
    A: Any,
    method: str | Method | None = None,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: int | None = None,
    max_seconds: float | None = None,
    preconditioner: Preconditioner | FloatArray | str | None = None,
    rng: Rng = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> RankResult:
    """Return the rank of a symmetric (Hermitian) operator with an honest interval.

    Parameters
    ----------
    A
        Array, scipy.sparse array or matrix, SciPy `LinearOperator` or symrank operator, (n, n).
        Rectangular: pass ``symrank.augmented(A)`` or ``symrank.gram(A)``.
    method
        A method object, its name (``"dense"``, ``"inertia"``, ``"lanczos"``, ``"langevin"``),
        or None to choose.
    atol, rtol
        Eigenvalues with ``|lambda| > max(atol, rtol * lambda_max)`` count, as in NumPy. Both
        None: what lies above the noise floor of the products counts (`symrank.threshold`), and
        no tolerance reaches below that floor.
    precision
        Target half-width of the interval: a count if >= 1, a fraction of n if below 1. Default:
        0.005, and steps go on until the resolution error is small against the sampling error.
    confidence
        Level of the interval.
    max_matvecs
        Budget in products with single vectors, 20 000 by default.
    max_seconds
        Budget in wall time; looked at after the first round.
    preconditioner
        A symmetric positive definite G = S S* against bad conditioning: a `Preconditioner`, the
        diagonal of G as a 1-D array, or ``"jacobi"`` for an explicit matrix. The method then runs
        on the congruent operator S* A S, which is similar to G A and has the rank and inertia
        of A (Sylvester). `atol`, `rtol` and all that the result says of thresholds, spectra and
        step sizes speak of G A: a count above a tolerance is one of eigenvalues of G A.
    rng
        Seed, `SeedSequence` or `Generator`. The same seed gives the same bits.
    progress
        Called with a `Progress` after every block product.
    check
        Spend a few products to see that `A` is symmetric, finite and deterministic.

    Returns
    -------
    RankResult
        With status CONVERGED or EXACT where the precision was met, and an interval always.

    Raises
    ------
    OperatorError, NotSymmetricError, NonFiniteError
        If `A` cannot be used.
    OptionError
        If an option is out of range.

    Notes
    -----
    A Langevin chain with preconditioner G and noise covariance Sigma = sigma^2 G^-1, eq. (21)
    and Algorithm 1 of [1]_, is exactly the plain chain on S* A S in the coordinates theta = S phi:
    G Sigma^(1/2) n and sigma S n have the same covariance sigma^2 G.

    References
    ----------
    .. [1] A. Bar et al., "The expected loss of preconditioned Langevin dynamics reveals the
       Hessian rank", AAAI 2024.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> result = symrank.rank(np.diag([2.0, 1.0, 0.0]))
    >>> result.rank, result.interval()
    (2, (2, 2))
    >>> symrank.rank(np.diag([1e30, 1.0, 0.0])).rank  # 1 is below the rounding of 1e30
    1
    >>> symrank.rank(np.diag([1e30, 1.0, 0.0]), preconditioner="jacobi").rank
    2
    """
    started = time.perf_counter()
    _check_options(atol, rtol, precision, confidence, max_matvecs, max_seconds)
    seed = seed_of(rng)
    operator = as_operator(A)
    congruence = preconditioners.as_preconditioner(preconditioner, operator)
    if congruence is not None:
        operator = preconditioners.apply(operator, congruence)
    counter = _Counter(MAX_MATVECS if max_matvecs is None else max_matvecs, max_seconds, progress)
    scaled, factor = _scaled(operator, seed, counter)
    if check:
        used = check_operator(scaled, probes.stream(seed, CHECK_STREAM))
        counter.num_matvecs += used * operator.matvecs_per_product
    unfactored = None if congruence is None or congruence.factor is not None else congruence
    chosen, reason = _method(method, operator, counter.left, unfactored)
    share = PRECISION if precision is None else precision
    goal = Goal(
        n=operator.n,
        dtype=operator.dtype,
        atol=None if atol is None else atol * factor,
        rtol=rtol,
        half_width=share if share >= 1.0 else share * operator.n,
        refine=precision is None,
        confidence=confidence,
        max_matvecs=max(1, counter.left // operator.matvecs_per_product),
        seed=seed,
        scale=1.0 / factor,
        preconditioner=unfactored,
    )

    def conclude(summary: Summary, history: list[tuple[int, int, int]]) -> RankResult:
        fields = {f.name: getattr(summary, f.name) for f in dataclasses.fields(summary)}
        fields.pop("memo")
        return RankResult(
            **fields,
            n=operator.n,
            dtype=str(operator.dtype),
            method=chosen.name,
            kernel=_kernel_name(chosen),
            preconditioner="" if congruence is None else congruence.name,
            confidence=confidence,
            num_matvecs=counter.num_matvecs,
            seconds=time.perf_counter() - started,
            reason=reason,
            seed=seed,
            history=history,
        )

    return _rounds(chosen, scaled, goal, counter, conclude)


class _TimeUp(Exception):  # noqa: N818 - not an error: it ends a segment
    pass


class _Counter:
    """Counts products, tells the observer, and stops a segment when the time is up."""

    def __init__(
        self,
        max_matvecs: int,
        max_seconds: float | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.num_matvecs = 0
        self.max_matvecs = max_matvecs
        self.interval: tuple[int, int] | None = None
        self._progress = progress
        self._deadline = math.inf if max_seconds is None else time.perf_counter() + max_seconds

    @property
    def left(self) -> int:
        return max(0, self.max_matvecs - self.num_matvecs)

    def tick(self, num_matvecs: int) -> None:
        self.num_matvecs += num_matvecs
        if self._progress is not None:
            self._progress(Progress(self.num_matvecs, self.max_matvecs, self.interval))
        if self.interval is not None and time.perf_counter() > self._deadline:
            raise _TimeUp


def _rounds(
    method: Method,
    operator: Operator,
    goal: Goal,
    counter: _Counter,
    conclude: Callable[[Summary, list[tuple[int, int, int]]], RankResult],
) -> RankResult:
    """Run rounds until the method has nothing left to do; decide only at the end of a round."""
    states: dict[tuple[Any, ...], Any] = {}
    history: list[tuple[int, int, int]] = []
    summary: Summary | None = None
    weight = operator.matvecs_per_product

    def tick(products: int) -> None:
        counter.tick(products * weight)

    try:
        while tasks := method.plan(goal, len(history), summary):
            for task in tasks:
                state = states.pop(task.key, None)
                states[task.key] = method.run(operator, goal, task, state, tick)
            summary = method.summarise(goal, states, summary)
            counter.interval = summary.evidence(goal.confidence)
            history.append((counter.num_matvecs, *counter.interval))
    except _TimeUp:
        if summary is not None and summary.status is Status.NO_GAP_FOUND:
            summary = dataclasses.replace(summary, status=Status.BUDGET_SPENT)
    except KeyboardInterrupt:
        if summary is None:
            raise
        summary = dataclasses.replace(summary, status=Status.INTERRUPTED)
    except DivergedError as error:
        known = None if summary is None else conclude(summary, history)
        raise DivergedError(error.step, known) from error
    if summary is None:
        msg = f"method={method.name!r} planned no work for n={goal.n}."
        raise OptionError(msg)
    return conclude(summary, history)


def _scaled(operator: Operator, seed: int, counter: _Counter) -> tuple[Operator, float]:
    """Scale an operator of extreme norm by a power of two; return it with the factor."""
    size = operator.scale_hint()
    if size is None and operator.n:
        x = probes.stream(seed, CHECK_STREAM, 1).standard_normal((operator.n, 1))
        for small in (1.0, 2.0**-600):
            with np.errstate(over="ignore", invalid="ignore"):
                y = operator.matmat((small * x).astype(operator.dtype))
            counter.num_matvecs += operator.matvecs_per_product
            size = float(np.abs(y).max()) / small if np.isfinite(y).all() else math.inf
            if math.isfinite(size):
                break
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
    factor = math.ldexp(1.0, -max(min(exponent, 1000), -1000))
    return Scaled(operator, factor), factor


def _method(
    method: str | Method | None, operator: Operator, left: int, unfactored: Preconditioner | None
) -> tuple[Method, str]:
    """Resolve what the caller passed as method; a G without a factor suits some methods only."""
    if method is None and unfactored is not None:
        return Projection(), f"{unfactored.name} is known by its products: solves can use it"
    chosen, reason = _named_method(method, operator, left)
    if unfactored is not None and not getattr(chosen, "solves", False):
        fit = ", ".join(
            repr(name) for name, cls in BY_NAME.items() if getattr(cls, "solves", False)
        )
        raise OptionError(
            f"method={chosen.name!r} needs a preconditioner with a factor G = S S*, and "
            f"{unfactored!r} is known by its products alone. Pass method={fit}, or a factor by "
            "Preconditioner.from_factor(S)."
        )
    return chosen, reason


def _named_method(method: str | Method | None, operator: Operator, left: int) -> tuple[Method, str]:
    """Return the method object and the reason for it."""
    if method is None:
        return choose(operator, left)
    if isinstance(method, str):
        if method not in BY_NAME:
            msg = f"method={method!r} is unknown: choose one of {', '.join(sorted(BY_NAME))}."
            raise OptionError(msg)
        return BY_NAME[method](), "asked for by name"
    if not isinstance(method, tuple(BY_NAME.values())):
        names = ", ".join(cls.__name__ for cls in BY_NAME.values())
        msg = f"method={method!r} is no method: pass a name or one of {names}, as an object."
        raise OptionError(msg)
    return method, "asked for"


def _kernel_name(method: Method) -> str:
    """Return the name of the kernel file that `method` runs on; empty if it runs on none."""
    if not hasattr(method, "kernel"):
        return ""
    return kernels.load(method.kernel).__name__.rpartition(".")[2]


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
    msg = f"rng={rng!r} must be a non-negative integer, a numpy SeedSequence or a Generator."
    raise OptionError(msg)


def _check_options(
    atol: float | None,
    rtol: float | None,
    precision: float | None,
    confidence: float,
    max_matvecs: int | None,
    max_seconds: float | None,
) -> None:
    """Raise `OptionError` for the first option that is out of range."""
    for name, value in (("atol", atol), ("rtol", rtol)):
        if value is not None and not 0.0 <= value < math.inf:
            msg = f"{name}={value} must be a finite number >= 0, or None for the noise floor."
            raise OptionError(msg)
    if precision is not None and not 0.0 < precision < math.inf:
        msg = (
            f"precision={precision} must be positive: below 1 a fraction of n, else a count "
            "of eigenvalues."
        )
        raise OptionError(msg)
    if not 0.0 < confidence < 1.0:
        msg = f"confidence={confidence} must lie between 0 and 1, for example 0.95."
        raise OptionError(msg)
    if max_matvecs is not None and max_matvecs < 1:
        raise OptionError(f"max_matvecs={max_matvecs} must be at least 1.")
    if max_seconds is not None and not max_seconds > 0.0:
        raise OptionError(f"max_seconds={max_seconds} must be positive.")
