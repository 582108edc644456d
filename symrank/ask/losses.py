"""`rank` of a loss: the door of a `LossProblem`."""

from typing import Any

from symrank.answer.result import RankResult
from symrank.errors import OptionError
from symrank.methods import Langevin
from symrank.methods.chains.losses import LossLangevin
from symrank.operators.loss_hessian import LossHessian
from symrank.operators.losses import Losses
from symrank.run.budget import Budget, located
from symrank.run.checkpoint.session import compare_beside
from symrank.run.crew import Crew
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import run
from symrank.support import probes
from symrank.support.probes import Streams

__all__ = ["rank_of_loss"]


def rank_of_loss(
    problem: Any, method: Any, reason: str, options: Options, budget: Budget, crew: Crew
) -> RankResult:
    """Run Algorithm 1 on the loss itself; see `symrank.rank`.

    Raises
    ------
    OptionError
        Where another method, a window or `deflate` was asked for, G has no factor, or the units of
        the loss are beyond the range.
    """
    if not isinstance(method, Langevin):
        named = "None" if method is None else repr(method.name)
        raise OptionError(
            f"method={named} does not run on a loss: pass method='langevin', which needs its "
            "values and gradients alone, or count symrank.rank(problem.hessian())."
        )
    for name in ("between", "deflate"):
        if getattr(options, name) is not None:
            raise OptionError(
                f"{name} is not known to chains on a loss: count the Hessian by its products, "
                "problem.hessian()."
            )
    if isinstance(options.preconditioner, str):
        raise OptionError(
            f"preconditioner={options.preconditioner!r} needs entries, and a loss has none: pass "
            "a diagonal, or Preconditioner.from_optimizer(optimizer, params)."
        )
    with located(budget):
        losses = Losses(problem)
        hessian = LossHessian(losses, probes.stream(options.seed, Streams.LOSS.start))
        budget.spend(losses.num_door + hessian.num_spent, is_told=False)
        compare_beside(options, losses)
    job = prepare(hessian, options, budget, crew=crew)
    G = job.preconditioner
    if G is not None and G.factor is None:
        raise OptionError(f"{G!r} has no factor G = S S*: pass Preconditioner.from_factor(S).")
    if job.goal.scale != 1.0:
        raise OptionError(
            f"the Hessian is {1.0 / job.goal.scale:.1g} times what numbers hold with room for "
            "squares: multiply the loss by a constant, which moves no rank."
        )
    chains = LossLangevin(of=method, loss=losses, factor=None if G is None else G.factor)
    return run(job, chains, reason, budget).result(budget)
