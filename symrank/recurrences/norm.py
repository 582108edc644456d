"""|A| from a few Lanczos steps: a lower bound, and the share by which |A| may exceed it.

The largest Ritz value in modulus never exceeds |A|, and `symrank.spectrum.margins` bounds how far
below it lies after so many steps from Gaussian starts. Closed Krylov spaces have met every
eigenvalue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symrank.operators import Operator
from symrank.recurrences import lanczos
from symrank.spectrum.lanczos_run import LanczosRun
from symrank.spectrum.margins import lambda_max_margin, proved_margin
from symrank.support.typing import Array

__all__ = ["Norm", "norm", "norm_of"]


@dataclass(frozen=True, kw_only=True)
class Norm:
    """What some Lanczos runs know about |A|."""

    low: float  # largest Ritz value in modulus
    n: int
    num_steps: int
    num_probes: int
    is_closed: bool  # every Krylov space

    @property
    def num_products(self) -> int:
        """Products that it took."""
        return self.num_steps * self.num_probes

    @property
    def proved_margin(self) -> float:
        """Share by which |A| exceeds `low` at most; infinite where the steps are too few."""
        if self.is_closed:
            return 0.0
        return proved_margin(self.n, self.num_steps, self.num_probes, is_indefinite=True)

    @property
    def margin(self) -> float:
        """The same, closed or not, but never more than 1: for who must have a number."""
        return lambda_max_margin(self.n, self.num_steps, self.num_probes, is_indefinite=True)

    @property
    def high(self) -> float:
        """What |A| is at most, by `margin`."""
        return self.low * (1.0 + self.margin)


def norm_of(runs: Sequence[LanczosRun], n: int, num_steps: int) -> Norm:
    """Return what runs of `num_steps` steps, those after a breakdown included, know about |A|."""
    return Norm(
        low=max(run.spectral_norm for run in runs),
        n=n,
        num_steps=num_steps,
        num_probes=len(runs),
        is_closed=all(run.is_exact for run in runs),
    )


def norm(
    operator: Operator, Z: Array, num_steps: int, eps: float, tick: Callable[[int], None]
) -> Norm:
    """Return what `num_steps` steps from the Gaussian columns of Z tell; one product a step each.

    `eps` is the unit of rounding of a product.
    """
    state = lanczos.extend(lanczos.start(Z), operator, num_steps, tick)
    return norm_of(lanczos.runs(state, eps), operator.n, num_steps)
