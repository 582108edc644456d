"""Arrays of numbers as files have them, and as SciPy takes them."""

import numpy as np

from symrank.support.typing import Array

__all__ = ["INTEGERS", "NUMBERS", "joined", "native"]

NUMBERS = "biufc"  # kinds of dtype
INTEGERS = "iu"


def native(array: Array) -> Array:
    """Return the array in the byte order of the machine: SciPy takes no other."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def joined(real: Array, imaginary: Array) -> Array:
    """Return ``real + 1j * imaginary`` part by part, as that product is NaN at infinity.

    Raises
    ------
    ValueError
        Where there are not as many of both.
    """
    if real.shape != imaginary.shape:
        raise ValueError(f"{real.size} real parts have {imaginary.size} imaginary ones")
    both = np.empty(real.shape, dtype=(real[:0] + imaginary[:0] * 1j).dtype)
    both.real, both.imag = real, imaginary
    return both
