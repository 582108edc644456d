"""What every operator can do: multiply a block of vectors, and say what it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse.linalg as spla

from symrank._typing import Array
from symrank.errors import OperatorError

__all__ = ["Operator", "common_dtype", "square_size", "working_dtype"]

DENSE_BLOCK = 256  # columns of the identity per product in `to_dense`: large enough for BLAS 3


class Operator(ABC):
    """A symmetric (Hermitian) operator that is known by its products.

    A subclass calls ``super().__init__`` and implements ``_matmat``; everything else follows.

    Parameters
    ----------
    shape
        ``(n, n)``.
    dtype
        One of float32, float64, complex64, complex128; integers and booleans become float64,
        half precision becomes float32, extended precision becomes double.
    name
        A few words that tell what this is; results print them.
    is_explicit
        Whether the entries are known, so that a dense copy costs no product.

    Raises
    ------
    OperatorError
        Where `shape` is not square or `dtype` holds no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import Operator
    >>> class Ones(Operator):
    ...     def _matmat(self, X):
    ...         return np.repeat(X.sum(axis=0, keepdims=True), self.n, axis=0)
    >>> A = Ones((3, 3), float, name="all ones")
    >>> A
    <Ones 3x3 float64: all ones>
    >>> A @ np.array([1.0, 2.0, 3.0])
    array([6., 6., 6.])
    """

    matvecs_per_product: int = 1
    """Products with the operator that the user gave, per product with this one."""

    noise: float = 0.0
    """Relative error of a product, ``|error| <= noise |A||x|``, where it is above rounding."""

    __array_ufunc__ = None  # so that `ndarray @ operator` is a TypeError, not an object array

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        *,
        name: str = "operator",
        is_explicit: bool = False,
    ) -> None:
        self.n = square_size(shape)
        self.shape = (self.n, self.n)
        self.dtype = working_dtype(dtype)
        self.name = name
        self.is_explicit = is_explicit

    @abstractmethod
    def _matmat(self, X: Array) -> Array:
        """Return a fresh C-ordered product with a C-ordered (n, k) block of ``self.dtype``."""

    def matmat(self, X: npt.ArrayLike) -> Array:
        """Multiply a block of vectors.

        Parameters
        ----------
        X
            (n, k) block, its columns are the vectors; real, or of ``self.dtype``.

        Returns
        -------
        ndarray
            The (n, k) product: a fresh array in C order of ``self.dtype``.

        Raises
        ------
        OperatorError
            Where the shape or the dtype of `X` does not fit.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[0] != self.n:
            raise OperatorError(
                f"matmat got a block of shape {X.shape}, but the {self.n}x{self.n} operator "
                f"multiplies blocks of shape ({self.n}, k), whose columns are the vectors. "
                "Pass X.T if its rows are the vectors, or use matvec for one vector."
            )
        if X.dtype.kind == "c" and self.dtype.kind != "c":
            raise OperatorError(
                f"matmat got a {X.dtype} block, but the operator is {self.dtype}. "
                "Multiply X.real and X.imag, or give the operator a complex dtype."
            )
        product = self._matmat(np.ascontiguousarray(X, dtype=self.dtype))
        return np.ascontiguousarray(product, dtype=self.dtype)  # kernels read rows of its memory

    def matvec(self, x: npt.ArrayLike) -> Array:
        """Multiply one vector of shape (n,); see `matmat`."""
        x = np.asarray(x)
        if x.shape != (self.n,):
            raise OperatorError(
                f"matvec got an array of shape {x.shape}, but the {self.n}x{self.n} operator "
                f"multiplies vectors of shape ({self.n},). Use matmat for a block of columns."
            )
        return self.matmat(x[:, None])[:, 0]

    def __matmul__(self, other: npt.ArrayLike) -> Array:
        other = np.asarray(other)
        return self.matvec(other) if other.ndim == 1 else self.matmat(other)

    @property
    def num_dense_products(self) -> int:
        """Products that `to_dense` takes."""
        return 0 if self.is_explicit else self.n

    def to_dense(self) -> Array:
        """Return the entries as a fresh (n, n) array."""
        return columns_of(self._matmat, self.shape, self.dtype)

    def to_scipy(self) -> "spla.LinearOperator[Any]":
        """Return a SciPy ``LinearOperator`` with the same products, its own adjoint."""
        return spla.LinearOperator(
            shape=self.shape,
            dtype=self.dtype,
            matvec=self._ravelled_matvec,
            rmatvec=self._ravelled_matvec,
            matmat=self.matmat,
            rmatmat=self.matmat,
        )

    def _ravelled_matvec(self, x: Array) -> Array:
        """Multiply one vector of shape (n,) or, as SciPy may pass it, (n, 1)."""
        return self.matvec(x.ravel())

    def scale_hint(self) -> float | None:
        """Return the largest absolute entry where it is known without products, else None."""
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.n}x{self.n} {self.dtype}: {self.name}>"


def columns_of(
    product: Callable[[Array], Array], shape: tuple[int, int], dtype: np.dtype[Any]
) -> Array:
    """Return the (m, n) matrix of a product as a fresh array, by multiplying the identity."""
    m, n = shape
    dense = np.empty((m, n), dtype=dtype)
    for start in range(0, n, DENSE_BLOCK):
        stop = min(start + DENSE_BLOCK, n)
        block = np.zeros((n, stop - start), dtype=dtype)
        block[np.arange(start, stop), np.arange(stop - start)] = 1
        dense[:, start:stop] = product(block)
    return dense


def square_size(shape: tuple[int, ...]) -> int:
    """Return n of the shape (n, n), or raise with the two ways out for a rectangle."""
    if len(shape) != 2:
        raise OperatorError(
            f"an operator has two dimensions, and this input has shape {tuple(shape)}. "
            "Pass a square matrix, or numpy.diag(x) for the diagonal matrix of a vector x."
        )
    rows, columns = shape
    if rows != columns:
        raise OperatorError(
            f"the input is {rows}x{columns}, and rank needs a square symmetric operator. "
            "Pass symrank.augmented(A), which has rank 2r and keeps the gaps of the spectrum, or "
            "symrank.gram(A), which has rank r and squares the spectrum."
        )
    return int(rows)


def working_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return the float32, float64, complex64 or complex128 in which products are computed.

    Integers and booleans become float64, float16 becomes float32, and extended precision
    (``longdouble``, ``clongdouble``) is rounded to double.
    """
    given = np.dtype(dtype)
    if given.kind in "biu":
        return np.dtype(np.float64)
    if given.kind == "f":
        return np.dtype(np.float32 if given.itemsize <= 4 else np.float64)
    if given.kind == "c":
        return np.dtype(np.complex64 if given.itemsize <= 8 else np.complex128)
    raise OperatorError(
        f"entries of dtype {given} are not numbers that symrank can multiply. "
        "Convert them first, for example by A.astype(float)."
    )


def common_dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return complex if any of the working dtypes is, in the lowest precision among them."""
    single = any(dtype.char in "fF" for dtype in dtypes)
    if any(dtype.kind == "c" for dtype in dtypes):
        return np.dtype(np.complex64 if single else np.complex128)
    return np.dtype(np.float32 if single else np.float64)
