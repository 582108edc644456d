"""The options of a question, checked once."""

import dataclasses
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrank.errors import OptionError
from symrank.preconditioners import Preconditioner
from symrank.run.workers.hired import check_executor
from symrank.support.options import check_budget, check_noise, check_number, shown
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Options", "Rng", "seed_of"]

PRECISION = 0.005  # half-width by default, as a share of n

Rng = int | np.random.SeedSequence | np.random.Generator | None


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `symrank.rank` that are not about the method; checked."""

    seed: int
    atol: float | None = None
    rtol: float | None = None
    between: tuple[float, float] | None = None  # of `symrank.count`
    precision: float | None = None
    confidence: float = 0.95
    max_matvecs: float | None = None  # an int once checked
    max_seconds: float | None = None
    noise: float | None = None
    deflate: Array | None = None
    preconditioner: Preconditioner | FloatArray | str | None = None
    hermitian: bool | None = None
    check: bool = True
    executor: Any = None
    checkpoint: str | os.PathLike[str] | None = None  # once it is open, its store

    def __post_init__(self) -> None:
        for name in ("atol", "rtol"):
            rule = "must be a finite number >= 0, or None for the noise floor."
            self._settle(name, lambda x: 0.0 <= x < math.inf, rule)
        rule = "must lie between 0 and 1, for example 0.95."
        level = check_number("confidence", self.confidence, lambda x: 0.0 < x < 1.0, rule)
        object.__setattr__(self, "confidence", level)
        budget = check_budget(self.precision, self.max_matvecs, self.max_seconds)
        for name, value in zip(("precision", "max_matvecs", "max_seconds"), budget, strict=True):
            object.__setattr__(self, name, value)
        if self.noise is not None:
            object.__setattr__(self, "noise", check_noise(self.noise))
        if not isinstance(self.check, bool | np.bool_):
            raise OptionError(f"check={shown(self.check)} must be True or False.")
        check_executor(self.executor)
        if not isinstance(self.hermitian, bool | np.bool_ | None):
            raise OptionError(
                f"hermitian={shown(self.hermitian)} must be True (A is symmetric), False (count "
                "its singular values) or None (see what it is)."
            )
        self._check_checkpoint()
        if self.deflate is not None and self.preconditioner is not None:
            msg = (
                "deflate and preconditioner were both given: null vectors of A are none of the "
                "preconditioned operator. Leave one of them out."
            )
            raise OptionError(msg)

    def _check_checkpoint(self) -> None:
        if not isinstance(self.checkpoint, str | os.PathLike | None) or self.checkpoint == "":
            raise OptionError(
                f"checkpoint={shown(self.checkpoint)} must be the path of a folder, or None."
            )

    def _settle(self, name: str, is_allowed: Callable[[float], bool], rule: str) -> None:
        """Check a number that may be None, and keep it as a float."""
        value = getattr(self, name)
        if value is not None:
            object.__setattr__(self, name, check_number(name, value, is_allowed, rule))

    def half_width(self, n: int) -> float:
        """Return the half-width asked for, in eigenvalues."""
        share = PRECISION if self.precision is None else self.precision
        return share if share >= 1.0 else share * n

    @property
    def holds_zero(self) -> bool:
        """Whether the interval of `symrank.count` holds zero."""
        return self.between is not None and self.between[0] < 0.0 <= self.between[1]

    @property
    def is_about_zeros(self) -> bool:
        """Whether eigenvalues that are zero are a part of the question."""
        return self.holds_zero or self.deflate is not None

    @property
    def ask_for_all_rows(self) -> bool:
        """Whether empty rows are a part of the question, or of what was passed with it."""
        is_whole = isinstance(self.preconditioner, Preconditioner)
        return self.is_about_zeros or is_whole

    def without_empty_rows(self, n: int, index: IntArray | None) -> "Options":
        """Return the options for the rows of n that are left; None: all of them."""
        diagonal = self.preconditioner
        if index is None or diagonal is None or isinstance(diagonal, str | Preconditioner):
            return self
        given = np.asarray(diagonal)
        if given.shape != (n,):
            raise OptionError(
                f"preconditioner of shape {given.shape} is no diagonal of a matrix of n = {n}: "
                f"pass an array of shape ({n},)."
            )
        return dataclasses.replace(self, preconditioner=given[index])


def seed_of(rng: Rng) -> int:
    """Turn what the caller passed as rng into one integer, which replays the run."""
    if rng is None:
        rng = np.random.SeedSequence()
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        return int(rng)
    msg = f"rng={shown(rng)} must be a non-negative integer, a numpy SeedSequence or a Generator."
    raise OptionError(msg)
