r"""Proved brackets of one number: what several of them say together.

Every bracket [low, high] holds the number, so all of them together say [max low, min high]. Where
that crosses, low > high by more than rounding explains, at least one of them is false, and nothing
tells which: the bracket is *void*, and all that is left is what was known beforehand. It is neither
the least nor the hull of two numbers of which one is wrong.

Intervals that hold with a probability are something else: two that miss each other are a sampling
miss, and `symrank.spectrum.intervals.Intersection` reports their hull.
"""

import numpy as np
import numpy.typing as npt

from symrank.support.typing import Array, FloatArray

__all__ = ["narrower"]


def narrower(
    *brackets: npt.ArrayLike, allowance: float = 0.0, whole: tuple[float, float] = (0.0, 1.0)
) -> tuple[FloatArray, Array]:
    """Return the narrowest bracket that several prove together, and where they contradict.

    Parameters
    ----------
    *brackets
        (..., 2) lower and upper ends, all of one shape. One alone may cross as well.
    allowance
        Ends that cross by no more are rounded: the bracket is what lies between them.
    whole
        What is known beforehand, and all that a void bracket says.

    Returns
    -------
    bounds
        (..., 2), low <= high, inside `whole`.
    is_void
        (...,) bool: True where the brackets contradict each other.

    Examples
    --------
    >>> narrower((0.1, 0.5), (0.2, 0.9))
    (array([0.2, 0.5]), np.False_)
    >>> narrower((0.1, 0.2), (0.3, 0.4))
    (array([0., 1.]), np.True_)
    """
    stacked = np.stack([np.asarray(bracket, np.float64) for bracket in brackets])
    low, high = stacked[..., 0].max(axis=0), stacked[..., 1].min(axis=0)
    is_void = ~(low <= high + allowance)  # NaN proves nothing either
    bounds = np.sort(np.stack([low, high], axis=-1), axis=-1)
    bounds = np.clip(bounds, *whole)
    return np.where(is_void[..., None], np.array(whole), bounds), is_void
