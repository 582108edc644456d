"""Parameters as the rows of a vector: in the order given, each row by row.

The parameters are a tensor, or dicts, lists and tuples of such things, nested as one likes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from symrank.errors import OperatorError

__all__ = ["Layout", "flatten"]

Rebuild = Callable[[Sequence[torch.Tensor]], Any]


class Layout:
    """Where each parameter lies in a vector of all of them.

    Parameters
    ----------
    tensors
        Real tensors of floating-point numbers on one device.

    Raises
    ------
    OperatorError
        Where there are none, or they are of another kind.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        if not tensors:
            raise OperatorError(
                "there are no parameters to differentiate by. Pass those whose Hessian is meant: "
                "requires_grad is False for all, or the dict is empty."
            )
        for one in tensors:
            if not one.dtype.is_floating_point:
                raise OperatorError(
                    f"a parameter has dtype {one.dtype}, and a Hessian is taken by real numbers. "
                    "Leave it out of `params`, or pass its real and imaginary parts."
                )
        devices = {str(one.device) for one in tensors}
        if len(devices) > 1 or "meta" in devices:
            raise OperatorError(
                f"the parameters lie on {', '.join(sorted(devices))}, and one device that holds "
                "numbers is needed. Move the model with model.to(...)."
            )
        self.device = tensors[0].device
        self.shapes = [tuple(one.shape) for one in tensors]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        self.n = sum(self.sizes)
        self.dtypes = [one.dtype for one in tensors]
        self.dtype = torch.float64 if torch.float64 in self.dtypes else torch.float32

    def split(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return the parts (k, ...) of vectors (k, n), in the dtypes of the parameters."""
        parts = torch.split(rows, self.sizes, dim=1)
        return [
            part.reshape(rows.shape[0], *shape).to(dtype)
            for part, shape, dtype in zip(parts, self.shapes, self.dtypes, strict=True)
        ]

    def join(self, parts: Sequence[torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
        """Return vectors (k, n) made of parts (k, ...)."""
        return torch.cat(
            [part.detach().reshape(part.shape[0], -1).to(dtype) for part in parts], dim=1
        )


def flatten(params: Any) -> tuple[list[torch.Tensor], Rebuild]:
    """Return the tensors of nested dicts, lists and tuples, and what builds the like of others.

    Raises
    ------
    OperatorError
        Where a leaf is no tensor.
    """
    leaves: list[torch.Tensor] = []
    make = _taken(params, leaves)
    return leaves, make


def _taken(params: Any, leaves: list[torch.Tensor]) -> Rebuild:
    """Append the leaves of `params`, and return what builds it from all of them."""
    if isinstance(params, torch.Tensor):
        at = len(leaves)
        leaves.append(params)
        return lambda tensors: tensors[at]
    if isinstance(params, torch.nn.Module):
        return _taken(dict(params.named_parameters()), leaves)
    if isinstance(params, Mapping):
        makers = {key: _taken(value, leaves) for key, value in params.items()}
        return lambda tensors: {key: make(tensors) for key, make in makers.items()}
    if isinstance(params, list | tuple):
        parts = [_taken(value, leaves) for value in params]
        return lambda tensors: _like(params, [make(tensors) for make in parts])
    raise OperatorError(
        f"the parameters hold a {type(params).__name__}, and tensors are wanted, or dicts, lists "
        "and tuples of them. Pass dict(model.named_parameters())."
    )


def _like(params: Any, values: list[Any]) -> Any:
    """Return a list, a tuple or a named tuple of values."""
    return type(params)(*values) if hasattr(params, "_fields") else type(params)(values)
