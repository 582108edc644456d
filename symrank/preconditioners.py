"""Preconditioning by congruence: with G = S S*, the operator S* A S is similar to G A.

S is invertible, so S* A S has the rank and the inertia of A (Sylvester's law), for every method.
A G that is known by its products alone, such as a multigrid cycle, has no S: it is handed to the
methods that solve with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symrank import equilibrate as equilibration
from symrank._typing import Array, FloatArray
from symrank.errors import NonFiniteError, OperatorError, OptionError
from symrank.operators import Operator
from symrank.operators._factor import Factor, as_factor, check_adjoint, diagonal_factor
from symrank.operators.transforms import Congruent

__all__ = ["Draw", "Preconditioner", "apply", "as_preconditioner", "of_scales"]

HOW = (
    'Pass "jacobi", "equilibrate", "amg", the diagonal of G as a 1-D NumPy array, a '
    "symrank.Preconditioner, Preconditioner.from_factor(S) for any other G = S S*, or "
    "Preconditioner.from_products."
)


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


@dataclass(frozen=True, eq=False, repr=False)
class Preconditioner:
    """A symmetric positive definite G = S S*, held as its square factor S, or by its products.

    Made by one of the class methods; `symrank.rank` takes it as `preconditioner` and runs its
    method on the operator S* A S. A G without a factor goes to the methods that solve with it,
    `Projection` and `Sketch`.

    Attributes
    ----------
    factor
        S, with the products ``factor.forward(X) = S X`` and ``factor.adjoint(X) = S* X``; None
        where G is known by its products alone.
    name
        A word that results print.
    root
        The square root of a diagonal G, (n,); None for any other G.
    product
        ``R -> G R`` for blocks (n, k), where there is no factor.
    work
        What one product with G costs, in products with A; 0 where it is not known.
    order
        Order of a G without a factor.
    draw
        A wide factor of a G without a square one, where one is known.

    Examples
    --------
    >>> import numpy as np, symrank
    >>> G = symrank.Preconditioner.diagonal(np.array([1e-12, 1.0, 1e12]))
    >>> G
    <Preconditioner 3x3: diagonal>
    >>> symrank.rank(np.diag([1e12, 0.0, 1e-12]), preconditioner=G).rank
    2
    """

    factor: Factor | None
    name: str
    root: FloatArray | None = None
    product: Callable[[Array], Array] | None = None
    work: float = 0.0
    order: int = 0
    draw: Draw | None = None

    @property
    def n(self) -> int:
        """Order of G."""
        return self.order if self.factor is None else self.factor.shape[0]

    @classmethod
    def diagonal(cls, g: npt.ArrayLike) -> "Preconditioner":
        """Precondition by a diagonal matrix.

        Parameters
        ----------
        g
            (n,) the diagonal of G, positive and finite; 1 / diag(A) is Jacobi's choice.

        Raises
        ------
        OptionError
            Where `g` is no such vector.

        Examples
        --------
        >>> from symrank import Preconditioner
        >>> Preconditioner.diagonal([4.0, 0.25]).root
        array([2. , 0.5])
        """
        values = _real_vector(g, "the diagonal of a preconditioner")
        _refuse_first(
            values,
            ~(np.isfinite(values) & (values > 0.0)),
            "the diagonal of a preconditioner must be positive and finite",
            "For an empty row of A, where 1/a_ii does not exist, any positive number will do.",
        )
        return cls._from_root(np.sqrt(values), "diagonal")

    @classmethod
    def jacobi(cls, operator: Operator) -> "Preconditioner":
        """Precondition by 1 / |a_ii|, which makes the diagonal of S* A S one in modulus.

        A zero on the diagonal (an empty row, where A is semidefinite) takes the median of the
        other g_i, the lower of the two middle ones, and 1 where all are zero. A diagonal entry
        that is rounding noise is scaled up like any other: set such rows to zero first.

        Parameters
        ----------
        operator
            An explicit matrix, as `as_operator` returns it.

        Raises
        ------
        OptionError
            Where the entries of `operator` are not known.
        NonFiniteError
            Where its diagonal holds infinities or NaN.

        Examples
        --------
        >>> import numpy as np
        >>> from symrank import Preconditioner, as_operator
        >>> Preconditioner.jacobi(as_operator(np.diag([4.0, 0.0, 0.25]))).root
        array([0.5, 0.5, 2. ])
        """
        if not operator.is_explicit:
            raise OptionError(
                f'preconditioner="jacobi" needs the diagonal, and the entries of {operator!r} are '
                "not known. Pass Preconditioner.diagonal(1 / diag) with the diagonal or an "
                "estimate of it."
            )
        stored = operator.facts.stored
        entries = operator.to_dense() if stored is None else stored
        size = np.abs(entries.diagonal()).astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(size))
        if bad.size:
            i = bad[0]
            raise NonFiniteError(
                f"the diagonal of the matrix is not finite: A[{i}, {i}] = "
                f"{entries.diagonal()[i]}. Remove or replace it: no rank is defined."
            )
        known = size > 0.0
        root = np.ones_like(size)
        root[known] = 1.0 / np.sqrt(size[known])  # 1 / size may overflow
        if known.any():
            root[~known] = np.quantile(root[known], 0.5, method="lower")
        return cls._from_root(root, "jacobi")

    @classmethod
    def equilibrate(cls, operator: Operator) -> "Preconditioner":
        """Put every variable in a unit of its own: rows of S* A S have entries up to one.

        S is diagonal and made of powers of two, by twenty of Ruiz's sweeps in the infinity norm
        (`symrank.equilibrate`), so that no bit of an entry changes and the largest entry of every
        row ends in [1/2, 2]. A row without entries keeps one. Unlike Jacobi's choice it needs no
        diagonal. A row that is rounding noise is scaled up like any other: set such rows to zero
        first.

        Parameters
        ----------
        operator
            An explicit matrix as `as_operator` returns it, or `augmented` or `gram` of one: a Gram
            matrix so gets a unit diagonal.

        Raises
        ------
        OptionError
            Where the entries of `operator` are not known, or span more than the numbers do.
        NonFiniteError
            Where one is infinite or NaN.

        Examples
        --------
        >>> import numpy as np
        >>> from symrank import Preconditioner, as_operator
        >>> A = np.array([[4.0**20, 1.0], [1.0, 0.0]])
        >>> Preconditioner.equilibrate(as_operator(A)).root.tolist() == [2.0**-20, 2.0**20]
        True
        """
        return of_scales(equilibration.equilibrate(operator))

    @classmethod
    def adam(cls, second_moments: npt.ArrayLike, eps: float = 1e-8) -> "Preconditioner":
        """Precondition the Hessian of a loss as the optimiser Adam does the gradient.

        G = diag(1 / (sqrt(v) + eps)), with the second moments v at the end of training.

        Parameters
        ----------
        second_moments
            (n,) the v of Adam with its bias corrected, not negative.
        eps
            The eps of Adam, positive: it bounds G where a gradient was always zero.

        Raises
        ------
        OptionError
            Where `second_moments` or `eps` is out of range.

        References
        ----------
        .. [1] A. Bar et al., "The expected loss of preconditioned Langevin dynamics reveals the
           Hessian rank", AAAI 2024, Algorithm 1.

        Examples
        --------
        >>> from symrank import Preconditioner
        >>> Preconditioner.adam([0.0625, 16.0], eps=1e-12).root.round(6)
        array([2. , 0.5])
        """
        if not 0.0 < eps < np.inf:
            raise OptionError(
                f"eps={eps} must be positive and finite: it bounds G where a second moment is "
                "zero. Pass the eps of the optimiser, 1e-8 by default."
            )
        values = _real_vector(second_moments, "the second moments of Adam")
        _refuse_first(
            values,
            ~(np.isfinite(values) & (values >= 0.0)),
            "a second moment is a mean of squares: it must be finite and >= 0",
            "Pass Adam's v (exp_avg_sq in PyTorch) in the order of the parameters.",
        )
        return cls._from_root(1.0 / np.sqrt(np.sqrt(values) + eps), "adam")

    @classmethod
    def from_factor(cls, S: Any, name: str = "factor") -> "Preconditioner":
        """Precondition by G = S S* for a square, invertible S known by its products.

        S = L^-T gives G = (L L^T)^-1 for an (incomplete) Cholesky factor L of A. A symmetric
        square root of G is a factor. That S is invertible is not checked: a singular S takes
        away rank.

        Parameters
        ----------
        S
            (n, n) ndarray, scipy.sparse array or matrix, ``LinearOperator`` with ``rmatvec`` or
            ``rmatmat``, or a symrank operator. A float32 S makes S* A S float32 too.
        name
            What results call it.

        Raises
        ------
        OperatorError
            Where `S` is not square, its products are not finite, or its adjoint is not its
            adjoint: <x, S y> = <S* x, y> is looked at for one random pair.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> A = np.array([[1e12, 1e6], [1e6, 2.0]])
        >>> S = np.linalg.inv(np.linalg.cholesky(A)).T
        >>> G = symrank.Preconditioner.from_factor(S, name="Cholesky")
        >>> G
        <Preconditioner 2x2: Cholesky>
        >>> symrank.rank(A, preconditioner=G).rank
        2
        """
        factor = as_factor(S)
        rows, columns = factor.shape
        if rows != columns:
            raise OperatorError(
                f"the factor S of a preconditioner is {rows}x{columns}, and G = S S* is "
                "invertible for a square S only. Pass a square root or a Cholesky factor of G."
            )
        if rows:
            check_adjoint(factor)
        return cls(factor=factor, name=name)

    @classmethod
    def from_products(
        cls, product: Callable[[Array], Array], n: int, name: str = "products", work: float = 0.0
    ) -> "Preconditioner":
        """Precondition by a symmetric positive definite G known by its products alone.

        For the methods that solve with it, `Projection` and `Sketch`. They look at G with three
        products and raise where these show that it is not linear, symmetric or positive, and where
        a solve meets <p, G p> <= 0. `Projection` needs vectors of covariance G besides, which take
        about sqrt(kappa(G)) products each.

        Parameters
        ----------
        product
            ``R -> G R`` for blocks (n, k), k = 1, 2, ..., whose columns are the vectors.
        n
            Order of G.
        name
            What results call it.
        work
            What ``G r`` costs, in products with A; results report it.

        Examples
        --------
        >>> import numpy as np, symrank
        >>> A = np.diag([1e12, 0.0, 2.0])
        >>> G = symrank.Preconditioner.from_products(lambda R: R / [[1e12], [1.0], [2.0]], n=3)
        >>> symrank.rank(A, "projection", preconditioner=G, rng=1).method
        'projection'
        """
        return cls(factor=None, name=name, product=product, work=work, order=n)

    @classmethod
    def amg(cls, operator: Operator, near_null: Array | None = None) -> "Preconditioner":
        """Precondition by a V-cycle of smoothed aggregation; needs pyamg (extra ``amg``).

        For sparse positive semidefinite matrices of elliptic problems: graph Laplacians, finite
        elements.

        Parameters
        ----------
        operator
            An explicit real matrix, as `as_operator` returns it.
        near_null
            (n, c) vectors that A almost annihilates, such as the rigid-body modes of an elastic
            body. Default: the constant vector.

        Raises
        ------
        MissingBackendError
            Where pyamg is not installed.
        OptionError
            Where the entries of `operator` are not known or complex.

        Examples
        --------
        >>> from symrank import Preconditioner, as_operator, gallery
        >>> Preconditioner.amg(as_operator(gallery.grid_laplacian((8, 8))))  # doctest: +SKIP
        <Preconditioner 64x64: amg>
        """
        from symrank import multigrid  # pyamg is wanted only here

        entries = operator.facts.stored
        if entries is None or entries.dtype.kind == "c":
            raise OptionError(
                f'preconditioner="amg" needs the real entries of the matrix, and {operator!r} has '
                "none. Pass an explicit matrix, or Preconditioner.from_products(product, n) with "
                "a cycle of your own."
            )
        cycle = multigrid.VCycle(entries, near_null)
        draw = Draw(cycle.draw, cycle.num_draws, cycle.draw_error)
        return cls(
            factor=None, name="amg", product=cycle, work=cycle.work, order=operator.n, draw=draw
        )

    @classmethod
    def _from_root(cls, root: FloatArray, name: str) -> "Preconditioner":
        root.setflags(write=False)
        return cls(factor=diagonal_factor(root), name=name, root=root)

    def __repr__(self) -> str:
        return f"<Preconditioner {self.n}x{self.n}: {self.name}>"


def of_scales(scales: equilibration.Scales) -> Preconditioner:
    """Return the preconditioner with the factor diag(d)."""
    return Preconditioner._from_root(scales.root, "equilibrate")


def as_preconditioner(value: Any, operator: Operator) -> Preconditioner | None:
    """Resolve what `rank` takes as `preconditioner` for this operator; None stays None."""
    if value is None or isinstance(value, Preconditioner):
        return value
    if isinstance(value, str):
        if value == "jacobi":
            return Preconditioner.jacobi(operator)
        if value == "equilibrate":
            return Preconditioner.equilibrate(operator)
        if value == "amg":
            return Preconditioner.amg(operator)
        raise OptionError(f"preconditioner={value!r} is unknown. {HOW}")
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return Preconditioner.diagonal(value)
    kind = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
    raise OptionError(f"preconditioner is {kind}, from which no G is known. {HOW}")


def apply(operator: Operator, preconditioner: Preconditioner) -> Operator:
    """Return S* A S: of scaled entries for a diagonal S and an A with entries, else products.

    Parameters
    ----------
    operator
        A; its entries are not changed.
    preconditioner
        G = S S* of the same order.

    Returns
    -------
    Operator
        In the dtype of A, unless S has the lower precision; A itself where G has no factor.

    Raises
    ------
    OptionError
        Where the sizes differ, or the scaled entries leave the range of the dtype of A.
    """
    if preconditioner.n != operator.n:
        raise OptionError(
            f"the preconditioner is {preconditioner.n}x{preconditioner.n} and the operator "
            f"{operator.n}x{operator.n}: both must have one size. Pass a G of order {operator.n}."
        )
    if preconditioner.factor is None:
        return operator
    root = preconditioner.root
    if root is None:
        return Congruent(operator, preconditioner.factor)
    scaled = operator.scaled_rows(root)
    if scaled is None:
        _check_range(root, operator)
        return Congruent(operator, preconditioner.factor)
    scaled.matvecs_per_product = operator.matvecs_per_product
    largest = operator.facts.largest_stored
    if np.isfinite(largest) and not np.isfinite(scaled.facts.largest_stored):
        raise OptionError(
            f"S* A S overflows {operator.dtype} for this {preconditioner!r}: sqrt(g) reaches "
            f"{root.max():.3g}. Divide the diagonal of G by a constant, which moves no rank."
        )
    return scaled


def _check_range(root: FloatArray, operator: Operator) -> None:
    """Raise where sqrt(g) is no normal number in the precision of the operator."""
    limits = np.finfo(operator.dtype)
    _refuse_first(
        root,
        ~((root >= limits.tiny) & (root <= limits.max)),
        f"sqrt(g) of the preconditioner must be a normal number in {operator.dtype}",
        "Multiply the diagonal of G by a constant, which moves no rank.",
    )


def _real_vector(values: npt.ArrayLike, what: str) -> FloatArray:
    """Return a fresh vector of doubles, or raise with what came instead."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise OptionError(
            f"{what} came as {array.dtype} of shape {array.shape}, but it must be a vector of "
            "real numbers, of shape (n,). Pass x.ravel() or x.diagonal()."
        )
    return array.astype(np.float64)


def _refuse_first(values: FloatArray, bad: Any, rule: str, remedy: str) -> None:
    """Raise for the first value that is bad."""
    where = np.flatnonzero(bad)
    if where.size:
        first = where[0]
        raise OptionError(f"{rule}, and entry {first} is {values[first]:.6g}. {remedy}")
