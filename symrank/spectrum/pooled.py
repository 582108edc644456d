"""The runs of all probes as one measure: nodes, weights, and averages over the probes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symrank.spectrum.lanczos_run import LanczosRun
from symrank.support.cached import cached_property
from symrank.support.typing import FloatArray

__all__ = ["PooledRuns"]


@dataclass(frozen=True, eq=False)
class PooledRuns:
    """What bounds (`symrank.spectrum.measure`) and sums (`symrank.spectrum.sums`) have in common.

    The fields are those of `symrank.spectrum.measure.RitzMeasure`.
    """

    runs: Sequence[LanczosRun]
    n: int
    scale: float = 1.0
    is_complex: bool = False
    num_looks: int = 1
    num_zeros: int = 0

    def __repr__(self) -> str:
        steps = max((run.alpha.size for run in self.runs), default=0)
        return f"<{type(self).__name__}: n = {self.n}, {len(self.runs)} probes, {steps} steps>"

    @cached_property
    def _share(self) -> FloatArray:
        norms = np.array([run.norm2 for run in self.runs])
        return np.asarray(norms / norms.sum())

    @cached_property
    def ritz_values(self) -> FloatArray:
        """All nodes of all probes, ascending."""
        return self._sorted[0]

    @cached_property
    def weights(self) -> FloatArray:
        """Their weights, in the same order; they sum to 1, and n times a weight is a count."""
        return self._sorted[1]

    @cached_property
    def _sorted(self) -> tuple[FloatArray, FloatArray]:
        nodes = np.concatenate([run.ritz_values for run in self.runs]) * self.scale
        weights = np.concatenate(
            [share * run.weights for share, run in zip(self._share, self.runs, strict=True)]
        )
        order = np.argsort(nodes, kind="stable")
        return nodes[order], weights[order]

    @property
    def spectral_norm(self) -> float:
        """Largest Ritz value in modulus."""
        return max(run.spectral_norm for run in self.runs) * self.scale

    @property
    def is_closed(self) -> bool:
        """True where every Krylov space closed: the measures are known exactly."""
        return all(run.is_exact for run in self.runs)

    def pool(self, bounds: FloatArray) -> tuple[float, float]:
        """Average per-probe bounds (m, 2) by squared norms; exactly 0 and 1 where all are."""
        low = float(self._share @ bounds[:, 0])
        return low, 1.0 - float(self._share @ (1.0 - bounds[:, 1]))
