"""CUDA kernels, launched by CuPy: the bits of `cpu_numba` on a CPU with fused multiply-add.

Every array is on the device, the (k,) results as well, and nothing is read back. The text of the
kernels lies in `symrank.kernels.cuda`; a module of it is compiled when it is first used, in a
second or two, and CuPy keeps what came out of it. Complex blocks are pairs of real columns.
"""

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from symrank.errors import MissingBackendError, OperatorError
from symrank.kernels.coefficients import Coefficients
from symrank.kernels.compiled.sums import FAN, num_chunks
from symrank.kernels.cpu_numba import golub_welsch
from symrank.kernels.cuda import OPTIONS, Code, source
from symrank.kernels.cuda.geometry import Launch, by_chunks, by_rows, in_a_row, noise_bytes
from symrank.kernels.multiplicands import Csr, Diagonal, Given, Multiplicand
from symrank.support.probes import Noise
from symrank.support.typing import Array, FloatArray

__all__ = [
    "OUT_OF_MEMORY",
    "block",
    "chebyshev_step",
    "draw",
    "empty",
    "fitted",
    "free_bytes",
    "golub_kahan_step",
    "golub_welsch",
    "host",
    "lanczos_step",
    "langevin_step",
    "multiply",
    "record",
    "xp",
]

REMEDY = 'or leave kernel out: kernel="cpu_numba" runs everywhere.'


def _cupy() -> Any:
    """Import CuPy and look for a device."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        raise MissingBackendError(
            "kernel='gpu_cupy' needs CuPy, which is not installed: pip install cupy-cuda12x (or "
            f"the build for your CUDA version), {REMEDY}"
        ) from error
    except ImportError as error:
        raise MissingBackendError(
            f"kernel='gpu_cupy' needs CuPy, which is installed and cannot be imported ({error}): "
            f"install the driver of the GPU and the CuPy build for its CUDA version, {REMEDY}"
        ) from error
    try:
        count, found = int(cupy.cuda.runtime.getDeviceCount()), "it counts 0 devices"
    except Exception as error:  # CUDARuntimeError, a RuntimeError
        count, found = 0, str(error)
    if count == 0:
        raise MissingBackendError(
            f"kernel='gpu_cupy' needs a GPU, and CuPy finds none ({found}): install the driver, "
            f"look at what CUDA_VISIBLE_DEVICES hides, {REMEDY}"
        )
    return cupy


xp: Any = _cupy()
OUT_OF_MEMORY: Any = xp.cuda.memory.OutOfMemoryError


def empty(n: int, k: int, dtype: npt.DTypeLike) -> Any:
    """See `reference.empty`."""
    return xp.empty((n, k), dtype)


def block(Z: Array) -> Any:
    """See `reference.block`."""
    return xp.asarray(np.ascontiguousarray(Z))


def host(x: Any) -> Array:
    """See `reference.host`."""
    return np.asarray(xp.asnumpy(x))


def free_bytes() -> int:
    """Return how many bytes of the device are left for blocks, what CuPy's pool keeps included."""
    return int(xp.cuda.Device().mem_info[0] + xp.get_default_memory_pool().free_bytes())


def fitted(X: Any, dtype: npt.DTypeLike) -> Any:
    """Return an array of the device in C order and of this dtype, itself where it is one."""
    return xp.ascontiguousarray(X, dtype=dtype)


def record() -> Any:
    """Return what waits by its `synchronize()` for the end of all that was launched so far."""
    event = xp.cuda.Event(disable_timing=True)
    event.record()
    return event


def lanczos_step(
    product: Multiplicand,
    U: Any,
    U_prev: Any,
    scale: FloatArray,
    coupling: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """See `reference.lanczos_step`. Two passes over memory."""
    number, parts, (n, k) = _real(U)
    code, fields = _product(product, U.shape, U.dtype)
    vectors = (U.shape[1],)
    s, c = _checked(scale, vectors, "float64"), _checked(coupling, vectors, "float64")
    blocks = (_checked(U, U.shape, U.dtype), _checked(U_prev, U.shape, U.dtype))
    partial = xp.empty((1, num_chunks(n), k), "float64")
    sizes = (*map(np.int64, (n, k, parts)),)
    launch = by_chunks(n, k)
    _launch(code, "multiply_and_project", launch, (*fields, *blocks, s, c, partial, *sizes))
    (alpha,) = _add_chunks(partial, parts)
    arguments = (blocks[1], blocks[0], alpha, s, partial, *sizes)
    _launch(Code(number), "subtract", launch, arguments)
    (norm,) = _add_chunks(partial, parts, root=True)
    return alpha, norm


def golub_kahan_step(
    product: Multiplicand, W_prev: Any, scale: FloatArray, coupling: FloatArray
) -> FloatArray:
    """See `reference.golub_kahan_step`. One pass over memory."""
    _, parts, (n, k) = _real(W_prev)
    code, fields = _product(product, W_prev.shape, W_prev.dtype)
    vectors = (W_prev.shape[1],)
    partial = xp.empty((1, num_chunks(n), k), "float64")
    arguments = (
        *fields, _checked(W_prev, W_prev.shape, W_prev.dtype), _checked(scale, vectors, "float64"),
        _checked(coupling, vectors, "float64"), partial, *map(np.int64, (n, k, parts)),
    )  # fmt: skip
    _launch(code, "golub_kahan_step", by_chunks(n, k), arguments)
    norm: FloatArray = _add_chunks(partial, parts, root=True)[0]
    return norm


def chebyshev_step(
    product: Multiplicand, T: Any, T_prev: Any, slope: float, offset: float
) -> tuple[FloatArray, FloatArray]:
    """See `reference.chebyshev_step`. One pass over memory."""
    number, parts, (n, k) = _real(T)
    code, fields = _product(product, T.shape, T.dtype)
    real = np.dtype(number).type
    chunks = num_chunks(n)
    partial = xp.empty((2, chunks, k), "float64")
    arguments = (
        *fields, _checked(T, T.shape, T.dtype), _checked(T_prev, T.shape, T.dtype), partial,
        np.int64(chunks), np.int64(n), np.int64(k), real(slope), real(offset),
    )  # fmt: skip
    _launch(code, "chebyshev_step", by_chunks(n, k), arguments)
    mixed, square = _add_chunks(partial, parts)
    return mixed, square


def langevin_step(
    product: Multiplicand,
    theta: Any,
    out: Any,
    velocity: Any | None,
    coefficients: Coefficients,
    noise: Noise,
    step: int,
    chain: int = 0,
) -> FloatArray:
    """See `reference.langevin_step`. One pass over memory."""
    number, parts, (n, k) = _real(theta)
    code, fields = _product(product, theta.shape, theta.dtype)
    real = np.dtype(number).type
    size, deviation, correction, decay, is_averaged = coefficients
    deviation *= math.sqrt(0.5) if parts == 2 else 1.0
    states = [theta, out, *([] if velocity is None else [velocity])]
    partial = xp.empty((1, num_chunks(n), k), "float64")
    name = "first_order" if velocity is None else "kinetic"
    h = real(size)
    last = (-real(correction),) if velocity is None else (h / real(2), real(decay))
    arguments = (
        *fields, *(_checked(X, theta.shape, theta.dtype) for X in states), partial,
        np.int64(n), np.int64(k), -h, real(deviation), *last,
    )  # fmt: skip
    _launch_noisy(code, name, k, arguments, n, noise, step, parts * chain, is_averaged)
    energy: FloatArray = _add_chunks(partial, parts)[0]
    return energy


def multiply(product: Multiplicand) -> Any:
    """See `reference.multiply`. Rows are summed in double precision; for real blocks."""
    if isinstance(product, Given):
        return product.Y
    X = product.X
    rows = product.indptr.shape[0] - 1 if isinstance(product, Csr) else X.shape[0]
    k = X.shape[1]
    out = empty(rows, k, X.dtype)
    code, fields = _product(product, (rows, k), X.dtype)
    _launch(code, "multiply", by_rows(rows, k), (*fields, out, np.int64(rows), np.int64(k)))
    return out


def draw(
    shape: tuple[int, int], dtype: npt.DTypeLike, noise: Noise, step: int, chain: int = 0
) -> Any:
    """See `reference.draw`."""
    out = empty(*shape, dtype)
    number, parts, (n, k) = _real(out)
    scale = np.dtype(number).type(math.sqrt(0.5) if parts == 2 else 1.0)
    arguments = (out, np.int64(n), np.int64(k), scale)
    _launch_noisy(Code(number), "draw", k, arguments, n, noise, step, parts * chain)
    return out


@cache
def _function(code: Code, name: str) -> Any:
    return _module(code).get_function(name)


@cache
def _module(code: Code) -> Any:
    return xp.RawModule(code=source(code), options=OPTIONS)


def _real(X: Any) -> tuple[str, int, tuple[int, int]]:
    """Return the type of a block's real numbers, how many an entry has, and their (n, k)."""
    parts = 2 if np.dtype(X.dtype).kind == "c" else 1
    return _number(X.dtype), parts, (X.shape[0], parts * X.shape[1])


def _number(dtype: npt.DTypeLike) -> str:
    return str(np.zeros(0, dtype).real.dtype)


def _product(
    product: Multiplicand, shape: tuple[int, int], dtype: npt.DTypeLike
) -> tuple[Code, tuple[Any, ...]]:
    """Return the code of a product of this shape, and its fields; complex ones are given."""
    number, (n, k) = _number(dtype), shape
    if isinstance(product, Given):
        return Code(number, "GIVEN"), (_checked(product.Y, shape, dtype),)
    X = _checked(product.X, (product.X.shape[0], k), number)
    if isinstance(product, Diagonal):
        d = _checked(product.d, (n,), number)
        return Code(number, "DIAGONAL"), (d, _checked(X, shape, number))
    index = str(product.indices.dtype)
    indptr = _checked(product.indptr, (n + 1,), index)
    indices = _checked(product.indices, product.indices.shape, index)
    data = _checked(product.data, indices.shape, number)
    return Code(number, "CSR", index), (indptr, indices, data, X)


def _checked(X: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Refuse what a kernel would read as other numbers than it holds."""
    expected = np.dtype(dtype)
    if not isinstance(X, xp.ndarray):
        raise OperatorError(
            f"a kernel on the device takes arrays of CuPy, not {type(X).__name__}: give arrays "
            'that lie there, or choose kernel="cpu_numba".'
        )
    if X.shape != shape or X.dtype != expected or not X.flags.c_contiguous:
        order = "C order" if X.flags.c_contiguous else "another order"
        raise OperatorError(
            f"a kernel on the device takes an array {shape} of {expected} in C order, and got "
            f"{tuple(X.shape)} of {X.dtype} in {order}: convert it before."
        )
    return X


def _launch(code: Code, name: str, launch: Launch, arguments: tuple[Any, ...]) -> None:
    _function(code, name)(launch.grid, launch.block, arguments, shared_mem=launch.shared)


def _launch_noisy(
    code: Code, name: str, k: int, arguments: tuple[Any, ...], n: int,
    noise: Noise, step: int, chain: int, is_averaged: bool = False,
) -> None:  # fmt: skip
    """Launch a kernel that makes noise."""
    law = "gaussians" if noise.is_gaussian else "signs"
    full = f"{name}_averaged_{law}" if is_averaged else f"{name}_{law}"
    address = (np.uint64(noise.key), np.uint64(step), np.uint64(chain))
    launch = by_chunks(n, k, noise_bytes(k, chain, noise.is_gaussian, is_averaged))
    _launch(code, full, launch, (*arguments, *address))


def _add_chunks(partial: Any, parts: int, root: bool = False) -> list[Any]:
    """Return the sums of each `partial` (batch, chunks, k), a (vectors,) array."""
    code = Code("float64")
    while True:
        batch, chunks, k = partial.shape
        groups = -(-chunks // FAN)
        is_last = groups == 1
        vectors = k // parts if is_last else k
        sums = xp.empty((batch, groups, vectors), "float64")
        arguments = (
            partial, sums, np.int64(chunks), np.int64(vectors),
            np.int64(parts if is_last else 1), np.int64(root and is_last),
        )  # fmt: skip
        _launch(code, "add_chunks", in_a_row(groups * vectors, batch), arguments)
        if is_last:
            return [sums[b, 0] for b in range(batch)]
        partial = sums
