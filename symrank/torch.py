"""Hessians of PyTorch models: `hessian`, `from_model` and, on many machines, `from_shards`.

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
from symrank.networks.pytorch.sharded import from_shards

__all__ = ["from_model", "from_shards", "hessian"]
