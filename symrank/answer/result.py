"""What a run returns: an integer, an interval, the cost, and the evidence."""

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from symrank.answer import records
from symrank.answer.curve import EnergyCurve
from symrank.answer.signed import SignedSpectrum
from symrank.errors import OptionError
from symrank.spectrum.intervals import Interval
from symrank.spectrum.measure import RitzMeasure
from symrank.spectrum.outcome import Band, Basis, Gap, Progress, Status
from symrank.support.options import check_budget, check_progress
from symrank.support.typing import Array, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RankResult"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RankResult(SignedSpectrum, EnergyCurve):
    """Rank (or count) of an operator, with its interval, cost and evidence.

    ``int(result)`` is the rank, ``str(result)`` one line, and so is ``repr(result)``. Two results
    are equal where they are the same object; compare `to_dict` for what they hold. A copy shares
    the vectors that `refine` goes on from, which serve once; a pickle has none.

    Attributes
    ----------
    rank
        The integer answer; always inside ``interval()``.
    estimate
        The unrounded estimate.
    stderr
        Its standard deviation by sampling alone.
    bounds
        Range of the estimate that resolution alone leaves open, ``(low, high)``.
    threshold
        Eigenvalues with ``|lambda| > threshold`` count.
    status
        A `Status`.
    samples
        One estimate per probe or chain; empty for exact methods.
    gaps
        Plateaus of the counting function, the one next to the cut first.
    inertia
        ``(n_plus, n_zero, n_minus)``, or None.
    measure
        The Ritz measure, or None.
    basis
        A `Basis` of the range or the null space where ``method=symrank.Sketch(basis=True)`` was
        asked for one, else None.
    diagnostics
        Evidence particular to the method.
    reason
        Why this method was chosen.
    num_matvecs
        Products with single vectors, those of checks and pilots included.
    seconds
        Wall time.
    n, dtype, method, kernel, seed, confidence
        What was run on what; n is the columns of a `shape`, or its singular values for a count.
    shape
        ``(m, n)`` of a matrix whose singular values, its eigenvalues here, were counted, or None.
    preconditioner
        Name of the `Preconditioner`, empty without one. With one, `threshold`, `gaps`,
        `measure` and `diagnostics` speak of the spectrum of G A; rank and inertia are those of A.
    num_deflated
        Known null vectors that were taken out beforehand.
    structural_rank
        Of an explicit sparse matrix or factor: ``(low, high)``, between which the rank lies in
        exact arithmetic whatever the values of the stored nonzeros are. No number of eigenvalues
        above a cut exceeds `high`; one above a cut may fall below `low`. Else None.
    between
        The interval ``(a, b)`` of `symrank.count`, whose eigenvalues `rank` counts, or None; then
        `threshold` is the noise floor.
    at_ends
        One `Band` for every end of an interval, and for a caller's cut: what lies within a noise
        floor of it, and may fall on either side.
    notes
        Sentences about this answer that its status alone does not say, the remedy included.
    history
        ``(num_matvecs, low, high)`` after each round.
    """

    rank: int
    estimate: float
    stderr: float
    bounds: tuple[float, float]
    threshold: float
    status: Status
    n: int
    dtype: str
    method: str
    confidence: float
    evidence: Interval
    num_matvecs: int = 0
    seconds: float = 0.0
    reason: str = ""
    kernel: str = ""
    preconditioner: str = ""
    num_deflated: int = 0
    structural_rank: tuple[int, int] | None = None
    seed: int | None = None
    samples: FloatArray = field(default_factory=lambda: np.empty(0))
    gaps: Sequence[Gap] = ()
    inertia: tuple[int, int, int] | None = None
    measure: RitzMeasure | None = None
    basis: Basis | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    between: tuple[float, float] | None = None
    shape: tuple[int, int] | None = None
    at_ends: Sequence[Band] = ()
    notes: Sequence[str] = ()
    history: Sequence[tuple[int, int, int]] = ()
    resume: Callable[..., "RankResult"] | None = field(default=None, repr=False, compare=False)

    @property
    def nullity(self) -> int:
        """``n - rank``: the dimension of the null space.

        A result of `symrank.count`, whose complement is no null space, raises `OptionError`.
        """
        if self.between is not None:
            raise OptionError(
                f"this result counts eigenvalues in {self.between}, and has no nullity: "
                "n - result.rank eigenvalues lie outside. Run symrank.rank for the nullity."
            )
        return self.n - self.rank

    def nullity_interval(self, confidence: float | None = None) -> tuple[int, int]:
        """Return integers that hold `nullity` with this confidence; see `interval`."""
        total, (low, high) = self.nullity + self.rank, self.interval(confidence)
        return total - high, total - low

    def interval(self, confidence: float | None = None) -> tuple[int, int]:
        """Return integers ``(low, high)`` that hold the true count with this confidence.

        The interval covers sampling and resolution. `confidence` defaults to that of the run.
        """
        level = self.confidence if confidence is None else confidence
        if not 0.0 < level < 1.0:
            raise OptionError(f"confidence={level} must lie between 0 and 1, for example 0.95.")
        return self.evidence(level)

    def refine(
        self,
        precision: float,
        *,
        max_matvecs: float | None = None,
        max_seconds: float | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> "RankResult":
        """Go on to a narrower interval from the vectors in memory; what is done is not repeated.

        A result that can go on keeps the run's vectors alive; ``dataclasses.replace(result,
        resume=None)`` lets them go, and so do pickling and `to_dict`. They serve once: refine the
        newer result after that. Its interval holds at the same confidence: all looks are counted.

        Parameters
        ----------
        precision
            As for `symrank.rank`.
        max_matvecs
            Products on top of those spent, 20 000 by default, ``inf`` for no limit.
        max_seconds
            Wall time on top of that spent.
        progress
            As for `symrank.rank`.

        Returns
        -------
        RankResult
            This one, if its count is exact. Products and seconds are those of both runs.

        Raises
        ------
        OptionError
            If an option is out of range, or there is nothing to go on from.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> from symrank import gallery
        >>> A = gallery.diagonal(np.append(np.linspace(0.5, 1.0, 5000), np.zeros(3000)))
        >>> rough = symrank.rank(A, "lanczos", precision=0.02, rng=1)
        >>> fine = rough.refine(precision=0.004)
        >>> fine.num_matvecs > rough.num_matvecs, fine.status.name
        (True, 'CONVERGED')
        """
        share, limit, seconds = check_budget(precision, max_matvecs, max_seconds)
        check_progress(progress)
        if share is None:
            raise OptionError("precision=None asks for nothing: pass the half-width to refine to.")
        if self.status is Status.EXACT:
            return self
        if self.resume is None:
            raise OptionError(
                f"this result of method={self.method!r} left no run to go on from: it was stopped "
                "half-way, restored from a record or a pickle, or its method has no more to give. "
                f"Run symrank.rank again with precision={precision}."
            )
        return self.resume(share, limit, seconds, progress)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "resume": None}

    def __copy__(self) -> "RankResult":
        return dataclasses.replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> "RankResult":
        fields = {k: copy.deepcopy(v, memo) for k, v in self.__dict__.items() if k != "resume"}
        return RankResult(**fields, resume=self.resume)

    def counting_function(
        self, tau: float | Array, confidence: float | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Estimate #{|lambda| > tau} with its band, at no further product.

        Parameters
        ----------
        tau
            Cuts, a number or an array (t,).
        confidence
            Of the band at each cut; that of the run by default.

        Returns
        -------
        estimate, low, high
            Arrays (t,).
        """
        if self.measure is None:
            raise OptionError(
                f"method={self.method!r} keeps no Ritz measure, so it has no counting function: "
                "run method='lanczos', or restore a result saved by to_dict(measure=True)."
            )
        level = self.confidence if confidence is None else confidence
        cuts = np.atleast_1d(np.asarray(tau, dtype=np.float64))
        return tuple(self.measure.counting_function(cuts, level))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the counting function with its band, the gaps and the cut (needs matplotlib).

        Raises
        ------
        OptionError
            Where the method kept no spectrum.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> ax = symrank.rank(np.diag([3.0, 1.0, 0.0])).plot()
        >>> ax.get_ylabel()
        'eigenvalues above the cut'
        """
        from symrank.answer import plots

        spectrum = self.measure or self.diagnostics.get("eigenvalues")
        if spectrum is None:
            raise OptionError(
                f"method={self.method!r} keeps no spectrum, so there is no counting function to "
                "draw: run method='lanczos' or 'dense' by name, or restore a result saved by "
                "to_dict(measure=True)."
            )
        return plots.draw(
            spectrum,
            gaps=self.gaps,
            cut=self.threshold,
            answer=plots.Answer(self.rank, *self.interval(), self.confidence),
            where=f"n = {self.n}, {self.method}",
            ax=ax,
        )

    def to_dict(self, *, measure: bool = False, basis: bool = False) -> dict[str, Any]:
        """Return the result as plain JSON values.

        The Ritz measure, some thousands of numbers, is left out unless `measure` is true, and the
        basis, n numbers per vector, unless `basis` is.

        Raises
        ------
        OptionError
            Where the basis is asked for, and the run has kept none.
        """
        if basis and self.basis is None:
            raise OptionError(
                f"basis=True, but this run of method={self.method!r} has kept no basis: run "
                'method=symrank.Sketch(basis=True), with side="null" for the null space.'
            )
        last = ["evidence"] + ["measure"] * (measure and self.measure is not None)
        record = records.record_of(vars(self), [*last, *["basis"] * basis])
        return record | {"interval": list(self.interval())}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "RankResult":
        """Invert `to_dict`."""
        fields = records.decode(record)
        del fields["interval"]
        return cls(**fields)

    def __index__(self) -> int:
        return self.rank

    __int__ = __index__

    def __repr__(self) -> str:
        return f"<RankResult: {self}>"

    def __str__(self) -> str:
        low, high = self.interval()
        by = f" preconditioned by {self.preconditioner}" if self.preconditioner else ""
        what = "rank" if self.between is None else f"count in {self.between}"
        size = f"n = {self.n}" if self.shape is None else "{}x{}".format(*self.shape)
        return (
            f"{what} {self.rank} in [{low}, {high}] at {self.confidence:.0%}, {size}, "
            f"{self.method}{by}, {self.num_matvecs} products, {self.seconds:.2f} s: "
            f"{self.status.name}"
        )
