r"""Traces of functions from Lanczos runs: tr f(A), with both of its errors.

Let q_i be the Gauss rule's value of the integral of f over the spectral measure of probe i, and
p_i = |v_i|^2 / sum_j |v_j|^2. Directions of Gaussian probes are uniform and independent of their
lengths, so with exact q_i

    S = n sum_i p_i q_i,   E[S] = tr f(A),   Var[S] = Var[n q] sum_i p_i^2,                    (1)

and the spread of the n q_i over the m probes estimates Var[n q] with m - 1 degrees of freedom
(S. Ubaru, J. Chen, Y. Saad, SIAM J. Matrix Anal. Appl. 38, 2017).

Quadrature. The k-point Gauss rule errs by f^(2k)(xi) times a positive number, the Gauss-Radau rule
with a node a left of the spectrum by f^(2k+1)(xi) times one (G. Golub and G. Meurant, "Matrices,
moments and quadrature", 2010, sec. 6). For a completely monotone f, (-1)^j f^(j) >= 0, such as
1/(x + c) on x >= 0, the first is a lower and the second, with a = 0, an upper bound: proved, up to
rounding. For any other f the distance to the rule of three quarters of the steps is an estimate of
the error, and is not proved.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special

from symrank import kernels
from symrank._lanczos_run import ROUNDING, LanczosRun
from symrank._typing import FloatArray
from symrank.errors import OptionError

__all__ = [
    "SpectralSum",
    "degrees_of_freedom",
    "effective_rank",
    "log_pseudo_determinant",
    "trace",
]

FEWER = 0.75  # of the steps: the rule that the full one is compared with
SEMIDEFINITE = 500.0  # eps |A|, the noise floor: a Ritz value further below zero is negative

Function = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, kw_only=True)
class SpectralSum:
    """An estimate of a sum over the spectrum.

    Attributes
    ----------
    value
        The estimate; ``float(...)`` is it, too.
    stderr
        Its standard error by sampling alone; infinite for one probe.
    bounds
        Where the sum over the same probes lies if the quadrature were exact, ``(low, high)``.
    is_bound
        Whether `bounds` is proved, or an estimate of the error.
    num_probes
        How many probes were averaged.
    """

    value: float
    stderr: float
    bounds: tuple[float, float]
    is_bound: bool
    num_probes: int

    def __float__(self) -> float:
        return self.value

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return an interval for the sum: Student's t over the probes, on top of `bounds`."""
        if not 0.0 < confidence < 1.0:
            raise OptionError(f"confidence={confidence} must lie between 0 and 1, like 0.95.")
        if self.stderr == 0.0:
            return self.bounds
        if self.num_probes < 2:
            return -math.inf, math.inf
        t = float(scipy.special.stdtrit(self.num_probes - 1, 0.5 + 0.5 * confidence))
        return self.bounds[0] - t * self.stderr, self.bounds[1] + t * self.stderr


def trace(
    runs: Sequence[LanczosRun],
    n: int,
    scale: float,
    f: Function,
    *,
    completely_monotone: bool = False,
) -> SpectralSum:
    """Estimate tr f(A) over all eigenvalues.

    Parameters
    ----------
    runs, n, scale
        As of `symrank.measure.RitzMeasure`.
    f
        Takes an array of eigenvalues and returns one of the same shape.
    completely_monotone
        Promises (-1)^j f^(j) >= 0 on [0, inf): the bounds are proved then, if no Ritz value is
        negative.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> A = np.diag(np.linspace(1.0, 2.0, 500))
    >>> measure = symrank.rank(A, "lanczos", rng=1).measure
    >>> low, high = measure.trace(np.exp).interval(0.999)
    >>> low < float(np.exp(np.diag(A)).sum()) < high
    True
    """
    values, low, high, proved = [], [], [], True
    for run in runs:
        value = float(run.weights @ f(run.ritz_values * scale))
        bracket = _radau_bound(run, scale, f) if completely_monotone else None
        proved &= bracket is not None
        if bracket is None:
            error = 0.0 if run.is_exact else abs(value - _fewer_steps(run, scale, f))
            bracket = -error, error
        values.append(value)
        low.append(value + bracket[0])
        high.append(value + bracket[1])
    share = np.array([run.norm2 for run in runs])
    share /= share.sum()
    samples = n * np.array(values)
    m = samples.size
    stderr = float(samples.std(ddof=1) * np.sqrt(share @ share)) if m > 1 else math.inf
    return SpectralSum(
        value=float(share @ samples),
        stderr=stderr,
        bounds=(n * float(share @ np.array(low)), n * float(share @ np.array(high))),
        is_bound=proved,
        num_probes=m,
    )


def degrees_of_freedom(runs: Sequence[LanczosRun], n: int, scale: float, c: float) -> SpectralSum:
    """Estimate tr A (A + c I)^-1 = n - c tr (A + c I)^-1, the effective number of parameters.

    Raises
    ------
    OptionError
        If c is not positive, or a Ritz value is negative.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> lam = np.concatenate([np.full(300, 1.0), np.zeros(200)])
    >>> measure = symrank.rank(np.diag(lam), "lanczos", rng=1).measure
    >>> low, high = measure.degrees_of_freedom(0.5).interval(0.999)
    >>> low < 200.0 < high
    True
    """
    if not 0.0 < c < math.inf:
        raise OptionError(f"c={c} must be positive: tr A (A + c I)^-1 needs an invertible A + c I.")
    _check_semidefinite(runs, "degrees_of_freedom")
    inverse = trace(
        runs, n, scale, lambda x: c / (np.maximum(x, 0.0) + c), completely_monotone=True
    )
    low, high = inverse.bounds
    return SpectralSum(
        value=n - inverse.value,
        stderr=inverse.stderr,
        bounds=(max(0.0, n - high), n - low),
        is_bound=inverse.is_bound,
        num_probes=inverse.num_probes,
    )


def log_pseudo_determinant(
    runs: Sequence[LanczosRun], n: int, scale: float, tau: float
) -> SpectralSum:
    """Estimate the sum of log |lambda| over |lambda| > tau > 0.

    Its function jumps at tau, so the error of the quadrature is an estimate, and one to believe
    only where tau lies in a gap that the runs have resolved.
    """
    if not 0.0 < tau < math.inf:
        raise OptionError(f"tau={tau} must be positive: result.threshold is the cut of the rank.")

    def log_above(x: FloatArray) -> FloatArray:
        size = np.abs(x)
        return np.where(size > tau, np.log(np.maximum(size, tau)), 0.0)

    return trace(runs, n, scale, log_above)


def effective_rank(runs: Sequence[LanczosRun], n: int) -> SpectralSum:
    """Estimate tr A / |A|: a rank that does not jump (V. Koltchinskii and K. Lounici, 2017).

    |A| is the largest Ritz value, which lies below it: the error of that is not in the bounds.
    """
    _check_semidefinite(runs, "effective_rank")
    norm = max(run.spectral_norm for run in runs)
    if norm == 0.0:
        return SpectralSum(
            value=0.0, stderr=0.0, bounds=(0.0, 0.0), is_bound=True, num_probes=len(runs)
        )
    return trace(runs, n, 1.0 / norm, lambda x: x)


def _check_semidefinite(runs: Sequence[LanczosRun], name: str) -> None:
    lowest = min(float(run.ritz_values[0]) for run in runs)
    norm = max(run.spectral_norm for run in runs)
    if not all(_is_semidefinite(run) for run in runs):
        raise OptionError(
            f"{name} is of a positive semidefinite operator, and a Ritz value is "
            f"{lowest / norm:.3g} |A|. Pass trace(f) with an f that means something for both signs."
        )


def _is_semidefinite(run: LanczosRun) -> bool:
    return bool(run.ritz_values[0] >= -SEMIDEFINITE * run.eps * run.spectral_norm)


def _radau_bound(run: LanczosRun, scale: float, f: Function) -> tuple[float, float] | None:
    """Bracket the error of the Gauss rule for a completely monotone f; None where not possible."""
    if not _is_semidefinite(run):
        return None
    value = float(run.weights @ f(run.ritz_values * scale))
    allowance = ROUNDING * run.eps * float(f(np.zeros(1))[0])
    if run.is_exact:
        return -allowance, allowance
    rule = run.radau(0.0)
    if rule is None:
        return None
    nodes, weights = rule
    upper = float(weights @ f(np.maximum(nodes, 0.0) * scale))
    return -allowance, max(upper - value, 0.0) + allowance


def _fewer_steps(run: LanczosRun, scale: float, f: Function) -> float:
    """Return the Gauss rule of the first steps."""
    k = max(1, int(FEWER * run.alpha.size))
    nodes, first, _ = kernels.load().golub_welsch(run.alpha[:k], run.beta[: k - 1])
    return float(first**2 @ f(nodes * scale)) / float(first @ first)
