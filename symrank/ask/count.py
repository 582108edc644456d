r"""`count`: how many eigenvalues lie in an interval.

All eigenvalues, pivots and Lanczos measures know on which side of an end an eigenvalue lies, and
count in (a, b] at once. Any other method counts what is far from zero: with c the centre and h the
half-width of the interval,

    #{a < lambda <= b} = n - #{|mu| > h},   mu the eigenvalues of A - c I,

where an infinite end, or one beyond the spectrum, is put where no eigenvalue can be.
"""

import dataclasses
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, overload

import numpy as np

from symrank.answer.counts import Counts
from symrank.answer.result import RankResult
from symrank.ask.pencil import count_by_pivots, mass_of, pivots_of, whitened
from symrank.ask.rank import OF_METHODS, answer, named_method, no_loss
from symrank.ask.table import edges_of, tabulate
from symrank.errors import OptionError
from symrank.methods import Method
from symrank.methods.proved import proved
from symrank.operators import shift
from symrank.recurrences.norm import norm
from symrank.run.budget import Budget, located
from symrank.run.checkpoint.session import in_checkpoint
from symrank.run.job import Job, prepare
from symrank.run.options import Options, Rng, seed_of
from symrank.run.rounds import budget_of, run
from symrank.spectrum import threshold
from symrank.spectrum.intervals import Complement
from symrank.spectrum.measure import LanczosRun, RitzMeasure
from symrank.spectrum.outcome import Band, Progress
from symrank.spectrum.region import too_narrow
from symrank.support import foreign, probes
from symrank.support.options import check_number, checks_names
from symrank.support.probes import Streams
from symrank.support.typing import FloatArray

__all__ = ["count"]

NORM_PROBES, NORM_STEPS = 2, 16
BEYOND = 1.1  # times the bound of |A|: where an open end is put


_EIGENVALUES = "a congruence keeps signs, not positions: A itself must be counted"
_INSTEAD = {
    "atol": "its ends a and b are the cuts",
    "rtol": "its ends a and b are the cuts",
    "preconditioner": _EIGENVALUES,
    "deflate": "its ends leave zeros out where they should: pass a=0.0 or b=0.0",
}


@overload
def count(
    A: Any,
    a: float,
    b: float,
    method: str | Method | None = None,
    *,
    M: Any = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    noise: float | None = None,
    hermitian: bool | None = None,
    rng: Rng = None,
    checkpoint: str | PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> RankResult: ...


@overload
def count(
    A: Any,
    a: Sequence[float] | FloatArray,
    b: None = None,
    method: str | Method | None = None,
    *,
    M: Any = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    noise: float | None = None,
    hermitian: bool | None = None,
    rng: Rng = None,
    checkpoint: str | PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> Counts: ...


@checks_names({**OF_METHODS, **_INSTEAD})
def count(
    A: Any,
    a: float | Sequence[float] | FloatArray,
    b: float | None = None,
    method: str | Method | None = None,
    *,
    M: Any = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    noise: float | None = None,
    hermitian: bool | None = None,
    rng: Rng = None,
    checkpoint: str | PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> RankResult | Counts:
    """Return the number of eigenvalues of `A` in ``(a, b]`` with an honest interval.

    Of a rectangle, and wherever `symrank.rank` counts singular values, it is the number of its
    ``min(m, n)`` singular values in there.

    ``count(A, edges)`` is a table of the numbers in ``(edges[i], edges[i + 1]]`` from one run.

    An end is as sharp as the products: an eigenvalue within a noise floor of it (500 eps |A|) may
    fall on either side, the interval of the count spans both, and `RankResult.at_ends` says how
    many there are. An end at exactly 0 asks for signs, by the rule of `symrank.rank`: what cannot
    be told from zero is zero and lies in ``(a, 0]``, never in ``(0, b]``. So ``count(A, 0, inf)``
    is the number of positive eigenvalues.

    Parameters
    ----------
    A
        As for `symrank.rank`.
    a, b
        Ends, ``a < b``; either may be infinite, or beyond the spectrum. Without `b`, `a` holds the
        edges of a table, ascending, (k + 1,).
    method
        As for `symrank.rank`. None, ``"dense"``, ``"inertia"`` and ``"lanczos"`` count between
        the ends; others count the eigenvalues of a shifted operator that are far from zero, and are
        as sharp as the products of that one. A table is counted by None, ``"dense"`` or
        ``"lanczos"``.
    M
        Positive definite mass, for the eigenvalues of ``A x = lambda M x``: a matrix or, where it
        is diagonal, an array (n,). With entries of A and M it is counted by the signs of
        ``A - a M`` and ``A - b M``. An A known by products, and any other method, wants a diagonal
        M, or ``M=Preconditioner.from_factor(S)`` with ``S S* = M^-1``. An end is as sharp as
        ``500 eps (|A| + |a| |M|)``, for a mode with ``x* M x = 1``.
    precision, confidence, max_matvecs, max_seconds, noise, hermitian, rng, checkpoint
        As for `symrank.rank`.
    progress, check
        As for `symrank.rank`. There is no `preconditioner`: a congruence keeps signs, not
        positions.

    Returns
    -------
    RankResult
        Its `rank` is the count, its `between` is ``(a, b)``; `measure` is that of `A`.
    Counts
        Of a table: a `RankResult` for every interval, as ``count(A, edges[i], edges[i + 1])`` gives
        it, and their number as arrays. The run goes on until each of them meets the precision.

    Raises
    ------
    OptionError
        If an option is out of range or unknown, ``a >= b``, the interval is narrower than the
        noise floor of the products, or M is not proved to be positive definite.
    CheckpointError
        As for `symrank.rank`.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> result = symrank.count(np.diag([3.0, 1.0, 0.5, 0.0]), 0.4, 2.0)
    >>> result.rank, result.interval()
    (2, (2, 2))
    >>> symrank.count(np.diag([3.0, 1.0, 0.5, 0.0]), 0.0, np.inf).rank
    3
    >>> symrank.count(np.diag([3.0, 1.0, 0.5, 0.0]), [-1.0, 0.2, 0.8, 4.0]).counts.tolist()
    [1, 1, 2]
    >>> symrank.count(np.diag([3.0, 1.0, 0.5]), 0.4, 2.0, M=np.array([1.0, 1.0, 2.0])).rank
    1
    """
    edges = edges_of(a) if b is None else _ends(a, b)
    options = Options(
        between=(edges[0], edges[-1]),
        precision=precision,
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        noise=noise,
        hermitian=hermitian,
        seed=seed_of(rng),
        check=check,
        checkpoint=checkpoint,
    )
    pencil = None
    if M is not None:
        no_loss(A, "a pencil")
        M = mass_of(M)
        pencil = pivots_of(A, M, method)
    chosen = None if method is None else named_method(method)[0]

    def counted(own: Options) -> RankResult | Counts:
        if pencil is not None:
            budget = budget_of(own, progress)
            with foreign.own_arithmetic():
                return count_by_pivots(A, M, edges, pencil, own, budget)
        B = A if M is None else whitened(A, M)
        if b is None:
            return tabulate(B, edges, method, own, progress)
        return _between(B, chosen, method, own, progress)

    asked = {"question": "count", "method": chosen, "edges": edges, "M": M}
    return in_checkpoint(options, rng is None, asked, counted)


def _between(
    A: Any,
    chosen: Method | None,
    method: str | Method | None,
    options: Options,
    progress: Callable[[Progress], None] | None,
) -> RankResult:
    """Count between two ends, by a method that does or by a shifted rank."""
    if chosen is None or chosen.counts_between:
        return answer(A, method, options, progress)
    budget = budget_of(options, progress)
    with foreign.own_arithmetic():
        return _shifted(prepare(A, options, budget, method=chosen), chosen, budget)


def _ends(a: Any, b: Any) -> list[float]:
    """Return the ends of one interval, or raise `OptionError`."""
    rule = (
        "must be one number, or inf: pass a < b, or the edges of a table as a and no b "
        "(a method by its name, method=...)."
    )
    a, b = (check_number(name, end, lambda _: True, rule) for name, end in (("a", a), ("b", b)))
    if not a < b:
        raise OptionError(f"a={a} and b={b} hold no interval: pass a < b.")
    return [a, b]


def _shifted(job: Job, method: Method, budget: Budget) -> RankResult:
    """Count by a rank of the shifted operator."""
    assert job.between is not None
    with located(budget):
        left, right = _finite(job, budget)
    centre, half = 0.5 * (left + right), 0.5 * (right - left)
    unit, between, num_zeros = job.goal.scale, job.between, job.num_zeros
    low, high = proved(job.goal)  # of the window, whose eigenvalues the shift puts next to zero

    def as_asked(result: RankResult) -> RankResult:
        return _with_zeros(_complement(result, centre * unit, between), num_zeros)

    moved = dataclasses.replace(
        job,
        num_zeros=0,
        operator=shift(job.operator, centre),
        goal=dataclasses.replace(
            job.goal,
            between=None,
            atol=half,
            norm_bound=job.goal.norm_bound + abs(centre),
            zeros=(low, high),
        ),
        between=None,
        as_asked=as_asked,
    )
    result = run(moved, method, "asked for", budget).result(budget)
    if result.threshold > half * unit * (1.0 + 1e-12):
        raise too_narrow(between, 2.0 * result.threshold)
    return as_asked(result)


def _finite(job: Job, budget: Budget) -> tuple[float, float]:
    """Put ends at zero at the noise floor, and ends beyond the spectrum just beyond it."""
    goal, operator = job.goal, job.operator
    assert goal.between is not None
    a, b = goal.between
    n, steps = operator.n, min(NORM_STEPS, max(operator.n, 1))
    if n == 0:
        return 0.0, 1.0
    own = int(probes.stream(goal.seed, Streams.COUNT_NORM.start).integers(2**63))
    Z = probes.gaussian(own, 0, NORM_PROBES, n, operator.dtype)
    found = norm(operator, Z, steps, goal.eps, lambda _: None)
    budget.spend(found.num_products * operator.matvecs_per_product, is_told=False)
    bound = BEYOND * found.low * (1.0 + found.margin) or 1.0
    floor = threshold.cut(found.low, goal.eps, None, None)
    left, right = (min(max(x, -bound), bound) if x else floor for x in (a, b))
    if not left < right:  # both beyond the spectrum: an empty interval there
        left, right = (bound, 1.5 * bound) if a > 0.0 else (-1.5 * bound, -bound)
    return left, right


def _complement(result: RankResult, centre: float, between: tuple[float, float]) -> RankResult:
    """Turn the rank of A - c I at the cut into the count of what lies within it."""
    n = result.n
    measure = result.measure
    if measure is not None:
        runs = [_shifted_back(run, centre / measure.scale) for run in measure.runs]
        measure = dataclasses.replace(measure, runs=runs)
        assert isinstance(measure, RitzMeasure)
    return dataclasses.replace(
        result,
        rank=n - result.rank,
        estimate=n - result.estimate,
        bounds=(n - result.bounds[1], n - result.bounds[0]),
        samples=n - result.samples,
        evidence=Complement(n=n, of=result.evidence),
        between=between,
        gaps=(),
        inertia=None,
        measure=measure,
        at_ends=[_moved(band, centre) for band in result.at_ends],
        diagnostics={k: v for k, v in result.diagnostics.items() if k != "eigenvalues"},
        history=[(used, n - high, n - low) for used, low, high in result.history],
        resume=_resume(result, centre, between),
    )


def _with_zeros(result: RankResult, num_zeros: int) -> RankResult:
    """Add to n the zeros that were left out, which lie outside of the interval."""
    if not num_zeros:
        return result
    go_on, measure = result.resume, result.measure
    if measure is not None:
        measure = dataclasses.replace(measure, num_zeros=num_zeros)
    return dataclasses.replace(
        result,
        n=result.n + num_zeros,
        measure=measure,
        resume=go_on and (lambda *options: _with_zeros(go_on(*options), num_zeros)),
    )


def _moved(band: Band, centre: float) -> Band:
    return dataclasses.replace(band, low=band.low + centre, high=band.high + centre)


def _resume(
    result: RankResult, centre: float, between: tuple[float, float]
) -> Callable[..., RankResult] | None:
    """Return what `RankResult.refine` calls for a count."""
    go_on = result.resume
    if go_on is None:
        return None
    return lambda *options: _complement(go_on(*options), centre, between)


def _shifted_back(run: LanczosRun, centre: float) -> LanczosRun:
    """Return the run of A; its rounding was that of A - c I, which may be the larger of the two."""
    size = float(np.abs(run.ritz_values + centre).max())
    eps = run.eps * max(1.0, run.spectral_norm / size) if size > 0.0 else run.eps
    return LanczosRun(run.alpha + centre, run.beta, run.norm2, eps)
