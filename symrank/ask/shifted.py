r"""A count between two ends by a method that counts what is far from zero: of A - c I.

With c the centre and h the half-width of the interval,

    #{a < lambda <= b} = n - #{|mu| > h},   mu the eigenvalues of A - c I,

where an infinite end, or one beyond the spectrum, is put where no eigenvalue can be.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from symrank.answer.result import RankResult
from symrank.methods import Method
from symrank.methods.proved import proved
from symrank.operators import shift
from symrank.recurrences.norm import norm
from symrank.run.budget import Budget, located
from symrank.run.job import Job
from symrank.run.rounds import run
from symrank.spectrum import threshold
from symrank.spectrum.intervals import Complement
from symrank.spectrum.measure import LanczosRun, RitzMeasure
from symrank.spectrum.outcome import Band
from symrank.spectrum.region import too_narrow
from symrank.support import probes
from symrank.support.probes import Streams

__all__ = ["shifted"]

NORM_PROBES, NORM_STEPS = 2, 16
BEYOND = 1.1  # times the bound of |A|: where an open end is put


def shifted(job: Job, method: Method, budget: Budget) -> RankResult:
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
