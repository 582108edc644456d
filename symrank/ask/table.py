"""`count` with many edges: one run, and a result for every interval between two of them."""

import dataclasses
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from symrank.answer.counts import Counts
from symrank.answer.result import RankResult
from symrank.ask.rank import named_method
from symrank.choice.policy import MENU, propose
from symrank.errors import OptionError
from symrank.methods import Dense, Lanczos, Method, Summary
from symrank.methods.eigenvalues.dense import nothing
from symrank.methods.proved import inside
from symrank.methods.quadrature.table import LanczosTable, TableMemo, forgetful
from symrank.run.budget import Budget
from symrank.run.job import prepare
from symrank.run.options import Options
from symrank.run.rounds import Rounds, budget_of, run
from symrank.run.workers.hired import hired
from symrank.spectrum.measure import RitzMeasure
from symrank.spectrum.outcome import Progress, Status
from symrank.support import foreign
from symrank.support.options import shown
from symrank.support.typing import FloatArray

__all__ = ["edges_of", "tabulate"]

Between = tuple[float, float]


def edges_of(values: float | Sequence[float] | FloatArray) -> list[float]:
    """Return the edges of a table, or raise `OptionError`."""
    rule = (
        "without b are the edges of a table: pass an array (k + 1,) of ascending numbers, infinite "
        "ones at either end, or both ends a and b of one interval."
    )
    try:
        edges = np.asarray(values)
    except ValueError as error:
        raise OptionError(f"a={shown(values)} {rule}") from error
    is_array = edges.ndim == 1 and edges.size > 1 and edges.dtype.kind in "iuf"
    if not is_array or not (edges[1:] > edges[:-1]).all():
        raise OptionError(f"a={shown(values)} {rule}")
    return [float(x) for x in edges]


def tabulate(
    A: Any,
    edges: list[float],
    method: str | Method | None,
    options: Options,
    progress: Callable[[Progress], None] | None,
) -> Counts:
    """Count between all edges by one run."""
    asked = None if method is None else named_method(method)[0]
    if not isinstance(asked, Dense | Lanczos | None):
        raise OptionError(
            f"method={asked.name!r} counts one interval a run, and a table has {len(edges) - 1}: "
            "pass method='lanczos' or 'dense', or None, or call count(A, a, b) for each."
        )
    budget = budget_of(options, progress)
    with foreign.own_arithmetic(), hired(options.executor) as crew:
        job = prepare(A, options, budget, method=asked, is_chosen=asked is None, crew=crew)
        chosen: Method | None = asked
        reason = "asked for"
        if chosen is None:
            menu = dataclasses.replace(MENU, exact=(Dense(),))
            plan = propose(job.operator.facts, job.goal, menu)
            chosen, reason = plan.choice.method, plan.reason
        ends = [job.level(x) for x in edges]
        intervals = tuple(pairwise(ends))
        if isinstance(chosen, Lanczos):
            own = {f.name: getattr(chosen, f.name) for f in dataclasses.fields(chosen)}
            chosen = LanczosTable(**own, intervals=intervals)
        rounds = run(job, chosen, reason, budget)
        return _table(rounds, budget, edges, intervals)


def _table(
    rounds: Rounds, budget: Budget, edges: list[float], intervals: Sequence[Between]
) -> Counts:
    """Return what the finished rounds say of every interval."""
    total = rounds.job.as_asked(dataclasses.replace(rounds.result(budget), resume=None))
    if total.measure is not None:
        total = dataclasses.replace(total, measure=forgetful(total.measure))
    assert rounds.summary is not None
    memo, found = rounds.summary.memo, []
    if isinstance(memo, TableMemo):
        found = list(memo.bins)
    else:  # one task, or none at all
        for between in intervals:
            goal = dataclasses.replace(rounds.goal, between=between)
            is_empty = goal.n == 0
            found.append(
                nothing(goal) if is_empty else Dense().summarise(goal, rounds.states, None)
            )
    rows = [
        _row(rounds, budget, summary, between, asked, total.measure)
        for summary, between, asked in zip(found, intervals, pairwise(edges), strict=True)
    ]
    return Counts(edges=np.array(edges), rows=tuple(rows), total=total)


def _row(
    rounds: Rounds,
    budget: Budget,
    summary: Summary,
    between: Between,
    asked: Between,
    measure: RitzMeasure | None,
) -> RankResult:
    """Return the result of one interval."""
    assert rounds.summary is not None
    status, ended = summary.status, rounds.summary.status
    goal = dataclasses.replace(rounds.goal, between=between)
    is_late = status is Status.NO_GAP_FOUND and not summary.notes and not rounds.is_whole
    if ended is Status.INTERRUPTED:
        status = Status.INTERRUPTED
    elif is_late:
        status = Status.BUDGET_SPENT
    one = dataclasses.replace(
        rounds,
        summary=inside(goal, dataclasses.replace(summary, status=status)),
        goal=goal,
        job=dataclasses.replace(rounds.job, between=asked),
        history=[],
    )
    result = dataclasses.replace(one.result(budget), measure=None, resume=None)
    return dataclasses.replace(rounds.job.as_asked(result), measure=measure)
