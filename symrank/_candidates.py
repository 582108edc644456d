"""The methods that an operator allows, with what each is predicted to take."""

from dataclasses import dataclass

from symrank import _costs
from symrank._options import UNLIMITED
from symrank.errors import MissingBackendError
from symrank.methods import BY_NAME, Dense, Goal, Inertia, Lanczos, Method, _ldl, dense
from symrank.methods.dense import DENSE_LIMIT
from symrank.methods.inertia import predict
from symrank.methods.lanczos import FIRST_PROBES, FIRST_STEPS
from symrank.operators._sums import widened
from symrank.operators.facts import Facts

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

PATTERN_LIMIT = 2_000_000  # nonzeros: the analysis alone would take longer than sampling
ANALYSIS_SECONDS = 0.05  # too few to matter
PATIENCE = 5.0  # times the predicted CPU time of a factorisation: a wrong prediction ends there
FACTORISATIONS = {True: 3, False: 4}  # by Inertia, for a semidefinite operator or any other
LACKING = (
    "an exact count by pivots needs feral-solver, which is not installed "
    "(pip install 'symrank-linalg[inertia]')"
)


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


def product_seconds(facts: Facts) -> float:
    """Predict the seconds of a product with one vector.

    Nothing is timed: a choice must not depend on the hour.
    """
    return _costs.product_seconds(facts.work)


def sampling(facts: Facts, goal: Goal) -> Choice:
    """Predict `Lanczos`: its first round at least, the budget at most."""
    first = min(FIRST_PROBES * FIRST_STEPS, goal.max_matvecs)
    a_product = product_seconds(facts)
    return Choice(
        method=Lanczos(),
        num_matvecs=(first, goal.max_matvecs),
        seconds=(first * a_product, goal.max_matvecs * a_product),
        num_bytes=3 * FIRST_PROBES * facts.n * goal.dtype.itemsize,
    )


def exact_candidates(facts: Facts, goal: Goal, worth: float) -> list[Choice]:
    """Predict `Dense` and `Inertia` where they are possible within budget and memory.

    The pattern is analysed where that takes less than `worth` seconds, or than all eigenvalues.
    """
    found = []
    eigenvalues = _all_eigenvalues(facts, goal)
    if eigenvalues is not None:
        found.append(eigenvalues)
        worth = max(worth, eigenvalues.seconds[0])
    if pattern_seconds(facts) <= max(worth, ANALYSIS_SECONDS):
        pivots = _pivots(facts, goal)
        found += [] if pivots is None else [pivots]
    return found


def fits_densely(facts: Facts) -> bool:
    """Tell whether `Dense` is cheap in memory."""
    return dense.fits(facts.dense)


def _all_eigenvalues(facts: Facts, goal: Goal) -> Choice | None:
    """Predict `Dense`."""
    form = facts.dense
    m, n = form.shape
    if not fits_densely(facts) or form.num_products > goal.max_matvecs:
        return None
    seconds = _costs.singular_seconds(m, n) if form.is_singular else _costs.dense_seconds(n)
    seconds += form.num_formed * product_seconds(facts)
    itemsize = (widened(goal.dtype) if form.is_singular else goal.dtype).itemsize
    return _certain(Dense(), form.num_products, seconds, 3 * dense.num_held(form) * itemsize)


def _pivots(facts: Facts, goal: Goal) -> Choice | None:
    """Predict `Inertia` from the pattern, where the entries are sparse and known."""
    if not _may_have_pivots(facts, goal):
        return None
    method = unasked(Inertia.name)
    assert isinstance(method, Inertia)
    try:
        cost = predict(facts)
    except MissingBackendError:  # the extra is not installed
        return None
    if cost is None or cost.num_bytes > method.max_fill or cost.flops > method.max_flops:
        return None
    number = FACTORISATIONS[facts.has_positive_diagonal]
    seconds = _costs.inertia_seconds(cost.n, cost.nnz, cost.seconds, number)
    return _certain(method, 100, seconds, cost.num_bytes)


def lacks(facts: Facts, goal: Goal) -> str:
    """Say what may be exact with a library that is not installed; empty where nothing may."""
    if not pattern_seconds(facts) or not _may_have_pivots(facts, goal):
        return ""
    try:
        _ldl.check_installed()
    except MissingBackendError:
        return LACKING
    return ""


def _may_have_pivots(facts: Facts, goal: Goal) -> bool:
    """Tell whether the entries are sparse and known, and not too many to look at their pattern."""
    if goal.preconditioner is not None or goal.n == 0 or facts.is_full:
        return False
    return facts.num_entries <= PATTERN_LIMIT


def unasked(name: str) -> Method:
    """Return the method of a name as it runs where the caller has not asked for it."""
    return Inertia(patience=PATIENCE) if name == Inertia.name else BY_NAME[name]()


def pattern_seconds(facts: Facts) -> float:
    """Predict the analysis of the pattern; zero where no entries are known."""
    entries = facts.num_entries
    return _costs.pattern_seconds(facts.n, entries) if entries else 0.0


def _certain(method: Method, products: int, seconds: float, num_bytes: int) -> Choice:
    return Choice(
        method=method,
        num_matvecs=(products, products),
        seconds=(seconds, seconds),
        num_bytes=num_bytes,
    )


def _span(low: float, high: float, form: str) -> str:
    return form.format(low) if low == high else f"{form.format(low)} to {form.format(high)}"
