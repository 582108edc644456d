"""Hessians of PyTorch models: `symrank.torch.hessian` and `symrank.torch.from_model`.

This module is imported when it is asked for, and it is not PyTorch: that is ``import torch``.
"""

from symrank.errors import MissingBackendError

try:
    import torch as _library  # noqa: F401
except ImportError as error:
    raise MissingBackendError(
        f"symrank.torch needs PyTorch, and it cannot be imported: {error}. Install it: "
        "pip install torch."
    ) from error

from symrank.networks.pytorch.from_model import from_model
from symrank.networks.pytorch.hessian import hessian

__all__ = ["from_model", "hessian"]
