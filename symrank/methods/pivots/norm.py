"""|A| of a matrix whose pivots are counted, as everywhere from Lanczos steps."""

from symrank.methods.base import Goal, Tick
from symrank.operators import Operator
from symrank.recurrences import lanczos
from symrank.recurrences.norm import norm_of
from symrank.support import probes

__all__ = ["norm_seen"]

NORM_STEPS = 40
NORM_MARGIN = 1e-3  # a share of |A| as the cut: what lies in a band this wide is left open
NORM_SHARE = 0.05  # of the budget, for that


def norm_seen(operator: Operator, goal: Goal, tick: Tick) -> tuple[float, float, int]:
    """Return the largest |Ritz value|, the proved share by which |A| may exceed it, and products.

    A share of |A| as the cut asks for a good norm: the steps double until the margin is small.
    """
    if goal.n == 0:
        return 0.0, 0.0, 0
    steps = max(1, min(NORM_STEPS, goal.max_matvecs))
    state = lanczos.start(probes.gaussian(goal.seed, 0, 1, goal.n, goal.dtype))
    while True:
        state = lanczos.extend(state, operator, steps - state.num_steps, tick)
        found = norm_of(lanczos.runs(state, goal.eps), goal.n, steps)
        margin = found.proved_margin
        longer = min(2 * steps, int(NORM_SHARE * goal.max_matvecs))
        if not goal.rtol or margin <= NORM_MARGIN or longer <= steps:
            return found.low, margin, steps
        steps = longer
