"""`count`: how many eigenvalues lie in an interval.

All eigenvalues, pivots and Lanczos measures know on which side of an end an eigenvalue lies, and
count in (a, b] at once. Any other method counts by a rank of A - c I (`symrank.ask.shifted`).
"""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, overload

from symrank.answer.counts import Counts
from symrank.answer.result import RankResult
from symrank.ask.pencil import count_by_pivots, mass_of, pivots_of, whitened
from symrank.ask.rank import OF_METHODS, answer, named_method, no_loss
from symrank.ask.shifted import shifted
from symrank.ask.table import edges_of, tabulate
from symrank.errors import OptionError
from symrank.methods import Method
from symrank.run.checkpoint.session import in_checkpoint
from symrank.run.job import prepare
from symrank.run.options import Options, Rng, seed_of
from symrank.run.rounds import budget_of
from symrank.run.workers.hired import hired
from symrank.spectrum.outcome import Progress
from symrank.support import foreign
from symrank.support.options import check_number, checks_names
from symrank.support.typing import FloatArray

__all__ = ["count"]

_EIGENVALUES = "a congruence keeps signs, not positions: A itself must be counted"
_INSTEAD = {
    "atol": "its ends a and b are the cuts",
    "rtol": "its ends a and b are the cuts",
    "preconditioner": _EIGENVALUES,
    "deflate": "its ends leave zeros out where they should: pass a=0.0 or b=0.0",
}


@overload
def count(
    A: Any,
    a: float,
    b: float,
    method: str | Method | None = None,
    *,
    M: Any = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    noise: float | None = None,
    hermitian: bool | None = None,
    rng: Rng = None,
    executor: Any = None,
    checkpoint: str | PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> RankResult: ...


@overload
def count(
    A: Any,
    a: Sequence[float] | FloatArray,
    b: None = None,
    method: str | Method | None = None,
    *,
    M: Any = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    noise: float | None = None,
    hermitian: bool | None = None,
    rng: Rng = None,
    executor: Any = None,
    checkpoint: str | PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> Counts: ...


@checks_names({**OF_METHODS, **_INSTEAD})
def count(
    A: Any,
    a: float | Sequence[float] | FloatArray,
    b: float | None = None,
    method: str | Method | None = None,
    *,
    M: Any = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    noise: float | None = None,
    hermitian: bool | None = None,
    rng: Rng = None,
    executor: Any = None,
    checkpoint: str | PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> RankResult | Counts:
    """Return the number of eigenvalues of `A` in ``(a, b]`` with an honest interval.

    Of a rectangle, and wherever `symrank.rank` counts singular values, it is the number of its
    ``min(m, n)`` singular values in there.

    ``count(A, edges)`` is a table of the numbers in ``(edges[i], edges[i + 1]]`` from one run.

    An end is as sharp as the products: an eigenvalue within a noise floor of it (500 eps |A|) may
    fall on either side, the interval of the count spans both, and `RankResult.at_ends` says how
    many there are. An end at exactly 0 asks for signs, by the rule of `symrank.rank`: what cannot
    be told from zero is zero and lies in ``(a, 0]``, never in ``(0, b]``. So ``count(A, 0, inf)``
    is the number of positive eigenvalues.

    Parameters
    ----------
    A
        As for `symrank.rank`.
    a, b
        Ends, ``a < b``; either may be infinite, or beyond the spectrum. Without `b`, `a` holds the
        edges of a table, ascending, (k + 1,).
    method
        As for `symrank.rank`. None, ``"dense"``, ``"inertia"`` and ``"lanczos"`` count between
        the ends; others count the eigenvalues of a shifted operator that are far from zero, and are
        as sharp as the products of that one. A table is counted by None, ``"dense"`` or
        ``"lanczos"``.
    M
        Positive definite mass, for the eigenvalues of ``A x = lambda M x``: a matrix or, where it
        is diagonal, an array (n,). With entries of A and M it is counted by the signs of
        ``A - a M`` and ``A - b M``. An A known by products, and any other method, wants a diagonal
        M, or ``M=Preconditioner.from_factor(S)`` with ``S S* = M^-1``. An end is as sharp as
        ``500 eps (|A| + |a| |M|)``, for a mode with ``x* M x = 1``.
    precision, confidence, max_matvecs, max_seconds, noise, hermitian, rng, executor, checkpoint
        As for `symrank.rank`.
    progress, check
        As for `symrank.rank`. There is no `preconditioner`: a congruence keeps signs, not
        positions.

    Returns
    -------
    RankResult
        Its `rank` is the count, its `between` is ``(a, b)``; `measure` is that of `A`.
    Counts
        Of a table: a `RankResult` for every interval, as ``count(A, edges[i], edges[i + 1])`` gives
        it, and their number as arrays. The run goes on until each of them meets the precision.

    Raises
    ------
    OptionError
        If an option is out of range or unknown, ``a >= b``, the interval is narrower than the
        noise floor of the products, or M is not proved to be positive definite.
    CheckpointError
        As for `symrank.rank`.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> result = symrank.count(np.diag([3.0, 1.0, 0.5, 0.0]), 0.4, 2.0)
    >>> result.rank, result.interval()
    (2, (2, 2))
    >>> symrank.count(np.diag([3.0, 1.0, 0.5, 0.0]), 0.0, np.inf).rank
    3
    >>> symrank.count(np.diag([3.0, 1.0, 0.5, 0.0]), [-1.0, 0.2, 0.8, 4.0]).counts.tolist()
    [1, 1, 2]
    >>> symrank.count(np.diag([3.0, 1.0, 0.5]), 0.4, 2.0, M=np.array([1.0, 1.0, 2.0])).rank
    1
    """
    edges = edges_of(a) if b is None else _ends(a, b)
    options = Options(
        between=(edges[0], edges[-1]),
        precision=precision,
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        noise=noise,
        hermitian=hermitian,
        seed=seed_of(rng),
        check=check,
        executor=executor,
        checkpoint=checkpoint,
    )
    pencil = None
    if M is not None:
        no_loss(A, "a pencil")
        M = mass_of(M)
        pencil = pivots_of(A, M, method)
    chosen = None if method is None else named_method(method)[0]

    def counted(own: Options) -> RankResult | Counts:
        if pencil is not None:
            budget = budget_of(own, progress)
            with foreign.own_arithmetic():
                return count_by_pivots(A, M, edges, pencil, own, budget)
        B = A if M is None else whitened(A, M)
        if b is None:
            return tabulate(B, edges, method, own, progress)
        return _between(B, chosen, method, own, progress)

    asked = {"question": "count", "method": chosen, "edges": edges, "M": M}
    return in_checkpoint(options, rng is None, asked, counted)


def _between(
    A: Any,
    chosen: Method | None,
    method: str | Method | None,
    options: Options,
    progress: Callable[[Progress], None] | None,
) -> RankResult:
    """Count between two ends, by a method that does or by a shifted rank."""
    if chosen is None or chosen.counts_between:
        return answer(A, method, options, progress)
    budget = budget_of(options, progress)
    with foreign.own_arithmetic(), hired(options.executor) as crew:
        return shifted(prepare(A, options, budget, method=chosen, crew=crew), chosen, budget)


def _ends(a: Any, b: Any) -> list[float]:
    """Return the ends of one interval, or raise `OptionError`."""
    rule = (
        "must be one number, or inf: pass a < b, or the edges of a table as a and no b "
        "(a method by its name, method=...)."
    )
    a, b = (check_number(name, end, lambda _: True, rule) for name, end in (("a", a), ("b", b)))
    if not a < b:
        raise OptionError(f"a={a} and b={b} hold no interval: pass a < b.")
    return [a, b]
