"""Panels: the smallest use, as the module's docstring shows it."""

import numpy as np

from symrank.kernels.compiled import simd
from symrank.kernels.compiled.compiler import compiled
from symrank.kernels.compiled.simd import fma, load, splat, store, width_tag


@compiled
def axpy(tag, a, x, y):
    for i in range(0, x.size, len(tag)):
        store(y, i, fma(splat(tag, a), load(tag, x, i), load(tag, y, i)))


def test_the_smallest_use_of_panels_is_the_one_that_is_shown():
    x, y = np.arange(32.0), np.ones(32)
    axpy(width_tag(8), 2.0, x, y)
    np.testing.assert_array_equal(y, 2.0 * x + 1.0)  # whole numbers: exact, fused or not
    for line in (
        "def axpy(tag, a, x, y):",
        "for i in range(0, x.size, len(tag)):",
        "store(y, i, fma(splat(tag, a), load(tag, x, i), load(tag, y, i)))",
        "axpy(width_tag(8), 2.0, x, y)",
    ):
        assert line in simd.__doc__
