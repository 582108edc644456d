"""`rank`: set up, choose, run rounds, and say what was found."""

import dataclasses
from collections.abc import Callable
from os import PathLike
from typing import Any

from symrank.answer.result import RankResult
from symrank.ask.losses import rank_of_loss
from symrank.choice.structure import count_by_structure
from symrank.choice.units import count_in_both_units
from symrank.errors import OptionError
from symrank.methods import BY_NAME, Method, Projection
from symrank.operators.losses import is_loss_problem
from symrank.preconditioners import Preconditioner
from symrank.run.checkpoint.session import in_checkpoint
from symrank.run.job import prepare
from symrank.run.options import Options, Rng, seed_of
from symrank.run.rounds import budget_of
from symrank.run.workers.hired import hired
from symrank.spectrum.outcome import Progress
from symrank.support import foreign
from symrank.support.options import checks_names, shown
from symrank.support.typing import Array, FloatArray

__all__ = ["OF_METHODS", "answer", "named_method", "no_loss", "rank", "seed_of"]


def _of_methods() -> dict[str, str]:
    """Return the hints for options that a method object holds."""
    owners: dict[str, list[str]] = {}
    for method in BY_NAME.values():
        for one in dataclasses.fields(method):  # type: ignore[arg-type]
            owners.setdefault(one.name, []).append(method.__name__)
    return {
        name: f"it belongs to a method: pass method={' or '.join(f'{o}({name}=...)' for o in of)}"
        for name, of in owners.items()
    }


OF_METHODS = _of_methods()


@checks_names(OF_METHODS)
def rank(
    A: Any,
    method: str | Method | None = None,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    precision: float | None = None,
    confidence: float = 0.95,
    max_matvecs: float | None = None,
    max_seconds: float | None = None,
    preconditioner: Preconditioner | FloatArray | str | None = None,
    deflate: Array | None = None,
    noise: float | None = None,
    hermitian: bool | None = None,
    rng: Rng = None,
    executor: Any = None,
    checkpoint: str | PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    check: bool = True,
) -> RankResult:
    """Return the rank of a matrix or a symmetric (Hermitian) operator with an honest interval.

    Parameters
    ----------
    A
        Array, scipy.sparse array or matrix, SciPy `LinearOperator` or symrank operator, (n, n), or
        one of CuPy, whose vectors then stay on the device (``docs/how-to/gpu.md``).
        Of any other shape, (m, n), its singular values are counted; a `LinearOperator` needs
        ``rmatvec`` or ``rmatmat`` then, and a product is one with A and one with its adjoint. A
        `LossProblem`, with values and gradients alone, for ``method="langevin"``: products are
        then gradients.
    method
        A method object, its name (``"chebyshev"``, ``"dense"``, ``"inertia"``, ``"lanczos"``,
        ``"langevin"``, ``"projection"``, ``"sketch"``, ``"ubaru-saad"``), or None to choose by
        predicted cost: an exact count where it is cheap, else certified sampling (`symrank.plan`
        tells beforehand).
    atol, rtol
        Eigenvalues with ``|lambda| > max(atol, rtol * lambda_max)`` count, as in NumPy; for
        singular values, sigma_1 is the largest. Both None: what lies above the noise floor of the
        products counts (`symrank.spectrum.threshold`), and no tolerance reaches below that floor.
        Where all singular values are computed, that is ``min(max(m, n), 500) eps sigma_1``.
    precision
        Target half-width of the interval: a count if >= 1, a fraction of n if below 1. Default:
        0.005, and steps go on until the resolution error is small against the sampling error.
    confidence
        Level of the interval.
    max_matvecs
        Budget in products with single vectors, 20 000 by default, those of checks included;
        ``inf`` sets no limit. No run takes more, if the checks and one product are within it: 10
        products of an operator known by products, 12 + k more with `deflate`. Every round ends
        with one more product of the caller's code: is it still the operator that it was?
    max_seconds
        Budget in wall time; looked at after the first round. A factorisation in a process of its
        own is ended at once, and what it left open stays open.
    preconditioner
        A symmetric positive definite G = S S* against bad conditioning: a `Preconditioner`, the
        diagonal of G as a 1-D array, or, for an explicit matrix, ``"equilibrate"`` (every row in
        a unit of its own), ``"jacobi"`` or ``"amg"``. The method then runs on the congruent
        operator S* A S, which is similar to G A and has the rank and inertia of A (Sylvester).
        `atol`, `rtol` and all that the result says of thresholds, spectra and step sizes speak of
        G A: a count above a tolerance is one of eigenvalues of G A.
    deflate
        (n, k), independent known null vectors of A: the operator is restricted to what is
        orthogonal to them, which leaves k fewer zeros to tell from small eigenvalues.
    noise
        Relative error of a product, ``|error| <= noise |A||x|``, where it is above rounding, as
        in finite differences. Default: what the operator declares as its `noise`, else rounding.
        No eigenvalue below the noise floor, ``50 noise |A|``, is counted.
    hermitian
        True: A is symmetric, and an error where it is seen not to be. False: count the singular
        values of a square A. None: a rectangle, and an explicit matrix with ``max|A - A^H|`` above
        a thousandth of ``max|A|``, are counted by singular values, and `reason` says so; any other
        A must be symmetric to rounding.
    rng
        Seed, `SeedSequence` or `Generator`. The same seed gives the same bits.
    executor
        Who does the work of a round. None: this process. A number of processes, or
        ``"processes"`` or ``"threads"``, one for each processor, which end with the call. Or any
        ``concurrent.futures.Executor``, or a Dask ``Client``, whose workers may be anywhere. The
        bits of the answer are the same (``docs/how-to/many-workers.md``).
    checkpoint
        Path of a folder, made where there is none: every finished task is kept in it, and the same
        call on it goes on with them after whatever has ended the run, to the same bits
        (``docs/how-to/long-runs.md``). A seed that was drawn is kept; `max_seconds` is the time of
        one session, and may differ. It takes one product more, which tells that A is the same.
    progress
        Called with a `Progress` after every block product; with `executor`, after every task.
    check
        Spend a few products to see that `A` is symmetric, finite and deterministic.

    Returns
    -------
    RankResult
        With status CONVERGED or EXACT where the precision was met, and an interval always. Where
        neither a cut nor a preconditioner, `deflate` or `noise` was given, and the rows of an
        explicit matrix are of sizes 1e6 apart, a quarter of the budget counts with every row in a
        unit of its own: if that count differs, nothing is sure, the interval holds both, and
        `notes` has the sentence.

    Raises
    ------
    OperatorError, NotSymmetricError, NonFiniteError
        If `A` cannot be used.
    NotPositiveError
        If a loss has negative curvature that its chains would run away on.
    ChangedOperatorError
        If the products of the caller's code are not what they were at the start.
    LostWorkersError
        If workers die, or an executor is shut down in the middle of the run.
    OptionError
        If an option is out of range, or unknown (also a TypeError then, with the name it has here).
    CheckpointError
        If `checkpoint` is of another run, in use by another one, damaged, or cannot be written.

    Notes
    -----
    An error in the middle of a run, and any exception of the caller's code, has the answer of the
    last finished round as its attribute `result`, or None.

    A Langevin chain with preconditioner G and noise covariance Sigma = sigma^2 G^-1, eq. (21)
    and Algorithm 1 of [1]_, is exactly the plain chain on S* A S in the coordinates theta = S phi:
    G Sigma^(1/2) n and sigma S n have the same covariance sigma^2 G.

    References
    ----------
    .. [1] A. Bar et al., "The expected loss of preconditioned Langevin dynamics reveals the
       Hessian rank", AAAI 2024.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> result = symrank.rank(np.diag([2.0, 1.0, 0.0]))
    >>> result.rank, result.interval()
    (2, (2, 2))

    1 lies below the rounding of 1e30. Whether it counts is a question of units, and nothing is
    sure until it is answered:

    >>> result = symrank.rank(np.diag([1e30, 1.0, 0.0]))
    >>> result.rank, result.interval(), result.status.name
    (1, (1, 2), 'NO_GAP_FOUND')
    >>> result.notes[0].split(";")[0]
    '1 of 3 rows (1) are of size 1, the others up to 1.1e+15: by the noise floor of the operator
    the count is 1, with every row in a unit of its own it is 2'
    >>> symrank.rank(np.diag([1e30, 1.0, 0.0]), preconditioner="equilibrate").rank
    2
    >>> symrank.rank(np.diag([1e30, 1.0, 0.0]), atol=10.0).rank
    1
    """
    options = Options(
        atol=atol,
        rtol=rtol,
        precision=precision,
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        noise=noise,
        deflate=deflate,
        preconditioner=preconditioner,
        hermitian=hermitian,
        seed=seed_of(rng),
        check=check,
        executor=executor,
        checkpoint=checkpoint,
    )
    asked = {"question": "rank", "method": None if method is None else named_method(method)[0]}
    return in_checkpoint(options, rng is None, asked, lambda own: answer(A, method, own, progress))


def answer(
    A: Any,
    method: str | Method | None,
    options: Options,
    progress: Callable[[Progress], None] | None,
) -> RankResult:
    """Answer what the options ask, a rank or a count; see `rank`."""
    if method is not None:
        named_method(method)  # before any product is spent
    budget = budget_of(options, progress)
    with foreign.own_arithmetic(), hired(options.executor) as crew:
        if is_loss_problem(A):
            chosen, reason = (None, "") if method is None else named_method(method)
            return rank_of_loss(A, chosen, reason, options, budget, crew)
        named = None if method is None else named_method(method)[0]
        job = prepare(A, options, budget, method=named, is_chosen=named is None, crew=crew)
        chosen, reason = _method(method, job.goal.preconditioner)
        if chosen is None:
            return job.as_asked(count_by_structure(job, budget, reason))
        return job.as_asked(count_in_both_units(job, budget, chosen, reason))


def _method(
    method: str | Method | None, unfactored: Preconditioner | None
) -> tuple[Method | None, str]:
    """Resolve what the caller passed as method; a G without a factor suits some methods only."""
    if method is None and unfactored is None:
        return None, ""
    if method is None and unfactored is not None:
        return Projection(), f"{unfactored.name} is known by its products: solves can use it"
    chosen, reason = named_method(method)
    if unfactored is not None and not chosen.solves:
        fit = ", ".join(repr(name) for name, cls in BY_NAME.items() if cls.solves)
        raise OptionError(
            f"method={chosen.name!r} needs a preconditioner with a factor G = S S*, and "
            f"{unfactored!r} is known by its products alone. Pass method={fit}, or a factor by "
            "Preconditioner.from_factor(S)."
        )
    return chosen, reason


def named_method(method: str | Method | None) -> tuple[Method, str]:
    """Return the method object that was asked for by a name or as an object, and why it runs."""
    if isinstance(method, str):
        if method not in BY_NAME:
            names = ", ".join(sorted(BY_NAME))
            msg = f"method={shown(method)} is unknown: choose one of {names}."
            raise OptionError(msg)
        return BY_NAME[method](), "asked for by name"
    if not isinstance(method, tuple(BY_NAME.values())):
        names = ", ".join(cls.__name__ for cls in BY_NAME.values())
        msg = f"method={shown(method)} is no method: pass a name or one of {names}, as an object."
        raise OptionError(msg)
    assert method is not None
    return method, "asked for"


def no_loss(A: Any, question: str) -> None:
    """Raise `OptionError` where a loss is asked what its chains do not tell."""
    if is_loss_problem(A):
        raise OptionError(
            f"{question} takes an operator, and chains on a loss count a rank alone: pass "
            "problem.hessian(), its Hessian by products."
        )
