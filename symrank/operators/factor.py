"""A matrix with both its products, which `augmented`, `gram` and `Congruent` are made of."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank.errors import NonFiniteError, OperatorError
from symrank.operators.base import Operator, product_by
from symrank.operators.coerce import interpret
from symrank.operators.facts import DenseForm, Facts, entry_work
from symrank.operators.matrix import MatrixOperator, canonical, largest_entry
from symrank.operators.on_device import made_on_host
from symrank.operators.scipy_adapter import linear_operator_dtype, multiply
from symrank.operators.shapes import columns_of
from symrank.operators.sums import multiply as matrix_product
from symrank.operators.tensors import lives_on_dask, lives_on_gpu
from symrank.support import foreign
from symrank.support.typing import Array, FloatArray

__all__ = ["Factor", "Factored", "as_factor", "check_adjoint", "diagonal_factor"]


@dataclass(frozen=True, kw_only=True)
class Factor:
    """An m x n matrix A by its products ``forward(X) = A X`` and ``adjoint(Y) = A^H Y``.

    `largest_entry` is max |a_ij|, and `entries` the matrix, or None where they are not known;
    `is_foreign` tells whether the caller's code multiplies. Of a real diagonal A `root` holds it.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    forward: Callable[[Array], Array]
    adjoint: Callable[[Array], Array]
    largest_entry: float | None
    matvecs: int = 1
    entries: Any = None
    is_foreign: bool = False
    kernel: None = None  # its products are made on the host, but for those of a root
    root: FloatArray | None = None

    def __repr__(self) -> str:
        known = "known by products" if self.entries is None else type(self.entries).__name__
        return f"<Factor {self.shape[0]}x{self.shape[1]} {self.dtype}: {known}>"

    def to_dense(self, tick: Callable[[int], None] | None = None) -> Array:
        """Return the entries, by products with the identity where they are not known."""
        if isinstance(self.entries, np.ndarray):
            return self.entries
        if self.entries is not None:
            return np.asarray(self.entries.toarray())
        m, n = self.shape
        if n <= m:
            return columns_of(self.forward, (m, n), self.dtype, tick)
        return columns_of(self.adjoint, (n, m), self.dtype, tick).conj().T


class Factored(Operator):
    """An (n, n) operator made of a rectangular factor and its adjoint."""

    def __init__(self, factor: Factor, n: int, name: str) -> None:
        super().__init__((n, n), factor.dtype, name=name, parts=[factor])
        self.factor = factor
        self.matvecs_per_product = factor.matvecs

    def _facts(self) -> Facts:
        entries = self.factor.entries
        known = replace(super()._facts(), largest_stored=self.factor.largest_entry or 0.0)
        if entries is None:
            return known
        work = entry_work(entries, 2.0).repeated(1.0, rows=self.n)
        form = DenseForm(shape=self.factor.shape, is_singular=True)
        return replace(known, work=work, dense=form, factor=entries)

    @property
    def num_dense_products(self) -> int:
        """Products that `to_dense` takes."""
        return self.n if self.factor.entries is None else 0


def as_factor(A: Any) -> Factor:
    """Return `A`, of any shape (m, n), with its two products; nothing is formed."""
    if isinstance(A, MatrixOperator):
        return _matrix_factor(A.entries)
    if isinstance(A, Operator):
        if A.kernel is not None:
            raise made_on_host(f"a factor of {A.name}")
        product = partial(product_by, A)
        return Factor(
            shape=A.shape,
            dtype=A.dtype,
            forward=product,
            adjoint=product,
            is_foreign=A.is_foreign,
            largest_entry=A.scale_hint(),
            matvecs=A.matvecs_per_product,
        )
    if isinstance(A, spla.LinearOperator):
        return _linear_operator_factor(A)
    if sp.issparse(A) or isinstance(A, np.ndarray):
        return _matrix_factor(canonical(A))
    if lives_on_gpu(A):
        raise made_on_host(f"what is made of this {type(A).__name__}")
    if lives_on_dask(A):
        raise OperatorError(
            f"a Dask array of shape {A.shape} is multiplied by as a symmetric operator, and what "
            "is made of a matrix that is not needs its adjoint as well. Pass a LinearOperator with "
            "both products, or A.T @ A where its squared singular values will do."
        )
    return as_factor(interpret(A))


def diagonal_factor(root: FloatArray) -> Factor:
    """Return diag(root) for a real vector."""
    product = _Diagonal(root)
    return Factor(
        shape=(root.size, root.size),
        dtype=root.dtype,
        forward=product,
        adjoint=product,
        largest_entry=float(np.abs(root).max(initial=0.0)),
        root=root,
    )


def check_adjoint(factor: Factor) -> None:
    """Raise unless <x, S y> = <S* x, y> for one random pair, up to sqrt(eps)."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((factor.shape[0], 1)).astype(factor.dtype) for _ in range(2))
    size = math.nan
    with (
        np.errstate(over="ignore", invalid="ignore", divide="ignore"),
        foreign.overflow_allowed(),
        contextlib.suppress(NonFiniteError),
    ):
        Sy, Sx = factor.forward(y), factor.adjoint(x)
        size = max(largest_entry(Sy), largest_entry(Sx))
    if not np.isfinite(size):
        raise OperatorError(
            "a product with the factor S of a preconditioner holds infinities or NaN. Look for a "
            "zero pivot in a triangular solve: S must be finite and invertible."
        )
    if size == 0.0:
        raise OperatorError(
            "the factor S of a preconditioner multiplies a random vector to zero, and S must be "
            "invertible. Pass a square root or a Cholesky factor of G."
        )
    wide = np.complex128 if factor.dtype.kind == "c" else np.float64
    Sy, Sx = Sy.astype(wide) / size, Sx.astype(wide) / size
    left, right = np.vdot(x, Sy), np.vdot(Sx, y)
    bound = max(np.linalg.norm(x) * np.linalg.norm(Sy), np.linalg.norm(Sx) * np.linalg.norm(y))
    rtol = float(np.sqrt(np.finfo(factor.dtype).eps))
    difference = float(abs(left - right) / bound)
    if not difference <= rtol:
        raise OperatorError(
            f"what the factor S gives as S* is not its adjoint: <x, S y> and <S* x, y> differ by "
            f"{difference:.3g} of |x||S y| for random x, y, and {rtol:.3g} is allowed for "
            "rounding. Give rmatvec (rmatmat) the products with S*, the conjugate transpose."
        )


def _matrix_factor(entries: Any) -> Factor:
    """Products of a canonical matrix; A^H of a sparse one is kept as CSR too."""
    if entries.ndim != 2:
        raise OperatorError(
            f"a factor has two dimensions, and this input has shape {entries.shape}. "
            "Pass a matrix, or x[:, None] for one column."
        )
    product = _Product(entries)
    adjoint: Callable[[Array], Array]
    if not isinstance(entries, np.ndarray):
        adjoint = _Product(entries.conj().T.tocsr())
    elif entries.dtype.kind == "c":
        adjoint = _ConjugateTransposeProduct(entries)
    else:
        adjoint = _Product(entries.T)
    return Factor(
        shape=entries.shape,
        dtype=entries.dtype,
        forward=product,
        adjoint=adjoint,
        largest_entry=largest_entry(entries),
        entries=entries,
    )


def _linear_operator_factor(A: "spla.LinearOperator[Any]") -> Factor:
    """Products of a SciPy operator, with one product to see that it has an adjoint."""
    dtype = linear_operator_dtype(A)
    adjoint = A.H
    try:
        adjoint.matvec(np.zeros(A.shape[0], dtype=dtype))
    except (NotImplementedError, TypeError, AttributeError, RecursionError) as error:
        raise OperatorError(
            f"the {A.shape[0]}x{A.shape[1]} LinearOperator cannot multiply by its adjoint, and "
            "that product is needed here. Give it rmatvec or rmatmat."
        ) from error
    return Factor(
        shape=(A.shape[0], A.shape[1]),
        dtype=dtype,
        forward=_LinearOperatorProduct(A, dtype),
        adjoint=_LinearOperatorProduct(adjoint, dtype),
        largest_entry=None,
        is_foreign=True,
    )


@dataclass(frozen=True)
class _Product:
    """X -> M X; a class, so that operators can be pickled."""

    matrix: Any

    def __call__(self, X: Array) -> Array:
        return matrix_product(self.matrix, X)


@dataclass(frozen=True)
class _Diagonal:
    """X -> diag(root) X; a class, so that operators can be pickled."""

    root: FloatArray

    def __call__(self, X: Array) -> Array:
        product: Array = self.root[:, None] * X
        return product


@dataclass(frozen=True)
class _ConjugateTransposeProduct:
    """Y -> M^H Y without a copy of a dense complex M."""

    matrix: Array

    def __call__(self, Y: Array) -> Array:
        product = matrix_product(self.matrix.T, Y.conj())
        return np.conj(product, out=product)


@dataclass(frozen=True)
class _LinearOperatorProduct:
    """X -> L X for a SciPy operator L."""

    linear_operator: "spla.LinearOperator[Any]"
    dtype: np.dtype[Any]

    def __call__(self, X: Array) -> Array:
        return multiply(self.linear_operator, X, self.dtype)
