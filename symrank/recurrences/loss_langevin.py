r"""Langevin chains on a real loss, by antithetic pairs of tilted losses.

A chain delta runs on E(delta), the mean of the tilted loss over theta_0 +- delta
(`symrank.operators.losses`), by a scheme of `symrank.spectrum.filters`. With G = S S* and

    delta = c S theta,   y = S* grad E(delta) / c,   c^2 = sigma^2 (kinetic: kT = sigma^2 / 2)

a step is that of the scheme on theta with y in place of A theta: eq. (21) with Sigma = sigma^2 G^-1
for Euler-Maruyama. Two energies of every state are kept, which are one where E is quadratic:

    loss:    e_k = 4 E(delta_k) / sigma^2 - b <y, y>                                  eq. (20)
    virial:  v_k = <y, w theta - b y>,  w = 2 (kinetic: 1), b the correction of the scheme

Columns of one chain number on different rungs (values of sigma^2) share their noise, so that the
difference of their energies has no sampling error but that of the non-quadratic part itself.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from symrank import kernels
from symrank.errors import DivergedError, NonFiniteError
from symrank.kernels.multiplicands import Given
from symrank.operators import Operator
from symrank.operators.factor import Factor
from symrank.operators.losses import Losses
from symrank.operators.witness import norms
from symrank.recurrences import langevin
from symrank.spectrum.filters import Scheme
from symrank.support.probes import Noise
from symrank.support.typing import Array, FloatArray

__all__ = ["LossChains", "Rung", "Sight", "Walk", "extend", "look", "start"]

FAR = 100.0  # times n: an energy beyond is that of a chain that leaves the minimum
LOOKED_AT = 2  # columns of a rung that are compared with Hessian products
TINY = float(np.finfo(np.float64).tiny)


class Rung(NamedTuple):
    """Columns of one noise variance."""

    noise_var: float
    first: int  # number of the chain in its first column
    num_chains: int


class Sight(NamedTuple):
    """Gradient differences at a state of the chain beside Hessian products."""

    step: int
    rung: int
    error: float  # |y - A theta| / |A theta|, the largest of the columns
    ratio: float  # <theta, y> / <theta, A theta>, of all columns looked at


@dataclass(kw_only=True)
class LossChains:
    """States after `num_steps` steps, and both energies of every step so far."""

    rungs: tuple[Rung, ...]
    states: list[langevin.ChainState]  # their `energies` are the virials
    losses: list[FloatArray]  # (num_steps, k) each
    sights: list[Sight] = field(default_factory=list)
    forms: FloatArray | None = None  # <theta, y> of rung 0 where theta is still white: (k,)

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return self.states[0].num_steps


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What all steps of a run have in common."""

    loss: Losses
    factor: Factor | None  # S
    scheme: Scheme
    noise: Noise
    kernel: str | None = None

    def unit(self, rung: Rung) -> float:
        """Return c."""
        return float(np.sqrt(rung.noise_var * (0.5 if self.scheme.is_kinetic else 1.0)))

    def even(self, rungs: Sequence[Rung], thetas: Sequence[Array]) -> list[tuple[Array, Array]]:
        """Return 4 E / sigma^2 and y for the columns of every rung, by one call of the loss."""
        scaled = [
            (theta if self.factor is None else self.factor.forward(theta)) * self.unit(rung)
            for rung, theta in zip(rungs, thetas, strict=True)
        ]
        rise, grad = self.loss.even(np.concatenate(scaled, axis=1))
        stops = np.cumsum([theta.shape[1] for theta in thetas])[:-1]
        found = []
        for rung, E, g in zip(
            rungs, np.split(rise, stops), np.split(grad, stops, axis=1), strict=True
        ):
            y = g if self.factor is None else self.factor.adjoint(np.ascontiguousarray(g))
            found.append((4.0 * E / rung.noise_var, np.ascontiguousarray(y / self.unit(rung))))
        return found


def start(walk: Walk, rungs: Sequence[Rung]) -> LossChains:
    """Return chains at theta_0, or as the scheme starts them."""
    states = [
        langevin.start(
            walk.loss.n, rung.num_chains, np.float64, walk.scheme, walk.noise, rung.first,
            walk.kernel,
        )
        for rung in rungs
    ]  # fmt: skip
    empty = [np.empty((0, rung.num_chains)) for rung in rungs]
    return LossChains(rungs=tuple(rungs), states=states, losses=empty)


def extend(
    chains: LossChains, walk: Walk, num_steps: int, tick: Callable[[int], None]
) -> LossChains:
    """Take `num_steps` more steps; `chains` is used up. `tick(k)` follows k pairs of gradients.

    Raises
    ------
    DivergedError
        Where a chain is far from the minimum, or its loss is not finite there.
    NonFiniteError
        Where the loss is not finite although every chain was near the minimum.
    """
    step = kernels.load(walk.kernel).langevin_step
    scheme = walk.scheme
    correction = scheme.coefficients.energy_correction
    before, white = chains.num_steps, 0 if scheme.coefficients.averaged else 1
    losses = [np.concatenate([e, np.empty((num_steps, e.shape[1]))]) for e in chains.losses]
    virials = [
        np.concatenate([s.energies, np.empty((num_steps, s.energies.shape[1]))])
        for s in chains.states
    ]
    num_columns = sum(rung.num_chains for rung in chains.rungs)
    for j in range(before, before + num_steps):
        try:
            found = walk.even(chains.rungs, [s.theta for s in chains.states])
        except NonFiniteError as error:
            if not _is_leaving(losses, j, walk.loss.n):
                raise
            raise DivergedError(j) from error
        for r, (energy, y) in enumerate(found):
            state = chains.states[r]
            if r == 0 and j == white:
                chains.forms = np.einsum("ij,ij->j", state.theta, y)
            losses[r][j] = energy - correction * np.einsum("ij,ij->j", y, y)
            virials[r][j] = step(
                Given(y), state.theta, state.theta, state.velocity, scheme.coefficients,
                walk.noise, langevin.FIRST_STEP + j, state.chain,
            )  # fmt: skip
            sizes = np.abs(losses[r][j]), np.abs(virials[r][j])
            if not (np.maximum(*sizes) <= FAR * walk.loss.n).all():
                raise DivergedError(j)
        tick(num_columns)
    for state, virial in zip(chains.states, virials, strict=True):
        state.energies = virial
    return dataclasses.replace(chains, losses=losses)


def _is_leaving(losses: Sequence[FloatArray], j: int, n: int) -> bool:
    """Tell whether some energy before step j is larger than any chain at a minimum has."""
    return j > 0 and any(float(np.abs(e[j - 1]).max()) > 4.0 * n for e in losses)


def look(
    chains: LossChains, walk: Walk, operator: Operator, tick: Callable[[int], None]
) -> LossChains:
    """Compare gradient differences at the states with products of the (preconditioned) Hessian."""
    thetas = [state.theta[:, :LOOKED_AT].copy() for state in chains.states]
    found = walk.even(chains.rungs, thetas)
    tick(sum(theta.shape[1] for theta in thetas))
    products = operator.matmat(np.concatenate(thetas, axis=1))
    tick(products.shape[1])
    stops = np.cumsum([theta.shape[1] for theta in thetas])[:-1]
    for r, Y in enumerate(np.split(products, stops, axis=1)):
        y = found[r][1]
        error = float((norms(y - Y) / np.maximum(norms(Y), TINY)).max())
        exact = float((thetas[r] * Y).sum())
        ratio = float((thetas[r] * y).sum()) / exact if abs(exact) > TINY else 1.0
        chains.sights.append(Sight(chains.num_steps, r, error, ratio))
    return chains
