r"""What an operator knows of itself: all that a choice of a method may ask.

An operator answers once (`Operator.facts`), one that is made of others asks them, and one of the
caller's may answer too (`Operator._facts`). From here on a choice is arithmetic on numbers: it
never sees the operator, and needs none to be tested.

Work is counted in multiplications, by the way in which memory is read, as that decides on the time:

    entries in order   of dense arrays           entries by index   of sparse ones
    rows               of the vectors            unknown rows       of products nobody knows

A product with s A or A - c I is one with A and a pass over the rows; one with A^H A two with A.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from symrank.kernels.multiplicands import Multiplicand
from symrank.support.cached import cached_property
from symrank.support.typing import Array, FloatArray

__all__ = [
    "DenseForm",
    "Facts",
    "Halves",
    "Part",
    "Rectangle",
    "ScalableRows",
    "SingularForm",
    "Work",
    "entry_work",
]


@dataclass(frozen=True, kw_only=True)
class Work:
    """Multiplications of a product with one vector."""

    in_order: float = 0.0
    by_index: float = 0.0
    rows: float = 0.0
    unknown_rows: float = 0.0

    def repeated(self, times: float, rows: float = 0.0) -> "Work":
        """Return the work of `times` such products, and a pass over `rows` rows."""
        return Work(
            in_order=times * self.in_order,
            by_index=times * self.by_index,
            rows=times * self.rows + rows,
            unknown_rows=times * self.unknown_rows,
        )


def entry_work(entries: Any, times: float = 1.0) -> Work:
    """Return the work of `times` products with an ndarray or a sparse array, rows not counted."""
    if isinstance(entries, np.ndarray):
        return Work(in_order=times * entries.size)
    return Work(by_index=times * entries.nnz)


class Part(Protocol):
    """What an operator is made of: another one, or a factor."""

    @property
    def is_foreign(self) -> bool:
        """Whether the caller's code computes its products."""

    @property
    def kernel(self) -> str | None:
        """The kernel file of the device on which its products are made; None on the host."""


class Rectangle(Protocol):
    """An m x n matrix, its entries or its products."""

    @property
    def shape(self) -> tuple[int, int]:
        """Its rows and columns."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its entries."""

    @property
    def entries(self) -> Any:
        """An ndarray or a CSR array; None where they are not known."""

    @property
    def largest_entry(self) -> float | None:
        """The largest modulus, where it is known."""

    def to_dense(self, tick: Callable[[int], None] | None = None) -> Array:
        """Return the entries, by products with the identity where they are not known."""


@dataclass(frozen=True, kw_only=True)
class SingularForm:
    """A matrix X whose singular values sigma are all that a spectrum holds but zeros.

    Attributes
    ----------
    factor
        X.
    is_squared
        The eigenvalues are ``unit * (scale * sigma)**2``; else ``+-unit * sigma``.
    is_modulus
        They are ``unit * sigma``, and no others.
    scale, unit
        Powers of two.
    """

    factor: Rectangle
    is_squared: bool
    is_modulus: bool = False
    scale: float = 1.0
    unit: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ScalableRows:
    """The entries that a congruence ``D A D`` scales, D diagonal.

    Attributes
    ----------
    parts
        ``[A]``; of ``[[0, X], [X^H, 0]]``: ``[X, X^T]``; of ``scale^2 X X^H``: ``[X]``.
    is_root
        Whether ``A = scale^2 X X^H``.
    scale
        A power of two.
    """

    parts: tuple[Any, ...]
    is_root: bool = False
    scale: float = 1.0


class Halves(NamedTuple):
    """What kernels multiply with in both halves of a Golub-Kahan step on an m x n matrix X."""

    long: int  # the longer side
    up: Callable[[Array], Multiplicand]  # of the shorter side: X^H u, or X u of a wide one
    down: Callable[[Array], Multiplicand]  # and back


@dataclass(frozen=True, kw_only=True)
class DenseForm:
    """What LAPACK would be given for all eigenvalues.

    Attributes
    ----------
    shape
        Of a square matrix, or of a rectangular one whose singular values are enough.
    is_singular
        Whether they are.
    num_products
        Products that form it, as they are counted.
    num_formed
        The same, as they take time: entries that are known need not be formed.
    """

    shape: tuple[int, int]
    is_singular: bool = False
    num_products: int = 0
    num_formed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """What is known of an (n, n) operator before its first product.

    Attributes
    ----------
    n
        Its order.
    work
        Of a product with one vector.
    dense
        What all eigenvalues would be computed from; default: the whole matrix, by n products.
    is_explicit
        Whether a dense copy takes no product.
    is_on_device
        Whether products are made on a device, and their blocks live there.
    matvecs_per_product
        Products with the caller's operator, per product with this one.
    noise
        Relative error of a product, where it is above rounding.
    num_entries
        Entries of its pattern, or the multiplications that form it; 0 where none are known.
    is_full
        Whether all n^2 entries are stored, so that there is no pattern.
    largest
        The largest modulus of an entry, where it is known without products.
    largest_stored
        The same of what is stored, the matrix or the factor of one; 0 where nothing is.
    stored
        The ndarray or CSR array that the operator is; None where it is none.
    factor, factor_copies
        The ndarray or CSR array whose singular values tell the eigenvalues, None where there is
        none; and how many eigenvalues each of them is: 1, 2 with both signs, 0 where they are
        squared.
    rows
        Returns the entries that a diagonal congruence scales. None where they are not known.
    entries
        Returns the CSR array of all entries, ``entries(most)``, or raises `OptionError` where there
        may be more than `most`. None where they are not known.
    num_beside
        Eigenvalues of these entries that are none of the operator: all at most zero, and all of
        theirs that are negative are among them.
    entry_power
        2 where they are those of the square of an operator that has no eigenvalue below zero.
    diagonal
        Returns the diagonal, at no product. None where it is not known.
    squared_shape
        Of the matrix with known entries, not all zero, whose singular values the operator has
        squared: what lies below the root of the noise floor is lost in it.
    structural_rank
        Returns what the pattern of stored nonzeros proves of the rank, for any values (see
        `symrank.operators.patterns`), ``(low, high)``. None where there is no pattern.
    halves
        Returns the two products of Golub-Kahan steps. None where the operator has its own products.
    """

    n: int
    work: Work
    dense: DenseForm
    is_explicit: bool = False
    is_on_device: bool = False
    matvecs_per_product: int = 1
    noise: float = 0.0
    num_entries: float = 0.0
    is_full: bool = False
    largest: float | None = None
    largest_stored: float = 0.0
    stored: Any = None
    factor: Any = None
    factor_copies: int = 0
    rows: Callable[[], ScalableRows] | None = None
    entries: Callable[[float], Any] | None = None
    num_beside: int = 0
    entry_power: int = 1
    diagonal: Callable[[], FloatArray] | None = None
    squared_shape: tuple[int, int] | None = None
    structural_rank: Callable[[], tuple[int, int]] | None = None
    halves: Callable[[], Halves] | None = None

    @classmethod
    def of_products(cls, n: int, **known: Any) -> "Facts":
        """Return the facts of an operator known by products, but for what is given.

        Examples
        --------
        >>> from symrank.operators.facts import Facts, Work
        >>> facts = Facts.of_products(1000, work=Work(by_index=5000.0, rows=1000.0))
        >>> facts.dense.num_products, facts.has_positive_diagonal
        (1000, False)
        """
        known.setdefault("work", Work(unknown_rows=n))
        known.setdefault("dense", DenseForm(shape=(n, n), num_products=n, num_formed=n))
        return cls(n=n, **known)

    @property
    def has_products(self) -> bool:
        """Whether vectors are multiplied with it, and not with a factor alone."""
        return self.halves is None

    @cached_property
    def has_positive_diagonal(self) -> bool:
        """Whether a stored diagonal is positive, as of most semidefinite matrices."""
        known = None if self.stored is None else self.diagonal
        return known is not None and bool((known() > 0.0).all())
