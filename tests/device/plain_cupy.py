"""The least that `gpu_cupy` asks of CuPy, with NumPy's arrays for those of a device.

Each array that is asked for lies between margins of NaNs: what a kernel writes beyond it is seen at
the end of a launch, and what it reads there makes a NaN.
"""

import importlib
import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from weakref import WeakValueDictionary

import numpy as np
import pytest

from symrank import kernels
from tests.device import host

MARGIN = 4096  # bytes before and after an array
MARK = 0xFF  # of which NaNs are made
WITH_MARGINS = WeakValueDictionary()  # by the numbers that `id` gives them


class RawModule(host.RawModule):
    """Looks after each launch at the margins of the arrays that lie between such."""

    def get_function(self, name):
        run = super().get_function(name)

        def launch(grid, block, args, **options):
            run(grid, block, args, **options)
            for array in args:
                if isinstance(array, np.ndarray):
                    _look(array, name)

        return launch


def empty(shape, dtype=float):
    """An array between margins, full of NaNs itself."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.full(size + 2 * MARGIN, MARK, np.uint8)
    WITH_MARGINS[id(raw)] = raw
    return raw[MARGIN : MARGIN + size].view(dtype).reshape(shape)


def asarray(array):
    """Always a copy, as that of an array of the host is."""
    fresh = empty(array.shape, array.dtype)
    fresh[...] = array
    return fresh


def _look(array, name):
    raw = array
    while isinstance(raw.base, np.ndarray):
        raw = raw.base
    if WITH_MARGINS.get(id(raw)) is raw:
        ends = raw[:MARGIN], raw[-MARGIN:]
        assert all((end == MARK).all() for end in ends), f"{name} writes beyond an array"


def module():
    """A module that does for `cupy`."""
    cupy = ModuleType("cupy")
    device = SimpleNamespace(mem_info=(2**30, 2**31))
    vars(cupy).update(
        __getattr__=lambda name: getattr(np, name),  # what the array API standard has
        ndarray=np.ndarray, empty=empty, asarray=asarray, asnumpy=np.array, RawModule=RawModule,
        cuda=SimpleNamespace(
            runtime=SimpleNamespace(getDeviceCount=lambda: 1), Device=lambda: device,
            memory=SimpleNamespace(OutOfMemoryError=MemoryError),
        ),
        get_default_memory_pool=lambda: SimpleNamespace(free_bytes=lambda: 4096),
    )  # fmt: skip
    return cupy


@contextmanager
def kernel(cupy=None):
    """`symrank.kernels.gpu_cupy` as it is with this module in place of CuPy, and no trace of it."""
    name, hidden = "symrank.kernels.gpu_cupy", {}
    for key in (name, "cupy"):
        hidden[key] = sys.modules.pop(key, None)
    sys.modules["cupy"] = cupy or module()
    try:
        yield importlib.import_module(name)
    finally:
        for key, before in hidden.items():
            sys.modules.pop(key, None)
            if before is not None:
                sys.modules[key] = before


def load(name):
    """Return a kernel file; that of a GPU runs on the host, or the test is skipped."""
    if not name.startswith("gpu_"):
        return kernels.load(name)
    if reason := host.why_not():
        pytest.skip(f"{name} cannot be run on the host: {reason}")
    with kernel() as loaded:
        return loaded
