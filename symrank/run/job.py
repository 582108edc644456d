"""From what the caller passed to the operator and the goal that a method sees."""

import dataclasses
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from symrank import preconditioners
from symrank.answer.result import RankResult
from symrank.errors import NotSymmetricError
from symrank.methods import Goal, Method
from symrank.operators import Operator
from symrank.operators.checks import check_finite, checked
from symrank.operators.modulus import Modulus
from symrank.operators.scaled import within_range
from symrank.operators.witness import Witness
from symrank.preconditioners import Preconditioner
from symrank.preconditioners.equilibrate import Scales
from symrank.run.budget import Budget, located
from symrank.run.deflation import deflated
from symrank.run.moduli import Asked, View, asked_of, check_view, is_no_symmetric_matrix, root
from symrank.run.options import Options
from symrank.spectrum.region import kept_apart
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["Job", "equilibrated", "prepare"]


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
    witness: Witness | None = None  # where the caller's code multiplies
    as_asked: Callable[[RankResult], RankResult] = lambda result: result  # from the method's count
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
    asymmetry: float = 0.0,
) -> Job:
    """Coerce, precondition, scale, check and deflate.

    Parameters
    ----------
    A, options
        As the caller passed them.
    budget
        Of the products of the checks.
    method
        That the caller asked for by name, or None.
    is_chosen
        Whether symrank takes the method: one that counts A A^H in place of A^H A, or the other way
        round, where that is smaller.
    asymmetry
        That of a matrix which was seen to be no symmetric one.
    """
    asked = asked_of(A, options, asymmetry)
    check_view(asked, options, method)
    whole = asked.operator
    given, index = whole.occupied(whole=options.ask_for_all_rows and not asked.is_matrix)
    noise = given.noise if options.noise is None else options.noise
    own = options.without_empty_rows(whole.n, index)
    G = preconditioners.as_preconditioner(own.preconditioner, given.facts)
    if G is not None:
        given = preconditioners.apply(given, G)
    with located(budget):
        try:
            operator, factor, witness = _checked(given, asked, options, noise, budget)
        except NotSymmetricError as error:
            if not is_no_symmetric_matrix(error, options, method, is_chosen=is_chosen):
                raise
            return prepare(
                A, options, budget,
                method=method, is_chosen=is_chosen, asymmetry=error.asymmetry,
            )  # fmt: skip
        view, num_deflated = None, 0
        if (is_chosen or method is not None) and (G is None or G.factor is not None):
            view = View.of(operator, given, asked, whole.n, options, method)
        if view is not None:
            operator = view.operator
        elif is_chosen and _is_shortened(options, G):
            operator = operator.shorter_side()
        if options.deflate is not None:
            operator = deflated(operator, options.deflate, noise, options.seed, budget)
            num_deflated = given.n - operator.n
    goal = Goal(
        n=operator.n,
        dtype=operator.dtype,
        atol=None if options.atol is None else min(options.atol * factor, sys.float_info.max),
        rtol=options.rtol,
        between=None if options.between is None else _times(options.between, factor),
        half_width=options.half_width(operator.n if asked.is_matrix else given.n),
        open_ended=options.precision is None,
        confidence=options.confidence,
        max_matvecs=1,
        seed=options.seed,
        scale=1.0 / factor,
        preconditioner=None if G is None or G.factor is not None else G,
        noise=noise,
        norm_bound=math.inf if witness is None else witness.norm_bound,
        weight=operator.matvecs_per_product,
        look=0 if witness is None else 1,
    )
    if view is not None:
        goal = view.goal(goal, factor)
    goal = dataclasses.replace(goal, max_matvecs=goal.products_in(budget.left))
    num_empty = 0 if index is None else whole.n - given.n
    return Job(
        operator=operator,
        given=given,
        goal=goal,
        preconditioner=G,
        num_deflated=num_deflated,
        between=options.between,
        num_zeros=num_empty + given.n - num_deflated - operator.n
        if view is None or view.is_even
        else view.num_zeros,
        witness=witness,
        as_asked=_as_it_is if view is None else view.as_asked,
        is_squared=view is not None and view.power == 2,
    )


def _as_it_is(result: RankResult) -> RankResult:
    return result


def _checked(
    given: Operator, asked: Asked, options: Options, noise: float, budget: Budget
) -> tuple[Operator, float, Witness | None]:
    """Bring an operator into range and look whether it is one; return the factor, and a witness."""
    witness = None
    form = given.singular_form() if asked.is_matrix else None
    if form is not None and form.factor.entries is not None:  # both products have these entries
        check_finite(form.factor)
    operator, factor = within_range(
        given, _vector(options.seed, given.n), partial(budget.spend, is_told=False)
    )
    if options.check and (form is None or form.factor.entries is None):
        stream = probes.stream(options.seed, Streams.CHECK.start)
        used, witness = checked(operator, stream, noise=noise)
        budget.spend(used * operator.matvecs_per_product, is_told=False)
    return operator, factor, witness


def equilibrated(job: Job, scales: Scales) -> Job:
    """Return the job of counting D A D, D the scales, on the same side as the job."""
    G = preconditioners.of_scales(scales)
    operator = preconditioners.apply(job.given, G)
    if isinstance(job.operator, Modulus):
        operator = operator.modulus() or operator
    elif job.operator.n < job.given.n:
        operator = operator.shorter_side()
    return dataclasses.replace(
        job,
        operator=operator,
        goal=dataclasses.replace(job.goal, scale=1.0, atol=None),
        preconditioner=G,
    )


def _is_shortened(options: Options, G: Preconditioner | None) -> bool:
    """Tell whether the zeros of the longer side are no part of the question, nor of G."""
    return (
        not options.holds_zero and options.deflate is None and (G is None or G.factor is not None)
    )


def _vector(seed: int, n: int) -> Callable[[], Array]:
    """Return what draws a Gaussian vector, (n, 1), that no probe uses."""
    return lambda: probes.stream(seed, Streams.CHECK.start, 1).standard_normal((n, 1))


def _times(between: tuple[float, float], factor: float) -> tuple[float, float]:
    """Scale the ends of an interval."""
    a, b = (kept_apart(x * factor, x) for x in between)
    return a, b
