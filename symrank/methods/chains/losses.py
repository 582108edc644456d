r"""Algorithm 1 on a real loss: rank from chains that see values and gradients alone.

The chains run on E, the mean of the tilted loss over an antithetic pair, with Gaussian noise
(`symrank.recurrences.loss_langevin`). Their law, for c_i modes of GA at lam_i and k chains:

*Quadratic E.* Loss and virial are the same number e, and each pair is one chain, as its two halves
are mirror images. With phi_k and v_K of the scheme (`symrank.spectrum.filters`)

    E e_k = sum c_i phi_k(lam_i),    Var(mean of e over K steps and k pairs) = sum c_i v_K(lam_i)/k.

Tilt and pairs take out what a single chain would add: the drift of a point that is not stationary,
4 (L(theta_k) - L_0) / sigma^2 without any noise, its cross term with the noise, of variance
16 <g_0, C_k g_0> / sigma^4 for the covariance C_k of delta, and the cubic term.

*E with a fourth order q.* With T = sigma^2 / 2, E_0 the mean over the Gaussian of the quadratic
part and m = 2 E_0[q] / T, a multiple of sigma^2, settled modes have to first order

    E loss = r - m    (q itself adds m, its weight exp(-q / T) takes 2 m from the quadratic part)
    E virial = r      (integration by parts, whatever the loss: so it proves nothing)

Flat directions do not settle: there q grows with the diffusion sigma^2 eta k. Both are measured:
the first chain has a shadow at sigma^2 / 4 with the same noise, and with D the mean of e less that
of the shadow, the bias of e is a sigma^2 = 4/3 D up to the next order. The interval is Student's t
over the batches, moved and widened by 4/3 D and its error, by what has not settled in the window
(pilot), and by eigenvalues that are negative. With `extrapolate` 4/3 D is taken off the estimate,
and a third of |D| stands for the order after it.

*Slope at zero.* Before the first force, theta ~ N(0, s I) in the coordinates of the scheme, so that
tr(GA) = E <theta, y> / s, eqs. (13) and (14), with variance 2 tr (GA)^2 / k.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from symrank.errors import DivergedError, OptionError
from symrank.methods.base import Goal, Method, Summary, Task, Tick
from symrank.methods.chains import ladder, said
from symrank.methods.chains.langevin import BLOCK, Z_PLAN, Langevin
from symrank.methods.chains.saddles import refuse_growth
from symrank.methods.chains.said import LossMemo
from symrank.methods.chains.summary import Tuned
from symrank.methods.chains.tuning import Setting
from symrank.methods.pilot import KEY as PILOT
from symrank.methods.pilot import Pilot, advance, after_pilot, pilot_task
from symrank.operators import Operator
from symrank.operators.factor import Factor
from symrank.operators.losses import Losses
from symrank.recurrences import loss_langevin
from symrank.recurrences.loss_langevin import LossChains, Rung, Walk
from symrank.spectrum.filters import Scheme
from symrank.spectrum.outcome import Status
from symrank.support import probes
from symrank.support.probes import Streams

__all__ = ["LossLangevin"]

CHAINS = (4, 8, 16)  # with one shadow beside them
LADDER_SHARE = 0.01  # of the budget: steps of a rung
LADDER_STEPS = (24, 256)
HALF = 0.5  # of the precision: what leaving the quadratic may move
ROOM = 1.15  # of curvature, for steps: at its own scale a loss may be steeper than its Hessian
FIRST_LOOK = 1  # steps after which gradients are compared with Hessian products first


@dataclass(frozen=True, kw_only=True)
class LossLangevin(Method):
    """Langevin chains on a loss; made of the `Langevin` that the caller asked for.

    Parameters
    ----------
    of
        The options.
    loss
        The loss.
    factor
        S of the preconditioner G = S S*, or None.
    """

    of: Langevin
    loss: Losses
    factor: Factor | None = None

    name: ClassVar[str] = "langevin"
    runs_on_kernels: ClassVar[bool] = True

    @property
    def kernel(self) -> str | None:  # type: ignore[override]
        """The kernel file asked for."""
        return self.of.kernel

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Return the pilot, then rungs until one is accepted, then segments of the chains."""
        if summary is None:
            return [pilot_task(goal)]
        memo: LossMemo = summary.memo
        if memo.pilot.counts_nothing or memo.tuned is None:
            return []
        if memo.noise_var is None:
            untried = memo.candidates[len(memo.steps) :]
            scheme, steps = memo.tuned.setting.scheme, memo.ladder_steps
            fits = memo.spent + 2 * steps + said.A_RUNG < goal.max_matvecs
            return [Task(("rung", untried[0], scheme), steps, 2)] if untried and fits else []
        return self._segments(goal, memo, memo.tuned, summary.status is Status.CONVERGED)

    def _segments(self, goal: Goal, memo: LossMemo, tuned: Tuned, is_done: bool) -> Sequence[Task]:
        """Return the next segment of every block of chains."""
        k = tuned.setting.num_chains
        target = tuned.next_milestone(memo.num_steps, is_converged=is_done)
        if self.of.num_steps is None:
            left = max(0, goal.max_matvecs - memo.spent - said.A_LOOK)
            target = min(target, memo.num_steps + left // (k + 1))
        key = ("chains", memo.noise_var, tuned)
        blocks = probes.blocks(0, k if target > memo.num_steps else 0, BLOCK)
        return [Task((*key, first), target - memo.num_steps, m) for first, m in blocks]

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Run the pilot, a rung, or a segment of a block of chains."""
        if task.key == PILOT:
            return advance(operator, goal, task, state, tick, self.kernel)
        if task.key[0] == "rung":
            return self._rung(operator, goal, task, tick)
        _, noise_var, tuned, first = task.key
        walk = self._walk(goal, tuned.setting.scheme)
        chains: LossChains | None = state
        if chains is None:
            shadow = [Rung(noise_var / ladder.RATIO, first, 1)] if first == 0 else []
            chains = loss_langevin.start(walk, [Rung(noise_var, first, task.num_vectors), *shadow])
        try:
            chains = loss_langevin.extend(chains, walk, task.num_steps, tick)
        except DivergedError:
            self._look(tick)
            raise
        if first == 0 and not task.is_part:
            chains = loss_langevin.look(chains, walk, operator, tick)
            self._look(tick)
        return chains

    def _look(self, tick: Tick) -> None:
        """Look whether the loss is what it was at the door."""
        self.loss.look()
        tick(1)

    def _rung(self, operator: Operator, goal: Goal, task: Task, tick: Tick) -> LossChains | None:
        """Run a rung; None where it leaves the minimum."""
        _, noise_var, scheme = task.key
        walk = self._walk(goal, scheme)
        rungs = [Rung(noise_var, 0, 1), Rung(noise_var / ladder.RATIO, 0, 1)]
        chains: LossChains | None = loss_langevin.start(walk, rungs)
        try:
            for steps in (FIRST_LOOK + 1, task.num_steps - FIRST_LOOK - 1):
                assert chains is not None
                chains = loss_langevin.extend(chains, walk, steps, tick)
                chains = loss_langevin.look(chains, walk, operator, tick)
        except DivergedError:
            chains = None
        self._look(tick)
        return chains

    def _walk(self, goal: Goal, scheme: Scheme) -> Walk:
        noise = probes.noise_of("gaussian", goal.seed, Streams.NOISE.start)
        return Walk(
            loss=self.loss, factor=self.factor, scheme=scheme, noise=noise, kernel=self.kernel
        )

    def divides(self, task: Task) -> bool:
        """Divide the pilot and the chains, whose states are looked at after the last part."""
        return bool(task.key[0] != "rung")

    def summarise(
        self, goal: Goal, states: Mapping[tuple[Any, ...], Any], previous: Summary | None
    ) -> Summary:
        """After the pilot and the rungs: what the pilot saw. After the chains: their mean."""
        if previous is None:
            return self._after_pilot(goal, states[PILOT])
        keys = sorted((key for key in states if key[0] == "chains"), key=lambda key: key[-1])
        if keys:
            return said.after_chains(
                goal, [states[key] for key in keys], previous, extrapolate=self.of.extrapolate
            )
        rungs = {key[1]: states[key] for key in states if key[0] == "rung"}
        return said.after_ladder(rungs, previous, given=self.of.noise_var is not None)

    def _after_pilot(self, goal: Goal, state: Any) -> Summary:
        """Tune on the pilot; where a saddle would tell, refuse."""
        pilot, summary = after_pilot(goal, state)
        memo = LossMemo(pilot=dataclasses.replace(pilot, is_indefinite=False))
        memo = dataclasses.replace(memo, spent=pilot.num_products)
        if pilot.counts_nothing:
            return dataclasses.replace(summary, memo=memo)
        share = int(LADDER_SHARE * goal.max_matvecs)
        steps = min(max(share, LADDER_STEPS[0]), LADDER_STEPS[1])
        tuned = self._tuned(goal, memo.pilot, 2 * steps)
        setting = tuned.setting
        precision = max(goal.half_width, Z_PLAN * setting.stderr)
        cost = refuse_growth(
            pilot.measure, pilot.region.floor, setting.scheme, setting.num_steps, HALF * precision
        )
        walk = self._walk(goal, setting.scheme)
        spread = ladder.diffusion(setting.scheme, setting.num_steps)
        top, allowed = pilot.lambda_max, HALF * precision
        least = ladder.floor(walk, top, spread, allowed)
        given = self.of.noise_var
        memo = dataclasses.replace(
            memo,
            tuned=tuned,
            ladder_steps=steps,
            allowed=allowed,
            floor=least,
            negative=said.most_negative(pilot, cost),
            noise=max(goal.noise, self.loss.grad_eps),
            candidates=ladder.candidates(walk, least, top, spread, allowed, given),
        )
        return dataclasses.replace(summary, memo=memo)

    def _tuned(self, goal: Goal, pilot: Pilot, reserve: int) -> Tuned:
        """Return the best setting for some number of chains and a shadow within the budget."""
        left = max(goal.max_matvecs - pilot.num_products - reserve, 0)
        asked = (self.of.num_chains,) if self.of.num_chains else CHAINS
        found = []
        for k in asked:
            budget = dataclasses.replace(
                goal, max_matvecs=pilot.num_products + left * k // (k + 1), extra_products=0
            )
            try:
                found.append(
                    dataclasses.replace(self.of, num_chains=k)._prepare(budget, pilot, ROOM)
                )
            except OptionError:
                if k == asked[-1] and not found:
                    raise
        return min(found, key=lambda one: _mse(one.setting))


def _mse(setting: Setting) -> float:
    """Return the predicted mean squared error."""
    return math.fsum((setting.bias**2, setting.stderr**2))
