r"""Traces of functions of A from a Ritz measure, with an error that covers both its sources.

Sampling. The direction of a Gaussian v is uniform, so with q_j = v_j* f(A) v_j / v_j* v_j

    E[n q_j] = tr f(A),   Var[n q_j] = c (tr f(A)^2 - (tr f(A))^2 / n),                       (1)

c = 2n/(n + 2) for real probes and n/(n + 1) for complex ones. The estimate is the mean of the m
values n q_j. Its standard error is the larger of their spread and of (1) with both traces taken
from the same measure: where few eigenvalues carry the sum the spread alone is too small too often,
and (1) knows it. The interval is that of Student's t with m - 1 degrees of freedom.

Quadrature. q_j is not known, only its Gauss rule; `symrank.spectrum.quadrature` brackets each q_j.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import scipy.stats

from symrank.errors import OptionError
from symrank.spectrum import quadrature
from symrank.spectrum.margins import lambda_max_margin
from symrank.spectrum.pooled import PooledRuns
from symrank.spectrum.quadrature import Function, Kind, estimated, gauss, proved
from symrank.support.typing import FloatArray

__all__ = [
    "Estimate",
    "Kind",
    "check_ridge",
    "degrees_of_freedom",
    "entropy_rank",
    "log_pseudo_determinant",
    "moment_rank",
    "trace",
]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A spectral sum with its sampling error and the range that quadrature leaves open.

    ``float(estimate)`` is its value.

    Attributes
    ----------
    value
        Mean of the Gauss rules of all probes.
    stderr
        Standard error by sampling over the probes.
    low, high
        What quadrature leaves open of `value`, as if there were no sampling error.
    is_bound
        Whether `low` and `high` are proved (up to a model of rounding), or else estimated.
    spread
        What quadrature may add to `stderr`.
    num_probes
        Probes that were averaged.
    """

    value: float
    stderr: float
    low: float
    high: float
    is_bound: bool
    spread: float
    num_probes: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return ends that hold the sum: Student's t round all that quadrature leaves open."""
        if not 0.0 < confidence < 1.0:
            raise OptionError(f"confidence={confidence} must lie between 0 and 1, like 0.95.")
        freedom = max(self.num_probes - 1, 1)
        half = float(scipy.stats.t.ppf(0.5 + 0.5 * confidence, freedom))
        half *= self.stderr + self.spread
        return self.low - half, self.high + half

    def __float__(self) -> float:
        return self.value


def trace(
    measure: PooledRuns, f: Function, kind: Kind | None = None, lower: float = 0.0
) -> Estimate:
    """See `RitzMeasure.trace`."""
    if kind not in (None, "completely monotone", "bernstein"):
        raise OptionError(f"kind={kind!r} is not 'completely monotone', 'bernstein' or None.")
    scaled = _scaled(f, measure.scale)
    if kind is None:
        brackets = [estimated(run, scaled) for run in measure.runs]
    else:
        _check_lower(measure, lower)
        brackets = [proved(run, scaled, kind, lower / measure.scale) for run in measure.runs]
    found = _pooled(measure, scaled, np.array(brackets), is_bound=kind is not None)
    return _with_zeros(found, measure.num_zeros, f) if measure.num_zeros else found


def degrees_of_freedom(measure: PooledRuns, c: float) -> Estimate:
    """See `RitzMeasure.degrees_of_freedom`."""
    check_ridge(measure, c)
    return trace(measure, lambda x: x / (x + c), "bernstein")


def check_ridge(measure: PooledRuns, c: float) -> None:
    """Refuse a c that is not above rounding."""
    floor = 2.0 * quadrature.NODES[-1] * max(run.drift for run in measure.runs) * measure.scale
    if not floor <= c < math.inf or c <= 0.0:
        raise OptionError(
            f"c={c} must be positive and above the rounding of the spectrum, {floor:.3g}: below it "
            "A (A + c I)^-1 is not determined by the products."
        )


def log_pseudo_determinant(measure: PooledRuns, tau: float) -> Estimate:
    """See `RitzMeasure.log_pseudo_determinant`.

    log|x| above tau is log(|x| / tau), continuous, plus log tau times a step, whose error is the
    certified one of the null mass.
    """
    if not 0.0 < tau < math.inf:
        raise OptionError(f"tau={tau} must be positive: log |lambda| is summed above it.")

    def f(x: FloatArray) -> FloatArray:
        return np.where(np.abs(x) > tau, np.log(np.maximum(np.abs(x), tau)), 0.0)

    def continuous(x: FloatArray) -> FloatArray:
        return np.log(np.maximum(np.abs(x) / tau, 1.0))

    scaled, smooth = _scaled(f, measure.scale), _scaled(continuous, measure.scale)
    brackets = []
    for run in measure.runs:
        value = gauss(run, scaled)
        error = 0.5 * float(np.ptp(estimated(run, smooth)))
        low, high = run.null_mass(tau / measure.scale)
        mass = float(run.weights[np.abs(run.ritz_values) <= tau / measure.scale].sum())
        error += abs(math.log(tau)) * max(high - mass, mass - low)
        brackets.append((value - error, value + error))
    return _pooled(measure, scaled, np.array(brackets), is_bound=False)


def moment_rank(measure: PooledRuns, power: int) -> Estimate:
    """Estimate tr A^p / |A|^p, p = 1 for a semidefinite A, else 2; no quadrature is needed.

    v*Av / v*v = alpha_1 and v*A^2 v / v*v = alpha_1^2 + beta_1^2. |A| lies between the largest Ritz
    value and that raised by `symrank.spectrum.margins`, except with the probability FAILURE there.
    """
    if power == 1:
        _check_lower(measure, 0.0)
    norm = measure.spectral_norm / measure.scale
    if norm == 0.0:
        return _known(0.0, len(measure.runs))
    bounds = np.array([run.moment(power) for run in measure.runs]) / norm**power
    slack = quadrature.SUM * max(run.eps for run in measure.runs) * bounds.max(axis=1)
    moments = _pooled(
        measure,
        lambda x: (np.abs(x) / norm) ** power,
        bounds + np.stack([-slack, slack], axis=1),
        is_bound=True,
    )
    steps = min(run.alpha.size for run in measure.runs)
    margin = lambda_max_margin(measure.n, steps, len(measure.runs), is_indefinite=power == 2)
    if measure.is_closed:
        margin = 0.0
    return dataclasses.replace(moments, low=moments.low / (1.0 + margin) ** power)


def entropy_rank(measure: PooledRuns) -> Estimate:
    """See `RitzMeasure.effective_rank`.

    With S = tr |A| and E = tr |A| log |A| the entropy is H = log S - E / S, and its linear part in
    the two sums is the trace of (1/S + E/S^2) |x| - |x| log|x| / S.
    """
    norm = measure.spectral_norm
    if norm == 0.0:
        return _known(0.0, len(measure.runs))

    def log_part(x: FloatArray) -> FloatArray:
        y = np.abs(x) / norm
        return y * np.log(np.where(y > 0.0, y, 1.0))

    total = trace(measure, lambda x: np.abs(x) / norm).value
    energy = trace(measure, log_part).value
    slope = 1.0 / total + energy / total**2
    linear = trace(measure, lambda x: slope * np.abs(x) / norm - log_part(x) / total)
    rank = math.exp(math.log(total) - energy / total)
    return Estimate(
        value=rank,
        stderr=rank * linear.stderr,
        low=rank * (1.0 + linear.low - linear.value),
        high=rank * (1.0 + linear.high - linear.value),
        is_bound=False,
        spread=rank * linear.spread,
        num_probes=linear.num_probes,
    )


def _with_zeros(found: Estimate, num_zeros: int, f: Function) -> Estimate:
    """Add f(0) for the eigenvalues that no probe saw."""
    with np.errstate(divide="ignore", invalid="ignore"):
        at_zero = float(np.asarray(f(np.zeros(1))).item())
    if not math.isfinite(at_zero):
        raise OptionError(
            f"f(0) = {at_zero}, and {num_zeros} eigenvalues are known to be zero, by the shape of "
            "the matrix or by deflate: tr f(A) is not finite. Sum over the others by an f that is "
            "0 at 0, or by log_pseudo_determinant."
        )
    more = num_zeros * at_zero
    return dataclasses.replace(
        found, value=found.value + more, low=found.low + more, high=found.high + more
    )


def _scaled(f: Function, scale: float) -> Function:
    return lambda x: np.asarray(f(x * scale), dtype=np.float64)


def _known(value: float, num_probes: int) -> Estimate:
    """Return a sum that is known."""
    return Estimate(
        value=value, stderr=0.0, low=value, high=value, is_bound=True, spread=0.0,
        num_probes=num_probes,
    )  # fmt: skip


def _check_lower(measure: PooledRuns, lower: float) -> None:
    """Refuse a lower bound of the spectrum that a Ritz value contradicts."""
    for run in measure.runs:
        smallest = float(run.ritz_values[0])
        if smallest < lower / measure.scale - 2.0 * run.drift:
            raise OptionError(
                f"the spectrum was said to start at {lower:.6g}, but a Ritz value is "
                f"{smallest * measure.scale:.6g}. Pass a lower bound of the eigenvalues; sums that "
                "ask for a semidefinite A have no meaning here."
            )


def _pooled(measure: PooledRuns, f: Function, brackets: FloatArray, *, is_bound: bool) -> Estimate:
    """Average the probes' brackets (m, 2); the Gauss rules give value and standard error.

    s(x) = |x - mean x| / sqrt(m - 1) is a seminorm, so what quadrature leaves open, at most
    r_j per probe, adds at most |r| / sqrt(m - 1) to it.
    """
    runs, n = measure.runs, measure.n
    m = len(runs)
    q = np.array([gauss(run, f) for run in runs])
    # Gauss may lie outside of a bracket whose values are known exactly (moments) or rounded
    low, high = brackets.T
    q = np.clip(q, low, high)
    squares = float(np.mean([gauss(run, lambda x: f(x) ** 2) for run in runs]))
    mean = float(q.mean())
    c = n / (n + 1.0) if measure.is_complex else 2.0 * n / (n + 2.0)
    variance = c * n * max(squares - mean**2, 0.0)  # eq. (1)
    if m > 1:
        variance = max(variance, n**2 * float(q.var(ddof=1)))
    open_ = np.maximum(high - q, q - low)
    return Estimate(
        value=n * mean,
        stderr=math.sqrt(variance / m),
        low=n * float(low.mean()),
        high=n * float(high.mean()),
        is_bound=is_bound,
        spread=n * float(np.linalg.norm(open_)) / math.sqrt(max(m - 1, 1) * m),
        num_probes=m,
    )
