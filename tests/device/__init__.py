"""Kernels of a device, run on the host."""

from functools import cache

import numpy as np
import pytest

from symrank import kernels
from symrank.kernels.multiplicands import Given

ON_HOST = tuple(name for name in kernels.NAMES if not name.startswith("gpu_"))


@cache
def has_fma():
    """Tell whether the compiled CPU kernels fuse: y - c p where the exact product decides."""
    before = np.array([[1.0 + 2.0**-30]])
    one = np.ones((1, 1))
    kernels.load("cpu_numba").lanczos_step(
        Given(-one), 0.0 * one, before, np.ones(1), np.array([2.0**-30 - 1.0])
    )
    return before[0, 0] == -(2.0**-60)


def need_fma():
    """Skip a test of bits where the CPU rounds every product: a GPU's do not."""
    if not has_fma():
        pytest.skip("this CPU has no fused multiply-add, so its bits are not those of a GPU")
