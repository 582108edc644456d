r"""Which sigma^2 a loss bears: small enough to be quadratic, large enough for its rounding.

A rung is a chain at sigma^2 beside one at sigma^2 / 4 with the same noise. Where

    e(sigma^2) = r + a sigma^2 + O(sigma^4)

their difference D = e(sigma^2) - e(sigma^2 / 4) = 3/4 a sigma^2 has no sampling error but that of
a itself, and is zero for a quadratic. A rung is accepted where |D|, its error included, is at most
half of the precision asked for: an equivalence, and no failure to see a difference. The two
energies of a chain, loss and virial, must agree as well: they do not for a gradient that is not
the loss's own.

Below `floor` the rounding of the loss, of its gradient or of theta_0 + delta would matter:

    4 eps |L_0| / sigma^2,   2 eps |S* g_0| V^(1/2) / c,   eps |theta_0| lambda_max^(1/2) / c

with V the variance of a flat direction after the run: eta K, or 2 h K / gamma for BAOAB.

A loss with kinks shows in gradient differences beside Hessian products (`Sight`): for a smooth one
the relative error falls to a quarter where sigma does to a half, across kinks it stays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from symrank.recurrences.loss_langevin import LossChains, Sight, Walk
from symrank.spectrum.filters import Baoab, Scheme
from symrank.support.typing import FloatArray

__all__ = [
    "Smoothness",
    "Step",
    "candidates",
    "difference",
    "diffusion",
    "floor",
    "judged",
    "smoothness",
]

RATIO = 4.0  # of the two noise variances of a rung
ABOVE = 16.0  # times the floor: the lowest rung, whose shadow is above it as well
APART = 64.0  # of the rungs that are tried
ORDER = (0, -1, 1, -2, 2, -3, 3)  # from the middle
ROUNDED = 0.05  # of the allowed difference: what rounding may do to an energy
MOVES = 1e4  # roundings of theta_0 that a step should be long
BATCHES = 4
Z = 3.0  # standard errors of D that an equivalence includes
SHRINKS = 3.0  # an error that falls by less from sigma to sigma / 2 is one across kinks
LEAST_ERROR = 1e-3  # of a product: a difference below moves no count that anyone asks for
NOISES = 5.0  # times the noise of a product


class Step(NamedTuple):
    """A rung that was tried; None stands for a chain that left the minimum."""

    noise_var: float
    moved: float | None  # D
    error: float | None  # Z standard errors of it
    apart: float | None  # virial less loss
    is_accepted: bool
    is_safe: bool = False  # also if D grows as flat directions do, with the square of the steps

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return self._asdict()


@dataclass(frozen=True)
class Smoothness:
    """Largest relative difference of gradient differences from Hessian products.

    At the scale of the chain, and at half of it.
    """

    error: float
    at_half: float
    ratio: float  # of quadratic forms, the one that is farthest from 1
    allowed: float

    @property
    def has_kinks(self) -> bool:
        """Whether the difference matters and does not go away as that of a smooth loss."""
        return self.error > self.allowed and self.at_half > self.error / SHRINKS


def diffusion(scheme: Scheme, num_steps: int) -> float:
    """Return the variance of a flat direction after a run, in the coordinates of the chain."""
    time = scheme.coefficients.step * num_steps
    if not isinstance(scheme, Baoab):
        return time
    return min(2.0 * time / scheme.friction, time * time)


def floor(walk: Walk, lambda_max: float, spread: float, allowed: float) -> float:
    """Return the least noise variance at which rounding plays no part; `spread` is V."""
    loss, kinetic = walk.loss, 2.0 if walk.scheme.is_kinetic else 1.0
    tolerance = ROUNDED * allowed
    of_loss = 4.0 * loss.loss_eps * abs(loss.loss0) / tolerance
    slope = loss.grad0[:, None]
    slope = slope if walk.factor is None else walk.factor.adjoint(slope)
    of_slope = 2.0 * loss.grad_eps * float(np.linalg.norm(slope)) * math.sqrt(spread) / tolerance
    of_theta = MOVES * loss.grad_eps * _size(walk) * math.sqrt(lambda_max)
    found = max(of_loss, kinetic * of_slope**2, kinetic * of_theta**2)
    return found or kinetic * lambda_max * math.sqrt(loss.grad_eps)


def candidates(
    walk: Walk, least: float, lambda_max: float, spread: float, allowed: float, given: float | None
) -> tuple[float, ...]:
    """Return the noise variances to try, in order; the one that the caller gave alone.

    They begin in the (geometric) middle between the floor and the variance at which flat
    directions that diffuse over the run would add what is allowed, for a fourth order of the size
    lambda_max |theta|^4 / |theta_0|^2.
    """
    if given is not None:
        return (given,)
    lowest = ABOVE * least
    room = allowed * _size(walk) ** 2 / max(lambda_max * spread**2, 1e-300)
    middle = math.sqrt(lowest * max(room, lowest))
    tried = (max(middle * APART**j, lowest) for j in ORDER)
    return tuple(dict.fromkeys(tried))


def _size(walk: Walk) -> float:
    """Return the root mean square of theta_0 in the coordinates of the chain."""
    ones = np.ones((walk.loss.n, 1))
    S = ones if walk.factor is None else walk.factor.forward(ones)
    return float(np.linalg.norm(walk.loss.theta0)) / max(float(np.linalg.norm(S)), 1e-300)


def judged(
    noise_var: float, chains: LossChains | None, allowed: float, eps: float, num_steps: int
) -> Step:
    """Return what the second half of a rung says of a run of `num_steps`.

    `eps` is what loss and virial may differ by, of their size.
    """
    if chains is None:
        return Step(noise_var, None, None, None, False)
    half = chains.num_steps // 2
    D = (chains.losses[0][:, :1] - chains.losses[1])[half:]
    moved, error = difference(D)
    apart = float((chains.states[0].energies - chains.losses[0])[half:].mean())
    size = float(np.abs(chains.losses[0][half:]).mean())
    is_one = abs(apart) <= allowed + eps * size
    most = abs(moved) + error
    is_accepted = most <= allowed and is_one
    is_safe = is_accepted and most <= allowed * min(1.0, chains.num_steps / num_steps) ** 2
    return Step(noise_var, moved, error, apart, is_accepted, is_safe)


def difference(D: FloatArray) -> tuple[float, float]:
    """Return the mean of differences over steps and chains, and Z of its standard errors."""
    length = len(D) // BATCHES
    if length < 1:
        return float(D.mean()), float(np.abs(D).max())
    means = D[len(D) - BATCHES * length :].reshape(BATCHES, -1).mean(axis=1)
    return float(D.mean()), Z * float(means.std(ddof=1)) / math.sqrt(BATCHES)


def smoothness(sights: Sequence[Sight], allowed: float, noise: float) -> Smoothness:
    """Return what gradient differences beside Hessian products say; rung 1 is at half the scale."""
    first, second = (max((s.error for s in sights if s.rung == r), default=0.0) for r in (0, 1))
    ratios = [s.ratio for s in sights if s.rung == 0]
    ratio = max(ratios, key=lambda x: abs(x - 1.0), default=1.0)
    return Smoothness(first, second, ratio, max(allowed, LEAST_ERROR, NOISES * noise))
