r"""Null vectors of a block of Gaussian columns, and the evidence that there are no more.

For every column v solve A x = A v, which is consistent whatever the rank, by conjugate gradients
with any symmetric positive definite G, or by MINRES once a negative curvature is seen. Then

    z = v - x -> (I - P) v,   P the projector on G range(A) along the null space of A

is a null vector. Passes repeat this on z itself, A x = A z, because the residual that rounding
allows is relative to |v| first and to |z| then. If the z span less than the block, an orthonormal
basis Z of them gets a last pass where it needs one (`_null_basis`), and is tested with fresh
columns by eq. (4) of `symrank.methods.spaces.certificates`.

Directions along which G A is below the noise floor tau_F are not taken: what counts is above it.

For `Projection` v = G^(1/2) z, and bounds on the null part of z are kept (`_null_mass`).
"""

import math
from dataclasses import dataclass, field

import numpy as np

from symrank.methods.base import Goal, Tick
from symrank.methods.spaces import trial
from symrank.methods.spaces.metric import Metric, inspect, product
from symrank.methods.spaces.null_basis import cleaned, coordinates, improved
from symrank.methods.spaces.null_mass import NullMass
from symrank.methods.spaces.probe import Probe, num_seen
from symrank.methods.spaces.solve import Solve, damping, extend, ritz_values
from symrank.methods.spaces.trial import NULL_TEST, Trial
from symrank.operators import Operator
from symrank.recurrences import conjugate_gradient as cg
from symrank.recurrences import minres
from symrank.recurrences.conjugate_gradient import Apply, CGState
from symrank.recurrences.minres import MinresState
from symrank.spectrum import threshold
from symrank.support import probes
from symrank.support.typing import Array, FloatArray

__all__ = ["NULL_TEST", "NullBlock", "advance", "level"]

ACCURACY = 4.0  # a pass ends at |A z| <= ACCURACY eps |z| |A v| / |v|
MAX_PASSES = 6
TEST_STEPS = 3  # times those of the null vectors: a consistent solve needs fewer than once
ROUNDING = 30.0  # units of eps |z| |A v| / |v|: errors of A z
REDUCTION = 1e-4  # of |A z| in a later pass: rounding in A z allows no more
STALLED = 0.25  # a pass that leaves more than this share of |A z| has met rounding
POLISH_PRODUCTS = 2  # of a block, at the end of the last pass, which no step counts
VANISHED = 1e-3  # |z| of a Gaussian column: below it there is no null part, or hardly ever


@dataclass(kw_only=True)
class NullBlock:
    """The columns z, the solve under way, and what is known once it has ended."""

    first: int  # number of the first column's probe
    Z: Array  # (n, m)
    size: FloatArray  # (m,), |A v| / |v|
    metric: Metric
    num_seen: int  # of the columns of A V, independent beyond doubt, in G's measure and without
    mass: NullMass | None  # of the null part of z
    unit: float  # |v| over that of a Gaussian vector
    solve: Solve | None
    residual: FloatArray  # (m,), |A z| by a product
    num_steps: int = 0
    num_products: int = 0
    num_cycles: int = 0  # columns that G was applied to
    passes: int = 0
    ritz: FloatArray = field(default_factory=lambda: np.empty(0))  # of G A, from one column
    basis: Array | None = None  # (n, k), orthonormal, spans the z that did not vanish
    image: Array | None = None  # (n, k), A times it
    poor: Array | None = None  # columns of the basis that the last pass is for
    spread: FloatArray = field(default_factory=lambda: np.empty(0))  # singular values of Z
    is_null: Array = field(
        default_factory=lambda: np.empty(0, dtype=bool)
    )  # (m,), |A z| is rounding
    test: Trial | None = None

    @property
    def is_finished(self) -> bool:
        """True if the null vectors are as good as rounding lets them be."""
        return self.solve is None

    @property
    def num_null(self) -> int:
        """Columns of the block that are independent null vectors."""
        return int((self.spread > VANISHED * self.unit).sum())


def advance(
    block: NullBlock | None,
    operator: Operator,
    goal: Goal,
    first: int,
    num_vectors: int,
    num_steps: int,
    tick: Tick,
    probe: Probe | None = None,
) -> NullBlock:
    """Take at most `num_steps` steps: of the null vectors, or of their test once they are found.

    `first` numbers the probe of the first column. With a `probe` bounds on the null part of z are
    kept.
    """
    count = _Count()

    def multiply(X: Array) -> Array:
        count.products += X.shape[1]
        tick(X.shape[1])
        return operator.matmat(X)

    metric = inspect(goal) if block is None else block.metric
    count.cycles += metric.num_cycles if block is None else 0
    plain, G = product(goal, metric), None
    if plain is not None:

        def apply_g(R: Array) -> Array:
            count.cycles += R.shape[1]
            return plain(R)

        G = apply_g
    if block is None:
        n = goal.n if probe is None else probe.dimension(goal)
        Z = probes.gaussian(goal.seed, first, num_vectors, n, goal.dtype)
        V, mass = Z, None
        if probe is not None:
            V, mass = probe.columns(goal, Z, G, metric, tick)
        block = _start(V, first, metric, mass, multiply, G)
    if not block.is_finished:
        _find(block, goal, multiply, G, num_steps)
    elif block.basis is not None:
        limit = TEST_STEPS * block.num_steps + 10
        block.test = trial.advance(
            block.test, goal, block.basis, block.first, limit, multiply, G, num_steps
        )
    block.num_products += count.products
    block.num_cycles += count.cycles
    return block


@dataclass
class _Count:
    products: int = 0
    cycles: int = 0


def _start(
    V: Array,
    first: int,
    metric: Metric,
    mass: NullMass | None,
    multiply: Apply,
    G: Apply | None,
) -> NullBlock:
    B = multiply(V)
    residual = cg.norms(B)
    solve = cg.start(B, G, dual=mass is not None and G is not None)
    return NullBlock(
        first=first,
        Z=V,
        size=residual / cg.norms(V),
        metric=metric,
        num_seen=num_seen(B, solve.P),
        mass=mass,
        unit=1.0 if G is None else float(np.median(cg.norms(V))) / math.sqrt(V.shape[0]),
        solve=solve,
        residual=residual,
    )


def _find(block: NullBlock, goal: Goal, multiply: Apply, G: Apply | None, num_steps: int) -> None:
    """Go on with the solve; at its end subtract x, look at A z, start another pass or finish."""
    end = block.num_steps + num_steps
    while block.solve is not None and block.num_steps < end:
        if block.poor is not None:
            _polish(block, goal, multiply, G, end - block.num_steps)
            continue
        aim = ACCURACY * goal.eps * block.size * cg.norms(block.Z)
        if block.passes or isinstance(block.solve, MinresState):
            aim = np.maximum(aim, _reduction(block, goal) * block.residual)
        floor = (0.0, threshold.FLOOR * goal.eps)
        if block.passes:  # what is left may be small along all large eigenvalues
            floor = (level(block, goal) / threshold.CROWD, 0.0)
        block.solve, steps = extend(block.solve, multiply, G, aim, end - block.num_steps, floor)
        block.num_steps += steps
        if block.passes == 0:
            block.ritz = ritz_values(block.solve, 0)
        if not block.solve.is_done:
            return
        settled, B = _end_pass(block, goal, multiply, G)
        if settled.all() or block.passes >= MAX_PASSES:
            _finish(block, goal, multiply, G)
        else:
            Q, _ = coordinates(block.Z, VANISHED * block.unit)
            allowed = ROUNDING * goal.eps * block.size * cg.norms(block.Z)
            block.solve = _restart(block.solve, cleaned(B, Q, allowed), G)
            block.solve.active &= ~settled


def _restart(solve: Solve, B: Array, G: Apply | None) -> Solve:
    """Start the solve of another pass, by MINRES once the one before could not go on with CG."""
    goes_on = isinstance(solve, CGState) and not solve.is_held
    return (cg.start if goes_on else minres.start)(B, G, dual=solve.Y is not None)


def _reduction(block: NullBlock, goal: Goal) -> float:
    """Return what a pass may make of |A z|: MINRES stalls at rounding, where CG overshoots it."""
    return REDUCTION if block.passes else math.sqrt(goal.eps)


def _end_pass(
    block: NullBlock, goal: Goal, multiply: Apply, G: Apply | None
) -> tuple[Array, Array]:
    """Take z - x for z where that is a better null vector; return what is settled, and A z."""
    assert block.solve is not None
    Z = block.Z - block.solve.X
    B = multiply(Z)
    residual, lengths = cg.norms(B), cg.norms(Z)
    old = cg.norms(block.Z)
    is_first = block.passes == 0
    vanishes = lengths <= VANISHED**2 * block.unit
    better = is_first | vanishes | (residual * old < block.residual * lengths)
    reached = residual <= 2.0 * ACCURACY * goal.eps * block.size * lengths
    stalled = (residual > STALLED * block.residual) & (not is_first)
    if block.mass is not None:
        moved = _moved(block.solve, block.Z, Z)
        GB = B if G is None else G(B)
        floor = level(block, goal) / threshold.CROWD
        c = damping(block.solve, floor)
        block.mass.end_pass(better, moved, np.maximum(cg.column_dot(B, GB), 0.0), c, floor)
    block.Z[:, better] = Z[:, better]
    block.residual = np.where(better, residual, block.residual)
    if is_first and reached.any():  # a column that rounding has stopped may hold a ghost of zero
        block.ritz = ritz_values(block.solve, int(reached.argmax()))
    block.passes += 1
    block.is_null = vanishes | (
        block.residual <= ROUNDING * goal.eps * block.size * cg.norms(block.Z)
    )
    if not better.all():
        B = multiply(block.Z)
    return reached | stalled | vanishes, B


def _moved(solve: Solve, before: Array, after: Array) -> FloatArray:
    """Return |s|^2 before a pass less that after it, eq. (1) of `_null_mass`."""
    if solve.Y is None:
        return cg.column_dot(before, before) - cg.column_dot(after, after)
    return cg.column_dot(before + after, solve.Y)


def level(block: NullBlock, goal: Goal) -> float:
    """Return the modulus from which eigenvalues of G A are resolved: CROWD times the floor."""
    norm = float(np.abs(block.ritz).max(initial=0.0))
    if goal.preconditioner is None:
        goal.check_norm(norm)
    return threshold.CROWD * threshold.cut(norm, goal.eps, None, None)


def _finish(block: NullBlock, goal: Goal, multiply: Apply, G: Apply | None) -> None:
    """Take a basis where the z are fewer than the columns; start a last pass on its poor ones."""
    m = block.Z.shape[1]
    last, block.solve = block.solve, None
    Q, spread = coordinates(block.Z, VANISHED * block.unit)
    block.spread = np.zeros(m)
    block.spread[: spread.size] = spread
    if block.num_null < m or m == goal.n:
        block.basis = Q
        block.image = multiply(Q) if block.num_null else Q.copy()
        allowed = ROUNDING * goal.eps * float(block.size.max())
        poor = np.flatnonzero(cg.norms(block.image) > allowed)
        if poor.size:
            assert last is not None
            block.poor = poor
            block.solve = _restart(last, cleaned(block.image[:, poor], Q, allowed), G)


def _polish(block: NullBlock, goal: Goal, multiply: Apply, G: Apply | None, num_steps: int) -> None:
    """Go on with the last pass, eq. (1) of `_null_basis`; at its end take what is better."""
    assert block.solve is not None
    assert block.poor is not None
    assert block.basis is not None
    assert block.image is not None
    aim = np.maximum(
        ACCURACY * goal.eps * float(block.size.max()),
        REDUCTION * cg.norms(block.image[:, block.poor]),
    )
    floor = (level(block, goal) / threshold.CROWD, 0.0)
    most = max(num_steps - POLISH_PRODUCTS, 1)
    block.solve, steps = extend(block.solve, multiply, G, aim, most, floor)
    block.num_steps += steps
    if block.solve.is_done:
        block.basis, block.image = improved(
            block.basis, block.image, block.poor, block.solve.X, multiply
        )
        block.num_steps += POLISH_PRODUCTS
        block.solve = None
    elif steps < num_steps:  # the rest waits for the next segment
        block.num_steps += num_steps - steps
