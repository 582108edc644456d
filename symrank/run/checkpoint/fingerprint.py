r"""Is it the operator of before? Its product with one fixed Gaussian vector tells.

The vector is that of the witness of the door, where the caller's code multiplies and was looked at
(`symrank.operators.witness`): then it takes no product more. With x fixed, y = A x then and
y' = A' x now, both in the units of the caller,

    |y - y'| <= rtol |y| + NOISE sqrt(n) noise |y|,      rtol = 100 eps sqrt(n)               (1)

is the rule by which the door compares two products (`symrank.operators.checks`): rounding, in
another order on another machine, and the error that was declared. A difference E is seen with
probability one where |E x| is above that. Where there are entries, every row of the matrix, or of
the factor of one, is compared by itself as well,

    |X x - X' x|_i <= rtol (|X| |x|)_i,                                                       (2)

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

__all__ = ["Subject"]

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
    given
        The same before it was scaled, with its entries where they are known.
    scale
        The unit that methods count in: an eigenvalue of the caller's is this times one of theirs.
    noise
        Relative error of a product, where it is above rounding.
    witness
        Of the door, or None.
    """

    operator: Operator
    given: Operator
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
        """Products of the caller's code that `products` takes."""
        is_free = self.witness is not None or not self.operator.is_foreign or not self.operator.n
        return 0 if is_free else self.operator.matvecs_per_product

    def products(self) -> dict[str, Array]:
        """Return y, (n, 1), in the units of the caller, and X x of the parts of a matrix."""
        wide = np.complex128 if self.operator.dtype.kind == "c" else np.float64
        one, unit = self.operator, self.scale
        if one.halves() is not None:  # singular values have a factor, and no product
            one, unit = self.given, 1.0
        if self.witness is not None:
            y = self.witness.y
        elif one.n:
            y = one.matmat(_probe(one.n, one.dtype))
        else:
            y = np.zeros((0, 1))
        rows = {f"x{i}": _multiplied(X) for i, X in enumerate(self._parts)}
        return {"y": np.asarray(y.astype(wide) * unit), **rows}

    @property
    def _parts(self) -> tuple[Any, ...]:
        rows = self.given.facts.rows
        return () if rows is None else rows().parts

    def difference(self, before: dict[str, Array]) -> str:
        """Say how its products differ from those of before; empty where they do not."""
        now, n = self.products(), self.operator.n
        eps = float(np.finfo(self.operator.dtype).eps)
        if now.keys() != before.keys() or any(now[k].shape != before[k].shape for k in now):
            return "its entries are of another shape"
        if not n:
            return ""
        rtol = min(ROUNDING * eps * n**0.5, MOST)
        spare = n**0.5 * NOISE * self.noise / rtol * float(np.linalg.norm(now["y"]))
        change = relative_change(before["y"], now["y"], spare)
        if not change <= rtol:
            return f"a product with a fixed vector differs by {change:.3g} of its size"
        for i, X in enumerate(self._parts):
            apart = np.abs(before[f"x{i}"] - now[f"x{i}"]) > rtol * _sizes(X)
            if apart.any():
                return f"row {int(apart.argmax())} of its product with a fixed vector differs"
        return ""


def _probe(n: int, dtype: np.dtype[Any]) -> Array:
    return probes.gaussian(0, Streams.FINGERPRINT.start, 1, n, dtype)


def _multiplied(X: Any) -> Array:
    """Return X x, (m, 1), in double precision."""
    x = _probe(X.shape[1], np.dtype(np.float64))
    return _by_tiles(X, lambda part: part @ x)


def _sizes(X: Any) -> Array:
    """Return |X| |x|, (m, 1)."""
    x = np.abs(_probe(X.shape[1], np.dtype(np.float64)))
    return _by_tiles(X, lambda part: abs(part) @ x)


def _by_tiles(X: Any, multiply: Any) -> Array:
    """Multiply a sparse matrix, or a dense one by some rows at a time."""
    if not isinstance(X, np.ndarray):
        return np.asarray(multiply(X))
    parts = [multiply(X[i : i + TILE]) for i in range(0, len(X), TILE)]
    return np.concatenate(parts) if parts else np.zeros((0, 1))
