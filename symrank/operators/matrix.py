"""Explicit matrices, dense and sparse."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.errors import OperatorError
from symrank.kernels.multiplicands import Csr, Diagonal, Multiplicand
from symrank.operators.base import Operator
from symrank.operators.facts import DenseForm, Facts, ScalableRows, entry_work
from symrank.operators.patterns import symmetric_rank
from symrank.operators.scaling import power_of_two, scaled_rows
from symrank.operators.shapes import working_dtype
from symrank.operators.sums import multiply
from symrank.support.cached import cached_property
from symrank.support.typing import Array, FloatArray

__all__ = ["MatrixOperator", "canonical", "largest_entry"]


class MatrixOperator(Operator):
    """A dense or sparse matrix whose entries are known.

    The array is neither changed nor, where it already fits, copied: a dense array of a working
    dtype is kept in its own memory order, a CSR matrix with sorted and unique indices shares its
    three arrays. Other sparse formats become CSR and duplicates are summed. Integers and booleans
    become float64, float16 becomes float32, extended precision is rounded to double.

    Parameters
    ----------
    A
        (n, n) ndarray, ``numpy.matrix`` or any scipy.sparse array or matrix.

    Attributes
    ----------
    entries : ndarray or csr_array
        The matrix in the form in which it is multiplied.

    Raises
    ------
    OperatorError
        Where `A` is not square, has no numbers, or is masked.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import MatrixOperator
    >>> A = MatrixOperator(np.diag([2, 1, 0]))
    >>> A, A.scale_hint()
    (<MatrixOperator 3x3 float64: dense matrix>, 2.0)
    >>> A @ np.ones(3)
    array([2., 1., 0.])
    """

    def __init__(self, A: Any) -> None:
        self.entries = canonical(A)
        kind = "sparse matrix" if self.is_sparse else "dense matrix"
        super().__init__(self.entries.shape, self.entries.dtype, name=kind, is_explicit=True)
        self.is_columnwise = self.is_sparse  # row by row, in the order of the entries

    @property
    def is_sparse(self) -> bool:
        """Whether `entries` is a CSR array."""
        return bool(sp.issparse(self.entries))

    def _facts(self) -> Facts:
        work, known = entry_work(self.entries), super()._facts()
        return replace(
            known,
            work=work.repeated(1.0, rows=self.n),
            dense=DenseForm(shape=self.shape),
            num_entries=work.in_order + work.by_index,
            is_full=not self.is_sparse,
            largest_stored=known.largest or 0.0,
            stored=self.entries,
            rows=partial(ScalableRows, parts=(self.entries,)),
            entries=partial(_as_csr, self.entries),
            diagonal=self.entries.diagonal,
            structural_rank=partial(symmetric_rank, self.entries) if self.is_sparse else None,
        )

    def _matmat(self, X: Array) -> Array:
        return multiply(self.entries, X)

    def multiplicand(
        self, *, is_summed: bool = False
    ) -> tuple[Callable[[Array], Multiplicand], bool]:
        """Let the kernel multiply by a real sparse matrix; see `Operator.multiplicand`."""
        if not self.is_sparse or self.dtype.kind != "f":
            return super().multiplicand(is_summed=is_summed)
        A = self.entries
        if _is_diagonal(A):
            d = A.diagonal()
            return lambda X: Diagonal(d, X), True
        return lambda X: Csr(A.indptr, A.indices, A.data, X), False

    def scaled_rows(self, root: FloatArray) -> "MatrixOperator":
        """Return ``D A D``, D = diag(root) > 0, as a matrix of the same kind and dtype.

        Exponents are added apart from the mantissas: no intermediate leaves the range unless the
        entry does, and the entries of a symmetric matrix stay equal to the last bit.
        """
        return MatrixOperator(scaled_rows(self.entries, root, root))

    def times(self, factor: float) -> "MatrixOperator":
        """Return `factor` times the matrix, for a power of two."""
        return MatrixOperator(power_of_two(factor, self.entries))

    def to_dense(self) -> Array:
        """Return a fresh dense copy of the entries."""
        dense: Array = self.entries.toarray() if self.is_sparse else np.array(self.entries)
        return dense

    def scale_hint(self) -> float:
        """Return the largest absolute entry (of real and imaginary parts); NaN where one is NaN."""
        return self._largest

    @cached_property
    def _largest(self) -> float:
        return largest_entry(self.entries)


def _as_csr(entries: Any, max_entries: float) -> Any:  # noqa: ARG001, of one that is stored
    return sp.csr_array(entries)


def _is_diagonal(A: Any) -> bool:
    """Whether a CSR matrix has entries on its diagonal alone."""
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr)) if A.nnz <= A.shape[0] else None
    return rows is not None and bool((rows == A.indices).all())


def canonical(A: Any) -> Any:
    """Return `A` as a plain ndarray or a canonical CSR array of a working dtype."""
    if sp.issparse(A):
        return _canonical_csr(A)
    if isinstance(A, np.ma.MaskedArray):
        raise OperatorError(
            "the input is a masked array, and a masked entry has no value to multiply. "
            "Fill it first, for example by A.filled(0)."
        )
    dense = np.asarray(A)
    return dense.astype(working_dtype(dense.dtype), copy=False)


def _canonical_csr(A: Any) -> Any:
    """Return a CSR array with sorted, unique indices; shares memory with `A` where it can."""
    if A.ndim != 2:
        raise OperatorError(
            f"an operator has two dimensions, and this sparse input has shape {A.shape}. "
            "Pass a square matrix."
        )
    dtype = working_dtype(A.dtype)
    csr = sp.csr_array(A)
    if csr.dtype != dtype:
        csr = csr.astype(dtype)
    if not csr.has_canonical_format:
        csr = csr.copy() if A.format == "csr" else csr  # the next line works in place
        csr.sum_duplicates()
    return csr


def largest_entry(entries: Any) -> float:
    """Return max |a_ij| without a temporary; NaN where an entry is NaN.

    For complex entries the larger of the real and the imaginary part stands for |a_ij|: it is right
    within sqrt(2) and cannot overflow.
    """
    values: Any = entries if isinstance(entries, np.ndarray) else entries.data
    if values.size == 0:
        return 0.0
    parts = (values.real, values.imag) if values.dtype.kind == "c" else (values,)
    return float(np.max([bound for part in parts for bound in (part.max(), -part.min())]))
