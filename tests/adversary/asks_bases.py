"""How the package is asked for signs, for bases, and for the eigenvalues of a pencil."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

import symrank
from symrank.operators import PaddedMatrix
from symrank.spectrum.outcome import Basis, Status
from tests.adversary.asks import (
    Answer,
    Claim,
    Outcome,
    by_eigenvalues,
    half_width_of,
    outcome,
    window_of,
)
from tests.adversary.problems import FLOOR, Problem, Truth

ORTHONORMAL = {True: 1e-12, False: 1e-4}  # of double precision, or single
PRODUCT = 10.0  # eps |A|: what a product for the residual may err by
MASS = 4.0  # D of a pencil lies between its inverse and itself
WIDE = MASS**2  # by how much a band of the matrix is wider in lambda, at most


def ask_inertia(method: Any, problem: Problem, options: dict[str, Any]) -> Answer:
    found = symrank.inertia(problem.A, method, **options)
    answer = Answer([outcome(found.result, problem, options)])
    numbers = tuple(found)
    assert sum(numbers) == problem.n, numbers
    assert min(numbers) >= 0, numbers
    assert numbers == (found.positive, found.zero, found.negative)
    width = found.width
    if found.status is Status.EXACT:
        assert width == 0, str(found)
    if found.status is Status.CONVERGED:
        assert width <= 2.0 * half_width_of(problem, options), str(found)
    seen, _ = problem.seen_by(method)
    floor = seen.floor(by_eigenvalues=by_eigenvalues(method))
    for i, truth in enumerate(seen.inertia(floor)):
        low, high = found.intervals()[i]
        assert low <= numbers[i] <= high, str(found)
        what = ("n_plus", "n_zero", "n_minus")[i]
        ends = lambda level, i=i: found.intervals(level)[i]  # noqa: E731
        answer.claims.append(Claim(f"inertia {what}", ends, truth, problem.n))
    return answer


@dataclass
class Held:
    """What the law looks at, of a basis."""

    basis: Basis
    n: int
    inertia: None = None

    @property
    def status(self) -> Status:
        assert self.basis.status is not None
        return self.basis.status

    @property
    def num_matvecs(self) -> int:
        return self.basis.num_matvecs

    @property
    def rank(self) -> int:
        """The dimension, as far as the vectors tell."""
        return min(max(self.basis.vectors.shape[1], self.bounds[0]), self.bounds[1])

    @property
    def bounds(self) -> tuple[int, int]:
        assert self.basis.dimension is not None
        return self.basis.dimension

    def interval(self, confidence: float | None = None) -> tuple[int, int]:
        return self.bounds


def ask_basis(side: str, problem: Problem, options: dict[str, Any]) -> Answer:
    """The dimension is the rank or its complement, and every vector is what it should be."""
    options = {k: v for k, v in options.items() if k != "precision"}
    door = symrank.null_space if side == "null" else symrank.range_space
    basis = door(problem.A, **options)
    held = Held(basis, problem.n)
    floor = problem.floor(by_eigenvalues=True)
    low, high = problem.above(floor)
    truth = (problem.n - high, problem.n - low) if side == "null" else (low, high)
    answer = Answer([Outcome(held, options["max_matvecs"], half_width_of(problem, {}))])
    # the interval is that of the run's confidence: it can be asked at no other
    is_proved = basis.status is Status.EXACT
    if is_proved:
        answer.claims.append(Claim(f"{side} dimension", held.interval, truth, problem.n))
    look_at(basis, side, problem, floor[1])
    if is_proved:
        assert basis.is_whole, repr(basis)
    return answer


def look_at(basis: Basis, side: str, problem: Problem, floor: float) -> None:
    Q = basis.vectors.astype(np.result_type(basis.vectors.dtype, np.float64))
    k = Q.shape[1]
    is_double = np.finfo(basis.vectors.dtype).eps < 1e-10
    gram = np.abs(Q.conj().T @ Q - np.eye(k)).max(initial=0.0)
    assert gram <= ORTHONORMAL[is_double], f"not orthonormal: {gram:.2g}"
    assert basis.residuals.shape == (k,)
    norm = problem.norm[1]
    spare = PRODUCT * problem.eps * norm
    if side == "null" and k:
        sizes = basis.residuals * norm
        assert sizes.max() <= 1.05 * floor + spare, f"residual {sizes.max() / norm:.2g}"
    if side == "null" and k and problem.diagonal is not None:
        sizes = np.linalg.norm(problem.diagonal[:, None] / (norm or 1.0) * Q, axis=0)
        allowed = (floor + spare) / (norm or 1.0)
        assert sizes.max() <= allowed, f"|A v| = {sizes.max():.2g} |A|"


def ask_pencil(method: Any, name: str, problem: Problem, options: dict[str, Any]) -> Answer:
    """D^(1/2) A D^(1/2) and D, by powers of two, have the eigenvalues of A to the last bit."""
    a, b = window_of(name, problem)
    root = 2.0 ** np.random.default_rng(problem.n).integers(-1, 2, problem.n)
    A = problem.A.tocoo() if isinstance(problem.A, PaddedMatrix) else problem.A
    if sp.issparse(A):
        D = sp.diags_array(root.astype(A.dtype if A.dtype.kind in "fc" else float))
        K = sp.csr_array(D @ A @ D)
    else:
        K = (root[:, None] * A * root).astype(A.dtype)
    result = symrank.count(K, a, b, method, M=root**2, **options)
    claim = Claim("pencil", result.interval, _within(a, b, problem), problem.n)
    return Answer([outcome(result, problem, options)], [claim])


def _within(a: float, b: float, problem: Problem) -> Truth:
    (a_sure, a_maybe), (b_sure, b_maybe) = _right_of(a, problem), _right_of(b, problem)
    return int((a_sure & ~b_maybe).sum()), int((a_maybe & ~b_sure).sum())


def _right_of(end: float, problem: Problem) -> tuple[Any, Any]:
    low, high = problem.floor(by_eigenvalues=True)
    if end == 0.0:
        return problem.low > WIDE * high, problem.high >= low / WIDE
    if not np.isfinite(end):
        every = np.full(problem.n, end < 0.0)
        return every, every
    most = max(FLOOR, float(problem.n))
    slack = 1.1 * WIDE * most * problem.eps * (problem.norm[1] + abs(end))
    return problem.low > end + slack, problem.high >= end - slack
