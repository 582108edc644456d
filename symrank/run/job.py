"""From what the caller passed to the operator and the goal that a method sees."""

import dataclasses
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from symrank import preconditioners
from symrank.answer.result import RankResult
from symrank.methods import Goal, Method
from symrank.operators import Operator
from symrank.operators.asked import asked_of
from symrank.operators.checks import checked
from symrank.operators.scaled import within_range
from symrank.operators.witness import Witness
from symrank.preconditioners import Preconditioner
from symrank.run.budget import Budget, located
from symrank.run.checkpoint.fingerprint import Subject
from symrank.run.checkpoint.session import remembering
from symrank.run.crew import Alone, Crew
from symrank.run.deflation import deflated
from symrank.run.moduli import View, refuse_unsuited, root, suits
from symrank.run.options import Options
from symrank.spectrum.region import kept_apart
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["Job", "prepare"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What stays the same whichever method runs."""

    operator: Operator  # preconditioned, scaled, deflated
    given: Operator  # not scaled: a common factor may make zeros of small entries
    goal: Goal
    preconditioner: Preconditioner | None
    num_deflated: int
    between: tuple[float, float] | None  # of `symrank.count`, in the caller's units
    num_zeros: int = 0  # that the shape of a Gram operator, or empty rows, give away
    structural_rank: tuple[int, int] | None = None  # of what was passed
    witness: Witness | None = None  # where the caller's code multiplies
    as_asked: Callable[[RankResult], RankResult] = lambda result: result  # from the method's count
    crew: Crew = field(default_factory=Alone)  # that does the tasks
    is_squared: bool = False  # eigenvalues of the caller's are squares of what the method sees

    def level(self, x: float) -> float:
        """Return a level of the caller's, an eigenvalue, in the units of the method."""
        return kept_apart(root(x) if self.is_squared else x / self.goal.scale, x)


def prepare(
    A: Any,
    options: Options,
    budget: Budget,
    *,
    method: Method | None = None,
    is_chosen: bool = False,
    crew: Crew | None = None,
) -> Job:
    """Coerce, precondition, scale, check and deflate.

    Parameters
    ----------
    A, options, budget
        As the caller passed them; the products of the checks are spent.
    method, is_chosen
        That the caller asked for, or whether symrank takes it: one that counts A A^H for A^H A,
        or the other way round, where that is smaller, and that knows what the pattern proves.
    crew
        That does the tasks; None: whoever calls.
    """
    is_open = suits(options, method, is_chosen=is_chosen)
    with located(budget):
        asked = asked_of(A, options.hermitian, check=options.check, is_open=is_open)
    refuse_unsuited(asked.shape, options, method)
    whole, view, witness, num_deflated = asked.operator, None, None, 0
    given, index = whole.occupied(whole=options.ask_for_all_rows and asked.shape is None)
    noise = given.noise if options.noise is None else options.noise
    pattern = given.facts.structural_rank
    wanted = options.without_empty_rows(whole.n, index).preconditioner
    G = preconditioners.as_preconditioner(wanted, given.facts)
    if G is not None:
        given = preconditioners.apply(given, G)
    with located(budget):
        draw, spend = _vector(options.seed, given.n), partial(budget.spend, is_told=False)
        operator, factor = within_range(given, draw, spend)
        if options.check and not (asked.is_checked and (G is None or asked.shape)):
            used, witness = checked(operator, _stream(options.seed), noise=noise)
            budget.spend(used * operator.matvecs_per_product, is_told=False)
        moduli = operator.modulus() or given.modulus()
        is_split = (is_chosen or method is not None) and (G is None or G.factor is not None)
        if moduli is not None and is_split:
            view = View.of(moduli.power, moduli.operator.facts, asked[1:], whole.n, options, method)
        if moduli is not None and view is not None:
            operator = operator if view.is_even else moduli.operator
        elif is_chosen and is_split and not options.is_about_zeros:
            operator = operator.shorter_side()
        if options.deflate is not None:
            operator = deflated(operator, options.deflate, noise, options.seed, budget)
            num_deflated = given.n - operator.n
    structural_rank = None if pattern is None else _half(pattern(), view)
    goal = Goal(
        n=operator.n,
        dtype=operator.dtype,
        half_width=options.half_width(given.n if asked.shape is None else operator.n),
        preconditioner=None if G is None or G.factor is not None else G,
        noise=noise,
        weight=operator.matvecs_per_product,
        zeros=(_zeros(operator.n, structural_rank if is_chosen else None), None),
        **_of_options(options, factor),
        look=0 if witness is None else 1,
        norm_bound=math.inf if witness is None else witness.norm_bound,
    )
    goal = goal if view is None else view.goal(goal, factor)
    num_zeros = (given if index is None else whole).n - num_deflated - operator.n
    job = Job(
        operator=operator, given=given, goal=goal, preconditioner=G, num_deflated=num_deflated,
        between=options.between, structural_rank=structural_rank, witness=witness,
        crew=crew or Alone(),
        **_of_view(view, num_zeros),
    )  # fmt: skip
    return _with_memory(job, options, budget)


def _with_memory(job: Job, options: Options, budget: Budget) -> Job:
    """Return the job with a crew that remembers, where there is a checkpoint."""
    subject = Subject(
        operator=job.operator,
        given=job.given,
        scale=job.goal.scale,
        noise=job.goal.noise,
        witness=None if job.num_deflated else job.witness,
    )
    with located(budget):
        crew = remembering(job.crew, options, subject, budget)
    most = job.goal.products_in(budget.left)
    return dataclasses.replace(job, crew=crew, goal=dataclasses.replace(job.goal, max_matvecs=most))


def _half(bounds: tuple[int, int], view: View | None) -> tuple[int, int]:
    """Return bounds on a rank, of which a view may see the eigenvalues of one sign alone."""
    return bounds if view is None or not view.is_half else (bounds[0] // 2, bounds[1] // 2)


def _zeros(n: int, structural_rank: tuple[int, int] | None) -> int:
    """Return how many of n eigenvalues are zero at least, by the pattern."""
    return 0 if structural_rank is None else max(0, n - structural_rank[1])


def _of_view(view: View | None, num_zeros: int) -> dict[str, Any]:
    """Return what a view says of a job, which knows of `num_zeros` itself."""
    if view is None:
        return {"num_zeros": num_zeros}
    num_zeros = num_zeros if view.is_even else view.num_zeros
    return {"num_zeros": num_zeros, "as_asked": view.as_asked, "is_squared": view.power == 2}


def _stream(seed: int, more: int = 0) -> np.random.Generator:
    """Return the stream of the checks, or of what else is drawn at the door."""
    return probes.stream(seed, Streams.CHECK.start, *((more,) if more else ()))


def _of_options(options: Options, factor: float) -> dict[str, Any]:
    """Return what the options say of a goal, for an operator that was multiplied by `factor`."""
    return {
        "atol": None if options.atol is None else min(options.atol * factor, sys.float_info.max),
        "rtol": options.rtol,
        "between": None if options.between is None else _times(options.between, factor),
        "open_ended": options.precision is None,
        "confidence": options.confidence,
        "max_matvecs": 1,
        "seed": options.seed,
        "scale": 1.0 / factor,
    }


def _vector(seed: int, n: int) -> Callable[[], Array]:
    """Return what draws a Gaussian vector, (n, 1), that no probe uses."""
    return lambda: _stream(seed, 1).standard_normal((n, 1))


def _times(between: tuple[float, float], factor: float) -> tuple[float, float]:
    """Scale the ends of an interval."""
    a, b = (kept_apart(x * factor, x) for x in between)
    return a, b
