"""Blocks of Langevin chains, extendable without repeating a step.

A state is all that is needed to go on: after any interruption the same bits follow, because the
noise depends on (key, step, row, chain) alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from symrank import kernels
from symrank.errors import DivergedError, NonFiniteError
from symrank.kernels.multiplicands import Given, Multiplicand
from symrank.operators import Operator
from symrank.recurrences.lost import refuse_lost
from symrank.recurrences.segments import (
    Pace,
    State,
    by_columns,
    first_lost,
    gathered,
    is_on_host,
)
from symrank.spectrum.filters import Scheme
from symrank.support.probes import Noise
from symrank.support.typing import Array, FloatArray

__all__ = ["ChainState", "extend", "start"]

FIRST_STEP = 1  # of the noise; step 0 belongs to the start
MODERATE = 1e18  # an energy that a chain of ordinary size has, whatever the precision


@dataclass(kw_only=True)
class ChainState(State):
    """States after `num_steps` steps, and the energy of every step so far."""

    blocks: ClassVar = ("theta", "velocity")
    known: ClassVar = ("energies",)

    theta: Any  # (n, k)
    velocity: Any  # (n, k) for a kinetic scheme, else None
    energies: FloatArray  # (num_steps, k), of the states before each step
    chain: int  # number of the chain in column 0

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return int(self.energies.shape[0])

    def part(self, first: int, last: int) -> Self:
        """Return the chains first..last-1 of those here, with the noise that is theirs."""
        return replace(super().part(first, last), chain=self.chain + first)


def start(
    n: int,
    k: int,
    dtype: npt.DTypeLike,
    scheme: Scheme,
    noise: Noise,
    chain: int = 0,
    kernel: str | None = None,
) -> ChainState:
    """Return k chains at rest at zero, or as `scheme` starts them (`symrank.spectrum.filters`)."""
    K = kernels.load(kernel)

    def make(first: int, last: int) -> ChainState:
        shape, number = (n, last - first), chain + first
        theta, velocity = K.empty(*shape, dtype), None
        theta[...] = 0
        if scheme.is_kinetic:
            velocity = K.draw(shape, dtype, noise, 0, number)
        elif scheme.coefficients.averaged:
            half = float(np.zeros(0, dtype).real.dtype.type(0.5 * scheme.coefficients.noise))
            theta[...] = K.draw(shape, dtype, noise, FIRST_STEP, number) * half
        energies = np.empty((0, last - first))
        return ChainState(theta=theta, velocity=velocity, energies=energies, chain=number)

    return gathered(K, k, 2 * n * np.dtype(dtype).itemsize, make)


def extend(
    state: ChainState,
    operator: Operator,
    scheme: Scheme,
    noise: Noise,
    num_steps: int,
    tick: Callable[[int], None],
    kernel: str | None = None,
) -> ChainState:
    """Take `num_steps` more steps; `state` is used up. `tick(k)` is called after each of them.

    Raises
    ------
    DivergedError
        Where an energy is not finite, or the chain so large that a product overflows.
    NonFiniteError
        Where a product with a chain of ordinary size is not finite.
    """
    K = kernels.load(kernel or operator.kernel)

    def walk(state: ChainState) -> ChainState:
        return _walked(K, state, operator, scheme, noise, num_steps, tick)

    return by_columns(K, state, operator.n * operator.dtype.itemsize, walk)


def _walked(
    K: ModuleType,
    state: ChainState,
    operator: Operator,
    scheme: Scheme,
    noise: Noise,
    num_steps: int,
    tick: Callable[[int], None],
) -> ChainState:
    """Take the steps where the blocks are."""
    product, in_place = operator.multiplicand(is_summed=not is_on_host(K))
    step, is_looked_at, pace = K.langevin_step, is_on_host(K), Pace(K)
    theta, velocity, before = state.theta, state.velocity, state.num_steps
    n, k = theta.shape
    spare = theta if in_place else K.empty(n, k, operator.dtype)
    energies, parts = K.empty(num_steps, k, np.float64), None
    for j in range(num_steps):
        try:
            parts = product(theta)
        except NonFiniteError as error:
            if _is_moderate(K.host(theta)):
                raise
            raise DivergedError(before + j) from error
        energy = step(
            parts, theta, spare, velocity, scheme.coefficients, noise,
            FIRST_STEP + before + j, state.chain,
        )  # fmt: skip
        if is_looked_at and not np.isfinite(energy).all():
            raise DivergedError(before + j)
        energies[j, :] = energy
        theta, spare = spare, theta
        pace.step()
        tick(k)
    energies = np.concatenate([state.energies, K.host(energies)])
    _refuse_lost(energies, before, parts)
    return replace(state, theta=theta, velocity=velocity, energies=energies)


def _refuse_lost(energies: FloatArray, before: int, parts: Multiplicand | None) -> None:
    """Raise where an energy of a segment is not finite, which a device tells at its end alone.

    Raises
    ------
    NonFiniteError
        Where a product was not finite although the energies of the step before were moderate.
    DivergedError
        Else, and where the kernel multiplies itself.
    """
    lost = first_lost(energies)
    if lost is None or lost < before:
        return
    sizes = np.abs(energies[lost - 1 : lost]) if lost else np.zeros(1)
    if isinstance(parts, Given) and (sizes < MODERATE).all():
        refuse_lost(energies[lost])
    raise DivergedError(lost)


def _is_moderate(theta: Array) -> bool:
    """Tell whether the state of a chain is of a size whose square is a number."""
    return bool(np.abs(theta).max(initial=0.0) < np.finfo(theta.dtype).max ** 0.5)
