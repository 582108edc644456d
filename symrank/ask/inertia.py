"""`inertia`: how many eigenvalues are positive, how many are zero, and how many negative."""

import math
from collections.abc import Callable
from typing import Any

from symrank.answer.signature import Signature
from symrank.ask.exactly import settled
from symrank.ask.rank import OF_METHODS, answer, no_loss
from symrank.errors import OptionError
from symrank.methods import Lanczos, Method
from symrank.methods.quadrature.lanczos import MARGIN
from symrank.operators import as_operator
from symrank.preconditioners import Preconditioner
from symrank.run.budget import Budget
from symrank.run.job import Job, prepare
from symrank.run.options import Options, Rng, seed_of
from symrank.run.rounds import budget_of, run
from symrank.run.workers.hired import hired
from symrank.spectrum.outcome import Progress, Status
from symrank.support import foreign
from symrank.support.options import checks_names
from symrank.support.typing import Array, FloatArray

__all__ = ["inertia"]

_CUTS = "it asks for signs: count(A, tau, inf) and count(A, -inf, -tau) count beyond a cut tau"
REASON = "sampled again with as many probes as the signs need"
_SIGNS = "signs belong to a symmetric operator, which A has to be"
_KEPT = "rank(A, checkpoint=...) keeps its run, and `RankResult.inertia_intervals` has the signs"
IN_INERTIA = {"atol": _CUTS, "rtol": _CUTS, "hermitian": _SIGNS, "checkpoint": _KEPT}


@checks_names({**OF_METHODS, **IN_INERTIA})
def inertia(
    A: Any,
    method: str | Method | None = None,
    *,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    preconditioner: Preconditioner | FloatArray | str | None = None,
    deflate: Array | None = None,
    noise: float | None = None,
    rng: Rng = None,
    executor: Any = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> Signature:
    """Return the numbers of positive, zero and negative eigenvalues, with honest intervals.

    What cannot be told from zero is zero, by the rule of `symrank.rank`. Of an explicit matrix the
    signs are those of the pivots of sparse LDL' factorisations, or of all eigenvalues, whichever is
    cheaper; of an operator known by products they are counted by sampling, or by a sketch where
    the rank is small.

    Parameters
    ----------
    A
        As for `symrank.rank`.
    method
        As for `symrank.rank`. None takes an exact count wherever its predicted cost is within
        reason, two minutes, and so more often than `symrank.rank` does.
    precision, confidence, max_matvecs, max_seconds
        As for `symrank.rank`; the precision is that of each of the three numbers.
    preconditioner
        As for `symrank.rank`: a congruence keeps the signs (Sylvester).
    deflate
        As for `symrank.rank`: the known null vectors count as zeros.
    noise, rng, executor, progress, check
        As for `symrank.rank`.

    Returns
    -------
    Signature
        Iterable, ``positive, zero, negative = inertia(A)``, with `Signature.intervals`, `status`
        and the `result` behind it. Where nothing was seen of the signs, as by
        ``Sketch(side="null")``, the intervals say so.

    Raises
    ------
    OperatorError, NotSymmetricError, NonFiniteError, ChangedOperatorError, OptionError
        As for `symrank.rank`.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> positive, zero, negative = symrank.inertia(np.diag([3.0, 1.0, 0.0, -2.0]))
    >>> positive, zero, negative
    (2, 1, 1)
    >>> symrank.inertia(np.diag([3.0, 1.0, 0.0, -2.0])).intervals()
    ((2, 2), (1, 1), (1, 1))
    """
    options = Options(
        precision=precision,
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        noise=noise,
        deflate=deflate,
        preconditioner=preconditioner,
        hermitian=True,
        seed=seed_of(rng),
        check=check,
        executor=executor,
    )
    no_loss(A, "inertia")
    A = as_operator(A)  # which a rectangle is not
    if method is not None:
        result = answer(A, method, options, progress)
        return Signature(result, options.half_width(result.n))
    budget = budget_of(options, progress)
    with foreign.own_arithmetic(), hired(options.executor) as crew:
        job = prepare(A, options, budget, is_chosen=True, crew=crew)
        if job.goal.preconditioner is not None:
            raise OptionError(
                f"{job.goal.preconditioner!r} is known by its products, and signs are counted on "
                'S* A S: pass a G with a factor S, "equilibrate" or "jacobi", or none.'
            )
        found = Signature(settled(job, budget), job.goal.half_width)
        return _as_precise(found, job, budget)


def _as_precise(found: Signature, job: Job, budget: Budget) -> Signature:
    """Sample again where a rank was precise with fewer probes than its signs need.

    The variance of a count k goes with k (n - k): a full rank is known from one probe, and its
    signs are not.
    """
    measure = found.result.measure
    if measure is None or not measure.n or found.status is not Status.BUDGET_SPENT:
        return found
    share = max(found.half_width, 0.5) / measure.n
    worst = max(k * (measure.n - k) for k in found) / measure.n**2
    size = math.ceil(2.0 * MARGIN * worst / (share**2 * measure.n))
    steps = max(one.alpha.size for one in measure.runs)
    size = min(size, job.goal.products_in(budget.left) // max(steps, 1))
    if size <= len(measure.runs):
        return found
    sampled = run(job, Lanczos(num_probes=size), REASON, budget)
    if sampled.summary is None:  # the time was up
        return found
    return Signature(sampled.result(budget), found.half_width)
