r"""Rank as the trace of a polynomial filter: deterministic twins of the Langevin filters.

The filter is 1 - w(A), a polynomial of degree K that is 0 at zero and close to 1 on the spectrum
that counts, and tr w(A) is known from Chebyshev moments of Gaussian vectors. A pilot Lanczos run
gives lambda_max with a proved margin, and how many eigenvalues may lie where w is neither 0 nor 1
(`symrank.methods.moments.moments`, where expectation, variance and interval are).

    exponential  w = exp(-2 x t), the Langevin flow's, t as long as the degree expands it
    step         the indicator of what is near zero, damped by Jackson's factors
    optimal      w = T_K, shifted so that [delta, 1] is its interval, over its value at zero:
                 of all w with w(0) = 1 the one that is least on [delta, 1]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from symrank import kernels
from symrank.methods.base import Goal, Method, Summary, Task, Tick
from symrank.methods.moments import moments
from symrank.methods.moments.moments import FILTERS, Wishes
from symrank.methods.pilot import pilot_task
from symrank.operators import Operator
from symrank.support.options import check_word, settle_counts

__all__ = ["Chebyshev"]


@dataclass(frozen=True, kw_only=True)
class Chebyshev(Method):
    r"""Trace of a polynomial filter from Chebyshev moments, two of them per product.

    Parameters
    ----------
    filter
        To tell an eigenvalue :math:`\lambda` from zero up to :math:`10^{-3}`, the degree over
        :math:`\sqrt{\lambda_{\max} / \lambda}` is at least

        - ``"optimal"`` (the default): 3.8,
        - ``"step"``: 6 to 13,
        - ``"exponential"``: 8.

        A cut of the caller that the degree resolves is a step in any case.
    degree
        Of the polynomial in A, at half as many products per vector. Default: by pilot,
        precision and budget.
    num_probes
        Gaussian vectors. Default: likewise.
    kernel
        Name of a kernel file. Default: the compiled one.

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    For an indefinite operator the filter is an even polynomial on :math:`[-|A|, |A|]`.

    References
    ----------
    .. [1] E. Di Napoli, E. Polizzi and Y. Saad, "Efficient estimation of eigenvalue counts in an
       interval", Numer. Linear Algebra Appl. 23, 2016.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> from symrank import gallery
    >>> A = gallery.diagonal(np.append(np.linspace(0.2, 1.0, 2000), np.zeros(1000)))
    >>> result = symrank.rank(A, method=symrank.Chebyshev(filter="exponential"), rng=1)
    >>> low, high = result.interval()
    >>> low <= 2000 <= high
    True
    """

    filter: Literal["optimal", "step", "exponential"] = "optimal"
    degree: int | None = None
    num_probes: int | None = None
    kernel: str | None = None

    name: ClassVar[str] = "chebyshev"
    runs_on_kernels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_word("filter", self.filter, FILTERS)
        settle_counts(self, degree=1, num_probes=1)
        kernels.check_name(self.kernel)

    @property
    def _wishes(self) -> Wishes:
        return Wishes(
            kind=self.filter, degree=self.degree, num_vectors=self.num_probes, kernel=self.kernel
        )

    def next_tasks(self, goal: Goal, round_: int, summary: Summary | None) -> Sequence[Task]:  # noqa: ARG002
        """Return the pilot, then the probes."""
        if summary is None:
            return [pilot_task(goal)]
        return moments.next_tasks(goal, summary, self._wishes)

    def has_columns(self, task: Task) -> bool:
        """All but the pilot."""
        return bool(task.key[0] == "moments")

    def run(self, operator: Operator, goal: Goal, task: Task, state: Any, tick: Tick) -> Any:
        """Run the pilot or a block of probes."""
        return moments.run(operator, goal, task, state, tick, self.kernel)

    def summarise(
        self, goal: Goal, states: Mapping[tuple[Any, ...], Any], previous: Summary | None
    ) -> Summary:
        """After the pilot: what it saw. After the probes: the count."""
        return moments.summarise(goal, states, previous, self._wishes)
