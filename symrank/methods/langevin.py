r"""Rank from the stationary energy of Langevin dynamics (Bar et al., AAAI 2024, Algorithm 1).

Chains run on f(theta) = 1/2 theta* A theta, and the mean of their energy over the steps after
burn-in is tr phi(A) for the filter phi of their scheme (`symrank.filters`). A pilot Lanczos run
gives lambda_max with a proved margin, tells an indefinite operator (which is squared: same rank),
supplies the spectrum on which step, friction, burn-in and number of chains are tuned, and bounds
what the filter has not yet settled, so that the interval covers that too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from symrank import probes
from symrank.errors import OptionError, StepSizeError
from symrank.methods._langevin_summary import Memo, after_chains, after_pilot, units_of
from symrank.methods._pilot import Pilot
from symrank.methods._tuning import Plan, Wishes, predict, tune
from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.operators import Operator, Squared
from symrank.recurrences import lanczos, langevin
from symrank.result import Status

__all__ = ["Langevin"]

PILOT_PROBES = 2  # few and long: what is soft decides on burn-in and friction
PILOT_STEPS = 1024  # at most
PILOT_SHARE = 10  # the pilot takes at most a tenth of the budget
NOISE_STREAM = 2**32 - 2
BLOCK = 64  # chains advanced together
Z_PLAN = 2.0  # half-width that a plan promises, in its standard errors
SAFETY = 0.8  # of the half-width asked for, for a run that is planned to stop early
LEAST_STEP = 1e-60  # share of the stable limit: with less no eigenvalue settles in any run
GROWTH = 4  # of the steps from look to look
TOLD = 3  # rounds for each of them: progress is told between
LOOK_SHARE = 8  # of the budget at most is kept back for what the caller looks at after each
SCHEMES = ("baoab", "leimkuhler-matthews", "euler-maruyama")


@dataclass(frozen=True, kw_only=True)
class Langevin:
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
        ``"gaussian"``.
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

    name: ClassVar[str] = "langevin"

    def __post_init__(self) -> None:
        for field, allowed in (
            ("scheme", SCHEMES),
            ("estimator", ("corrected", "energy")),
            ("noise", ("rademacher", "gaussian")),
        ):
            value = getattr(self, field)
            if value not in allowed:
                names = " or ".join(repr(name) for name in allowed)
                raise OptionError(f"{field}={value!r} must be {names}.")
        if self.num_chains is not None and self.num_chains < 2:
            msg = f"num_chains={self.num_chains} gives no standard error: pass at least 2."
            raise OptionError(msg)
        if self.estimator == "energy" and self.scheme != "euler-maruyama":
            msg = (
                f"estimator='energy' with scheme={self.scheme!r}: only the energy of "
                "'euler-maruyama' is biased and has a corrected form. Leave estimator out."
            )
            raise OptionError(msg)
        if self.friction is not None and (self.scheme != "baoab" or not self.friction > 0.0):
            msg = f"friction={self.friction} must be positive, and belongs to scheme='baoab'."
            raise OptionError(msg)

    def plan(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Return the pilot, then segments of the chains up to the next milestone."""
        if summary is None:
            steps = max(1, min(PILOT_STEPS, goal.max_matvecs // (PILOT_SHARE * PILOT_PROBES)))
            return [Task(("pilot",), steps, PILOT_PROBES)]
        memo: Memo = summary.memo
        if memo.pilot.counts_nothing:
            return []
        if memo.plan is None:
            memo.plan, memo.looks = self._prepare(goal, memo.pilot)
        target = memo.next_milestone(is_converged=summary.status is Status.CONVERGED)
        key = ("chains", memo.plan.scheme, memo.pilot.is_indefinite)
        k = memo.plan.num_chains
        if self.num_steps is None:
            spent = memo.pilot.num_products + memo.num_steps * k * memo.pilot.power
            more = (goal.max_matvecs - spent) // (k * memo.pilot.power)
            target = min(target, memo.num_steps + max(more, 0))
        return [
            Task((*key, first), target - memo.num_steps, min(BLOCK, k - first))
            for first in range(0, k if target > memo.num_steps else 0, BLOCK)
        ]

    def _prepare(self, goal: Goal, pilot: Pilot) -> tuple[Plan, tuple[int, ...]]:
        """Tune on the pilot; return the plan and the numbers of steps at which to look."""
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
        budget = (left - min(goal.look * rounds, left // LOOK_SHARE)) // pilot.power
        plan = tune(pilot.spectrum, pilot.lambda_max, budget, wishes, goal.is_complex)
        looks = [plan.num_steps]
        while self.num_steps is None and looks[0] // GROWTH > 2 * plan.burn_in + 1:
            steps = looks[0] // GROWTH
            shorter = predict(
                pilot.spectrum, plan.scheme, plan.num_chains, steps, plan.burn_in, goal.is_complex
            )
            if Z_PLAN * shorter.stderr + abs(shorter.bias) > SAFETY * goal.half_width:
                break
            looks.insert(0, steps)
        return plan, tuple(looks)

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Run the pilot or a segment of a block of chains."""
        if task.key[0] == "pilot":
            start = lanczos.start(
                probes.gaussian(goal.seed, 0, task.num_vectors, goal.n, goal.dtype)
            )
            return lanczos.extend(start, operator, task.num_steps, tick, self.kernel)
        _, scheme, squared, first = task.key
        noise = probes.noise_of(self.noise, goal.seed, NOISE_STREAM)
        if state is None:
            k = task.num_vectors
            state = langevin.start(goal.n, k, goal.dtype, scheme, noise, first, self.kernel)
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

    def summarise(
        self, goal: Goal, states: Mapping[tuple[Any, ...], Any], previous: Summary | None
    ) -> Summary:
        """After the pilot: what it saw. After the chains: their mean, spread and bias bound."""
        if previous is None:
            return after_pilot(goal, states[("pilot",)])
        keys = sorted((key for key in states if key[0] == "chains"), key=lambda key: key[-1])
        energies = np.concatenate([states[key].energies for key in keys], axis=1)
        return after_chains(goal, energies, previous)
