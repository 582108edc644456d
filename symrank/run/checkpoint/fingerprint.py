r"""Is it the operator of before? Its product with one fixed Gaussian vector tells.

The vector is that of the witness of the door, where the caller's code multiplies and was looked at
(`symrank.operators.witness`): then it takes no product more. With x fixed, y = A x then and
y' = A' x now, both in one unit,

    |y - y'| <= rtol |y| + NOISE sqrt(n) noise |y|,      rtol = 100 eps sqrt(n)               (1)

is the rule by which the door compares two products (`symrank.operators.checks`): rounding, in
another order on another machine, and the error that was declared. A difference E is seen with
probability one where |E x| is above that. Where there are entries, every row of the matrix, or of
the factor of one, is compared by itself as well,

    |X x - X' x|_i <= rtol (|X| |x|)_i,                                                       (2)

as one row may be in a unit beside which a change of another one is rounding. Singular values that
are counted by the products of a factor have no product of their own: the coefficients of two
Golub-Kahan steps from x stand for y.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.operators import Operator
from symrank.operators.witness import Witness, relative_change
from symrank.recurrences import lanczos
from symrank.support import probes
from symrank.support.probes import Streams
from symrank.support.typing import Array

__all__ = ["Subject"]

ROUNDING, MOST = 100.0, 0.01  # as at the door: units of eps sqrt(n), and the largest rtol
NOISE = 4.0  # two products, and |A| known within a factor of two
STEPS = 2
TILE = 1024  # rows of a dense matrix looked at a time
MOST_POWER = 1000  # of two: a unit within the range


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
        return {"n": self.operator.n, "dtype": self.operator.dtype.str}

    @property
    def num_products(self) -> int:
        """Products of the caller's code that `products` takes."""
        is_free = self.witness is not None or not self.operator.is_foreign or not self.operator.n
        steps = 1 if self.operator.facts.halves is None else STEPS
        return 0 if is_free else steps * self.operator.matvecs_per_product

    def products(self) -> dict[str, Array]:
        """Return y, (n, 1), and X x of the parts of a matrix, with the exponents of their units.

        No power of two is multiplied out: what the caller has may be at the end of the range.
        """
        wide = np.complex128 if self.operator.dtype.kind == "c" else np.float64
        one = self.operator
        if self.witness is not None:
            y = self.witness.y
        elif not one.n:
            y = np.zeros((0, 1))
        elif one.facts.halves is not None:
            steps = lanczos.extend(lanczos.start(self._x), one, STEPS, lambda _: None)
            y = np.concatenate([steps.alpha, steps.beta])
        else:
            y = one.matmat(self._x)
        found = {"y": y.astype(wide), "unit of y": np.array(math.frexp(self.scale)[1])}
        for i, X in enumerate(self._parts):
            power = _exponent(X)
            found[f"x{i}"] = _by_tiles(X, _probe_of(X, power))
            found[f"unit of x{i}"] = np.array(power)
        return found

    @property
    def _x(self) -> Array:
        return _probe(self.operator.n, self.operator.dtype)

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
        before = {name: _in_unit(name, before, now) for name in before if "unit" not in name}
        rtol = min(ROUNDING * eps * n**0.5, MOST)
        spare = n**0.5 * NOISE * self.noise / rtol * float(np.linalg.norm(now["y"]))
        change = relative_change(before["y"], now["y"], spare)
        if not change <= rtol:
            return f"a product with a fixed vector differs by {change:.3g} of its size"
        for i, X in enumerate(self._parts):
            sizes = _by_tiles(X, np.abs(_probe_of(X, int(now[f"unit of x{i}"]))), abs)
            is_same = np.abs(before[f"x{i}"] - now[f"x{i}"]) <= rtol * sizes
            if not is_same.all():
                return f"row {int(is_same.argmin())} of its product with a fixed vector differs"
        return ""


def _probe(n: int, dtype: np.dtype[Any]) -> Array:
    return probes.gaussian(0, Streams.FINGERPRINT.start, 1, n, dtype)


def _in_unit(name: str, before: dict[str, Array], now: dict[str, Array]) -> Array:
    """Return a product of before in the unit of now."""
    power = int(before[f"unit of {name}"]) - int(now[f"unit of {name}"])
    return before[name] * 2.0 ** max(min(power, MOST_POWER), -MOST_POWER)


def _exponent(X: Any) -> int:
    """Return e, max |x_ij| in [2^(e-1), 2^e)."""
    entries = X if isinstance(X, np.ndarray) else X.data
    if entries.dtype.kind == "c":
        return math.frexp(float(np.abs(entries).max(initial=0.0)))[1]
    ends = float(entries.max(initial=0)), float(entries.min(initial=0))
    return math.frexp(max(map(abs, ends)))[1]


def _probe_of(X: Any, power: int) -> Array:
    """Return x in the unit in which X x is moderate."""
    return _probe(X.shape[1], np.dtype(np.float64)) * 2.0 ** max(-power, -MOST_POWER)


def _by_tiles(X: Any, x: Array, change: Callable[[Any], Any] = lambda part: part) -> Array:
    """Multiply a sparse matrix, or a dense one by some rows at a time."""
    if not isinstance(X, np.ndarray):
        return np.asarray(change(X) @ x)
    parts = [change(X[i : i + TILE]) @ x for i in range(0, len(X), TILE)]
    return np.concatenate(parts) if parts else np.zeros((0, 1))
