"""Contestants of the race: (problem, operator, budget, seed) -> an answer and its own error bar.

symrank's methods get the operator, the budget and a precision that is never met, and nothing else;
`lanczos, cut given` alone is told what the libraries are told. imate and primate are used as by a
careful user who knows the smallest non-zero |eigenvalue| s and the largest one:

    steps    a tenth of the budget, at most 400 and n/2: there are 10 vectors or more
    cut      max(s / 2, largest / steps^2): half the known gap, or what so many steps can resolve,
             which is largest / steps where zero lies inside the spectrum
    count    n less the eigenvalues in [-cut, cut], which serves indefinite matrices as well

With s/2 alone, fewer steps than resolve s leave the null space above the cut, and the answer is n.
`estimate_rank` gets eps = s / (2 largest). Reorthogonalisation is off in primate: its default of
three vectors returned 1238 for a rank of 256 where none returned 255.7 (0.5.6).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.linalg.interpolative
import scipy.stats

import symrank
from bench.race.problems import Counted, Problem

NEVER = 1e-9  # a precision that no run meets
CONFIDENCE = 0.95
MOST_STEPS, LEAST_VECTORS = 400, 10
PUBLISHED_DEGREE = 50
ID_WORK = 2e10  # n rank^2 up to which SciPy's interpolative decomposition takes seconds


class Declined(Exception):  # noqa: N818 - an outcome, which the table shows
    """The method does not take this problem."""


@dataclass(frozen=True)
class Answer:
    """A rank as a number, its error bar if there is one, and products the operator did not see."""

    value: float
    interval: tuple[float, float] | None = None
    unseen_products: int = 0


Contestant = Callable[[Problem, Counted, int, int], Answer]


def split(budget: int, n: int) -> tuple[int, int]:
    """Return steps and vectors of stochastic Lanczos quadrature; see the head of the file."""
    steps = max(2, min(budget // LEAST_VECTORS, MOST_STEPS, n // 2))
    return steps, budget // steps


def cut(problem: Problem, steps: int) -> float:
    """Return the threshold that a careful user gives a library; see the head of the file."""
    resolved = problem.largest / (steps if problem.is_indefinite else steps**2)
    return max(0.5 * problem.smallest, resolved)


def ours(method: Any, *, with_cut: bool = False) -> Contestant:
    """A method of symrank."""

    def run(problem: Problem, operator: Counted, budget: int, seed: int) -> Answer:
        chosen = method(budget) if callable(method) else method
        atol = 0.5 * problem.smallest if with_cut else None
        try:
            result = symrank.rank(
                operator, chosen, max_matvecs=budget, precision=NEVER, atol=atol, rng=seed,
                confidence=CONFIDENCE, check=False,
            )  # fmt: skip
        except symrank.SymrankError as error:
            raise Declined(str(error)) from None
        return Answer(float(result.rank), result.interval())

    return run


def published(budget: int) -> Any:
    """Degree 50 as published, and as many vectors as the budget holds: 300 for 7500 products."""
    return symrank.UbaruSaad(
        variant="published", degree=PUBLISHED_DEGREE, num_vectors=max(2, budget)
    )


def quadrature_of(operator: Counted, Z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights, (vectors, steps) each, of plain Lanczos on normalised vectors."""
    q = Z / np.linalg.norm(Z, axis=0)
    before, beta = np.zeros_like(q), np.zeros(Z.shape[1])
    alphas, betas = [], []
    for _ in range(steps):
        w = operator.matmat(q) - beta * before
        alpha = np.einsum("ij,ij->j", q, w)
        w -= alpha * q
        beta = np.linalg.norm(w, axis=0)
        alphas.append(alpha)
        betas.append(beta)
        before, q = q, w / np.maximum(beta, np.finfo(float).tiny)
    found = [
        scipy.linalg.eigh_tridiagonal(a, b[:-1])
        for a, b in zip(np.transpose(alphas), np.transpose(betas), strict=True)
    ]
    return np.stack([t for t, _ in found]), np.stack([V[0] ** 2 for _, V in found])


def valley(nodes: np.ndarray, weights: np.ndarray, points: int = 200) -> float:
    """Return the gap finder's threshold: where the blurred density stops falling.

    The density is one of Gaussians at the nodes that overlap, at a ratio of 1.25, where nodes are
    a 29th of the spectrum apart: the width that EVSL, their library, takes in SRC/landos.c. The
    tolerance of the slope is -0.01, as for their polynomial density, in the units of A.
    """
    low, high = float(nodes.min()), float(nodes.max())
    width = (high - low) / (29.0 * math.sqrt(8.0 * math.log(1.25)))
    t = np.linspace(low, high, points)
    bells = scipy.stats.norm.pdf(t[:, None], nodes.ravel(), width)
    phi = bells @ weights.ravel() / nodes.shape[0]
    flat = np.gradient(phi, t) >= -0.01
    top = int(np.argmax(phi[: points // 2]))  # the peak of the null space
    later = np.flatnonzero(flat[top + 1 :])
    return float(t[top + 1 + later[0]]) if later.size else high


def ubaru_saad_lanczos(problem: Problem, operator: Counted, budget: int, seed: int) -> Answer:
    """ArXiv 1608.05754: density and count by plain Lanczos quadrature, cut at the valley.

    Steps and vectors keep the published ratio of 50 to 30, with 50 steps at least.
    """
    if problem.is_indefinite:
        raise Declined("its gap finder is for semidefinite matrices")
    steps = min(max(50, round(math.sqrt(budget * 50 / 30))), problem.n // 2)
    Z = np.random.default_rng(seed).standard_normal((problem.n, budget // steps))
    nodes, weights = quadrature_of(operator, Z, steps)
    tau = valley(nodes, weights)
    return Answer(problem.n * float((weights * (nodes >= tau)).sum(axis=1).mean()))


def scipy_estimate_rank(problem: Problem, operator: Counted, budget: int, seed: int) -> Answer:  # noqa: ARG001
    """It has no budget: one run, at a cost of its own."""
    if problem.n * problem.rank**2 > ID_WORK:
        raise Declined("its work grows like n rank^2: minutes here")
    found = scipy.linalg.interpolative.estimate_rank(
        operator, 0.5 * problem.smallest / problem.largest, rng=np.random.default_rng(seed)
    )
    return Answer(float(found))


def imate_slq(problem: Problem, operator: Counted, budget: int, seed: int) -> Answer:  # noqa: ARG001
    """`imate.eigencount`, method slq; it needs the entries, so its products are steps x vectors."""
    try:
        import imate
    except ImportError as error:
        raise Declined(f"not installed: {error}") from None
    steps, vectors = split(budget, problem.n)
    tau = cut(problem, steps)
    near_zero, info = imate.eigencount(
        problem.matrix, interval=[-tau, tau], method="slq", lanczos_degree=steps,
        min_num_samples=vectors, max_num_samples=vectors, seed=seed, num_threads=1,
        confidence_level=CONFIDENCE, return_info=True,
    )  # fmt: skip
    value, half = problem.n - float(near_zero), float(info["error"]["absolute_error"])
    return Answer(value, (value - half, value + half), steps * vectors)


def primate_slq(problem: Problem, operator: Counted, budget: int, seed: int) -> Answer:
    """`primate.trace.hutch` of the matrix function "numrank", with its confidence criterion."""
    try:
        from primate.estimators import ConfidenceCriterion
        from primate.operators import MatrixFunction
        from primate.trace import hutch
    except ImportError as error:
        raise Declined(f"not installed: {error}") from None
    steps, vectors = split(budget, problem.n)
    counts = MatrixFunction(
        operator, fun="numrank", deg=steps, orth=0, threshold=cut(problem, steps)
    )
    value, info = hutch(
        counts, batch=vectors, converge="count", count=vectors, seed=seed, full=True
    )
    # the margin is what its stopping rule compares with; the library has no public name for it
    half = float(ConfidenceCriterion(confidence=CONFIDENCE)._error(info.estimator)[0])
    return Answer(float(value), (value - half, value + half))


CONTESTANTS: dict[str, Contestant] = {
    "langevin baoab": ours(symrank.Langevin()),
    "langevin leimkuhler-matthews": ours(symrank.Langevin(scheme="leimkuhler-matthews")),
    "langevin euler-maruyama": ours(symrank.Langevin(scheme="euler-maruyama")),
    "lanczos": ours(symrank.Lanczos()),
    "lanczos, cut given": ours(symrank.Lanczos(), with_cut=True),
    "chebyshev optimal": ours(symrank.Chebyshev()),
    "chebyshev step": ours(symrank.Chebyshev(filter="step")),
    "chebyshev exponential": ours(symrank.Chebyshev(filter="exponential")),
    "ubaru-saad repaired": ours(symrank.UbaruSaad()),
    "ubaru-saad published": ours(published),
    "ubaru-saad lanczos": ubaru_saad_lanczos,
    "imate slq": imate_slq,
    "primate slq": primate_slq,
    "scipy estimate_rank": scipy_estimate_rank,
}
NO_BUDGET = ("scipy estimate_rank",)
