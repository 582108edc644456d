"""What a method may say of a run, and a run of itself: values that know no method and no result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from symrank.support.typing import Array, FloatArray

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
    """Orthonormal vectors that span the range or the null space, or as much of it as was found.

    Attributes
    ----------
    vectors
        (n, k), orthonormal columns.
    space
        ``"range"`` or ``"null"``: what they span.
    residual
        Range: a bound on ``|(I - Q Q*) A|``; null space: ``|A Q|``, both in the spectral norm.
    residuals
        (k,), of each vector v relative to |A|: null space ``|A v|``, range ``|(I - Q Q*) A v|``.
        They and what follows are told by `symrank.null_space` and `symrank.range_space`.
    dimension
        ``(low, high)``: the interval of the dimension of the space, at the confidence of the run.
        The vectors are all of it where both are k.
    status
        A `Status`.
    threshold
        Vectors with ``|A v|`` up to this are null vectors: the noise floor.
    reason
        How it was found.
    notes
        Sentences that the status alone does not say.
    num_matvecs
        Products with single vectors.
    seconds
        Wall time.
    """

    vectors: Array
    space: str
    residual: float
    residuals: FloatArray = field(default_factory=lambda: np.empty(0))
    dimension: tuple[int, int] | None = None
    status: Status | None = None
    threshold: float = 0.0
    reason: str = ""
    notes: tuple[str, ...] = ()
    num_matvecs: int = 0
    seconds: float = 0.0

    @property
    def is_whole(self) -> bool:
        """True where the dimension is known and there are as many vectors."""
        k = self.vectors.shape[1]
        return self.dimension == (k, k)

    def __repr__(self) -> str:
        n, k = self.vectors.shape
        dtype, space = self.vectors.dtype, self.space
        of = "" if self.dimension is None else f" of dimension {list(self.dimension)}"
        end = "" if self.status is None else f": {self.status.name}"
        return f"<Basis {n}x{k} {dtype}: {space} space{of}, residual {self.residual:.3g}{end}>"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; complex entries as pairs."""
        parts = self.vectors
        if parts.dtype.kind == "c":
            parts = np.stack([parts.real, parts.imag], axis=-1)
        record = {
            "vectors": parts.tolist(),
            "space": self.space,
            "residual": self.residual,
            "dtype": str(self.vectors.dtype),
        }
        if self.dimension is None or self.status is None:  # of a `RankResult`, which has the rest
            return record
        return record | {
            "shape": list(self.vectors.shape),
            "residuals": self.residuals.tolist(),
            "dimension": list(self.dimension),
            "status": self.status.name,
            "threshold": self.threshold,
            "reason": self.reason,
            "notes": list(self.notes),
            "num_matvecs": self.num_matvecs,
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Basis":
        """Invert `to_dict`."""
        dtype = np.dtype(record["dtype"])
        parts = np.array(record["vectors"], dtype=np.float64)
        if "shape" in record:  # of no columns, or of no rows
            parts = parts.reshape(*record["shape"], *((2,) if dtype.kind == "c" else ()))
        vectors = parts[..., 0] + 1j * parts[..., 1] if dtype.kind == "c" else parts
        more: dict[str, Any] = {}
        if "dimension" in record:
            more = {name: record[name] for name in _PLAIN}
            more["residuals"] = np.array(record["residuals"], dtype=np.float64)
            more["dimension"] = tuple(record["dimension"])
            more["status"] = Status[record["status"]]
            more["notes"] = tuple(record["notes"])
        return cls(vectors.astype(dtype), record["space"], record["residual"], **more)


_PLAIN = ("threshold", "reason", "num_matvecs", "seconds")


class Progress(NamedTuple):
    """What a running job tells its observer."""

    num_matvecs: int
    max_matvecs: int
    interval: tuple[int, int] | None  # of the last finished round
