"""What a kernel multiplies with: the three kinds of a product A X, told apart by their type."""

from typing import NamedTuple

from symrank.support.typing import Array

__all__ = ["Csr", "Diagonal", "Given", "Multiplicand"]


class Csr(NamedTuple):
    """A real matrix in CSR form, and the block X that the kernel multiplies in its own pass."""

    indptr: Array
    indices: Array
    data: Array
    X: Array


class Diagonal(NamedTuple):
    """A real diagonal, and the block X."""

    d: Array
    X: Array


class Given(NamedTuple):
    """The product itself."""

    Y: Array


Multiplicand = Csr | Diagonal | Given
