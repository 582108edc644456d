"""Vectors of covariance G for a G that has no square factor."""

from collections.abc import Callable
from dataclasses import dataclass

from symrank.support.typing import Array

__all__ = ["Draw"]


@dataclass(frozen=True)
class Draw:
    """A factor S of G with more columns than rows, for vectors S xi of covariance G.

    Attributes
    ----------
    product
        ``Xi -> S Xi`` for real blocks (num_columns, k).
    num_columns
        N, at least n.
    error
        Bound on the error of a product in the norm of G^-1, relative to the length of xi.
    """

    product: Callable[[Array], Array]
    num_columns: int
    error: float
