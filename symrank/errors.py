"""Every error that symrank raises: a `SymrankError` and the builtin that fits.

A message gives the value, the rule it breaks, and the remedy.
"""

__all__ = [
    "DivergedError",
    "MissingBackendError",
    "NonFiniteError",
    "NotSymmetricError",
    "OperatorError",
    "OptionError",
    "StepSizeError",
    "SymrankError",
]


class SymrankError(Exception):
    """Base of all errors raised by symrank."""


class OperatorError(SymrankError, TypeError):
    """The input is not an operator that symrank can use."""


class OptionError(SymrankError, ValueError):
    """An option lies outside its range."""


class NotSymmetricError(SymrankError, ValueError):
    """The operator is not symmetric (Hermitian), or not the same from call to call."""


class NonFiniteError(SymrankError, ArithmeticError):
    """A product holds infinities or NaN."""


class DivergedError(SymrankError, ArithmeticError):
    """A Langevin chain left the finite numbers."""


class MissingBackendError(SymrankError, ImportError):
    """An optional library is not installed."""


class StepSizeError(SymrankError, ValueError):
    """The Langevin step size lies outside (0, 2/lambda_max), so the chain diverges."""

    def __init__(self, step_size: float, lambda_max: float) -> None:
        self.step_size = step_size
        self.limit = 2.0 / lambda_max
        super().__init__(
            f"step_size={step_size:.3g} is not stable: the chain contracts only for "
            f"0 < step_size < 2/lambda_max = {self.limit:.3g} (lambda_max = {lambda_max:.3g}). "
            f"Pass step_size <= {self.limit / 2:.3g}, or leave it out to use 1/lambda_max."
        )
