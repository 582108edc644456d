"""The averages of a window of chains on a loss, and what they say of its fourth order."""

from collections.abc import Callable
from dataclasses import dataclass

import scipy.stats

from symrank.methods.chains import ladder
from symrank.spectrum import diagnostics
from symrank.spectrum.diagnostics import BatchMeans
from symrank.support.typing import FloatArray

__all__ = ["APART", "Window"]

TO_BIAS = ladder.RATIO / (ladder.RATIO - 1.0)  # from D to a sigma^2
NEXT_ORDER = 1.0 / 3.0  # of |D|: what extrapolation leaves, where D falls as it should
APART = 1e-3  # relative difference of loss and virial that is no matter of gradients


@dataclass(frozen=True, kw_only=True)
class Window:
    """The averages of a window; numbers in units of a count."""

    first: int
    num_steps: int
    num_chains: int
    found: BatchMeans
    moved: float  # D
    moved_error: float
    virial: float
    estimate: float
    left: float  # what may be left of the non-quadratic part, either side
    drift: tuple[float, float]  # bounds on the bias by it
    samples: FloatArray

    @classmethod
    def of(
        cls,
        losses: FloatArray,
        virials: FloatArray,
        shadow: FloatArray,
        memory: Callable[[int], float],
        burn_in: int,
        extrapolate: bool,
    ) -> "Window":
        """Average losses and virials (num_steps, k), of which chain 0 has the shadow."""
        num_steps, k = losses.shape
        first = min(burn_in, max(num_steps - 2, 0))
        found = diagnostics.batch_means(losses[first:], memory)
        moved, error = ladder.difference((losses[:, :1] - shadow)[first:])
        left, estimate = TO_BIAS * (abs(moved) + error), found.mean
        drift = TO_BIAS * min(0.0, moved - error), TO_BIAS * max(0.0, moved + error)
        if extrapolate:
            estimate -= TO_BIAS * moved
            left = NEXT_ORDER * abs(moved) + TO_BIAS * error
            drift = -left, left
        return cls(
            first=first,
            num_steps=num_steps,
            num_chains=k,
            found=found,
            moved=moved,
            moved_error=error,
            virial=float(virials[first:].mean()),
            estimate=estimate,
            left=left,
            drift=drift,
            samples=losses[first:].mean(axis=0),
        )

    def is_quadratic(self, allowed: float) -> bool:
        """Whether the estimate moves, and is apart from the virial, by no more than allowed."""
        apart = abs(self.virial - self.found.mean)
        moved = abs(self.moved) + self.moved_error
        return moved <= allowed and apart <= allowed + APART * abs(self.found.mean)

    def half_width(self, confidence: float, num_looks: int) -> float:
        """Return half the width of the interval of what the filter lets through."""
        tail = 0.5 * (1.0 - confidence) / num_looks
        return float(-scipy.stats.t.ppf(tail, self.found.dof)) * self.found.stderr + self.left
