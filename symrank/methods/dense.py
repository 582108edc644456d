r"""Rank from all eigenvalues: LAPACK's eigvalsh on the dense matrix.

Those of [[0, A], [A^H, 0]] are the singular values of the m x n matrix A, twice, and |m - n| zeros:
LAPACK's gesdd on A takes O(m n min(m, n)). Those of A A^H (m > n) are those of A^H A and m - n
zeros.

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
from symrank.operators._factor import Factored
from symrank.operators.augmented import AugmentedOperator
from symrank.operators.transforms import Scaled, shorter_side
from symrank.result import Status

__all__ = ["Dense", "predict"]

ROUNDING = 10.0  # eigvalsh moves eigenvalues by less than this many sqrt(n) eps |A|


@dataclass(frozen=True)
class Work:
    """What LAPACK is given: a square matrix, or a rectangular one for its singular values."""

    shape: tuple[int, int]
    is_singular: bool  # singular values, not eigenvalues
    num_products: int  # that form it


def predict(operator: Operator) -> Work:
    """Tell what `Dense` will work on."""
    core = _core(operator)
    if isinstance(core, AugmentedOperator):
        shape = core.factor.shape
        return Work(shape, is_singular=True, num_products=min(*shape, core.num_dense_products))
    return Work(core.shape, is_singular=False, num_products=core.num_dense_products)


def _core(operator: Operator) -> Operator:
    """Return the smaller operator that has all eigenvalues but zeros and a factor."""
    if isinstance(operator, Scaled) and isinstance(operator.base, Factored):
        return _core(operator.base)
    return shorter_side(operator)


def _eigenvalues(operator: Operator) -> FloatArray:
    """Return all of them, ascending."""
    core = _core(operator)
    if core is not operator and isinstance(operator, Scaled):
        return operator.factor * _eigenvalues(operator.base)
    if isinstance(core, AugmentedOperator):
        sigma = scipy.linalg.svdvals(core.factor.to_dense(), check_finite=False)
        sigma = sigma.astype(np.float64)
        return np.concatenate([-sigma, np.zeros(core.n - 2 * sigma.size), sigma[::-1]])
    values = scipy.linalg.eigvalsh(core.to_dense(), check_finite=False).astype(np.float64)
    return np.sort(np.concatenate([values, np.zeros(operator.n - values.size)]))


@dataclass(frozen=True, kw_only=True)
class Dense:
    """All eigenvalues by `scipy.linalg.eigvalsh`; n products for an implicit operator.

    Needs n^2 numbers of memory and O(n^3) time. `augmented` of an m x n matrix takes
    `scipy.linalg.svdvals` instead: m n numbers, O(m n min(m, n)) time, and min(m, n) products where
    the entries are not known. `gram` on the longer side takes what it would on the shorter one.

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
        work = predict(operator)
        if operator.n == 0:
            return np.empty(0)
        values = _eigenvalues(operator)
        tick(work.num_products)
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
