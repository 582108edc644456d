"""Blocks of Langevin chains, extendable without repeating a step.

A state is all that is needed to go on: after any interruption the same bits follow, because the
noise depends on (key, step, row, chain) alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symrank import kernels
from symrank.errors import DivergedError, NonFiniteError
from symrank.operators import Operator
from symrank.spectrum.filters import Scheme
from symrank.support.blocks import empty_block
from symrank.support.probes import Noise
from symrank.support.typing import Array, FloatArray

__all__ = ["ChainState", "extend", "start"]

FIRST_STEP = 1  # of the noise; step 0 belongs to the start


@dataclass(kw_only=True)
class ChainState:
    """States after `num_steps` steps, and the energy of every step so far."""

    theta: Array  # (n, k)
    velocity: Array | None  # (n, k) for a kinetic scheme
    energies: FloatArray  # (num_steps, k), of the states before each step
    chain: int  # number of the chain in column 0

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return int(self.energies.shape[0])


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
    theta = empty_block(n, k, dtype)
    theta[...] = 0
    velocity = None
    if scheme.is_kinetic:
        velocity = kernels.load(kernel).draw((n, k), dtype, noise, 0, chain)
    elif scheme.coefficients.averaged:
        drawn = kernels.load(kernel).draw((n, k), dtype, noise, FIRST_STEP, chain)
        theta[...] = drawn * theta.real.dtype.type(0.5 * scheme.coefficients.noise)
    return ChainState(theta=theta, velocity=velocity, energies=np.empty((0, k)), chain=chain)


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
    step = kernels.load(kernel).langevin_step
    product, in_place = operator.multiplicand()
    theta, velocity = state.theta, state.velocity
    n, k = theta.shape
    spare = theta if in_place else empty_block(n, k, theta.dtype)
    energies = np.concatenate([state.energies, np.empty((num_steps, k))])
    for j in range(state.num_steps, state.num_steps + num_steps):
        try:
            parts = product(theta)
        except NonFiniteError as error:
            if _is_moderate(theta):
                raise
            raise DivergedError(j) from error
        energies[j] = step(
            parts, theta, spare, velocity, scheme.coefficients, noise,
            FIRST_STEP + j, state.chain,
        )  # fmt: skip
        if not np.isfinite(energies[j]).all():
            raise DivergedError(j)
        theta, spare = spare, theta
        tick(k)
    return ChainState(theta=theta, velocity=velocity, energies=energies, chain=state.chain)


def _is_moderate(theta: Array) -> bool:
    """Tell whether the state of a chain is of a size whose square is a number."""
    return bool(np.abs(theta).max(initial=0.0) < np.finfo(theta.dtype).max ** 0.5)
