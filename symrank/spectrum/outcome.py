"""What a method may say of a run, and a run of itself: values that know no method and no result."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from symrank.support.typing import Array

__all__ = ["Band", "Basis", "Gap", "Progress", "Status"]


class Status(Enum):
    """How a run ended; the value is a sentence with the remedy."""

    EXACT = "The count is exact: no sampling was needed."
    CONVERGED = "The interval, sampling and resolution included, meets the precision."
    NO_GAP_FOUND = (
        "The eigenvalues near the cut could not be told from zero: the interval spans what is "
        "open. Raise max_matvecs, or set atol or rtol at a level that matters to you (gaps lists "
        "where the counting function is flat)."
    )
    BUDGET_SPENT = (
        "The budget ended before the precision was met; the interval holds. "
        "Raise max_matvecs or max_seconds, or ask for less precision."
    )
    INTERRUPTED = "The run was interrupted; the interval of the last finished round holds."
    BURN_IN_TOO_SHORT = (
        "The averaging window still drifts, so the estimate is biased. Raise num_steps and burn_in."
    )
    NOT_QUADRATIC = (
        "The loss is not quadratic at the scale of the chains at any noise_var that was tried, or "
        "at the one given: the interval does not cover that. diagnostics['ladder'] shows how the "
        "estimate moved. Leave noise_var out, compute the loss in double precision, or count "
        "symrank.rank(problem.hessian())."
    )
    NOT_SMOOTH = (
        "The loss has kinks at the scale of the chains: the count is that of a Hessian smoothed "
        "over their steps, and no interval for the Hessian of automatic differentiation is "
        "claimed. Count symrank.rank(problem.hessian()), or use a smooth activation."
    )
    NOT_CERTIFIED = (
        "The method proves nothing about its threshold: the interval covers sampling alone, and "
        "speaks of the eigenvalues above that threshold. Use another method for a certificate."
    )


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A plateau of the counting function: between `low` and `high` it is flat.

    `count` eigenvalues lie above it in modulus, as far as the probes tell (not certified).
    """

    low: float
    high: float
    count: float

    @property
    def ratio(self) -> float:
        """``high / low``."""
        return self.high / self.low if self.low > 0 else float("inf")


@dataclass(frozen=True, kw_only=True)
class Band:
    """An end of what counts, as wide as products can tell: `least` to `most` eigenvalues are in it.

    Each may fall on either side of the end. The numbers hold at the confidence of the run, the
    interval of the count spans them.
    """

    low: float
    high: float
    least: int
    most: int


@dataclass(frozen=True, eq=False)
class Basis:
    """Orthonormal vectors that span the range or the null space.

    Attributes
    ----------
    vectors
        (n, k), orthonormal columns.
    space
        ``"range"`` or ``"null"``: what they span.
    residual
        Range: a bound on ``|(I - Q Q*) A|``; null space: ``|A Q|``, both in the spectral norm.
    """

    vectors: Array
    space: str
    residual: float

    def __repr__(self) -> str:
        n, k = self.vectors.shape
        dtype, space = self.vectors.dtype, self.space
        return f"<Basis {n}x{k} {dtype}: {space} space, residual {self.residual:.3g}>"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; complex entries as pairs."""
        parts = self.vectors
        if parts.dtype.kind == "c":
            parts = np.stack([parts.real, parts.imag], axis=-1)
        return {
            "vectors": parts.tolist(),
            "space": self.space,
            "residual": self.residual,
            "dtype": str(self.vectors.dtype),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Basis":
        """Invert `to_dict`."""
        dtype = np.dtype(record["dtype"])
        parts = np.array(record["vectors"], dtype=np.float64)
        vectors = parts[..., 0] + 1j * parts[..., 1] if dtype.kind == "c" else parts
        return cls(vectors.astype(dtype), record["space"], record["residual"])


class Progress(NamedTuple):
    """What a running job tells its observer."""

    num_matvecs: int
    max_matvecs: int
    interval: tuple[int, int] | None  # of the last finished round
