"""Tensors of PyTorch as arrays by their own methods, what lives on a GPU or on Dask: no imports."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.errors import OperatorError
from symrank.support.foreign import named_package

__all__ = ["array_of", "is_module", "is_tensor", "lives_on_dask", "lives_on_gpu"]

CUPY = ("cupy", "cupyx")
SHORT = ("torch.bfloat16", "torch.float16")  # NumPy knows the second alone; both become float32


def is_tensor(A: Any) -> bool:
    """Tell whether `A` is a tensor of PyTorch, or of a class derived from one."""
    return any(_is_named(kind, "Tensor") for kind in type(A).__mro__)


def lives_on_gpu(A: Any) -> bool:
    """Tell whether `A` is of CuPy, or a tensor of PyTorch on a GPU, of either make."""
    if any(named_package(kind.__module__) in CUPY for kind in type(A).__mro__):
        return True
    return is_tensor(A) and bool(A.is_cuda)


def lives_on_dask(A: Any) -> bool:
    """Tell whether `A` is an array of Dask."""
    return any(
        kind.__name__ == "Array" and named_package(kind.__module__) == "dask"
        for kind in type(A).__mro__
    )


def is_module(A: Any) -> bool:
    """Tell whether `A` is a module of PyTorch."""
    return any(_is_named(kind, "Module") for kind in type(A).__mro__)


def _is_named(kind: type, name: str) -> bool:
    return kind.__name__ == name and named_package(kind.__module__) == "torch"


def array_of(A: Any) -> Any:
    """Return a tensor as an ndarray or a scipy.sparse array in the memory of the host.

    A tensor that requires a gradient is taken by its values; one on another device is copied, but
    for those of a GPU, which do not come here.

    Raises
    ------
    OperatorError
        Where it holds no values: a meta tensor, or one of a layout that makes no array.
    """
    try:
        A = A.detach()
        if str(A.dtype) in SHORT:
            A = A.float()
        if not str(A.layout).startswith("torch.sparse"):
            return A.to_dense().cpu().resolve_conj().resolve_neg().numpy()
        A = A.to_sparse_coo().coalesce().cpu()
        values = A.values().resolve_conj().resolve_neg().numpy()
        index = np.asarray(A.indices().numpy())
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise OperatorError(
            f"this tensor of shape {tuple(A.shape)} and layout {A.layout} makes no array: "
            f"{str(error).splitlines()[0]} Pass a dense or sparse tensor with values."
        ) from error
    if values.ndim != 1 or index.shape[0] != 2:
        raise OperatorError(
            f"a sparse tensor of shape {tuple(A.shape)} has {index.shape[0]} sparse dimensions, "
            "and a matrix has two. Pass a two-dimensional one, or tensor.to_dense()."
        )
    return sp.coo_array((values, tuple(index)), shape=tuple(A.shape))
