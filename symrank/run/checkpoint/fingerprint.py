r"""Is it the operator of before? Its product with one fixed Gaussian vector tells.

The vector is that of the witness of the door, where the caller's code multiplies and was looked at
(`symrank.operators.witness`): then it takes no product more. With x fixed, y = A x then and
y' = A' x now, both in the units of the caller,

    |y - y'| <= rtol |y| + NOISE sqrt(n) noise |y|,      rtol = 100 eps sqrt(n)               (1)

is the rule by which the door compares two products (`symrank.operators.checks`): rounding, in
another order on another machine, and the error that was declared. A difference E is seen with
probability one where |E x| is above that. Of an explicit matrix every row is compared by itself,

    |y - y'|_i <= rtol (|A| |x|)_i,                                                           (2)

as one row may be in a unit beside which a change of another one is rounding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.operators import Operator
from symrank.operators.witness import Witness, relative_change
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["Subject", "difference"]

ROUNDING, MOST = 100.0, 0.01  # as at the door: units of eps sqrt(n), and the largest rtol
NOISE = 4.0  # two products, and |A| known within a factor of two
TILE = 1024  # rows of a dense matrix looked at a time


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An operator as it is told from others.

    Attributes
    ----------
    operator
        That the methods see.
    scale
        The unit that they count in: an eigenvalue of the caller's is this times one of theirs.
    noise
        Relative error of a product, where it is above rounding.
    witness
        Of the door, or None.
    """

    operator: Operator
    scale: float
    noise: float
    witness: Witness | None

    @property
    def facts(self) -> dict[str, Any]:
        """What is to be the same exactly."""
        one = self.operator
        return {"n": one.n, "dtype": one.dtype.str, "unit": self.scale}

    @property
    def num_products(self) -> int:
        """Products of the caller's code that `product` takes."""
        is_free = self.witness is not None or not self.operator.is_foreign or not self.operator.n
        return 0 if is_free else self.operator.matvecs_per_product

    def product(self) -> Array:
        """Return y, (n, 1), in the units of the caller, in double precision."""
        wide = np.complex128 if self.operator.dtype.kind == "c" else np.float64
        if self.witness is not None:
            return np.asarray(self.witness.y.astype(wide) * self.scale)
        if not self.operator.n:
            return np.zeros((0, 1), wide)
        return np.asarray(self.operator.matmat(self._probe).astype(wide) * self.scale)

    def sizes_of_rows(self) -> Array | None:
        """Return |A| |x|, (n, 1), of a matrix whose entries are stored; None of any other."""
        stored = self.operator.facts.stored
        if stored is None or self.witness is not None:
            return None
        x = np.abs(self._probe).astype(np.float64)
        if not isinstance(stored, np.ndarray):
            return np.asarray(abs(stored).astype(np.float64) @ x) * self.scale
        rows = range(0, len(stored), TILE)
        return np.concatenate([np.abs(stored[i : i + TILE]) @ x for i in rows]) * self.scale

    @property
    def _probe(self) -> Array:
        one = self.operator
        return probes.gaussian(0, Streams.FINGERPRINT.start, 1, one.n, one.dtype)

    def difference(self, before: Array) -> str:
        """Say how its product differs from one of before; empty where it does not."""
        eps = float(np.finfo(self.operator.dtype).eps)
        return difference(before, self.product(), self.sizes_of_rows(), eps, self.noise)


def difference(before: Array, now: Array, sizes: Array | None, eps: float, noise: float) -> str:
    """Say how two products differ by more than eqs. (1) and (2) allow; empty where they do not."""
    n = len(now)
    if not n:
        return ""
    rtol = min(ROUNDING * eps * n**0.5, MOST)
    spare = n**0.5 * NOISE * noise / rtol * float(np.linalg.norm(now))
    change = relative_change(before, now, spare)
    if not change <= rtol:
        return f"a product with a fixed vector differs by {change:.3g} of its size"
    if sizes is not None:
        apart = np.abs(before - now) > rtol * sizes
        if apart.any():
            return f"row {int(apart.argmax())} of its product with a fixed vector differs"
    return ""
