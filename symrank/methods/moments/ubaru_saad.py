r"""Rank from a spectral density and a Chebyshev step (S. Ubaru and Y. Saad, ICML 2016).

Published: the moments of 300 random vectors give a density by the kernel polynomial method, its
valley next to zero is the threshold, and the trace of a step from there on is the rank. All from
one set of products, but the valley is looked for with absolute tolerances, at a resolution that
does not depend on the degree, and nothing is said of the eigenvalues that the step smears.

Repaired: the cut is the noise floor, as for every method; the density near zero is taken per
octave, at the degree that resolves it, and lists plateaus; what lies between the cut and where the
filter has risen to one goes into the interval (`symrank.methods.moments.moments`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from symrank import kernels
from symrank.errors import OptionError
from symrank.methods.base import Goal, Method, Summary, Task, Tick
from symrank.methods.moments import moments, published
from symrank.methods.moments.moments import Degrees, Wishes
from symrank.methods.pilot import pilot_task
from symrank.operators import Operator
from symrank.support.options import check_word, settle_counts

__all__ = ["UbaruSaad"]

DEGREE, NUM_VECTORS, NPTS = 50, 300, 100  # as published
PUBLISHED_PILOT = 100  # steps, for lambda_max


@dataclass(frozen=True, kw_only=True)
class UbaruSaad(Method):
    r"""Spectral density and a polynomial step.

    Parameters
    ----------
    variant
        ``"repaired"`` (the default): scale-invariant, any symmetric operator, a proved interval.
        ``"published"``: the method of [1]_ as it is, for comparison. Positive semidefinite
        operators alone, and its status is NOT_CERTIFIED whatever it finds: the threshold depends on
        the units of A, and the interval covers the sampling error above that threshold only.
    degree
        Of the polynomials in A. Published: 50. Repaired: by a pilot, precision and budget.
    num_vectors
        Random vectors. Published: 300. Repaired: as for `degree`.
    npts
        Points of the published density, 100; of the published variant alone.
    kernel
        Name of a kernel file. Default: the compiled one.

    Raises
    ------
    OptionError
        If an option is out of range, or the published variant meets a negative eigenvalue.

    Notes
    -----
    A product gives two moments, by :math:`2 T_j T_k = T_{j+k} + T_{|j-k|}`, so a degree of 50
    takes 25 products per vector. The published variant has the same moments, to rounding, as one
    that takes 50.

    References
    ----------
    .. [1] S. Ubaru and Y. Saad, "Fast methods for estimating the numerical rank of large matrices",
       ICML 2016.
    .. [2] E. Di Napoli, E. Polizzi and Y. Saad, "Efficient estimation of eigenvalue counts in an
       interval", Numer. Linear Algebra Appl. 23, 2016.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> from symrank import gallery
    >>> A = gallery.diagonal(np.append(np.linspace(0.2, 1.0, 2000), np.zeros(1000)))
    >>> result = symrank.rank(A, method=symrank.UbaruSaad(), rng=1)
    >>> low, high = result.interval()
    >>> low <= 2000 <= high
    True
    >>> published = symrank.UbaruSaad(variant="published")
    >>> symrank.rank(A, method=published, rng=1).status.name
    'NOT_CERTIFIED'
    """

    variant: Literal["published", "repaired"] = "repaired"
    degree: int | None = None
    num_vectors: int | None = None
    npts: int | None = None
    kernel: str | None = None

    name: ClassVar[str] = "ubaru-saad"
    runs_on_kernels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_word("variant", self.variant, ("published", "repaired"))
        settle_counts(self, degree=1, num_vectors=1, npts=10)
        kernels.check_name(self.kernel)
        if self.npts is not None and self.variant == "repaired":
            raise OptionError(
                f"npts={self.npts} belongs to variant='published': the repaired density has one "
                "point per octave that its degree resolves. Leave npts out."
            )

    @property
    def _wishes(self) -> Wishes:
        return Wishes(degree=self.degree, num_vectors=self.num_vectors, kernel=self.kernel)

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Return the pilot, which finds lambda_max, then the vectors."""
        if summary is None:
            if self.variant == "published":
                return [pilot_task(goal, PUBLISHED_PILOT)]
            return [pilot_task(goal)]
        if self.variant == "repaired":
            return moments.next_tasks(goal, summary, self._wishes)
        memo: moments.Memo = summary.memo
        steps = -(-(self.degree or DEGREE) // 2)
        affordable = (goal.max_matvecs - memo.num_products) // steps
        vectors = min(self.num_vectors or NUM_VECTORS, affordable)
        if memo.is_done or vectors < 1 or memo.pilot.lambda_max == 0.0:
            return []
        low, high = published.ends(goal, summary)
        interval = 0.5 * (low + high), 0.5 * (high - low)
        return moments.tasks_of(Degrees(steps, vectors, epsilon=0.0), interval)

    def has_columns(self, task: Task) -> bool:
        """All but the pilot."""
        return bool(task.key[0] == "moments")

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Run the pilot or a block of vectors."""
        return moments.run(operator, goal, task, state, tick, self.kernel)

    def summarise(
        self, goal: Goal, states: Mapping[tuple[Any, ...], Any], previous: Summary | None
    ) -> Summary:
        """After the pilot: what it saw. After the vectors: the count."""
        if previous is None or self.variant == "repaired":
            return moments.summarise(goal, states, previous, self._wishes)
        degree = self.degree or DEGREE
        return published.summarise(goal, states, previous, degree, self.npts or NPTS)
