"""Checks at the door: finite, deterministic, symmetric."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank.errors import NonFiniteError, NotSymmetricError, OperatorError
from symrank.operators.base import Operator
from symrank.operators.entries import REMEDY, allowed_asymmetry, check_entries
from symrank.operators.matrix import MatrixOperator, largest_entry
from symrank.operators.scaled import Scaled
from symrank.operators.witness import LEAST, Witness, norms, relative_change
from symrank.support import foreign
from symrank.support.typing import Array

__all__ = ["check_operator", "checked"]

NUM_VECTORS = 4  # six pairs <x, A y>: an asymmetry that is hidden from one shows in another
NOISE = 4  # two products, and |A| known within a factor of two
FEW = 8.0  # over n: by how much more, as four vectors may all be nearly orthogonal to the first one


def check_operator(
    A: Operator, rng: Any = None, *, rtol: float | None = None, noise: float = 0.0
) -> int:
    r"""Raise where an operator is not finite, not deterministic, or not symmetric.

    An explicit matrix is compared with its conjugate transpose entry by entry, at no product:
    max |A - A^H| against max |A|. Any other operator multiplies one Gaussian block of four vectors
    twice: the two answers must agree, and
    :math:`|\langle x, Ay\rangle - \overline{\langle y, Ax\rangle}|` must be small against
    :math:`|Ax| |y| / \sqrt n`, which is the size of such a product for a matrix
    without structure.

    Parameters
    ----------
    A
        Operator of shape (n, n).
    rng
        int, SeedSequence or Generator, for the block.
    rtol
        Relative difference that is still rounding. Default: ``100 eps sqrt(n)``, at most 0.01.
    noise
        Relative error of a product that the operator declares, ``|error| <= noise |A||x|``: it is
        allowed on top.

    Returns
    -------
    int
        Number of products with A that were used, 0 or 8.

    Raises
    ------
    NonFiniteError
        Where an entry or a product is infinite or NaN; the first one is named.
    NotSymmetricError
        Where A is not symmetric (Hermitian), or not the same from call to call.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import as_operator, check_operator, gram
    >>> check_operator(gram(np.ones((3, 2))), rng=0)
    8
    """
    return checked(A, rng, rtol=rtol, noise=noise)[0]


def checked(
    A: Operator, rng: Any = None, *, rtol: float | None = None, noise: float = 0.0
) -> tuple[int, Witness | None]:
    """Do what `check_operator` does; return also a witness of a product of the caller's code."""
    if A.n == 0:
        return 0, None
    if rtol is None:
        rtol = allowed_asymmetry(A.n, A.dtype)
    explicit = A
    while isinstance(explicit, Scaled):  # a power of two moves no relative asymmetry
        explicit = explicit.base
    if isinstance(explicit, MatrixOperator):
        check_entries(explicit.entries, explicit.scale_hint(), rtol)
        return 0, None
    return _check_products(A, np.random.default_rng(rng), rtol, noise)


def _check_products(
    A: Operator, rng: np.random.Generator, rtol: float, noise: float
) -> tuple[int, Witness | None]:
    """Multiply one block twice and look at <x, A y> for all its pairs."""
    X = _gaussian(rng, A)
    Y, again = A.matmat(X), A.matmat(X)
    for product in (Y, again):
        _check_finite(product)
    wide = np.complex128 if A.dtype.kind == "c" else np.float64
    scale = float(max(largest_entry(Y), largest_entry(again)))
    lengths = norms(X.astype(wide))
    sizes = scale * norms(Y.astype(wide) / (scale or 1.0))
    allowed = NOISE * (1.0 + FEW / A.n) * noise
    spare = allowed / rtol * float((sizes / lengths).max()) * lengths
    change = relative_change(Y, again, A.n**0.5 * spare)
    if not change <= rtol:
        raise NotSymmetricError(
            f"the operator is not deterministic: two products with the same block differ by "
            f"{change:.3g} of their size, and {rtol:.3g} is allowed for rounding. Freeze it: one "
            "fixed batch of data, dropout and batch statistics off, fixed seeds."
        )
    witness = _witness(A, X, Y, rtol, (A.n**0.5 * float(spare[0]), float(sizes.max())))
    _check_stated_entries(A, X, Y, rtol, spare)
    if scale == 0.0:
        return 2 * NUM_VECTORS, witness
    X, Y, spare = X.astype(wide), Y.astype(wide) / scale, spare / scale
    products = X.conj().T @ Y  # <x_i, A x_j>
    sizes = np.outer(lengths, norms(Y)) / A.n**0.5
    sizes = np.maximum(sizes, sizes.T) + np.outer(lengths, spare)
    asymmetry = _largest_ratio(np.abs(products - products.conj().T), sizes)
    if not asymmetry <= rtol:
        raise NotSymmetricError(
            f"the operator is not symmetric (Hermitian): <x, A y> and conj <y, A x> differ by "
            f"{asymmetry:.3g} of |A x||y|/sqrt(n) for random x, y, and {rtol:.3g} is allowed for "
            f"rounding. {REMEDY}"
        )
    return 2 * NUM_VECTORS, witness


def _check_stated_entries(A: Operator, X: Array, Y: Array, rtol: float, spare: Array) -> None:
    """Raise where the entries that the caller's class states are not those of its products."""
    if not A.is_foreign or A.facts.entries is None:
        return
    with foreign.callers_code():
        entries = A.sparse_entries()
    shape = getattr(entries, "shape", None)
    if not sp.issparse(entries) or shape != A.shape:
        raise OperatorError(
            f"facts.entries of {A!r} returned {type(entries).__name__} of shape {shape}, and a "
            f"scipy.sparse array of shape {A.shape} is wanted. Return one, or leave it out."
        )
    change = relative_change(Y, entries @ X, A.n**0.5 * spare)
    if not change <= rtol:
        raise OperatorError(
            f"facts.entries of {A!r} are not those of its products: products with random vectors "
            f"differ by {change:.3g} of their size, and {rtol:.3g} is allowed for rounding. Return "
            "the matrix that _matmat multiplies by, or leave it out."
        )


def _witness(
    A: Operator, X: Array, Y: Array, rtol: float, sizes: tuple[float, float]
) -> Witness | None:
    """Keep the first vector and its product, where the caller's code computed it."""
    if not A.is_foreign:
        return None
    spare, most = sizes
    x, y = X[:, :1].copy(), Y[:, :1].copy()
    bound = most / LEAST if most > 0.0 else np.inf
    return Witness(operator=A, x=x, y=y, rtol=rtol, spare=spare, norm_bound=bound)


def _gaussian(rng: np.random.Generator, A: Operator) -> Array:
    """Return a Gaussian block in the dtype of A."""
    X: Array = rng.standard_normal((A.n, NUM_VECTORS))
    if A.dtype.kind == "c":
        X = X + 1j * rng.standard_normal(X.shape)
    return X.astype(A.dtype)


def _check_finite(Y: Array) -> None:
    """Raise where a product is infinite or NaN, and say where."""
    bad = np.argwhere(~np.isfinite(Y))
    if len(bad):
        row, column = bad[0]
        raise NonFiniteError(
            f"the product of the operator with a Gaussian block is not finite: "
            f"{len(bad)} of {Y.size} numbers, the first in row {row}: {Y[row, column]}. Look for "
            "infinite or NaN entries, or scale the operator: its products may overflow."
        )


def _largest_ratio(values: Array, sizes: Array) -> float:
    """Return max values / sizes, where 0 / 0 is 0."""
    return float((values / np.maximum(sizes, np.finfo(np.float64).tiny)).max())
