"""What a sparse factorisation would take, from its pattern, and which are not looked at."""

import math
from typing import Any
from weakref import WeakKeyDictionary

from symrank.methods.base import Goal
from symrank.methods.pivots.ldl import Cost, analyse
from symrank.methods.pivots.matrices import is_expander, real_twin
from symrank.operators.facts import Facts
from symrank.operators.modulus import LONGEST

__all__ = ["cost_of", "may_have_pivots", "predict"]

LEAST_EXPANDER = 4000  # rows: of fewer, the analysis takes a second whatever they are
LEAST_SQUARES = 12_000  # the same of X X^H, whose graph is narrow whatever X is
FULL = 0.2  # of all entries: more fill the factor, and its pattern tells nothing
SQUARED_FULL = 0.5  # the same of X X^H, of which columns of X that are less sparse fill a part
SMALL = 1000  # entries whose pattern takes no time
PATTERN_LIMIT = 2_000_000  # nonzeros: the analysis alone would take longer than sampling
_COSTS: WeakKeyDictionary[Facts, Cost] = WeakKeyDictionary()  # a choice and a run need them


def may_have_pivots(facts: Facts, goal: Goal) -> bool:
    """Tell whether the entries are sparse and known, and not too many to look at their pattern.

    Those of augmented(X) of a long X are not looked at either: more of its pivots are put off than
    can be predicted.
    """
    if goal.preconditioner is not None or goal.n == 0 or facts.is_full:
        return False
    if facts.factor_copies == 2 and max(facts.factor.shape) > LONGEST * min(facts.factor.shape):
        return False
    most = _most_entries(facts) if facts.entry_power == 1 else math.inf  # those are not counted yet
    return facts.num_entries <= min(PATTERN_LIMIT, most)


def predict(facts: Facts) -> Cost | None:
    """Return what one factorisation would take, from the pattern.

    None without entries, and for a rectangle whose twin, or square, fills in: the analysis would
    take minutes.
    """
    if facts in _COSTS:
        return _COSTS[facts]
    if not facts.n or facts.entries is None:
        return None
    matrix = real_twin(facts.entries(math.inf))
    least = LEAST_EXPANDER if facts.num_beside else LEAST_SQUARES
    is_of_rectangle = facts.num_beside or facts.entry_power > 1
    if facts.entry_power > 1 and matrix.nnz > _most_entries(facts):
        return None
    if is_of_rectangle and facts.n >= least and is_expander(matrix):
        return None
    return cost_of(facts, matrix)


def _most_entries(facts: Facts) -> float:
    """Return how many entries still make a sparse matrix."""
    share = FULL if facts.entry_power == 1 else SQUARED_FULL
    return max(share * (facts.n + facts.num_beside) ** 2, SMALL)


def cost_of(facts: Facts, matrix: Any) -> Cost:
    """Return it of the matrix that is factorised, and remember it."""
    if facts not in _COSTS:
        _COSTS[facts] = analyse(matrix)
    return _COSTS[facts]
