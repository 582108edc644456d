"""Where the blocks of a kernel live: in the memory of the host, for the files that run there.

A kernel file of another place has the same four names, and of the array namespace nothing is used
but what the array API standard has: so recurrences hold for both, and never look which it is.
"""

import math

import numpy as np

from symrank.support.blocks import empty_block
from symrank.support.typing import Array

__all__ = ["block", "empty", "host", "xp"]

xp = np
empty = empty_block


def block(Z: Array) -> Array:
    """Return a fresh block with the values of an array of the host."""
    fresh = empty_block(Z.shape[0], math.prod(Z.shape[1:]), Z.dtype).reshape(Z.shape)
    fresh[...] = Z
    return fresh


def host(x: Array) -> Array:
    """Return an array that a kernel gave as an ndarray; here it is one."""
    return x
