"""Hessians of losses in JAX: `symrank.jax.hessian`.

This module is imported when it is asked for, and it is not JAX: that is ``import jax``.
"""

from symrank.errors import MissingBackendError

try:
    import jax as _library  # noqa: F401
except ImportError as error:
    raise MissingBackendError(
        f"symrank.jax needs JAX, and it cannot be imported: {error}. Install it: pip install jax."
    ) from error

from symrank.networks.jax_hessian import hessian

__all__ = ["hessian"]
