"""Which road leads to the vectors of a null space or a range, and what is then known of them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symrank.answer.result import RankResult
from symrank.ask.exactly import REASON, SURE, exact_method, without_twins
from symrank.choice.two_answers import both
from symrank.choice.units import count_in_both_units
from symrank.errors import OptionError
from symrank.methods import Dense, Inertia, Sketch
from symrank.methods.eigenvalues.dense import DENSE_LIMIT, ROUNDING
from symrank.methods.eigenvalues.vectors import by_modulus
from symrank.methods.pivots.null_vectors import null_vectors
from symrank.methods.spaces.complement import complement, null_part, outside
from symrank.operators import MatrixOperator, as_operator
from symrank.run.budget import Budget, located
from symrank.run.job import Job, prepare
from symrank.run.options import Options
from symrank.run.rounds import run
from symrank.spectrum.outcome import Basis, Status
from symrank.spectrum.threshold import FLOOR
from symrank.support.typing import Array

__all__ = ["space_of"]

MEMORY = 2**31  # bytes of the vectors, and of an orthogonal complement with its n^2 numbers
MOST_OPEN = 256  # columns for eigenvalues that the count leaves open
KEPT = 8  # one product in so many is kept for the residuals
SMALL = 4  # times a rank within n: a sketch of the range is cheaper than what is orthogonal to it
BY_SKETCH = "null vectors by solves, or the range by its columns"
MOST_WORK = 10**11  # multiplications for residuals that a bound tells nearly as well


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """Orthonormal columns in the coordinates of the job, before they are looked at."""

    columns: Array
    result: RankResult
    reason: str
    residual: float = 0.0  # in the units of the job: what they miss of A, for a range
    notes: tuple[str, ...] = ()


def space_of(A: Any, side: str, options: Options, budget: Budget) -> Basis:
    """Return a basis of the space called "null" or "range"."""
    job = prepare(as_operator(A).occupied(whole=True)[0], options, budget)
    if job.preconditioner is not None and job.goal.preconditioner is None:
        raise OptionError(
            f"{job.preconditioner!r} has a factor S, and null vectors of S* A S are not those of "
            'A: pass "amg" or Preconditioner.from_products, which solve with A itself, or none.'
        )
    with located(budget):
        inner, twins = without_twins(job)
        found = _found(inner, side, budget)
        columns = found.columns
        if twins is not None:
            columns = twins.lifted(columns)
            if side == "null" and twins.num_null:
                _refuse(found.result, side, job, twins.num_null + columns.shape[1])
                columns = np.hstack([twins.contrasts(columns.dtype), columns])
                shown = f"{twins.num_null} from equal rows and rows of zeros"
                rest = found.columns.shape[1]
                reason = f"{shown}, {rest} by {found.reason}" if rest else shown
                found = replace(found, reason=reason)
        return _measured(job, replace(found, columns=columns), side, budget)


def _found(job: Job, side: str, budget: Budget) -> Vectors:
    """Count, and take the vectors by the road that fits."""
    method = None
    if job.goal.preconditioner is None:
        method = exact_method(job)
    if isinstance(method, Inertia) and job.operator.facts.is_full:
        method = Dense()  # its eigenvectors are at hand where pivots would have none
    if isinstance(method, Dense) and job.operator.n <= DENSE_LIMIT:
        return _by_eigenvectors(_formed(job, budget), side, budget)
    if isinstance(method, Inertia):
        result = count_in_both_units(job, budget, method, REASON)
        found = _by_factor(job, result, side, budget)
        return found or _by_sketch(job, side, budget, result)
    return _by_sketch(job, side, budget)


def _formed(job: Job, budget: Budget) -> Job:
    """Return the job of the dense matrix, by n products where it is known by them."""
    if job.operator.is_explicit:
        return job
    weight = job.operator.matvecs_per_product
    entries = job.operator.formed(lambda k: budget.spend(k * weight))
    dense = MatrixOperator((entries + entries.conj().T) / 2)
    return replace(job, operator=dense, given=dense)


def _by_eigenvectors(job: Job, side: str, budget: Budget) -> Vectors:
    """Take all eigenvectors."""
    result = count_in_both_units(job, budget, Dense(), REASON)
    _refuse_beyond_memory(result, side, job)
    values, vectors = by_modulus(job.operator.to_dense())
    rank = int((np.abs(values) > result.threshold / job.goal.scale).sum())
    columns = vectors[:, rank:] if side == "null" else vectors[:, :rank]
    norm = float(np.abs(values).max(initial=0.0))
    return Vectors(
        columns=np.ascontiguousarray(columns.astype(job.goal.dtype)),
        result=result,
        reason="eigenvectors of the dense matrix",
        residual=float(np.abs(values[rank:]).max(initial=0.0)) + _rounding(job, norm),
    )


def _by_factor(job: Job, result: RankResult, side: str, budget: Budget) -> Vectors | None:
    """Take null vectors by inverse iteration, or what is orthogonal to them; None where it fails.

    A range of few dimensions is better sketched.
    """
    low, high = result.interval()
    count = result.n - low - job.num_zeros  # null vectors of the job, at most
    if side == "range" and SMALL * high <= job.goal.n:
        return None
    if high - low > MOST_OPEN or result.status is Status.INTERRUPTED:
        return None
    _refuse_beyond_memory(result, side, job)
    tau, norm = result.threshold / job.goal.scale, _norm(result) / job.goal.scale
    goal = replace(job.goal, deadline=budget.deadline)
    try:
        found = null_vectors(job.operator, goal, count, 0.5 * tau, norm, budget.spend)
    except KeyboardInterrupt:
        return _stopped(job, result)
    if found.vectors is None:
        return None
    steps = f"{found.num_steps} step" + "s" * (found.num_steps != 1)
    if side == "null":
        return Vectors(
            columns=found.vectors,
            result=result,
            reason=f"inverse iteration with a factor of A - s I, {steps}",
        )
    image = job.operator.matmat(found.vectors)
    null, sizes = null_part(found.vectors, image, tau)
    return Vectors(
        columns=complement(null),
        result=result,
        reason=f"orthogonal to the null vectors, by inverse iteration, {steps}",
        residual=float(np.linalg.norm(sizes)) + _rounding(job, norm),
    )


def _rounding(job: Job, norm: float) -> float:
    """Return what LAPACK's vectors may miss of A, as `Dense` has it of eigenvalues."""
    return ROUNDING * float(np.sqrt(job.goal.n)) * job.goal.eps * norm


def _by_sketch(job: Job, side: str, budget: Budget, counted: RankResult | None = None) -> Vectors:
    """Take columns of the range, or solves for null vectors, whichever space is small."""
    only = side if counted is not None or job.goal.preconditioner is not None else None
    method = Sketch(side=only, basis=True)
    budget.interval = None  # what is open is no answer to stop at
    try:
        with budget.reserve(budget.left // KEPT, 0.0):
            sketched = run(job, method, BY_SKETCH, budget).result(budget)
    except KeyboardInterrupt:
        if counted is None:
            raise
        return _stopped(job, counted)
    basis = sketched.basis
    best = sketched if counted is None else both(counted, sketched)
    best = replace(best, num_matvecs=budget.num_matvecs, seconds=budget.seconds)
    if basis is None:
        note = (
            f"no vectors were found on {sketched.num_matvecs} products: raise max_matvecs or "
            "max_seconds, or pass a preconditioner that solves with A "
            '("amg" for meshes and graphs).'
        )
        return _none(job, best, note)
    unit = job.goal.scale
    if basis.space == side:
        reason = "columns of the range" if side == "range" else "null vectors by solves"
        residual = basis.residual if side == "range" else basis.residual / unit
        return Vectors(columns=basis.vectors, result=best, reason=reason, residual=residual)
    _refuse_beyond_memory(best, side, job)
    _refuse_beyond_memory(best, "complement", job)
    return Vectors(
        columns=complement(basis.vectors).astype(job.goal.dtype),
        result=best,
        reason=f"orthogonal to the {basis.space} space, which is small",
        residual=basis.residual / (unit if basis.space == "null" else 1.0),
    )


def _none(job: Job, result: RankResult, note: str) -> Vectors:
    """Return no vectors, and why."""
    empty = np.zeros((job.goal.n, 0), job.goal.dtype)
    return Vectors(columns=empty, result=result, reason=result.reason, notes=(note,))


def _stopped(job: Job, counted: RankResult) -> Vectors:
    """Return the count of a run that Ctrl-C has ended before there were vectors."""
    stopped = replace(counted, status=Status.INTERRUPTED)
    return _none(job, stopped, "the run was interrupted before the vectors were found.")


def _refuse_beyond_memory(result: RankResult, side: str, job: Job) -> None:
    """Raise where the vectors take too much memory; the count goes with the error."""
    low, high = result.interval()
    _refuse(result, side, job, {"null": result.n - low, "range": high}.get(side, job.goal.n))


def _refuse(result: RankResult, side: str, job: Job, many: int) -> None:
    """Raise where `many` vectors take too much memory."""
    low, high = result.interval()
    size = result.n * many * job.goal.dtype.itemsize
    if size <= MEMORY:
        return
    other = "range_space" if side == "null" else "null_space"
    error = OptionError(
        f"{many} vectors of {result.n} numbers take {size / 2**30:.3g} GiB, and {MEMORY >> 30} GiB "
        f"is the limit (rank in [{low}, {high}]). The other space is small where this one is not: "
        f"with Q = symrank.{other}(A).vectors, x - Q @ (Q.conj().T @ x) is the projection. Of a "
        "graph Laplacian take scipy.sparse.csgraph.connected_components."
    )
    error.tell(0, result)
    raise error


def _norm(result: RankResult) -> float:
    """Return |A| as the count has seen it, in the units of the caller."""
    values = result.diagnostics.get("eigenvalues")
    if values is not None:
        return float(np.abs(values).max(initial=0.0))
    if "norm" in result.diagnostics:
        return float(result.diagnostics["norm"])
    return result.threshold / (FLOOR * float(np.finfo(result.dtype).eps))


def _measured(job: Job, found: Vectors, side: str, budget: Budget) -> Basis:
    """Multiply the vectors by A, and keep those that are what they should be."""
    goal, result, Q = job.goal, found.result, found.columns
    tau, norm = result.threshold / goal.scale, _norm(result) / goal.scale
    k, weight = Q.shape[1], job.operator.matvecs_per_product
    is_known = job.operator.is_explicit or k * weight <= budget.left
    if not is_known:
        residuals = np.full(k, found.residual)
    else:
        image = job.operator.matmat(Q) if k else Q.copy()
        if not job.operator.is_explicit:
            budget.spend(k * weight)
            if job.witness is not None and k and budget.left >= weight:
                budget.spend(job.witness.look())
        if side == "null":
            Q, residuals = null_part(Q, image, tau)
        elif Q.size * k <= MOST_WORK:
            residuals = outside(image, Q)
        else:
            residuals = np.full(k, found.residual)
    bound = found.residual
    if side == "null" and is_known:
        bound = float(np.linalg.norm(residuals))
    low, high = result.interval()
    ends = (result.n - high, result.n - low) if side == "null" else (low, high)
    status, notes = result.status, (*result.notes, *found.notes)
    if status in SURE and not ends[0] <= Q.shape[1] <= ends[1]:
        status = Status.BUDGET_SPENT
        notes = (*notes, _lacking(Q.shape[1], ends))
    return Basis(
        vectors=Q,
        space=side,
        residual=bound * goal.scale,
        residuals=residuals / norm if norm else np.zeros(Q.shape[1]),
        dimension=ends,
        status=status,
        threshold=result.threshold,
        reason=found.reason,
        notes=notes,
        num_matvecs=budget.num_matvecs,
        seconds=budget.seconds,
    )


def _lacking(held: int, ends: tuple[int, int]) -> str:
    """Say that there are fewer vectors than the dimension."""
    return (
        f"{held} vectors were found where the dimension is in [{ends[0]}, {ends[1]}]: others had "
        "residuals above the cut, or the budget ended. Raise max_matvecs or max_seconds."
    )
