"""Every error that symrank raises: a `SymrankError` and the builtin that fits.

A message gives the value, the rule it breaks, and the remedy.
"""

import math
from typing import Any, ClassVar

__all__ = [
    "ChangedOperatorError",
    "DeviceMemoryError",
    "DivergedError",
    "LostWorkersError",
    "MissingBackendError",
    "NonFiniteError",
    "NotPositiveError",
    "NotSymmetricError",
    "OperatorError",
    "OptionError",
    "StepSizeError",
    "SymrankError",
    "UnknownOptionError",
]


TOLD = " It was seen at product "


class SymrankError(Exception):
    """Base of all errors raised by symrank.

    Attributes
    ----------
    result : RankResult or None
        What the run knew when it ended; its interval is that of the last finished round.
    product : int or None
        Number of the product with a single vector in which it ended, the first of its block.
    """

    result: Any = None
    product: int | None = None
    _is_of_products: ClassVar[bool] = False  # and not of what was asked

    def __reduce__(self) -> Any:
        """Come through a pickle whatever the constructor takes: errors of workers are sent home."""
        return _rebuilt, (type(self), self.args, vars(self).copy())

    def tell(self, product: int, result: Any) -> None:
        """Add where a run ended and what it knew; the first to know tells."""
        if self.result is not None or (self.product is not None and result is None):
            return
        self.result = result
        if self._is_of_products:
            said = str(self) if self.product is None else str(self).rpartition(TOLD)[0]
            self.product = self.product or product
            known = "nothing was known before" if result is None else f"known before: {result}"
            self.args = (f"{said}{TOLD}{self.product} of the run; {known}.",)


def _rebuilt(kind: type[SymrankError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(state)
    return error


class OperatorError(SymrankError, TypeError):
    """The input is not an operator that symrank can use."""

    _is_of_products = True


class OptionError(SymrankError, ValueError):
    """An option lies outside its range."""


class UnknownOptionError(OptionError, TypeError):
    """A function has no option of that name."""

    def __init__(self, function: str, name: str, remedy: str) -> None:
        self.name = name
        super().__init__(f"{function} has no option {name!r}: {remedy.rstrip('.?')}.")


class NotSymmetricError(SymrankError, ValueError):
    """The operator is not symmetric (Hermitian), or not the same from call to call.

    Attributes
    ----------
    asymmetry : float
        max |A - A^H| over max |A| of a matrix whose entries are known; else 0.
    """

    asymmetry: float = 0.0


class NotPositiveError(SymrankError, ValueError):
    """A loss has negative curvature on which a Langevin chain would run away."""

    def __init__(self, lambda_min: float, exponent: float, num_steps: int, allowed: float) -> None:
        self.lambda_min, self.exponent, self.num_steps = lambda_min, exponent, num_steps
        super().__init__(
            f"the Hessian has an eigenvalue of at most {lambda_min:.3g}: over {num_steps} steps "
            f"a chain grows along it by exp({exponent:.3g}), which would move the count by more "
            f"than the {allowed:.3g} that are allowed. Count the Gauss-Newton matrix, which is "
            "never negative (gauss_newton=True of the network operators), or the Hessian itself "
            "by its products: symrank.rank(problem.hessian(), method='lanczos'). A shorter run, "
            "num_steps=..., or a later point of the training may do as well."
        )


class NonFiniteError(SymrankError, ArithmeticError):
    """A product holds infinities or NaN."""

    _is_of_products = True


class ChangedOperatorError(SymrankError, RuntimeError):
    """The operator is not what it was when the run began."""

    _is_of_products = True


class DivergedError(SymrankError, ArithmeticError):
    """A Langevin chain left the finite numbers, although every product was finite."""

    _is_of_products = True

    def __init__(self, step: int) -> None:
        self.step = step
        super().__init__(
            f"a chain left the finite numbers at step {step}: its step size is stable for the "
            "operator that the pilot saw, so look for products that change from call to call or "
            "overflow, or pass a smaller step_size."
        )


class LostWorkersError(SymrankError, RuntimeError):
    """Processes that hold a part of the operator, or of its data, are gone or do another thing."""

    _is_of_products = True


class MissingBackendError(SymrankError, ImportError):
    """An optional library is not installed."""


class DeviceMemoryError(MemoryError, SymrankError):  # else Python does not make one anew
    """A block of vectors does not fit into the memory of the device."""

    def __init__(self, column_bytes: int, free_bytes: int) -> None:
        self.column_bytes, self.free_bytes = column_bytes, free_bytes
        super().__init__(
            f"a column takes {column_bytes} bytes on the device with all that is held beside it, "
            f"and {free_bytes} are free: {free_bytes // max(column_bytes, 1)} columns fit. Free "
            "what other arrays and programs hold there, or pass A.get(), a copy on the host, whose "
            "memory is used then."
        )


class StepSizeError(SymrankError, ValueError):
    """The step size of a Langevin scheme lies outside its stable range, so chains would diverge."""

    def __init__(self, step_size: float, lambda_max: float, *, is_kinetic: bool = False) -> None:
        self.step_size = step_size
        size = math.sqrt(lambda_max) if is_kinetic else lambda_max
        self.limit = 2.0 / size if size > 0.0 else math.inf  # the square of a tiny one underflows
        law = "2/sqrt(lambda_max)" if is_kinetic else "2/lambda_max"
        super().__init__(
            f"step_size={step_size:.3g} is not stable: the chain contracts only for "
            f"0 < step_size < {law} = {self.limit:.3g} (lambda_max = {lambda_max:.3g}). "
            f"Pass step_size <= {self.limit / 2:.3g}, or leave it out to have it chosen."
        )
