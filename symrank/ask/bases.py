"""`null_space` and `range_space`: orthonormal vectors, each with its residual.

The dimension is counted first, as `symrank.rank` counts it, and the vectors are held against that:

==============================  ==============================================================
what A is                       vectors
==============================  ==============================================================
explicit, sparse                equal rows and rows of zeros at once (`symrank.operators.twins`);
                                the rest by inverse iteration with one factor of A - s I
explicit, or n products cheap   all eigenvectors, up to n = 4096
any other                       `Sketch`: columns of the range, or solves for null vectors
==============================  ==============================================================

Where one of the two spaces is small and the other is asked for, it is what is orthogonal to it.
"""

from collections.abc import Callable
from typing import Any

from symrank.ask.rank import OF_METHODS, no_loss
from symrank.ask.spaces import space_of
from symrank.preconditioners import Preconditioner
from symrank.run.options import Options, Rng, seed_of
from symrank.run.rounds import budget_of
from symrank.spectrum.outcome import Basis, Progress
from symrank.support import foreign
from symrank.support.options import checks_names
from symrank.support.typing import FloatArray

__all__ = ["null_space", "range_space"]

_CUT = (
    "vectors are told from the noise floor alone: for a cut of your own take eigenvectors, "
    "scipy.sparse.linalg.eigsh(A, k, sigma=0.0), or symrank.Sketch(basis=True) with rank(A, atol=)"
)
IN_BASES = {
    "atol": _CUT,
    "rtol": _CUT,
    "rcond": _CUT,
    "hermitian": "of a matrix that is not, pass symrank.gram(A): its null vectors are those of A",
    "precision": "a basis is whole, or says by its `dimension` what is open",
    "checkpoint": "rank(A, symrank.Sketch(basis=True), checkpoint=...) keeps a run for a basis",
    "deflate": "known null vectors are found again: leave them out",
    "executor": "vectors come of one factor or one block; count them by symrank.rank(A, executor=)",
    "method": "it follows from what A is; symrank.rank(A, symrank.Sketch(basis=True)) has one",
}
IN_RANGE = {**IN_BASES, "preconditioner": "solves of null_space alone can use one"}


@checks_names({**OF_METHODS, **IN_BASES})
def null_space(
    A: Any,
    *,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    preconditioner: Preconditioner | FloatArray | str | None = None,
    noise: float | None = None,
    rng: Rng = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> Basis:
    """Return orthonormal null vectors of a symmetric operator, each with its residual.

    A vector v is one where ``|A v|`` is at most the noise floor, the cut of `symrank.rank`; none
    above it is ever among them. Where the dimension is known only as an interval, as for a cluster
    of eigenvalues at the floor, or not all were found, `Basis.dimension` and `Basis.notes` say so.

    Parameters
    ----------
    A
        As for `symrank.rank`. Of a sparse matrix the vectors come from a factor, of an operator
        known by products from solves.
    confidence, max_matvecs, max_seconds
        As for `symrank.rank`. Where dimension and vectors come from a factor, no confidence enters.
    preconditioner
        For the solves of an operator without a factor: ``"amg"``, or
        ``Preconditioner.from_products``. One with a factor S changes the vectors, and is refused.
    noise, rng, progress, check
        As for `symrank.rank`.

    Returns
    -------
    Basis
        ``basis.vectors`` is (n, k); ``x - Q @ (Q.conj().T @ x)`` is the part of x in the range.

    Raises
    ------
    OperatorError, NotSymmetricError, NonFiniteError, ChangedOperatorError
        As for `symrank.rank`.
    OptionError
        As for `symrank.rank`, and where the vectors would take more than 2 GiB.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> basis = symrank.null_space(np.diag([2.0, 1.0, 0.0, 0.0]))
    >>> basis.vectors.shape, basis.dimension, basis.status.name
    ((4, 2), (2, 2), 'EXACT')
    >>> bool(basis.residuals.max() < 1e-15)
    True
    """
    options = Options(
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        noise=noise,
        preconditioner=preconditioner,
        seed=seed_of(rng),
        check=check,
    )
    return _space(A, "null", options, progress)


@checks_names({**OF_METHODS, **IN_RANGE})
def range_space(
    A: Any,
    *,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    noise: float | None = None,
    rng: Rng = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> Basis:
    """Return orthonormal vectors that span the range of a symmetric operator.

    They are as many as `symrank.rank` counts: what A does at most at the level of the noise floor
    is left out.

    Parameters
    ----------
    A, confidence, max_matvecs, max_seconds, noise, rng, progress, check
        As for `null_space`.

    Returns
    -------
    Basis
        ``basis.residual`` bounds ``|(I - Q Q*) A|``.

    Raises
    ------
    OperatorError, NotSymmetricError, NonFiniteError, ChangedOperatorError, OptionError
        As for `null_space`.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> basis = symrank.range_space(np.diag([2.0, 1.0, 0.0, 0.0]))
    >>> basis.vectors.shape, basis.dimension, basis.status.name
    ((4, 2), (2, 2), 'EXACT')
    """
    options = Options(
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        noise=noise,
        seed=seed_of(rng),
        check=check,
    )
    return _space(A, "range", options, progress)


def _space(
    A: Any, side: str, options: Options, progress: Callable[[Progress], None] | None
) -> Basis:
    """Look for one of the two spaces."""
    no_loss(A, f"{side}_space")
    budget = budget_of(options, progress)
    with foreign.own_arithmetic():
        return space_of(A, side, options, budget)
