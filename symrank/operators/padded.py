r"""A sparse matrix most of whose rows and columns are empty: what is not empty, and how much is.

With P the 0/1 matrix that puts the occupied rows into their places,

    A = P B P^T,    rank A = rank B,    nullity A = nullity B + (empty rows),

so whoever counts takes B and adds zeros: a file of 46 bytes may declare a billion rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.errors import OperatorError, OptionError
from symrank.operators.base import Operator
from symrank.operators.coerce import as_operator
from symrank.operators.facts import Facts
from symrank.operators.matrix import MatrixOperator
from symrank.operators.shapes import square_size, working_dtype
from symrank.support.cached import cached_property
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["PaddedMatrix", "PaddedOperator"]

MOST_WHOLE = 2**20  # rows of a padded operator whose vectors are still made: 8 MB each
MOST_PRODUCT = 2**32  # bytes: the vectors of an operator with more empty rows are not made


@dataclass(frozen=True, kw_only=True, eq=False)
class PaddedMatrix:
    """A sparse matrix without its empty rows and columns.

    `symrank.rank`, `symrank.augmented` and `symrank.gram` take it as the whole matrix.

    Attributes
    ----------
    block
        csr_array of the occupied rows and columns; of a square matrix those where either is.
    shape
        Of the whole.
    rows, columns
        Where those of `block` belong, ascending.
    """

    block: "sp.csr_array[Any]"
    shape: tuple[int, int]
    rows: IntArray
    columns: IntArray

    @classmethod
    def from_coo(cls, matrix: Any) -> "PaddedMatrix":
        """Leave the empty rows and columns out of a COO matrix."""
        rows, columns = np.unique(matrix.row), np.unique(matrix.col)
        if matrix.shape[0] == matrix.shape[1]:
            rows = columns = np.union1d(rows, columns)
        places = np.searchsorted(rows, matrix.row), np.searchsorted(columns, matrix.col)
        data = matrix.data.astype(working_dtype(matrix.dtype), copy=False)
        block = sp.csr_array(sp.coo_array((data, places), shape=(rows.size, columns.size)))
        shape = int(matrix.shape[0]), int(matrix.shape[1])
        return cls(block=block, shape=shape, rows=_wide(rows), columns=_wide(columns))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the entries."""
        return np.dtype(self.block.dtype)

    @property
    def nnz(self) -> int:
        """Number of entries that are stored."""
        return int(self.block.nnz)

    def tocoo(self) -> "sp.coo_array[Any]":
        """Return the whole matrix in a format without an array of its rows."""
        part = self.block.tocoo()
        places = self.rows[part.row], self.columns[part.col]
        return sp.coo_array((part.data, places), shape=self.shape)

    def __repr__(self) -> str:
        rows, columns = self.block.shape
        return (
            f"<PaddedMatrix {self.shape[0]}x{self.shape[1]} {self.dtype}: {self.nnz} entries in "
            f"{rows} rows and {columns} columns>"
        )


class PaddedOperator(Operator):
    """``P B P^T``: an operator with rows and columns of zeros around it.

    Parameters
    ----------
    base
        B.
    n
        Rows of the whole.
    index
        Where those of B belong, ascending.
    """

    def __init__(self, base: Operator, n: int, index: IntArray) -> None:
        super().__init__(
            (n, n), base.dtype, name=f"{base.name} and empty rows", is_explicit=base.is_explicit
        )
        self.base = base
        self.index = index
        self.matvecs_per_product = base.matvecs_per_product
        self.noise = base.noise

    @property
    def num_empty(self) -> int:
        """Rows of zeros around B."""
        return self.n - self.base.n

    def occupied(self, *, whole: bool = False) -> tuple[Operator, IntArray | None]:
        """Return B, and its rows; or the whole, where the question is about its empty rows too."""
        if not whole:
            return self.base, self.index
        if self.n <= MOST_WHOLE:
            return self.whole(), None
        raise OptionError(
            "a window that holds zero, deflate, a basis and a Preconditioner ask for the whole A, "
            f"and {self.num_empty} of its {self.n} rows are empty and left out: count on either "
            "side of zero, pass the diagonal of G as an array, and take the basis of the block of "
            "the other rows."
        )

    def whole(self) -> Operator:
        """Return the operator with its empty rows stored, as a matrix where B is one."""
        stored = self.base.facts.stored
        if stored is None or isinstance(stored, np.ndarray):
            return self
        part = stored.tocoo()
        places = self.index[part.row], self.index[part.col]
        return MatrixOperator(sp.coo_array((part.data, places), shape=self.shape))

    @cached_property
    def _plain(self) -> Operator | None:
        """The whole as a matrix, where B is one and the empty rows are few."""
        whole = self.whole() if self.n <= MOST_WHOLE else self
        return None if whole is self else whole

    def _facts(self) -> Facts:
        return self._facts_over(self.base) if self._plain is None else self._plain.facts

    def scaled_rows(self, root: FloatArray) -> Operator | None:
        """Return ``D A D`` of the whole, where it is a matrix."""
        return None if self._plain is None else self._plain.scaled_rows(root)

    def _matmat(self, X: Array) -> Array:
        product = np.zeros_like(X)
        product[self.index] = self.base._matmat(np.ascontiguousarray(X[self.index]))
        return product

    def matmat(self, X: Any) -> Array:
        """Multiply a block of vectors; see `Operator.matmat`."""
        if np.size(X) * self.dtype.itemsize > MOST_PRODUCT:
            raise OperatorError(
                f"a block of {np.shape(X)} takes more than {MOST_PRODUCT >> 30} GiB: multiply "
                f"the {self.base.n} rows that hold entries, by `base`."
            )
        return super().matmat(X)

    def to_dense(self) -> Array:
        """Return the entries as a fresh array."""
        if self.n**2 * self.dtype.itemsize > MOST_PRODUCT:
            raise OperatorError(
                f"a dense {self.n}x{self.n} array takes more than {MOST_PRODUCT >> 30} GiB: take "
                "that of the rows that hold entries, `base.to_dense()`."
            )
        dense = np.zeros(self.shape, dtype=self.dtype)
        dense[np.ix_(self.index, self.index)] = self.base.to_dense()
        return dense

    @property
    def num_dense_products(self) -> int:
        """Products that `to_dense` takes."""
        return self.base.num_dense_products

    def scale_hint(self) -> float | None:
        """Return the largest absolute entry, where it is known."""
        return self.base.scale_hint()


@as_operator.register
def _(A: PaddedMatrix) -> Operator:
    n = square_size(A.shape)
    return PaddedOperator(as_operator(A.block), n, A.rows)


def _wide(index: Array) -> IntArray:
    return index.astype(np.int64)
