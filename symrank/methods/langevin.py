r"""Rank from the stationary energy of Langevin dynamics (Bar et al., AAAI 2024, Algorithm 1).

For f(theta) = 1/2 theta* A theta the Euler-Maruyama chain, eq. (21) with G = I,

    theta_(k+1) = theta_k - eta g_k + sqrt(eta) n_k,    g_k = A theta_k,  theta_0 = 0      (21)

estimates tr phi_k(A) (`symrank.filters`; sigma cancels for a linear gradient) by

    energy      e_k = 2 <theta_k, g_k>                          eq. (20), biased by the step
    corrected   e_k = 2 <theta_k, g_k> - eta <g_k, g_k>         phi_k = 1 - q^(2k), unbiased

averaged over the steps after burn-in. A pilot Lanczos run gives lambda_max with a proved margin,
tells an indefinite operator (which is squared: same rank), and bounds what the filter has not
yet resolved, so that the interval covers that too.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from symrank import filters, kernels, probes, threshold
from symrank._typing import FloatArray
from symrank.errors import DivergedError, OptionError, StepSizeError
from symrank.intervals import ChainInterval
from symrank.measure import RitzMeasure
from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.operators import Operator, Squared
from symrank.recurrences import lanczos
from symrank.recurrences.bounds import lambda_max_margin
from symrank.result import Status

__all__ = ["Langevin"]

PILOT_PROBES = 4
PILOT_STEPS = 512  # at most
PILOT_SHARE = 10  # the pilot takes at most a tenth of the budget
Z_PILOT = 4.0  # standard errors of the pilot that the bias bound allows for
NOISE_STREAM = 2**32 - 2
Z_DRIFT = 4.0  # the halves of the window may differ by this many standard errors


@dataclass(frozen=True, kw_only=True)
class Langevin:
    r"""Langevin filter iteration: Euler-Maruyama chains advanced as one block.

    Parameters
    ----------
    num_steps
        Steps of every chain, one product each. Default: what the budget allows.
    burn_in
        Steps left out of the average. Default: a third of `num_steps`, as in the paper.
    num_chains
        Independent chains, at least 2; their spread gives `stderr`.
    step_size
        The :math:`\eta` of eq. (21), below ``2 / lambda_max``. Default: ``1 / lambda_max``.
        An indefinite operator is squared, and then lambda_max is that of the square.
    estimator
        ``"corrected"`` (no discretisation bias) or ``"energy"``, eq. (20) as printed.
    kernel
        Name of a kernel file. Default: the compiled one.

    References
    ----------
    .. [1] A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The expected loss of preconditioned
       Langevin dynamics reveals the Hessian rank", AAAI 2024, eqs. (9), (20), (21).

    Examples
    --------
    >>> import numpy as np, symrank
    >>> A = np.diag([4.0, 2.0, 1.0, 0.0, 0.0])
    >>> run = Langevin(num_steps=400, burn_in=100, num_chains=32)
    >>> symrank.rank(A, method=run, rng=7).rank
    3
    """

    num_steps: int | None = None
    burn_in: int | None = None
    num_chains: int = 8
    step_size: float | None = None
    estimator: Literal["corrected", "energy"] = "corrected"
    kernel: str | None = None

    name: ClassVar[str] = "langevin"

    def __post_init__(self) -> None:
        if self.num_chains < 2:
            msg = f"num_chains={self.num_chains} gives no standard error: pass at least 2."
            raise OptionError(msg)
        if self.estimator not in ("corrected", "energy"):
            msg = f"estimator={self.estimator!r} must be 'corrected' or 'energy'."
            raise OptionError(msg)

    def plan(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:
        """A pilot, then all chains."""
        if summary is None:
            steps = max(1, min(PILOT_STEPS, goal.max_matvecs // (PILOT_SHARE * PILOT_PROBES)))
            return [Task(("pilot",), steps, PILOT_PROBES)]
        if round_ > 1:
            return []
        pilot: _Pilot = summary.memo
        if pilot.lambda_max == 0.0:
            return []
        steps = self.num_steps or pilot.affordable(goal, self.num_chains)
        burn_in = steps // 3 if self.burn_in is None else self.burn_in
        if not 0 <= burn_in < steps - 1:
            msg = (
                f"burn_in={burn_in} and num_steps={steps} leave no window to average: pass "
                "burn_in < num_steps - 1, or raise max_matvecs."
            )
            raise OptionError(msg)
        unit = pilot.scale(goal)
        eta = pilot.step_size if self.step_size is None else self.step_size * unit
        if not 0.0 < eta < 2.0 / pilot.lambda_max:
            raise StepSizeError(eta / unit, pilot.lambda_max * unit)
        return [Task(("chains", eta, burn_in, pilot.is_indefinite), steps, self.num_chains)]

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:  # noqa: ARG002
        """Run the pilot or the chains."""
        if task.key[0] == "pilot":
            Z = probes.gaussian(goal.seed, 0, task.num_vectors, goal.n, goal.dtype)
            return lanczos.extend(
                lanczos.start(Z), operator.matmat, task.num_steps, tick, self.kernel
            )
        _, eta, burn_in, squared = task.key
        matvecs = 2 if squared else 1
        return self._chains(
            Squared(operator) if squared else operator,
            goal,
            task,
            eta,
            burn_in,
            lambda k: tick(matvecs * k),
        )

    def _chains(
        self, operator: Operator, goal: Goal, task: Task, eta: float, burn_in: int, tick: Tick
    ) -> FloatArray:
        """Return the sums of the estimator over both halves of the window; (2, k) means."""
        step = kernels.load(self.kernel).langevin_step
        rng = probes.stream(goal.seed, NOISE_STREAM)
        theta = np.zeros((goal.n, task.num_vectors), dtype=goal.dtype)
        factor = eta if self.estimator == "corrected" else 0.0
        middle = (burn_in + task.num_steps) // 2
        halves = np.zeros((2, task.num_vectors))
        for k in range(task.num_steps):
            grad = operator.matmat(theta)
            noise = _noise(rng, theta.shape, goal.dtype)
            theta_grad, grad_grad = step(theta, grad, noise, eta)  # eq. (21)
            if k >= burn_in:
                halves[int(k >= middle)] += 2.0 * theta_grad - factor * grad_grad
            if not np.isfinite(theta_grad).all():
                msg = (
                    f"a chain left the finite numbers at step {k} of {task.num_steps} with "
                    f"eta * lambda_max of about {eta:.3g}: pass a smaller step_size."
                )
                raise DivergedError(msg)
            tick(task.num_vectors)
        return np.asarray(halves / [[middle - burn_in], [task.num_steps - middle]])

    def summarise(
        self, goal: Goal, states: Mapping[tuple[Any, ...], Any], previous: Summary | None
    ) -> Summary:
        """After the pilot: what it saw. After the chains: their mean, spread and bias bound."""
        if previous is None:
            return _after_pilot(goal, states[("pilot",)])
        key = next(key for key in states if key[0] == "chains")
        return self._after_chains(goal, states[key], key, previous)

    def _after_chains(
        self, goal: Goal, halves: FloatArray, key: tuple[Any, ...], previous: Summary
    ) -> Summary:
        pilot: _Pilot = previous.memo
        _, eta, burn_in, _ = key
        steps = self.num_steps or pilot.affordable(goal, self.num_chains)
        weights = np.array([(burn_in + steps) // 2 - burn_in, steps - (burn_in + steps) // 2])
        samples = weights @ halves / weights.sum()
        estimate = float(samples.mean())
        stderr = float(samples.std(ddof=1)) / math.sqrt(samples.size)
        bias_low, bias_high = pilot.bias(goal, eta, burn_in, steps, self.estimator)
        evidence = ChainInterval(
            n=goal.n,
            estimate=estimate,
            stderr=stderr,
            num_chains=samples.size,
            bias_low=bias_low,
            bias_high=bias_high,
        )
        low, high = evidence(goal.confidence)
        drift = halves[1] - halves[0]
        drift_error = float(drift.std(ddof=1)) / math.sqrt(drift.size)
        status = Status.BUDGET_SPENT
        if abs(drift.mean()) > Z_DRIFT * drift_error:
            status = Status.BURN_IN_TOO_SHORT
        elif high - low <= 2.0 * goal.half_width:
            status = Status.CONVERGED
        elif bias_high - bias_low > goal.half_width and not goal.has_cut:
            status = Status.NO_GAP_FOUND
        return dataclasses.replace(
            previous,
            rank=min(max(round(estimate), low), high),
            estimate=estimate,
            stderr=stderr,
            bounds=(estimate - bias_high, estimate - bias_low),
            status=status,
            evidence=evidence,
            samples=samples,
            diagnostics={
                "step_size": eta / pilot.scale(goal),
                "burn_in": burn_in,
                "num_steps": steps,
                "drift": float(drift.mean()),
                "drift_stderr": drift_error,
                "bias_low": bias_low,
                "bias_high": bias_high,
                "squared": pilot.is_indefinite,
            },
        )


@dataclass(frozen=True, kw_only=True)
class _Pilot:
    """What a short Lanczos run says before the first chain starts."""

    nodes: FloatArray  # of the operator that the chains see
    counts: FloatArray
    null_low: float  # certified bounds on the null mass at the cut
    null_high: float
    tau: float
    lambda_max: float
    is_indefinite: bool
    num_products: int

    @property
    def matvecs_per_step(self) -> int:
        return 2 if self.is_indefinite else 1

    @property
    def step_size(self) -> float:
        return 1.0 / self.lambda_max

    def scale(self, goal: Goal) -> float:
        """Unit of the eigenvalues that the chains see."""
        return goal.scale**2 if self.is_indefinite else goal.scale

    def affordable(self, goal: Goal, num_chains: int) -> int:
        """Steps that the rest of the budget pays for."""
        left = goal.max_matvecs - self.num_products
        return left // (num_chains * self.matvecs_per_step)

    def bias(
        self, goal: Goal, eta: float, burn_in: int, steps: int, estimator: str
    ) -> tuple[float, float]:
        """Bounds on E[estimate] - rank: unsettled modes below, the step's own bias above."""
        above = self.nodes > self.tau
        lam, counts = self.nodes[above], self.counts[above]
        decay = filters.mean_decay(lam, eta, burn_in, steps)
        open_ = goal.n * (self.null_high - self.null_low)
        gain = 1.0 / (1.0 - 0.5 * eta * lam) if estimator == "energy" else np.ones_like(lam)
        shift = gain * (1.0 - decay) - 1.0
        mean = float(counts @ shift)
        # the pilot's own sampling error: n v'f(A)v / v'v has variance 2 sum f(lambda)^2 at most
        noise = Z_PILOT * math.sqrt(2.0 * float(counts @ shift**2) / PILOT_PROBES)
        return min(mean - noise, 0.0) - open_, max(mean + noise, 0.0)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FloatArray:
    """Gaussian noise of second moment 1 an entry."""
    if np.issubdtype(dtype, np.complexfloating):
        noise = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
        return np.asarray(noise / math.sqrt(2.0), dtype=dtype)
    return np.asarray(rng.standard_normal(shape), dtype=dtype)


def _after_pilot(goal: Goal, state: lanczos.LanczosState) -> Summary:
    """Read lambda_max, the sign of the spectrum and the unresolved part off the pilot."""
    runs = lanczos.runs(state, goal.eps)
    is_complex = np.issubdtype(goal.dtype, np.complexfloating)
    measure = RitzMeasure(runs=runs, n=goal.n, is_complex=is_complex)
    norm = measure.spectral_norm
    tau = threshold.cut(norm, goal.eps, goal.atol, goal.rtol)
    nodes, counts = measure.ritz_values, goal.n * measure.weights
    # a Ritz value lies in the numerical range: one below the noise proves a negative eigenvalue
    is_indefinite = bool(nodes[0] < -tau)
    margin = lambda_max_margin(goal.n, state.num_steps, len(runs), is_indefinite)
    lambda_max = norm * (1.0 + margin)
    null_low, null_high = measure.null_mass(tau)
    pilot = _Pilot(
        nodes=nodes**2 if is_indefinite else nodes,
        counts=counts,
        null_low=null_low,
        null_high=null_high,
        tau=tau**2 if is_indefinite else tau,
        lambda_max=lambda_max**2 if is_indefinite else lambda_max,
        is_indefinite=is_indefinite,
        num_products=state.num_steps * len(runs),
    )
    evidence = measure.interval_from(null_low, null_high)
    low, high = evidence(goal.confidence)
    estimate = goal.n * (1.0 - 0.5 * (null_low + null_high))
    return Summary(
        rank=min(max(round(estimate), low), high),
        estimate=estimate,
        stderr=evidence.stderr(estimate),
        bounds=(goal.n * (1.0 - null_high), goal.n * (1.0 - null_low)),
        threshold=tau * goal.scale,
        status=Status.BUDGET_SPENT if norm else Status.CONVERGED,
        evidence=evidence,
        memo=pilot,
    )
