r"""Rank from the stationary energy of Langevin dynamics (Bar et al., AAAI 2024, Algorithm 1).

Chains run on f(theta) = 1/2 theta* A theta, and the mean of their energy over the steps after
burn-in is tr phi(A) for the filter phi of their scheme (`symrank.spectrum.filters`). A pilot
Lanczos run gives lambda_max with a proved margin, tells an indefinite operator (which is squared:
same rank), supplies the spectrum on which step, friction, burn-in and number of chains are tuned,
and bounds what the filter has not yet settled, so that the interval covers that too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from symrank import kernels
from symrank.errors import OptionError, StepSizeError
from symrank.methods.base import Goal, Method, Summary, Task, Tick
from symrank.methods.chains.summary import Memo, Tuned, after_chains, units_of
from symrank.methods.chains.tuning import Setting, Wishes, predict, tune
from symrank.methods.pilot import KEY as PILOT
from symrank.methods.pilot import Pilot, advance, after_pilot, pilot_task
from symrank.operators import Operator, Squared
from symrank.recurrences import langevin
from symrank.spectrum.outcome import Status
from symrank.support import probes
from symrank.support.options import check_count, check_number, check_word, settle_counts, shown
from symrank.support.probes import Streams

__all__ = ["Langevin"]

BLOCK = 64  # chains advanced together
Z_PLAN = 2.0  # half-width that a setting promises, in its standard errors
SAFETY = 0.8  # of the half-width asked for, for a run that is planned to stop early
LEAST_STEP = 1e-60  # share of the stable limit: with less no eigenvalue settles in any run
GROWTH = 4  # of the steps from look to look
MOST_STEPS = 10_000_000  # of all chains together: their energies fill 80 MB, and burn-in an hour
FIRST_STEPS = 20_000  # of budgets that grow up to that, where there is none to speak of
FRICTION = "must be positive and finite, and belongs to scheme='baoab'."
TOLD = 3  # rounds for each of them: progress is told between
LOOK_SHARE = 0.125  # of the budget at most is kept back for what the caller looks at after each
SCHEMES = ("baoab", "leimkuhler-matthews", "euler-maruyama")


@dataclass(frozen=True, kw_only=True)
class Langevin(Method):
    r"""Langevin filter iteration: independent chains advanced as one block.

    Parameters
    ----------
    scheme
        ``"baoab"``: kinetic, resolves ``lambda_min`` in O(sqrt(kappa)) steps;
        ``"leimkuhler-matthews"``: first order, unbiased; ``"euler-maruyama"``: the paper's.
    estimator
        Of Euler-Maruyama: ``"corrected"`` (no discretisation bias, the default) or ``"energy"``,
        eq. (20) as printed. The other schemes' energy has no bias.
    noise
        ``"rademacher"``: +-1, exact in expectation for a linear gradient and of least cost, or
        ``"gaussian"``, which a `LossProblem` has always.
    num_steps
        Steps of every chain, one product each. Default: what budget or precision ask for.
    burn_in
        Steps left out of the average.
    num_chains
        Independent chains, at least 2.
    step_size
        The :math:`\eta` of eq. (21), below ``2 / lambda_max``, or the h of BAOAB, below
        ``2 / sqrt(lambda_max)``. An indefinite operator is squared, and then lambda_max is that of
        the square; with a preconditioner G it is that of GA.
    friction
        The :math:`\gamma` of BAOAB, in units of ``sqrt(lambda)``.
    kernel
        Name of a kernel file. Default: the compiled one.
    noise_var
        The :math:`\sigma^2` of eq. (20), of a `LossProblem` alone: a quadratic has none. Default:
        the smallest that rounding leaves room for, where the estimate moves by less than half of
        the precision when it is divided by 4.
    extrapolate
        Of a `LossProblem`: take off what the estimate moves by, to :math:`\sigma^2 = 0`.

    Raises
    ------
    OptionError
        If an option is out of range, or burn_in leaves no window.
    StepSizeError
        Before the first chain starts, if `step_size` is not stable.
    DivergedError
        If a chain leaves the finite numbers all the same; its `result` holds what was known.

    Notes
    -----
    What is not given minimises the predicted squared error (bias and variance) over the measure of
    a pilot, a Lanczos run on at most a tenth of the budget.

    References
    ----------
    .. [1] A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The expected loss of preconditioned
       Langevin dynamics reveals the Hessian rank", AAAI 2024, eqs. (9), (20), (21).
    .. [2] B. Leimkuhler and C. Matthews, "Rational construction of stochastic numerical methods
       for molecular sampling", Appl. Math. Res. Express 2013.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> A = np.diag([4.0, 2.0, 1.0, 0.0, 0.0])
    >>> symrank.rank(A, method=symrank.Langevin(num_steps=500), rng=7).rank
    3
    """

    scheme: Literal["baoab", "leimkuhler-matthews", "euler-maruyama"] = "baoab"
    estimator: Literal["corrected", "energy"] = "corrected"
    noise: Literal["rademacher", "gaussian"] = "rademacher"
    num_steps: int | None = None
    burn_in: int | None = None
    num_chains: int | None = None
    step_size: float | None = None
    friction: float | None = None
    kernel: str | None = None
    noise_var: float | None = None
    extrapolate: bool = False

    name: ClassVar[str] = "langevin"
    runs_on_kernels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for field, allowed in (
            ("scheme", SCHEMES),
            ("estimator", ("corrected", "energy")),
            ("noise", ("rademacher", "gaussian")),
        ):
            check_word(field, getattr(self, field), allowed)
        self._check_numbers()
        if self.estimator == "energy" and self.scheme != "euler-maruyama":
            msg = (
                f"estimator='energy' with scheme={self.scheme!r}: only the energy of "
                "'euler-maruyama' is biased and has a corrected form. Leave estimator out."
            )
            raise OptionError(msg)
        if self.friction is not None and self.scheme != "baoab":
            raise OptionError(f"friction={self.friction} {FRICTION}")

    def _check_numbers(self) -> None:
        """Check the options that are numbers; the limit of the step size is not known yet."""
        if self.num_chains is not None:
            rule = "gives no standard error: pass a whole number of at least 2."
            check_count("num_chains", self.num_chains, 2, rule)
        settle_counts(self, num_steps=1, burn_in=0, num_chains=2)
        if self.step_size is not None:
            check_number("step_size", self.step_size, math.isfinite, "must be a finite number.")
        if self.friction is not None:
            check_number("friction", self.friction, lambda x: 0.0 < x < math.inf, FRICTION)
        if self.noise_var is not None:
            rule = "must be positive and finite: it is a variance."
            check_number("noise_var", self.noise_var, lambda x: 0.0 < x < math.inf, rule)
        if not isinstance(self.extrapolate, bool):
            raise OptionError(f"extrapolate={shown(self.extrapolate)} must be True or False.")
        kernels.check_name(self.kernel)

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Return the pilot, then segments of the chains up to the next milestone."""
        if summary is None:
            self._refuse_loss_options()
            return [pilot_task(goal)]
        memo: Memo = summary.memo
        if memo.pilot.counts_nothing:
            return []
        tuned = memo.tuned or self._prepare(goal, memo.pilot)
        is_converged = summary.status is Status.CONVERGED
        target = tuned.next_milestone(memo.num_steps, is_converged=is_converged)
        key = ("chains", tuned, memo.pilot.is_indefinite)
        k = tuned.setting.num_chains
        if self.num_steps is None:
            spent = memo.pilot.num_products + memo.num_steps * k * memo.pilot.power
            more = (goal.max_matvecs - spent) // (k * memo.pilot.power)
            target = min(target, memo.num_steps + max(more, 0))
        return [
            Task((*key, first), target - memo.num_steps, m)
            for first, m in probes.blocks(0, k if target > memo.num_steps else 0, BLOCK)
        ]

    def _refuse_loss_options(self) -> None:
        """Raise where an option was given that no quadratic has."""
        if self.noise_var is not None or self.extrapolate:
            raise OptionError(
                f"noise_var={self.noise_var} and extrapolate={self.extrapolate} are about a loss "
                "that is not quadratic, and A is an operator: leave them out, or pass a "
                "LossProblem (loss_and_grad, theta0, n)."
            )

    def _prepare(self, goal: Goal, pilot: Pilot, room: float = 1.0) -> Tuned:
        """Tune on the pilot, with step sizes stable for `room` times its largest eigenvalue."""
        units = units_of(self.scheme == "baoab", pilot.power, goal.scale)
        step_size = None if self.step_size is None else math.prod((self.step_size, *units))
        limit = 2.0 / (pilot.lambda_max if self.scheme != "baoab" else math.sqrt(pilot.lambda_max))
        if step_size is not None and not 0.0 < step_size < limit:
            assert self.step_size is not None
            lambda_max = math.prod((pilot.lambda_max, *[goal.scale] * pilot.power))
            raise StepSizeError(self.step_size, lambda_max, is_kinetic=self.scheme == "baoab")
        if step_size is not None and step_size < LEAST_STEP * limit:
            raise OptionError(
                f"step_size={self.step_size:.3g} is {step_size / limit:.3g} of the largest stable "
                "one: no chain would move. Leave it out, or give it in the units of the operator."
            )
        wishes = Wishes(
            scheme=self.scheme,
            estimator=self.estimator,
            step_size=step_size,
            friction=None if self.friction is None else self.friction / math.prod(units),
            num_steps=self.num_steps,
            burn_in=self.burn_in,
            num_chains=self.num_chains,
        )
        left = goal.max_matvecs - pilot.num_products
        rounds = TOLD * math.ceil(math.log(goal.max_matvecs + 1, GROWTH))
        budget = (left - min(goal.look * rounds, int(LOOK_SHARE * left))) // pilot.power
        setting = _tuned(pilot, goal, budget, wishes, room)
        looks = [setting.num_steps]
        while self.num_steps is None and looks[0] // GROWTH > 2 * setting.burn_in + 1:
            steps = looks[0] // GROWTH
            shorter = predict(
                pilot.spectrum,
                setting.scheme,
                setting.num_chains,
                steps,
                setting.burn_in,
                goal.is_complex,
            )
            if Z_PLAN * shorter.stderr + abs(shorter.bias) > SAFETY * goal.half_width:
                break
            looks.insert(0, steps)
        return Tuned(setting, tuple(looks))

    def has_columns(self, task: Task) -> bool:
        """All but the pilot."""
        return bool(task.key[0] == "chains")

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Run the pilot or a segment of a block of chains."""
        if task.key == PILOT:
            return advance(operator, goal, task, state, tick, self.kernel)
        _, tuned, squared, first = task.key
        scheme = tuned.setting.scheme
        noise = probes.noise_of(self.noise, goal.seed, Streams.NOISE.start)
        if state is None:
            k = task.num_vectors
            kernel = self.kernel or operator.kernel
            state = langevin.start(goal.n, k, goal.dtype, scheme, noise, first, kernel)
        power = 2 if squared else 1
        return langevin.extend(
            state,
            Squared(operator) if squared else operator,
            scheme,
            noise,
            task.num_steps,
            lambda k: tick(power * k),
            self.kernel,
        )

    def divides(self, task: Task) -> bool:  # noqa: ARG002
        """Divide the pilot and the chains."""
        return True

    def summarise(
        self, goal: Goal, states: Mapping[tuple[Any, ...], Any], previous: Summary | None
    ) -> Summary:
        """After the pilot: what it saw. After the chains: their mean, spread and bias bound."""
        if previous is None:
            pilot, summary = after_pilot(goal, states[PILOT])
            return replace(summary, memo=Memo(pilot))
        keys = sorted((key for key in states if key[0] == "chains"), key=lambda key: key[-1])
        energies = np.concatenate([states[key].energies for key in keys], axis=1)
        return after_chains(goal, energies, keys[0][1], previous)


def _tuned(pilot: Pilot, goal: Goal, budget: int, wishes: Wishes, room: float) -> Setting:
    """Tune for the budget; for one that no run ends, for the least that is predicted to do."""

    def best(steps: int) -> Setting:
        return tune(pilot.spectrum, room * pilot.lambda_max, steps, wishes, goal.is_complex)

    if budget <= MOST_STEPS:
        return best(budget)
    steps = FIRST_STEPS
    while steps < MOST_STEPS:
        setting = best(steps)
        if Z_PLAN * setting.stderr + abs(setting.bias) <= SAFETY * goal.half_width:
            return setting
        steps *= GROWTH
    return best(MOST_STEPS)
