"""The methods that an operator allows, with what each is predicted to take."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank import _costs
from symrank._options import UNLIMITED
from symrank.errors import MissingBackendError
from symrank.methods import BY_NAME, Dense, Goal, Inertia, Lanczos, Method, _ldl, dense
from symrank.methods.inertia import predict
from symrank.methods.lanczos import FIRST_PROBES, FIRST_STEPS
from symrank.operators import Operator
from symrank.operators._sums import widened
from symrank.operators.explicit import gram_work
from symrank.operators.gram import GramOperator
from symrank.operators.transforms import as_matrix

__all__ = [
    "DENSE_LIMIT",
    "Choice",
    "exact_candidates",
    "fits_densely",
    "lacks",
    "pattern_seconds",
    "product_seconds",
    "sampling",
    "unasked",
]

DENSE_LIMIT = 4096  # up to: 1 GiB at most with the workspace of eigvalsh
PATTERN_LIMIT = 2_000_000  # nonzeros: the analysis alone would take longer than sampling
ANALYSIS_SECONDS = 0.05  # too few to matter
PATIENCE = 5.0  # times the predicted CPU time of a factorisation: a wrong prediction ends there
FACTORISATIONS = {True: 3, False: 4}  # by Inertia, for a semidefinite operator or any other
LACKING = (
    "an exact count by pivots needs feral-solver, which is not installed "
    "(pip install 'symrank-linalg[inertia]')"
)
UNKNOWN = 100.0  # times a fused step's time per row: for a product of which nothing is known


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A method with what it is predicted to take.

    Attributes
    ----------
    method
        The method object.
    num_matvecs
        Products, ``(least, most)``.
    seconds
        Wall time on one core, ``(least, most)``.
    num_bytes
        Memory beyond the operator.
    """

    method: Method
    num_matvecs: tuple[int, int]
    seconds: tuple[float, float]
    num_bytes: int

    def __repr__(self) -> str:
        return f"<Choice: {self}>"

    def __str__(self) -> str:
        least, most = self.num_matvecs
        if least < UNLIMITED <= most:
            work = f"from {least} products, {self.seconds[0]:.2g} s"
        else:
            seconds = _span(*self.seconds, "{:.2g}")
            work = f"{_span(least, most, '{:.0f}')} products, {seconds} s"
        return f"{self.method.name}: {work}, {self.num_bytes / 2**20:.0f} MiB"


def product_seconds(operator: Operator) -> float:
    """Predict the seconds of a product with one vector from the entries that are known.

    A product of unknown cost counts as that of a sparse matrix with 150 entries per row. Nothing is
    timed: a choice must not depend on the hour.
    """
    table, matrix = _costs.SECONDS, as_matrix(operator)
    base = getattr(operator, "base", None)
    entries = getattr(getattr(operator, "factor", None), "entries", None)
    if matrix is not None:
        return _entry_seconds(matrix.entries) + table.row * operator.n
    if isinstance(base, Operator):
        times = operator.matvecs_per_product // base.matvecs_per_product
        return times * product_seconds(base) + table.row * operator.n
    if entries is not None:
        return 2.0 * _entry_seconds(entries) + table.row * operator.n
    return UNKNOWN * table.row * operator.n


def _entry_seconds(entries: Any) -> float:
    table = _costs.SECONDS
    rate = table.dense_entry if isinstance(entries, np.ndarray) else table.entry
    return rate * _count(entries)


def sampling(operator: Operator, goal: Goal) -> Choice:
    """Predict `Lanczos`: its first round at least, the budget at most."""
    first = min(FIRST_PROBES * FIRST_STEPS, goal.max_matvecs)
    a_product = product_seconds(operator)
    return Choice(
        method=Lanczos(),
        num_matvecs=(first, goal.max_matvecs),
        seconds=(first * a_product, goal.max_matvecs * a_product),
        num_bytes=3 * FIRST_PROBES * operator.n * goal.dtype.itemsize,
    )


def exact_candidates(operator: Operator, goal: Goal, worth: float) -> list[Choice]:
    """Predict `Dense` and `Inertia` where they are possible within budget and memory.

    The pattern is analysed where that takes less than `worth` seconds, or than all eigenvalues.
    """
    found = []
    eigenvalues = _all_eigenvalues(operator, goal)
    if eigenvalues is not None:
        found.append(eigenvalues)
        worth = max(worth, eigenvalues.seconds[0])
    if pattern_seconds(operator) <= max(worth, ANALYSIS_SECONDS):
        pivots = _pivots(operator, goal)
        found += [] if pivots is None else [pivots]
    return found


def fits_densely(operator: Operator) -> bool:
    """Tell whether `Dense` is cheap in memory."""
    return dense.predict(operator).num_entries <= DENSE_LIMIT**2


def _all_eigenvalues(operator: Operator, goal: Goal) -> Choice | None:
    """Predict `Dense`."""
    work = dense.predict(operator)
    m, n = work.shape
    if not fits_densely(operator) or work.num_products > goal.max_matvecs:
        return None
    seconds = _costs.singular_seconds(m, n) if work.is_singular else _costs.dense_seconds(n)
    if as_matrix(operator) is None and (work.num_products or not work.is_singular):
        seconds += min(m, n) * product_seconds(operator)  # also where no product forms it
    itemsize = (widened(goal.dtype) if work.is_singular else goal.dtype).itemsize
    return _certain(Dense(), work.num_products, seconds, 3 * work.num_entries * itemsize)


def _pivots(operator: Operator, goal: Goal) -> Choice | None:
    """Predict `Inertia` from the pattern, where the entries are sparse and known."""
    if not _may_have_pivots(operator, goal):
        return None
    method, matrix = unasked(Inertia.name), as_matrix(operator)
    assert isinstance(method, Inertia)
    try:
        cost = predict(operator)
    except MissingBackendError:  # the extra is not installed
        return None
    if cost is None or cost.num_bytes > method.max_fill or cost.flops > method.max_flops:
        return None
    semidefinite = matrix is not None and bool((matrix.entries.diagonal() > 0.0).all())
    number = FACTORISATIONS[semidefinite]
    seconds = _costs.inertia_seconds(cost.n, cost.nnz, cost.seconds, number)
    return _certain(method, 100, seconds, cost.num_bytes)


def lacks(operator: Operator, goal: Goal) -> str:
    """Say which exact count a library that is not installed would allow; empty if none."""
    if not pattern_seconds(operator) or not _may_have_pivots(operator, goal):
        return ""
    try:
        _ldl.check_installed()
    except MissingBackendError:
        return LACKING
    return ""


def _may_have_pivots(operator: Operator, goal: Goal) -> bool:
    """Tell whether the entries are sparse and known, and not too many to look at their pattern."""
    matrix = as_matrix(operator)
    is_dense = matrix is not None and not matrix.is_sparse
    if goal.preconditioner is not None or goal.n == 0 or is_dense:
        return False
    return _num_entries(operator) <= PATTERN_LIMIT


def unasked(name: str) -> Method:
    """Return the method of a name as it runs where the caller has not asked for it."""
    return Inertia(patience=PATIENCE) if name == Inertia.name else BY_NAME[name]()


def pattern_seconds(operator: Operator) -> float:
    """Predict the analysis of the pattern; zero where no entries are known."""
    entries = _num_entries(operator)
    return _costs.pattern_seconds(operator.n, entries) if entries else 0.0


def _num_entries(operator: Operator) -> float:
    """Return the nonzeros of the pattern, or the multiplications that form it: a Gram matrix."""
    matrix = as_matrix(operator)
    if matrix is not None:
        return _count(matrix.entries)
    base = getattr(operator, "base", None)
    if isinstance(base, Operator):
        return _num_entries(base)
    entries = getattr(getattr(operator, "factor", None), "entries", None)
    if entries is None:
        return 0.0
    return gram_work(operator) if isinstance(operator, GramOperator) else 2.0 * _count(entries)


def _count(entries: Any) -> float:
    return float(entries.size if isinstance(entries, np.ndarray) else entries.nnz)


def _certain(method: Method, products: int, seconds: float, num_bytes: int) -> Choice:
    return Choice(
        method=method,
        num_matvecs=(products, products),
        seconds=(seconds, seconds),
        num_bytes=num_bytes,
    )


def _span(low: float, high: float, form: str) -> str:
    return form.format(low) if low == high else f"{form.format(low)} to {form.format(high)}"
