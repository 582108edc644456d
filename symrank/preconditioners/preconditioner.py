"""A preconditioner G as a value: its square factor S, or its products alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from symrank.errors import OperatorError, OptionError
from symrank.operators import Operator
from symrank.operators.factor import Factor, as_factor, check_adjoint, diagonal_factor
from symrank.operators.facts import Facts
from symrank.preconditioners import diagonals
from symrank.preconditioners.draw import Draw
from symrank.preconditioners.equilibrate import equilibrate
from symrank.preconditioners.of_optimizer import OfOptimizer
from symrank.support.typing import Array, FloatArray

__all__ = ["HOW", "Preconditioner"]

HOW = (
    'Pass "jacobi", "equilibrate", "amg", the diagonal of G as a 1-D NumPy array, a '
    "symrank.Preconditioner, Preconditioner.from_factor(S) for any other G = S S*, or "
    "Preconditioner.from_products."
)


@dataclass(frozen=True, eq=False, repr=False)
class Preconditioner(OfOptimizer):
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
        return cls._from_root(diagonals.given(g), "diagonal")

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
        return cls.named("jacobi", operator.facts)

    @classmethod
    def equilibrate(cls, operator: Operator) -> "Preconditioner":
        """Put every variable in a unit of its own: rows of S* A S have entries up to one.

        S is diagonal, of powers of two by Ruiz's sweeps (`symrank.preconditioners.equilibrate`): no
        bit of an entry changes, and the largest entry of every row ends in [1/2, 2]. Unlike
        Jacobi's choice it needs no diagonal. A row without entries keeps one; a row of rounding
        noise is scaled up like any other: set such rows to zero first.

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
        return cls.named("equilibrate", operator.facts)

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
        return cls._from_root(diagonals.adam(second_moments, eps), "adam")

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
            Where `S` is not square, a product is not finite, or what S offers as its adjoint is
            another matrix: <x, S y> = <S* x, y> is looked at for one random pair.

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

        For the methods that solve with it, `Projection` and `Sketch`. They raise where three
        products show that it is not linear, symmetric or positive, or a solve meets <p, G p> <= 0.
        `Projection` also needs vectors of covariance G: about sqrt(kappa(G)) products each.

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

        For sparse semidefinite matrices of elliptic problems: graph Laplacians, finite elements.

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
        return cls._cycle(operator.facts, near_null)

    @classmethod
    def named(cls, name: str, facts: Facts) -> "Preconditioner":
        """Return what ``rank(A, preconditioner=name)`` uses, from what is known of A."""
        if name == "jacobi":
            return cls._from_root(diagonals.jacobi(facts), name)
        if name == "equilibrate":
            return cls._from_root(equilibrate(facts).root, name)
        if name == "amg":
            return cls._cycle(facts, None)
        raise OptionError(f"preconditioner={name!r} is unknown. {HOW}")

    @classmethod
    def _cycle(cls, facts: Facts, near_null: Array | None) -> "Preconditioner":
        from symrank.preconditioners import multigrid  # pyamg is wanted only here

        cycle = multigrid.cycle_of(facts, near_null)
        draw = Draw(cycle.draw, cycle.num_draws, cycle.draw_error)
        return cls(
            factor=None, name="amg", product=cycle, work=cycle.work, order=facts.n, draw=draw
        )

    @classmethod
    def _from_root(cls, root: FloatArray, name: str) -> "Preconditioner":
        root.setflags(write=False)
        return cls(factor=diagonal_factor(root), name=name, root=root)

    def __repr__(self) -> str:
        return f"<Preconditioner {self.n}x{self.n}: {self.name}>"
