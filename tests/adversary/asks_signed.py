"""How the package is asked for the signed spectrum: staircases, quantiles, slices, tables."""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

import symrank
from symrank import RankResult
from tests.adversary.asks import (
    INF,
    Answer,
    Claim,
    by_eigenvalues,
    outcome,
    rank_claims,
    within,
)
from tests.adversary.problems import Problem

SHARES = (0.0, 0.1, 0.5, 0.93, 1.0)
SLICES = 3


def asked(method: Any, problem: Problem, options: dict[str, Any]) -> tuple[RankResult, Answer]:
    """Return a rank and what it claims."""
    options = options | {"method": method}
    result = symrank.rank(problem.A, **options)
    return result, rank_claims(problem, options, result)


def points(problem: Problem) -> tuple[float, ...]:
    """Return where a staircase is asked for: at the cut, on eigenvalues, beside them, at zero."""
    some = problem.high[[0, problem.n // 2, -1]] if problem.n else np.empty(0)
    c = problem.level
    return (-INF, -c, 0.0, c, 4.0 * c, 1.001 * c, *some.tolist(), INF)


def ask_cdf(method: Any, simultaneous: bool, problem: Problem, options: dict[str, Any]) -> Answer:
    result, answer = asked(method, problem, options)
    for x in points(problem):

        def ends(level: float, x: float = x) -> tuple[int, int]:
            curve = result.cdf(x, level, simultaneous=simultaneous)
            assert curve.low[0] <= curve.estimate[0] <= curve.high[0], "estimate outside"
            return int(curve.low[0]), int(curve.high[0])

        truth = within(problem, -INF, x, method)
        answer.claims.append(Claim(f"cdf({x:.6g})", ends, truth, problem.n))
    return answer


def ask_quantiles(method: Any, problem: Problem, options: dict[str, Any]) -> Answer:
    """Turn the interval of the k-th eigenvalue into one of places between eigenvalues.

    Place j lies between eigenvalues j and j + 1, so the k-th is inside an interval of places
    [i, j] with i <= k - 1 and k <= j.
    """
    result, answer = asked(method, problem, options)
    slack = problem.floor(by_eigenvalues=by_eigenvalues(method))[1]
    at = cache(lambda level: result.quantiles(SHARES, level))
    for i, k in enumerate(at(0.95).order.tolist()):

        def ends(level: float, i: int = i) -> tuple[int, int]:
            found = at(level)
            low, high = found.low[i], found.high[i]
            assert low <= found.estimate[i] <= high, "estimate outside"
            left = int((problem.high < low - slack).sum())
            return left, int((problem.low <= high + slack).sum())

        answer.claims.append(Claim(f"quantile({SHARES[i]})", ends, (k, k - 1), problem.n))
    return answer


def ask_slices(method: Any, problem: Problem, options: dict[str, Any]) -> Answer:
    """The edges follow from the data: their intervals must hold all the same."""
    result, answer = asked(method, problem, options)
    at = cache(lambda level: result.slices(min(SLICES, problem.n), level))
    edges = at(0.95).edges
    for i, (a, b) in enumerate(pairwise(edges.tolist())):

        def ends(level: float, i: int = i) -> tuple[int, int]:
            parts = at(level)
            assert (parts.edges == edges).all(), "edges moved with the level"
            return int(parts.low[i]), int(parts.high[i])

        truth = within(problem, a, b, method)
        answer.claims.append(Claim(f"slice ({a:.6g}, {b:.6g}]", ends, truth, problem.n))
    return answer


def ask_table(method: Any, problem: Problem, options: dict[str, Any]) -> Answer:
    """Every row by the law of a count, and all of them at once."""
    c = problem.level
    edges = [-INF, -c, 0.0, c, 2.0 * c, INF]
    table = symrank.count(problem.A, edges, method=method, **options)
    results = (*table, table.total)
    answer = Answer([outcome(result, problem, options) for result in results])
    for i, (a, b) in enumerate(pairwise(edges)):
        truth = within(problem, a, b, method)
        answer.claims.append(Claim(f"row ({a:.3g}, {b:.3g}]", table[i].interval, truth, problem.n))

        def at_once(level: float, i: int = i) -> tuple[int, int]:
            low, high = table.intervals(level, simultaneous=True)
            return int(low[i]), int(high[i])

        answer.claims.append(Claim(f"all rows, {i}", at_once, truth, problem.n))
    return answer
