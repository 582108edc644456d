r"""Rank from all eigenvalues: LAPACK's eigvalsh on the dense matrix.

The cut is NumPy's, n eps max|lambda|. The computed eigenvalues are those of A + E with
|E| of a few eps |A|, so the count is called exact only if no eigenvalue lies close to the cut.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.linalg

from symrank import threshold
from symrank._typing import FloatArray
from symrank.intervals import ExactInterval
from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.operators import Operator
from symrank.result import Status

__all__ = ["Dense"]

ROUNDING = 10.0  # eigvalsh moves eigenvalues by less than this many sqrt(n) eps |A|


@dataclass(frozen=True, kw_only=True)
class Dense:
    """All eigenvalues by `scipy.linalg.eigvalsh`; n products for an implicit operator.

    Needs n^2 numbers of memory and O(n^3) time.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> result = symrank.rank(np.diag([3.0, 1.0, 0.0]), method=Dense())
    >>> result.rank, result.status.name, result.inertia
    (2, 'EXACT', (2, 1, 0))
    """

    name: ClassVar[str] = "dense"

    def plan(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """One task, once."""
        return [Task(("eigenvalues",))] if round_ == 0 else []

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> FloatArray:  # noqa: ARG002
        """Return the eigenvalues, ascending."""
        matrix = operator.to_dense()
        tick(0 if operator.is_explicit else operator.n * operator.matvecs_per_product)
        if operator.n == 0:
            return np.empty(0)
        values: FloatArray = scipy.linalg.eigvalsh(matrix, check_finite=False).astype(np.float64)
        return values

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], Any],
        previous: Summary | None,  # noqa: ARG002
    ) -> Summary:
        """Count, and look for eigenvalues that crowd round the cut."""
        values: FloatArray = states[("eigenvalues",)]
        size = np.abs(values)
        norm = float(size.max(initial=0.0))
        tau = threshold.cut(norm, goal.eps, goal.atol, goal.rtol, floor=goal.n)
        noise = ROUNDING * math.sqrt(goal.n) * goal.eps * norm
        if goal.has_cut:
            doubtful = np.abs(size - tau) <= min(noise, 0.5 * tau)
        else:
            doubtful = (size > min(noise, tau)) & (size < threshold.CROWD * tau)
        rank = int((size > tau).sum())
        low, high = (int((size > tau)[~doubtful].sum()), int(((size > tau) | doubtful).sum()))
        ones = np.ones(goal.n)
        return Summary(
            rank=rank,
            estimate=float(rank),
            stderr=0.0,
            bounds=(float(low), float(high)),
            threshold=tau * goal.scale,
            status=Status.NO_GAP_FOUND if doubtful.any() else Status.EXACT,
            evidence=ExactInterval(low=low, high=high),
            gaps=threshold.plateaus(size * goal.scale, ones, tau * goal.scale),
            inertia=(int((values > tau).sum()), goal.n - rank, int((values < -tau).sum())),
            diagnostics={"eigenvalues": (values * goal.scale).tolist()},
        )
