r"""Rank from all eigenvalues: LAPACK's eigvalsh on the dense matrix.

Those of [[0, A], [A^H, 0]] are the singular values of the m x n matrix A, twice, and |m - n| zeros;
those of A^H A and A A^H their squares and zeros. Where the entries of A are known, its singular
values are computed, in O(m n min(m, n)) (`symrank.methods.eigenvalues.singular`). Where they are
not, A A^H is formed for A^H A if that is smaller.

The cut is NumPy's, n eps max|lambda|; for singular values of an m x n matrix it is

    min(max(m, n), 500) eps sigma_1,

as NumPy's grows with the rows, where the rounding does not: 0.024 sigma_1 for 200 000 of them in
single precision. The computed eigenvalues are those of A + E with
|E| <= e, a few sqrt(n) eps |A|, so the count is called exact only if no eigenvalue lies close to
the cut. Squares of singular values that err by e, sigma^2, err by

    2 sigma e + e^2,                                                                          (1)

far less than a formed A^H A, eps sigma_1^2. So a singular value of 1e-7 sigma_1 is seen although
its square lies below the cut: it is in doubt, and a zero one is not.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.linalg

from symrank.errors import OptionError
from symrank.methods import costs
from symrank.methods.base import Goal, Method, Offer, Summary, Task, Tick
from symrank.methods.eigenvalues.singular import num_entries, singular_values
from symrank.methods.seen import Seen
from symrank.methods.summaries import exact
from symrank.operators import Operator
from symrank.operators.facts import DenseForm, Facts
from symrank.spectrum import threshold
from symrank.spectrum.outcome import Band, Status
from symrank.spectrum.region import Edge, Region
from symrank.support.foreign import refuse_non_finite
from symrank.support.typing import Array, FloatArray

__all__ = [
    "DENSE_LIMIT",
    "ROUNDING",
    "Dense",
    "Spectrum",
    "fits",
    "known",
    "nothing",
    "num_held",
]

DENSE_LIMIT = 8192  # up to: 1 GiB at most, the matrix and the copy that eigvalsh overwrites
SPARE = 4  # bits: the last one that is kept is worth so much more than the error
COPIES = 3  # of the matrix: its entries, LAPACK's own and its work space
ROUNDING = 10.0  # eigvalsh moves eigenvalues by less than this many sqrt(n) eps |A|


@dataclass(frozen=True)
class Spectrum:
    """All eigenvalues, and what they were computed from."""

    values: FloatArray  # ascending
    order: int  # of the matrix that LAPACK was given, the longer side
    is_squared: bool = False  # they are squares of singular values
    is_singular: bool = False  # they are singular values, perhaps with both signs
    floor: float | None = None  # of noise, in eps |A|, where it is that of another matrix
    norm: float = 0.0  # |A|, where they are not all of its eigenvalues

    @property
    def noise_floor(self) -> float:
        """In eps |A|: that of NumPy; of products as well for singular values."""
        if self.floor is not None:
            return self.floor
        return min(self.order, threshold.FLOOR) if self.is_singular else self.values.size

    def noise(self, eps: float) -> FloatArray:
        """Bound the error of each; eq. (1) for squares."""
        size = np.abs(self.values)
        norm = float(size.max(initial=self.norm))
        share = ROUNDING * math.sqrt(self.order) * eps
        if not self.is_squared:
            return np.full(size.shape, share * norm)
        error = share * math.sqrt(norm)
        return np.asarray(error * (2.0 * np.sqrt(size) + error))

    def notes(self, doubtful: Any, tau: float) -> tuple[str, ...]:
        """Say what is not rounding and yet below the cut of the squares."""
        hidden = int((doubtful & (self.values <= tau)).sum()) if self.is_squared else 0
        if not hidden:
            return ()
        return (
            f"{hidden} singular values lie above their rounding although their squares lie below "
            "the cut: symrank.augmented(A) counts singular values, not squares.",
        )


def num_held(form: DenseForm) -> int:
    """Return the numbers that are held at a time."""
    m, n = form.shape
    return num_entries((m, n)) if form.is_singular and not form.num_products else m * n


def fits(form: DenseForm) -> bool:
    """Tell whether all eigenvalues are cheap in memory."""
    return num_held(form) <= DENSE_LIMIT**2


def _spectrum(operator: Operator, tick: Tick) -> Spectrum:
    """Return all eigenvalues."""
    form, n = operator.singular_form(), operator.n
    if form is None:
        entries = operator.shorter_side().formed(tick)
        refuse_non_finite(entries)
        values = scipy.linalg.eigvalsh(entries, check_finite=False).astype(np.float64)
        return Spectrum(np.sort(np.concatenate([values, np.zeros(n - values.size)])), n)
    longer = max(form.factor.shape)
    if form.is_squared:
        squares = singular_values(form.factor, form.scale)[::-1] ** 2
        values = form.unit * np.concatenate([np.zeros(n - squares.size), squares])
        return Spectrum(values, longer, is_squared=True)
    sigma = form.unit * singular_values(form.factor, tick=tick)
    values = sigma[::-1]
    if not form.is_modulus:
        values = np.concatenate([-sigma, np.zeros(n - 2 * sigma.size), values])
    return Spectrum(values, longer, is_singular=True)


@dataclass(frozen=True, kw_only=True)
class Dense(Method):
    """All eigenvalues by `scipy.linalg.eigvalsh`; n products for an implicit operator.

    Needs n^2 numbers of memory and O(n^3) time. `augmented` of an m x n matrix takes its singular
    values instead, in O(m n min(m, n)) time, and so does `gram` where the entries are known:
    nothing is squared before the count. A tall or wide matrix is taken by blocks of rows or
    columns, with memory for 3 min(m, n)^2 numbers. Where the entries are not known, `augmented`
    takes min(m, n) products, and `gram` what it would on the shorter side.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> result = symrank.rank(np.diag([3.0, 1.0, 0.0]), method=Dense())
    >>> result.rank, result.status.name, result.inertia
    (2, 'EXACT', (2, 1, 0))
    """

    name: ClassVar[str] = "dense"
    is_exact: ClassVar[bool] = True
    counts_between: ClassVar[bool] = True
    counts_moduli: ClassVar[bool] = True

    def offer(self, facts: Facts, goal: Goal, seen: Seen | None = None) -> Offer | None:  # noqa: ARG002
        """Offer all eigenvalues where they are cheap in memory, by what LAPACK is given."""
        form = facts.dense
        if not fits(form) or form.num_products > goal.max_matvecs:
            return None
        m, n = form.shape
        seconds = costs.singular_seconds(m, n) if form.is_singular else costs.dense_seconds(n)
        seconds += form.num_formed * costs.product_seconds(facts.work)
        why = f"n = {goal.n}: all eigenvalues are cheap and exact"
        held = COPIES * num_held(form) * goal.dtype.itemsize
        return Offer.certain(self, form.num_products, seconds, held, why)

    def num_bytes(self, facts: Facts, goal: Goal, task: Task) -> int:  # noqa: ARG002
        """Return what LAPACK is given and what it takes beside it."""
        return COPIES * num_held(facts.dense) * goal.dtype.itemsize

    def declines(self, facts: Facts, goal: Goal) -> str:
        """Say where the budget does not hold the products that form the matrix."""
        if not fits(facts.dense) or facts.dense.num_products <= goal.max_matvecs:
            return ""
        return (
            f"the dense matrix would take {facts.dense.num_products} products, of which "
            f"{goal.max_matvecs} are allowed"
        )

    def is_free_of_squares(self, facts: Facts) -> bool:
        """True where singular values are computed before they are squared."""
        return facts.dense.is_singular

    def is_free(self, facts: Facts) -> bool:
        """True where the entries are known."""
        return not facts.dense.num_products

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """One task, once."""
        return [Task(("eigenvalues",))] if round_ == 0 else []

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Spectrum:  # noqa: ARG002
        """Return the eigenvalues, ascending."""
        work = operator.facts.dense
        if work.num_products > goal.max_matvecs:
            spare = goal.max_matvecs
            raise OptionError(
                f"method='dense' takes {work.num_products} products to form this operator, and "
                f"max_matvecs leaves {spare}. Raise it by {work.num_products - spare}, or use "
                "method='lanczos', which forms nothing."
            )
        return _spectrum(operator, tick)

    def summarise(
        self,
        goal: Goal,
        states: Mapping[tuple[Any, ...], Any],
        previous: Summary | None,  # noqa: ARG002
    ) -> Summary:
        """Count, and look for eigenvalues that crowd round the cut."""
        spectrum: Spectrum = states[("eigenvalues",)]
        values = spectrum.values
        n, norm = goal.n, float(np.abs(values).max(initial=spectrum.norm))
        floor = spectrum.noise_floor
        rounding = ROUNDING * math.sqrt(spectrum.order)
        region = goal.region(norm, floor=floor, delta=rounding)
        counts, at_end, crowded = _counted(values, region, spectrum.noise(goal.eps))
        doubtful = at_end | crowded
        rank = int(counts.sum())
        low, high = int((counts & ~doubtful).sum()), int((counts | doubtful).sum())
        tau, scale = region.cut, goal.scale
        is_rank = not region.counts_inside
        signs = values[counts] > 0.0
        at_ends = [_band(values, edge, scale) for edge in region.bands]
        notes = spectrum.notes(crowded, tau)
        status = Status.EXACT
        if doubtful.any():
            is_narrow = high - low <= 2.0 * goal.half_width and not crowded.any()
            status = Status.CONVERGED if is_narrow else Status.NO_GAP_FOUND
            notes += () if is_narrow else threshold.band_notes(at_ends, goal.half_width)
        return exact(
            low,
            high,
            rank,
            threshold=scale * (tau if tau == goal.atol else known(tau, rounding * goal.eps)),
            status=status,
            gaps=threshold.plateaus(np.abs(values) * scale, np.ones(n), tau * scale)
            if is_rank
            else (),
            inertia=(int(signs.sum()), n - rank, int((~signs).sum())) if is_rank else None,
            at_ends=at_ends,
            notes=notes,
            diagnostics={
                "eigenvalues": (values * scale).tolist(),
                "eigenvalue_error": scale * float(spectrum.noise(goal.eps).max(initial=0.0)),
                "noise_floor": scale * float(goal.eps * floor * norm),
            },
            is_final=True,
        )


def known(tau: float, error: float) -> float:
    """Return a level that is proportional to the norm, in the digits that are known of it.

    LAPACK's last digits depend on its threads. Nothing is decided by what this returns.
    """
    if not (math.isfinite(tau) and tau > 0.0 and error > 0.0):
        return tau
    unit = math.ldexp(1.0, math.frexp(tau)[1] + math.frexp(error)[1] + SPARE)
    return round(tau / unit) * unit if 0.0 < unit < tau else tau


def nothing(goal: Goal) -> Summary:
    """Return the count of an operator of order 0, whichever method was asked."""
    return Dense().summarise(goal, {("eigenvalues",): Spectrum(np.empty(0), 0)}, None)


def _counted(values: FloatArray, region: Region, noise: FloatArray) -> tuple[Array, Array, Array]:
    """Return which eigenvalues count, which lie at an end, and which crowd at the noise floor.

    Where zero is told from what is not, all from rounding up to CROWD noise floors crowd.
    """
    if region.counts_inside:
        counts = (values > region.low.at) & (values <= region.high.at)
    else:
        counts = np.abs(values) > region.cut
    at_end, crowded = np.zeros(values.size, bool), np.zeros(values.size, bool)
    for edge in region.bands:
        at_end |= _near(values, edge, noise)
    if region.is_signed:
        size = values if region.counts_inside else np.abs(values)
        least = np.minimum(noise, region.floor)
        crowded = (size > least) & (size < threshold.CROWD * region.floor)
    return counts, at_end, crowded


def _near(values: FloatArray, edge: Edge, noise: FloatArray) -> Array:
    """Tell which eigenvalues are closer to an end than they err."""
    inside = (values >= edge.left) & (values <= edge.right)
    return np.asarray(inside & (np.abs(values - edge.at) <= noise))


def _band(values: FloatArray, edge: Edge, scale: float) -> Band:
    """Count the eigenvalues in a band."""
    inside = int(((values >= edge.left) & (values <= edge.right)).sum())
    return Band(low=edge.left * scale, high=edge.right * scale, least=inside, most=inside)
