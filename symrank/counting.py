r"""`count`: how many eigenvalues lie in an interval.

With c the centre and h the half-width of the interval, #{|lambda - c| <= h} = n - #{|mu| > h} over
the eigenvalues mu of A - c I: a count of eigenvalues is a rank with a cut, and has the same
certificates. An open end is put where no eigenvalue can be: a Lanczos run bounds |A| with a proved
margin.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symrank import probes
from symrank.errors import OptionError
from symrank.estimate import rank, seed_of
from symrank.intervals import Complement
from symrank.margins import lambda_max_margin
from symrank.measure import LanczosRun, RitzMeasure
from symrank.operators import Operator, as_operator, shift
from symrank.recurrences import lanczos
from symrank.result import RankResult

__all__ = ["count"]

NORM_STREAM = 2**32 - 3
NORM_PROBES, NORM_STEPS = 2, 16
BEYOND = 1.1  # times the bound of |A|: where an open end is put


def count(A: Any, a: float, b: float, method: Any = None, **options: Any) -> RankResult:
    """Return the number of eigenvalues of `A` in ``(a, b]`` with an honest interval.

    Parameters
    ----------
    A
        As for `symrank.rank`.
    a, b
        Ends, ``a < b``; either may be infinite. An eigenvalue within rounding of an end may
        fall on either side.
    method, **options
        As for `symrank.rank`, but for `atol`, `rtol`, `deflate` and `preconditioner`: a
        congruence keeps signs, not positions. ``count(A, 0, inf)`` is the number of positive
        eigenvalues.

    Returns
    -------
    RankResult
        Its `rank` is the count, its `window` is ``(a, b)``; `measure` is that of `A`.

    Raises
    ------
    OptionError
        If ``a >= b``, or the interval is narrower than the noise floor of the products.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> result = symrank.count(np.diag([3.0, 1.0, 0.5, 0.0]), 0.4, 2.0)
    >>> result.rank, result.interval()
    (2, (2, 2))
    """
    for name in ("atol", "rtol", "preconditioner", "deflate"):
        if options.get(name) is not None:
            raise OptionError(
                f"{name}={options[name]!r} has no meaning for count: the interval itself is the "
                "cut. Leave it out."
            )
    if not a < b:
        raise OptionError(f"a={a} and b={b} hold no interval: pass a < b.")
    operator = as_operator(A)
    options["rng"] = seed_of(options.get("rng"))
    left, right, spent = _finite(operator, a, b, options["rng"])
    centre, half = 0.5 * (left + right), 0.5 * (right - left)
    budget = options.get("max_matvecs")
    if budget is not None:
        options["max_matvecs"] = max(1, budget - spent)
    result = rank(shift(operator, centre), method, atol=half, **options)
    if result.threshold > half * (1.0 + 1e-12):
        raise OptionError(
            f"the interval ({a}, {b}] is narrower than the noise of the products of A, "
            f"{2.0 * result.threshold:.3g}: eigenvalues cannot be told apart there. Widen it."
        )
    return _complement(result, centre, (a, b), spent)


def _finite(operator: Operator, a: float, b: float, seed: int) -> tuple[float, float, int]:
    """Put open ends beyond the spectrum; return both and the products that it took."""
    if math.isfinite(a) and math.isfinite(b):
        return a, b, 0
    n, steps = operator.n, min(NORM_STEPS, max(operator.n, 1))
    if n == 0:
        return (a if math.isfinite(a) else b - 1.0, b if math.isfinite(b) else a + 1.0, 0)
    own = int(probes.stream(seed, NORM_STREAM).integers(2**63))
    Z = probes.gaussian(own, 0, NORM_PROBES, n, operator.dtype)
    runs = lanczos.runs(
        lanczos.extend(lanczos.start(Z), operator, steps, lambda _: None),
        float(np.finfo(operator.dtype).eps),
    )
    norm = max(run.spectral_norm for run in runs)
    bound = BEYOND * norm * (1.0 + lambda_max_margin(n, steps, NORM_PROBES, is_indefinite=True))
    ends = [x for x in (a, b) if math.isfinite(x)]
    bound = max([bound, *(2.0 * abs(x) for x in ends)]) or 1.0
    spent = steps * NORM_PROBES * operator.matvecs_per_product
    return (a if math.isfinite(a) else -bound, b if math.isfinite(b) else bound, spent)


def _complement(
    result: RankResult, centre: float, window: tuple[float, float], spent: int
) -> RankResult:
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
        window=window,
        gaps=(),
        inertia=None,
        measure=measure,
        diagnostics={k: v for k, v in result.diagnostics.items() if k != "eigenvalues"},
        num_matvecs=result.num_matvecs + spent,
        history=[(used, n - high, n - low) for used, low, high in result.history],
        resume=_resume(result, centre, window, spent),
    )


def _resume(
    result: RankResult, centre: float, window: tuple[float, float], spent: int
) -> Callable[..., RankResult] | None:
    """Return what `RankResult.refine` calls for a count."""
    go_on = result.resume
    if go_on is None:
        return None
    return lambda *options: _complement(go_on(*options), centre, window, spent)


def _shifted_back(run: LanczosRun, centre: float) -> LanczosRun:
    """Return the run of A; its rounding was that of A - c I, which may be the larger of the two."""
    size = float(np.abs(run.ritz_values + centre).max())
    eps = run.eps * max(1.0, run.spectral_norm / size) if size > 0.0 else run.eps
    return LanczosRun(run.alpha + centre, run.beta, run.norm2, eps)
