"""The best proved bounds of every probe from round to round, and what becomes of contradictions.

More steps only tighten the bracket round one probe's share of what does not count, so the brackets
of all rounds hold at once. Where they contradict each other (`symrank.spectrum.brackets`) the cut
may stand on an eigenvalue: the bracket is computed again at both edges of a band round the cut. If
that is void as well, something is wrong that no further step mends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symrank.spectrum.brackets import narrower
from symrank.spectrum.lanczos_run import LanczosRun
from symrank.spectrum.region import Region
from symrank.support.typing import Array, FloatArray

__all__ = ["ProbeBounds"]

ALLOWANCE = 1e-10  # brackets that cross by less have met; rounding was taken off before


@dataclass(frozen=True, kw_only=True)
class ProbeBounds:
    """Bounds (m, 2) on the share of every probe in what does not count."""

    bounds: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    is_wide: Array = field(default_factory=lambda: np.empty(0, bool))  # (m,), a band was needed
    is_void: Array = field(default_factory=lambda: np.empty(0, bool))  # (m,), and was void as well
    contradictions: tuple[tuple[float, float], ...] = ()  # the crossing ends of those, in turn

    @property
    def num_void(self) -> int:
        """Probes whose bounds contradict each other."""
        return int(self.is_void.sum())

    def update(self, runs: Sequence[LanczosRun], region: Region) -> "ProbeBounds":
        """Return the bounds after a round; new probes come after those before."""
        more = len(runs) - len(self.bounds)
        before = np.vstack([self.bounds, np.tile([0.0, 1.0], (more, 1))])
        was_wide = np.append(self.is_wide, np.zeros(more, bool))
        was_void = np.append(self.is_void, np.zeros(more, bool))
        fresh = np.array([run.uncounted_mass(region) for run in runs])
        bounds, is_void = narrower(fresh, before, allowance=ALLOWANCE)
        crossed = {j: _ends(fresh[j], before[j]) for j in np.flatnonzero(is_void).tolist()}
        wide = region.with_bands()
        again = is_void.copy() if wide != region else np.zeros(len(runs), bool)
        for j in np.flatnonzero((again | was_wide) & ~was_void).tolist():
            known = before[j] if was_wide[j] else (0.0, 1.0)
            at_edges = runs[j].uncounted_mass(wide)
            bounds[j], is_void[j] = narrower(at_edges, known, allowance=ALLOWANCE)
            crossed[j] = _ends(at_edges, known)
        new = np.flatnonzero(is_void & ~was_void).tolist()
        bounds[was_void] = 0.0, 1.0
        return ProbeBounds(
            bounds=bounds,
            is_wide=was_wide | again,
            is_void=was_void | is_void,
            contradictions=(*self.contradictions, *(crossed[j] for j in new)),
        )


def _ends(first: Any, second: Any) -> tuple[float, float]:
    """Return the ends of two brackets together, which cross where they contradict each other."""
    return float(max(first[0], second[0])), float(min(first[1], second[1]))
