"""Tensors on their way to another process: as arrays, which packages keep in mapped files."""

from typing import Any

import numpy as np
import torch

__all__ = ["reduced", "tensor_of"]


def reduced(tensor: torch.Tensor) -> Any:
    """Return what a pickle makes of a tensor; NotImplemented: what it would without this."""
    is_plain = tensor.device.type == "cpu" and tensor.layout is torch.strided and tensor.is_leaf
    if not is_plain or tensor.is_conj() or tensor.is_neg() or tensor.dtype is torch.bfloat16:
        return NotImplemented
    if tensor._backward_hooks:
        return NotImplemented
    try:
        array = tensor.detach().numpy()
    except (TypeError, RuntimeError):  # a kind of number, or of tensor, that NumPy does not have
        return NotImplemented
    return tensor_of, (array, tensor.requires_grad)


def tensor_of(array: "np.ndarray[Any, Any]", requires_grad: bool) -> torch.Tensor:
    """Return a tensor in the memory of an array."""
    with torch.inference_mode(mode=False):
        return torch.from_numpy(array).requires_grad_(requires_grad)
