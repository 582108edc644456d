r"""How much of a probe lies in the null space: proved bounds from the solves, pass by pass.

z^ = G^(1/2) w is the probe, A~ = G^(1/2) A G^(1/2), x = G y the sum of the solutions so far and
s = z^ - G^(1/2) y what is left of the probe. With v - x for G^(1/2) s all of these are known,

    |s_new|^2 = |s_old|^2 - <(v - x)_old + (v - x)_new, y of the pass>,
    |A~ s|^2 = <A (v - x), G A (v - x)>.                                                      (1)

Let N be the spectral projector of A~ on |lambda| <= tau. In there every pass multiplies the error
by its residual polynomial, which lies in [c, 1/c] (`symrank.recurrences`), C the product of the c:

    C^2 (|s|^2 - |A~ s|^2 / tau^2) <= |N z^|^2 <= |s|^2 / C^2,                                (2)

as the part of s outside of N is at most |A~ s| / tau. No gap is assumed: an eigenvalue above tau
that is not resolved is in the lower bound, one below tau that was resolved is in C. A pass with a
Ritz value below tau has C = 0 and adds nothing. The best bounds of all passes are kept.

z^ differs from the Gaussian z by at most E (`symrank.recurrences.half_power`), and both |N z|
and |(I - N) z| by no more.
"""

from dataclasses import dataclass, field

import numpy as np

from symrank.spectrum.brackets import narrower
from symrank.support.typing import Array, FloatArray

__all__ = ["NullMass"]

ROUNDING = 10.0  # eps |z|^2: of the sums in eq. (1)
ALLOWANCE = 4.0  # times that, by which two bounds may cross


@dataclass(kw_only=True)
class NullMass:
    """Bounds on |N z|^2 for a block of probes; arrays are (m,)."""

    dimension: int  # of z
    length2: FloatArray  # |z|^2
    error: FloatArray  # E
    left2: FloatArray  # |s|^2; |z^|^2 to begin with
    eps: float
    total2: FloatArray = field(init=False)  # |z^|^2
    damping: FloatArray = field(init=False)  # C
    low: FloatArray = field(init=False)
    high: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.total2 = self.left2.copy()
        self.damping = np.ones_like(self.left2)
        self.low, self.high = np.zeros_like(self.left2), self.left2.copy()

    def end_pass(
        self, better: Array, moved: FloatArray, residual2: FloatArray, c: FloatArray, tau: float
    ) -> None:
        """Take in a pass for the columns that it made `better`: eqs. (1) and (2)."""
        left2 = np.maximum(self.left2 - moved, 0.0)
        damping = self.damping * c
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            outside = np.where(residual2 > 0.0, residual2 / tau**2, 0.0)
            low = damping**2 * (left2 - outside)
            high = np.where(damping > 0.0, left2 / damping**2, np.inf)
        rounding = ROUNDING * self.eps * self.total2
        self.low = np.where(better, np.fmax(self.low, low - rounding), self.low)
        self.high = np.where(better, np.fmin(self.high, high + rounding), self.high)
        self.left2 = np.where(better, left2, self.left2)
        self.damping = np.where(better, damping, self.damping)

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return bounds on |N z|^2."""
        inside = _moved(self.low, self.high, self.error)
        rest = _moved(self.total2 - self.high, self.total2 - self.low, self.error)
        shares = (
            np.stack([low, high], axis=-1) / self.length2[:, None]
            for low, high in (inside, (self.length2 - rest[1], self.length2 - rest[0]))
        )
        bounds, _ = narrower(*shares, allowance=ALLOWANCE * ROUNDING * self.eps)
        return bounds[:, 0] * self.length2, bounds[:, 1] * self.length2

    def likely(self) -> FloatArray:
        """Return |s|^2, inside the bounds."""
        low, high = self.bounds()
        return np.clip(self.left2, low, high)


def _moved(low: FloatArray, high: FloatArray, by: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return bounds on x^2 for a length x that is within `by` of one with these bounds."""
    down = np.maximum(np.sqrt(np.maximum(low, 0.0)) - by, 0.0)
    up = np.sqrt(np.maximum(high, 0.0)) + by
    return down**2, up**2
