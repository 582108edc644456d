r"""The Hessian of a loss that JAX can differentiate twice.

    H v = d/dt grad L(theta + t v) at t = 0,

derivatives along v carried forward through the gradient, for k vectors at once (vmap), compiled
once for every k. The parameters and the data are arguments of what is compiled: data that a
function closes over would be folded into it as constants, for seconds at every compilation.

The error of a product is measured: in single precision against the same product with parameters
and data in double precision; in double precision against the product at parameters that differ by
a rounding, see `symrank.networks.pytorch.noise`. What is declared is SAFETY times the largest ratio
of an error and |A||x|, on Gaussian vectors and on the same after POWER_STEPS products.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np

from symrank.errors import NotSymmetricError, OperatorError
from symrank.operators import Operator
from symrank.support import foreign
from symrank.support.cached import cached_property
from symrank.support.options import check_noise
from symrank.support.typing import Array

__all__ = ["JaxHessian", "hessian"]

NUM_VECTORS = 4
POWER_STEPS = 3
SAFETY = 4.0  # the largest of 8 ratios against that of all directions
MOST = 0.1  # what `rank` takes as a noise lies below it
CHANGED = 1000.0  # eps: gradients of one point that differ by more were not of one loss


class JaxHessian(Operator):
    """The operator that `symrank.jax.hessian` returns."""

    def __init__(self, loss: Any, params: Any, data: tuple[Any, ...], noise: float | None) -> None:
        theta, self._unravel = jax.flatten_util.ravel_pytree(params)
        if not theta.size or not jnp.issubdtype(theta.dtype, jnp.floating):
            raise OperatorError(
                f"the parameters are {theta.size} numbers of dtype {theta.dtype}, and a Hessian is "
                "taken by real floating-point ones. Pass a pytree of these alone."
            )
        self.theta, self.data, self.loss_function = theta, data, loss
        name = f"Hessian of {getattr(loss, '__name__', type(loss).__name__)}"
        dtype = np.float64 if theta.dtype == np.float64 else np.float32
        super().__init__((theta.size, theta.size), dtype, name=name)
        self.is_foreign = True
        self._stated = noise
        self._compiled = jax.jit(self._products)
        with foreign.callers_code():
            self._check()

    def _value(self, theta: Any, data: Any) -> Any:
        return self.loss_function(self._unravel(theta), *data)

    def _products(self, theta: Any, data: Any, rows: Any) -> Any:
        """Return products with vectors (k, n)."""

        def one(v: Any) -> Any:
            return jax.jvp(lambda at: jax.grad(self._value)(at, data), (theta,), (v,))[1]

        return jax.vmap(one)(rows)

    def product(self, V: Any) -> Any:
        """Multiply an (n, k) block of JAX where it lies; nothing goes through the host."""
        return self._compiled(self.theta, self.data, V.T.astype(self.theta.dtype)).T

    def _matmat(self, X: Array) -> Array:
        with foreign.callers_code():
            Y = np.array(self.product(jnp.asarray(X)), self.dtype, order="C")
        foreign.refuse_non_finite(Y, "the Hessian of the loss")
        return Y

    @cached_property
    def noise(self) -> float:
        """Relative error of a product, measured once."""
        if self._stated is not None:
            return self._stated
        with foreign.callers_code():
            return self._measured()

    def _measured(self) -> float:
        rows = np.random.default_rng(0).standard_normal((NUM_VECTORS, self.n)).astype(self.dtype)
        blocks = [rows]
        for _ in range(POWER_STEPS):
            rows = self._rows(rows)
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = (rows / np.where(lengths > 0.0, lengths, 1.0)).astype(self.dtype)
        blocks.append(rows)
        worst, norm = 0.0, 0.0
        for X in blocks:
            Y, other = self._rows(X).astype(np.float64), self._other(X)
            lengths = np.linalg.norm(X.astype(np.float64), axis=1)
            lengths = np.where(lengths > 0.0, lengths, 1.0)
            norm = max(norm, float((np.linalg.norm(Y, axis=1) / lengths).max()))
            worst = max(worst, float((np.linalg.norm(Y - other, axis=1) / lengths).max()))
        noise = SAFETY * worst / norm if norm > 0.0 else 0.0
        if not noise < MOST:
            raise OperatorError(
                f"products of this loss err by {noise:.2g} of its largest curvature, so that no "
                "small eigenvalue can be told from rounding. Convert parameters and data to "
                "float32 or float64, or state the error by noise=..."
            )
        return noise

    def _rows(self, rows: Array) -> Array:
        return np.asarray(self._compiled(self.theta, self.data, rows.astype(self.theta.dtype)))

    def _other(self, rows: Array) -> Array:
        """Return the products that those of the operator are held against, in double precision."""
        if self.theta.dtype != np.float64:
            try:
                return self._widened_rows(rows)
            except (TypeError, ValueError):  # the loss insists on its dtypes
                pass
        signs = np.random.default_rng(1).integers(2, size=self.n) * 2 - 1
        change = jnp.asarray(float(jnp.finfo(self.theta.dtype).eps) * signs, self.theta.dtype)
        moved = self._compiled(self.theta * (1 + change), self.data, rows.astype(self.theta.dtype))
        return np.asarray(moved, np.float64)

    def _widened_rows(self, rows: Array) -> Array:
        """Return the products with parameters and data in double precision."""
        with jax.enable_x64(True):
            params = jax.tree.map(_widened, self._unravel(self.theta))
            theta, unravel = jax.flatten_util.ravel_pytree(params)
            data = jax.tree.map(_widened, self.data)

            def gradient(at: Any) -> Any:
                return jax.grad(lambda t: self.loss_function(unravel(t), *data))(at)

            def one(v: Any) -> Any:
                return jax.jvp(gradient, (theta,), (v,))[1]

            return np.asarray(jax.vmap(one)(jnp.asarray(rows.astype(np.float64))))

    def _check(self) -> None:
        """Raise where the loss is no real scalar, or not the same twice."""
        value = jax.eval_shape(self._value, self.theta, self.data)
        if getattr(value, "shape", None) != () or not jnp.issubdtype(value.dtype, jnp.floating):
            raise OperatorError(
                f"the loss returned {value}, and one real number is wanted. Return its mean or sum."
            )
        gradient = jax.grad(self._value)
        first, again = (np.asarray(gradient(self.theta, self.data)) for _ in range(2))
        size, change = float(np.abs(first).max()), float(np.abs(first - again).max())
        if change > CHANGED * float(jnp.finfo(self.theta.dtype).eps) * size:
            raise NotSymmetricError(
                f"two gradients of this loss at the same point and data differ by "
                f"{change / size:.3g} of their size, so there is no one Hessian. Pass random keys "
                "as fixed data, or leave dropout out."
            )


def _widened(leaf: Any) -> Any:
    """Return a floating-point leaf in double precision."""
    array = jnp.asarray(leaf)
    return array.astype(np.float64) if jnp.issubdtype(array.dtype, jnp.floating) else leaf


def hessian(
    loss: Callable[..., Any], params: Any, *data: Any, noise: float | None = None
) -> JaxHessian:
    """Return the Hessian of ``loss(params, *data)`` by the parameters, as an operator.

    Parameters
    ----------
    loss
        A function of a pytree of parameters, and of the data, that returns a real scalar. It is
        compiled, so it may depend on its arguments only.
    params
        A pytree of floating-point arrays. The vectors of the operator are its leaves in the order
        of ``jax.flatten_util.ravel_pytree``.
    data
        Pytrees of arrays, such as inputs and targets. What the loss closes over instead is compiled
        in as a constant, which takes seconds and memory for large data.
    noise
        Relative error of a product, ``|error| <= noise |A||x|``. Default: measured when it is first
        asked for, at the price of some twenty products; no eigenvalue below ``50 noise |A|``
        counts.

    Returns
    -------
    JaxHessian
        An `Operator`, (n, n) for n parameters; single precision where they have it or less.

    Raises
    ------
    OperatorError
        Where the loss is no real scalar, or the parameters are not floating-point numbers.
    NotSymmetricError
        Where two gradients at one point differ.
    MissingBackendError
        Where JAX is not installed.

    See Also
    --------
    symrank.torch.hessian : in PyTorch.

    Examples
    --------
    >>> import jax.numpy as jnp  # doctest: +SKIP
    >>> import symrank
    >>> loss = lambda p, x: jnp.sum((x @ p["w"]) ** 2)  # doctest: +SKIP
    >>> H = symrank.jax.hessian(loss, {"w": jnp.ones(3)}, jnp.eye(3)[:2])  # doctest: +SKIP
    >>> symrank.rank(H).rank  # doctest: +SKIP
    2
    """
    if noise is not None:
        noise = check_noise(noise)
    return JaxHessian(loss, params, data, noise)
