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
from symrank._typing import Array, FloatArray
from symrank.intervals import ExactInterval
from symrank.methods.base import Goal, Summary, Task, Tick
from symrank.operators import Operator
from symrank.operators._factor import Factored
from symrank.operators.augmented import AugmentedOperator
from symrank.operators.transforms import Scaled, shorter_side
from symrank.region import Edge, Region
from symrank.result import Band, Status

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
    counts_windows: ClassVar[bool] = True

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
        n, norm = goal.n, float(np.abs(values).max(initial=0.0))
        noise = ROUNDING * math.sqrt(n)
        region = goal.region(norm, norm, floor=n, delta=noise)
        counts, at_end, crowded = _counted(values, region, noise * goal.eps * norm)
        doubtful = at_end | crowded
        rank = int(counts.sum())
        low, high = int((counts & ~doubtful).sum()), int((counts | doubtful).sum())
        tau, scale = region.cut, goal.scale
        is_rank = not region.counts_inside
        signs = values[counts] > 0.0
        at_ends = [_band(values, edge, scale) for edge in region.bands]
        status = Status.EXACT
        if doubtful.any():
            is_narrow = high - low <= 2.0 * goal.half_width and not crowded.any()
            status = Status.CONVERGED if is_narrow else Status.NO_GAP_FOUND
        return Summary(
            rank=rank,
            estimate=float(rank),
            stderr=0.0,
            bounds=(float(low), float(high)),
            threshold=tau * scale,
            status=status,
            evidence=ExactInterval(low=low, high=high),
            gaps=threshold.plateaus(np.abs(values) * scale, np.ones(n), tau * scale)
            if is_rank
            else (),
            inertia=(int(signs.sum()), n - rank, int((~signs).sum())) if is_rank else None,
            at_ends=at_ends,
            notes=threshold.band_notes(at_ends, goal.half_width)
            if status is Status.NO_GAP_FOUND
            else (),
            diagnostics={"eigenvalues": (values * scale).tolist()},
        )


def _counted(values: FloatArray, region: Region, noise: float) -> tuple[Array, Array, Array]:
    """Return which eigenvalues count, which lie at an end, and which crowd at the noise floor.

    Where zero is told from what is not, all from rounding up to CROWD noise floors crowd.
    """
    if region.counts_inside:
        counts = (values > region.low.at) & (values <= region.high.at)
    else:
        counts = np.abs(values) > region.cut
    at_end, crowded = np.zeros(values.size, bool), np.zeros(values.size, bool)
    for edge in region.bands:
        at_end |= (values >= edge.left) & (values <= edge.right)
    if region.is_signed:
        size = values if region.counts_inside else np.abs(values)
        least = min(noise, region.floor)
        crowded = (size > least) & (size < threshold.CROWD * region.floor)
    return counts, at_end, crowded


def _band(values: FloatArray, edge: Edge, scale: float) -> Band:
    """Count the eigenvalues in a band."""
    inside = int(((values >= edge.left) & (values <= edge.right)).sum())
    return Band(low=edge.left * scale, high=edge.right * scale, least=inside, most=inside)
