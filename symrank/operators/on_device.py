"""Products that are made on a device: where a block comes from, its product goes.

A block of the device stays there. A block of the host is brought to the device, multiplied, and
brought back: that is how the checks at the door, the witness and methods of the host multiply, a
few products each. No loop of a kernel does.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from symrank import kernels
from symrank.errors import OperatorError
from symrank.support.typing import Array

__all__ = ["COPY", "as_block", "is_of_device", "made_on_host", "multiplied"]

COPY = "pass A.get(), a copy on the host (A.cpu() of a tensor)."


def is_of_device(x: Any) -> bool:
    """Tell whether a block lives elsewhere than NumPy's arrays and what makes some."""
    return not isinstance(x, np.ndarray | np.generic) and hasattr(x, "__dlpack_device__")


def as_block(operator: Any, x: Any) -> Array:
    """Return what is to be multiplied as an array; one of the device as it is."""
    if operator.kernel is not None and is_of_device(x):
        return x  # type: ignore[no-any-return]
    return np.asarray(x)


def made_on_host(name: str) -> OperatorError:
    """Return the error for an operator that multiplies on the host, made of one that does not."""
    return OperatorError(
        f"{name!r} is multiplied on the host, and what it is made of on a device: {COPY}"
    )


def multiplied(operator: Any, X: Any, product: Callable[[Any], Any]) -> Array:
    """Return the product with a block that was looked at; see the module.

    Parameters
    ----------
    operator
        One with a `kernel`.
    X
        (n, k), of the host or the device.
    product
        Multiplies a C-ordered block of the device and of the dtype of the operator.
    """
    K = kernels.load(operator.kernel)
    if is_of_device(X):
        return product(K.fitted(X, operator.dtype))  # type: ignore[no-any-return]
    block = K.block(np.ascontiguousarray(X, dtype=operator.dtype))
    found: Array = K.host(product(block))
    return np.ascontiguousarray(found, dtype=operator.dtype)
