"""Operators made from one: squared, and under a congruence."""

from collections.abc import Callable
from typing import Any

import numpy as np

from symrank import kernels
from symrank.errors import OperatorError
from symrank.kernels.multiplicands import Multiplicand
from symrank.operators import on_device
from symrank.operators.base import Operator, product_by
from symrank.operators.factor import Factor
from symrank.operators.facts import Facts
from symrank.operators.shapes import common_dtype
from symrank.support.cached import cached_property
from symrank.support.typing import Array

__all__ = [
    "Congruent",
    "Squared",
]


class Squared(Operator):
    """``A A``, applied as two products; positive semidefinite and of the same rank.

    Parameters
    ----------
    base
        Operator of shape (n, n); each product costs two of its products.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import Squared, as_operator
    >>> Squared(as_operator(np.diag([-3.0, 2.0, 0.0]))) @ np.ones(3)
    array([9., 4., 0.])
    """

    _follows_parts = True

    def __init__(self, base: Operator) -> None:
        super().__init__(base.shape, base.dtype, name=f"square of {base.name}", parts=[base])
        self.base = base
        self.matvecs_per_product = 2 * base.matvecs_per_product

    def _facts(self) -> Facts:
        return self._facts_over(self.base)

    def multiplicand(
        self,
        *,
        is_summed: bool = False,  # noqa: ARG002
    ) -> tuple[Callable[[Array], Multiplicand], bool]:
        """Multiply once, and let the kernel multiply again."""
        product, _ = self.base.multiplicand()
        return lambda X: product(self.base.matmat(X)), True

    def _matmat(self, X: Array) -> Array:
        return product_by(self.base, product_by(self.base, X))


class Congruent(Operator):
    """``S* A S`` for an invertible S: the rank and inertia of A (Sylvester), another spectrum.

    It is applied as three products and never formed. Where A and S differ in precision, the
    operator has the lower one, which is what its products are good for.

    Parameters
    ----------
    base
        A, an operator of shape (n, n).
    factor
        S, square and invertible, with the products by S and by S*.

    Raises
    ------
    OperatorError
        Where the sizes differ, or S is complex and A is real.

    See Also
    --------
    symrank.Preconditioner : what makes the factor.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank import Preconditioner
    >>> from symrank.operators import Congruent, as_operator
    >>> S = Preconditioner.from_factor(np.array([[1.0, 2.0], [0.0, 1.0]])).factor
    >>> Congruent(as_operator(np.diag([1.0, 0.0])), S).to_dense()
    array([[1., 2.],
           [2., 4.]])
    """

    _follows_parts = True

    def __init__(self, base: Operator, factor: Factor) -> None:
        if factor.shape != base.shape:
            raise OperatorError(
                f"the factor S is {factor.shape[0]}x{factor.shape[1]} and the operator "
                f"{base.n}x{base.n}, but S* A S needs one size. Pass a square S of order {base.n}."
            )
        if factor.dtype.kind == "c" and base.dtype.kind != "c":
            raise OperatorError(
                f"the factor S is {factor.dtype} and the operator {base.dtype}, but S* A S is "
                "complex. Make the operator complex, for example by A.astype(complex)."
            )
        dtype = common_dtype(base.dtype, factor.dtype)
        name = f"congruence of {base.name}"
        super().__init__(base.shape, dtype, name=name, parts=[base, factor])
        self.base = base
        self.factor = factor
        self.matvecs_per_product = base.matvecs_per_product
        if self.kernel is not None and factor.root is None:
            raise on_device.made_on_host(f"{name} by a factor that is no diagonal")

    def _facts(self) -> Facts:
        return self._facts_over(self.base, squared_shape=self.base.facts.squared_shape)

    @cached_property
    def _root(self) -> Any:
        """A diagonal S on the device, (n, 1)."""
        root = np.asarray(self.factor.root, self.dtype.type(0).real.dtype)
        return kernels.load(self.kernel).block(root[:, None])

    def _matmat(self, X: Array) -> Array:
        if self.kernel is not None:
            return self._root * product_by(self.base, self._root * X)  # type: ignore[no-any-return]
        Y = _multiply(self.factor.forward, X, self.factor.dtype, self.base.dtype)
        Y = product_by(self.base, Y)
        return _multiply(self.factor.adjoint, Y, self.factor.dtype, self.dtype)


def _multiply(
    product: Callable[[Array], Array], X: Array, inner: np.dtype[Any], outer: np.dtype[Any]
) -> Array:
    """Return S X or S* X in the dtype `outer`, where S itself multiplies blocks of `inner`."""
    if X.dtype.kind == "c" and inner.kind != "c":
        parts = X.view(X.real.dtype)  # (n, 2k): real and imaginary parts interleaved
        return _multiply(product, parts, inner, outer.type(0).real.dtype).view(outer)
    return np.ascontiguousarray(product(X.astype(inner, copy=False)), dtype=outer)
