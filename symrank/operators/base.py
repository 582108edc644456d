"""What every operator can do: multiply a block of vectors, and say what it is."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse.linalg as spla

from symrank.errors import OperatorError
from symrank.kernels.multiplicands import Given, Multiplicand
from symrank.operators import on_device
from symrank.operators.facts import DenseForm, Facts, Part, SingularForm, Work
from symrank.operators.shapes import columns_of, square_size, working_dtype
from symrank.support import foreign
from symrank.support.cached import cached_property
from symrank.support.options import check_number
from symrank.support.typing import Array, FloatArray, IntArray

__all__ = ["Moduli", "Operator", "product_by", "summed_product"]


class Moduli(NamedTuple):
    """An operator whose eigenvalues are the singular values of a factor of another one."""

    operator: "Operator"
    power: int  # eigenvalues of the other are these to that power, with both signs if it is 1


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
    parts
        The operators and factors that its products are made of.
    work
        Multiplications of a product with one vector, where they are known: the choice of a method
        then need not guess them.

    Attributes
    ----------
    is_foreign : bool
        Whether code from outside of this package takes part in its products: each is then given a
        copy of the block, and what it returns is checked (`symrank.support.foreign`).
    kernel : str or None
        The kernel file of the device on which its products are made; None on the host.

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

    is_columnwise: bool = False
    """Whether a column of a product has the same bits whatever others, one or more, are beside it.

    Several workers then share the columns of a block (`symrank.run.workers.columns`).
    """

    __array_ufunc__ = None  # so that `ndarray @ operator` is a TypeError, not an object array

    _is_own: ClassVar[bool] = True  # whether this package wrote the class
    _follows_parts: ClassVar[bool] = False  # whether `_matmat` multiplies wherever its parts do

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        package = foreign.named_package
        cls._is_own = package(cls.__module__) == package(__name__)

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        *,
        name: str = "operator",
        is_explicit: bool = False,
        parts: Sequence[Part] = (),
        work: float | None = None,
    ) -> None:
        self.n = square_size(shape)
        self.shape = (self.n, self.n)
        self.dtype = working_dtype(dtype)
        self.name = name
        self.is_explicit = is_explicit
        self.is_foreign = not self._is_own or any(part.is_foreign for part in parts)
        self.kernel = next((part.kernel for part in parts if part.kernel is not None), None)
        if self.kernel is not None and not self._follows_parts:
            raise on_device.made_on_host(name)
        if work is not None:
            rule = "is a number of multiplications: finite, and at least 0."
            work = check_number("work", work, lambda x: 0.0 <= x < math.inf, rule)
        self._work = None if work is None else Work(by_index=work, rows=self.n)

    @abstractmethod
    def _matmat(self, X: Array) -> Array:
        """Return a fresh C-ordered product with a C-ordered (n, k) block of ``self.dtype``."""

    def _summed(self, X: Array) -> Array:
        """Do what `_matmat` does; a product that is not finite may pass (`summed_product`)."""
        return self._matmat(X)

    @cached_property
    def facts(self) -> Facts:
        """What it knows of itself, asked for once; see `symrank.operators.facts`."""
        if self._is_own:
            return self._facts()
        with foreign.callers_code():
            found = self._facts()
        if not isinstance(found, Facts) or found.n != self.n:
            raise OperatorError(
                f"_facts of {self!r} returned {type(found).__name__} of n = "
                f"{getattr(found, 'n', None)}, and Facts of n = {self.n} are wanted. Return "
                "dataclasses.replace(super()._facts(), ...)."
            )
        return found

    def _facts(self) -> Facts:
        """Return what is known; a subclass that knows more replaces fields of it."""
        return Facts.of_products(
            self.n,
            **({} if self._work is None else {"work": self._work}),
            dense=DenseForm(
                shape=self.shape, num_products=self.num_dense_products, num_formed=self.n
            ),
            is_explicit=self.is_explicit,
            is_on_device=self.kernel is not None,
            matvecs_per_product=self.matvecs_per_product,
            noise=self.noise,
            largest=self.scale_hint(),
            diagonal=self._diagonal if self.is_explicit else None,
        )

    def _diagonal(self) -> Array:
        return self.to_dense().diagonal()

    def _facts_over(self, base: "Operator", **known: Any) -> Facts:
        """Return the facts of a product made of products with `base`, and of a pass over rows."""
        times = self.matvecs_per_product // base.matvecs_per_product
        work = base.facts.work.repeated(times, rows=self.n)
        return replace(Operator._facts(self), work=work, **known)

    def matmat(self, X: npt.ArrayLike) -> Array:
        """Multiply a block of vectors.

        Parameters
        ----------
        X
            (n, k) block, its columns are the vectors; real, or of ``self.dtype``. Where the
            operator multiplies on a device, an array of the device stays there.

        Returns
        -------
        ndarray
            The (n, k) product: a fresh array in C order of ``self.dtype``.

        Raises
        ------
        OperatorError
            Where the shape or the dtype of `X` does not fit, or of what a subclass makes of it.
        NonFiniteError
            Where that holds infinities or NaN.
        """
        X = on_device.as_block(self, X)
        if X.ndim != 2 or X.shape[0] != self.n:
            raise OperatorError(
                f"matmat got a block of shape {X.shape}, but the {self.n}x{self.n} operator "
                f"multiplies blocks of shape ({self.n}, k), whose columns are the vectors. "
                "Pass X.T if its rows are the vectors, or use matvec for one vector."
            )
        if "complex" in str(X.dtype) and self.dtype.kind != "c":
            raise OperatorError(
                f"matmat got a {X.dtype} block, but the operator is {self.dtype}. "
                "Multiply X.real and X.imag, or give the operator a complex dtype."
            )
        if self.kernel is not None:
            return on_device.multiplied(self, X, partial(product_by, self))
        product = product_by(self, np.ascontiguousarray(X, dtype=self.dtype))
        return np.ascontiguousarray(product, dtype=self.dtype)  # kernels read rows of its memory

    def matvec(self, x: npt.ArrayLike) -> Array:
        """Multiply one vector of shape (n,); see `matmat`."""
        x = on_device.as_block(self, x)
        if x.shape != (self.n,):
            raise OperatorError(
                f"matvec got an array of shape {x.shape}, but the {self.n}x{self.n} operator "
                f"multiplies vectors of shape ({self.n},). Use matmat for a block of columns."
            )
        return self.matmat(x[:, None])[:, 0]

    def __matmul__(self, other: npt.ArrayLike) -> Array:
        other = on_device.as_block(self, other)
        return self.matvec(other) if other.ndim == 1 else self.matmat(other)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is found again: facts hold functions, which no pickle can."""
        return {name: value for name, value in vars(self).items() if name != "facts"}

    @property
    def num_dense_products(self) -> int:
        """Products that `to_dense` takes."""
        return 0 if self.is_explicit else self.n

    def to_dense(self) -> Array:
        """Return the entries as a fresh (n, n) array."""
        product = self.matmat if self.kernel is not None else partial(product_by, self)
        return columns_of(product, self.shape, self.dtype)

    def formed(self, tick: Callable[[int], None]) -> Array:
        """Return the entries; by blocks of products, each told to `tick`, where they take any."""
        is_by_products = self._is_own or type(self).to_dense is Operator.to_dense
        if self.num_dense_products and is_by_products:
            return columns_of(self.matmat, self.shape, self.dtype, tick)
        if self._is_own:
            entries = self.to_dense()
        else:
            none = np.empty((0, 0), self.dtype)
            entries = foreign.product_of(lambda _: self.to_dense(), none, self.shape, self.dtype)
        tick(self.num_dense_products)
        return entries

    def multiplicand(
        self, *, is_summed: bool = False
    ) -> tuple[Callable[[Array], Multiplicand], bool]:
        """Return what a kernel multiplies with, and whether the new state may replace the old.

        The first makes of a block what `symrank.kernels` takes for its product: the product
        itself, or the matrix and the block, which the kernel then multiplies in the same pass over
        memory. With `is_summed` the kernel's caller looks at the sums of a step, and not every
        product is looked at here.
        """
        if is_summed:
            return lambda X: Given(summed_product(self, X)), True
        return lambda X: Given(self.matmat(X)), True

    def sparse_entries(self, max_entries: float = float("inf")) -> Any:
        """Return a CSR array with all entries, or None where they are not known.

        Raises
        ------
        OptionError
            Where there may be more than `max_entries`, by the bound that is known beforehand.
        """
        entries = self.facts.entries
        return None if entries is None else entries(max_entries)

    def singular_form(self) -> SingularForm | None:
        """Return the matrix whose singular values are the spectrum but for zeros, if they serve."""
        return None

    def scaled_rows(self, root: FloatArray) -> "Operator | None":  # noqa: ARG002
        """Return ``D A D``, D = diag(root) > 0, of scaled entries, where they are known."""
        return None

    def times(self, factor: float) -> "Operator | None":  # noqa: ARG002
        """Return `factor` times the operator, a power of two, where its entries are stored."""
        return None

    def modulus(self) -> "Moduli | None":
        """Return what has the singular values of its factor as eigenvalues, where it has one."""
        return None

    def shorter_side(self) -> "Operator":
        """Return what has all the eigenvalues but zeros, where that is smaller; else itself."""
        return self

    def occupied(self, *, whole: bool = False) -> "tuple[Operator, IntArray | None]":  # noqa: ARG002
        """Return what is left without empty rows, and its rows; None: all, as `whole` asks for."""
        return self, None

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


def product_by(operator: Operator, X: Array) -> Array:
    """Return the product with a C-ordered block of the operator's dtype, whoever wrote its class.

    What operators are made of multiply by this, and not by their ``_matmat``.
    """
    if operator._is_own or operator.kernel is not None:
        return operator._matmat(X)
    return foreign.product_of(operator._matmat, X, X.shape, operator.dtype)


def summed_product(operator: Operator, X: Array) -> Array:
    """Return ``operator.matmat(X)`` for a recurrence that looks whether its sums are finite.

    That saves a pass over the product of an operator of the caller's.
    """
    if operator.kernel is not None:
        return on_device.multiplied(operator, X, operator._summed)
    X = np.ascontiguousarray(X, dtype=operator.dtype)
    if operator._is_own:
        return np.ascontiguousarray(operator._summed(X), dtype=operator.dtype)
    return foreign.product_of(operator._matmat, X, X.shape, operator.dtype, is_summed=True)
