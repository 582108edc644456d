"""A kernel file of array API functions, whose blocks live on a device that mixes with no other.

`array_api_strict` has such a device: it refuses what the standard does not have, arrays of another
device, and conversion to NumPy. So what recurrences and operators do to a block is seen to be what
any library can do where the block is. The arithmetic is that of `reference`.
"""

import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from symrank import kernels
from symrank.kernels import reference
from symrank.kernels.multiplicands import Diagonal, Given
from symrank.operators import Operator

NAME = "gpu_strict"
FREE = 2**30  # bytes


def kernel_file(free=FREE):
    """The module, with `free` bytes on the device."""
    xp = pytest.importorskip("array_api_strict")
    K = ModuleType(f"symrank.kernels.{NAME}")
    device, own = xp.Device("device1"), {}

    def on(x, dtype=None):
        return xp.asarray(np.ascontiguousarray(x), dtype=dtype, device=device)

    def host(x):
        return x if isinstance(x, np.ndarray) else np.array(x.to_device(own["home"]))

    own["home"] = xp.Device("CPU_DEVICE")

    def wide(X):
        return xp.complex128 if xp.isdtype(X.dtype, "complex floating") else xp.float64

    def multiply(product):
        if isinstance(product, Given):
            return product.Y
        assert isinstance(product, Diagonal)
        return product.d[:, None] * product.X

    def dot(X, Y):
        X, Y = xp.astype(X, wide(X)), xp.astype(Y, wide(Y))
        X = xp.conj(X) if wide(X) is xp.complex128 else X
        found = xp.cumulative_sum(X * Y, axis=0)[-1, :]  # one order, whatever the width
        return xp.real(found) if wide(X) is xp.complex128 else found

    def real_of(X):
        return {"32": xp.float32, "64": xp.float32, "28": xp.float64}.get(
            str(X.dtype)[-2:] if wide(X) is xp.complex128 else "", X.dtype
        )

    def lanczos_step(product, U, U_prev, scale, coupling):
        s, c = xp.astype(scale, real_of(U)), xp.astype(coupling, real_of(U))
        y = s * multiply(product) - c * U_prev
        alpha = dot(s * U, y)
        w = y - xp.astype(alpha * scale, real_of(U)) * U
        U_prev[...] = w
        return alpha, xp.sqrt(dot(w, w))

    def chebyshev_step(product, T, T_prev, slope, offset):
        T_prev[...] = slope * multiply(product) + offset * T - T_prev
        return dot(T, T_prev), dot(T_prev, T_prev)

    def draw(shape, dtype, noise, step, chain=0):
        return on(reference.draw(shape, dtype, noise, step, chain))

    def langevin_step(product, theta, out, velocity, coefficients, noise, step, chain=0):
        y, eta = multiply(product), coefficients.step
        dtype = str(theta.dtype).rpartition(".")[2]
        n = draw(theta.shape, dtype, noise, step, chain)
        if coefficients.averaged:
            n = (n + draw(theta.shape, dtype, noise, step + 1, chain)) * 0.5
        n = n * coefficients.noise
        if velocity is None:
            energy = dot(y, 2 * theta - coefficients.energy_correction * y)
            out[...] = theta - eta * y + n
        else:
            energy = dot(y, theta)
            u = velocity - eta * y
            velocity[...] = coefficients.decay * u + n
            out[...] = theta + 0.5 * eta * (u + velocity)
        return energy

    vars(K).update(
        xp=xp, block=on, host=host, fitted=lambda X, dtype: X, OUT_OF_MEMORY=(), log=[],
        empty=lambda n, k, dtype: xp.empty((n, k), dtype=getattr(xp, str(np.dtype(dtype))),
                                           device=device),
        free_bytes=lambda: free, lanczos_step=lanczos_step, chebyshev_step=chebyshev_step,
        langevin_step=langevin_step, draw=draw, multiply=multiply,
    )  # fmt: skip
    K.record = lambda: _event(K.log)
    return K


def _event(log):
    number = sum(what == "record" for what, _ in log)
    log.append(("record", number))
    return SimpleNamespace(synchronize=lambda: log.append(("wait", number)))


@contextmanager
def loaded(monkeypatch, free=FREE):
    """The kernel file, known by its name."""
    K = kernel_file(free)
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "NAMES", (*kernels.NAMES, NAME))
        patch.setitem(sys.modules, K.__name__, K)
        yield K


class Strict(Operator):
    """A dense matrix, or a diagonal, on the strict device."""

    _follows_parts = True

    def __init__(self, matrix):
        super().__init__(matrix.shape, matrix.dtype, name="strict matrix")
        self.kernel = NAME
        self.entries = kernels.load(NAME).block(matrix)

    def _matmat(self, X):
        return self.entries @ X


class StrictDiagonal(Strict):
    """Hands its diagonal to the kernel."""

    def multiplicand(self, *, is_summed=False):
        d = kernels.load(NAME).block(np.diagonal(kernels.load(NAME).host(self.entries)).copy())
        return lambda X: Diagonal(d, X), True
