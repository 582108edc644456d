r"""The Hessian of a linear network at a global minimum, by products of its layers.

For x -> W_M ... W_1 x with the loss E |y - W_M ... W_1 x|^2, eqs. (22) and (23), theta the
concatenation of the row-major vec(W_1), ..., vec(W_M), and a direction V_1, ..., V_M:

    H = 2 Phi Phi^T                                                                 (24)
    Phi^T v = vec sum_k S_k V_k R_k,   S_k = W_M ... W_{k+1},  R_k = W_{k-1} ... W_1 Sigma_x^{1/2}
    (Phi D)_k = vec S_k^T D R_k^T                                                   (25)

Sigma_x^{1/2} stands on the input side only. (Eq. (25) prints it in both factors of the Kronecker
product, the output side included, which is the same for the paper's Sigma_x = I.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symrank.errors import OperatorError
from symrank.operators.covariance import covariance_spectrum
from symrank.operators.factor import Factor
from symrank.operators.gemm import gemm
from symrank.operators.gram import GramOperator
from symrank.operators.middle import multiply_middle
from symrank.operators.shapes import working_dtype
from symrank.support.typing import Array

__all__ = ["LinearNetworkHessian"]


class LinearNetworkHessian(GramOperator):
    r"""Hessian :math:`2\Phi\Phi^T` of a deep linear network at a global minimum.

    The rank is :math:`d_x d_y` whatever the depth, where :math:`\Sigma_x` and
    :math:`W_M \cdots W_1` have full rank. Nothing but products of layers is formed.
    It is `gram` of :math:`\sqrt 2\,\Phi^T`, :math:`d_x d_y \times n`, so counting may take the
    shorter :math:`2\Phi^T\Phi`.
    It is the Hessian of the loss only where :math:`W_M \cdots W_1 = \Sigma_{yx}\Sigma_x^{-1}`.

    Parameters
    ----------
    weights
        The layers :math:`W_1, ..., W_M`, in the order in which they act; :math:`W_i` has shape
        (d_i, d_{i-1}). One layer or more, real.
    sigma_x
        (d_0, d_0) covariance of the input, positive semidefinite. None is the identity.

    Raises
    ------
    OperatorError
        Where the shapes do not chain, or `sigma_x` is no covariance matrix.

    References
    ----------
    .. [1] A. Bar et al., "The expected loss of preconditioned Langevin dynamics reveals the
       Hessian rank", AAAI 2024, eqs. (22)-(25).

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.operators import LinearNetworkHessian
    >>> H = LinearNetworkHessian([np.diag([1.0, 2.0]), np.diag([2.0, 1.0])])
    >>> H.n, int(np.linalg.matrix_rank(H.to_dense()))
    (8, 4)
    """

    def __init__(self, weights: Sequence[npt.ArrayLike], sigma_x: npt.ArrayLike | None = None):
        layers = _checked_layers(weights)
        root = None
        if sigma_x is not None:
            root = _root(sigma_x, layers[0].shape[1], layers[0].dtype)
        derivative = _Derivative(layers, _suffix_products(layers), _prefix_products(layers, root))
        factor = Factor(
            shape=derivative.shape,
            dtype=layers[0].dtype,
            forward=derivative.forward,
            adjoint=derivative.adjoint,
            largest_entry=None,
        )
        super().__init__(factor, "columns", scale=1.0)  # it is the Hessian, extreme or not
        widths = "-".join(str(W.shape[1]) for W in layers) + f"-{layers[-1].shape[0]}"
        self.name = f"Hessian of a linear network {widths}"
        self.weights = layers
        self.d_x, self.d_y = layers[0].shape[1], layers[-1].shape[0]


@dataclass(frozen=True, eq=False)
class _Derivative:
    r"""sqrt(2) Phi^T (d_y d_x, n): what moving the layers does to the outputs, and its adjoint."""

    layers: tuple[Array, ...]
    after: list[Array | None]  # S_k, None for the identity
    before: list[Array | None]  # R_k

    @property
    def shape(self) -> tuple[int, int]:
        return self.layers[-1].shape[0] * self.layers[0].shape[1], sum(W.size for W in self.layers)

    def forward(self, X: Array) -> Array:
        """Return sqrt(2) Phi^T X."""
        k = X.shape[1]
        d_y, d_x = self.layers[-1].shape[0], self.layers[0].shape[1]
        D = np.zeros((d_y, d_x, k), dtype=X.dtype)
        if X.size:
            for V, S, R in zip(self._layers_of(X), self.after, self.before, strict=True):
                left = V if S is None else _multiply_first(S, V)
                D += left if R is None else multiply_middle(R.T, left)
            D *= math.sqrt(2.0)
        return D.reshape(d_y * d_x, k)

    def adjoint(self, D: Array) -> Array:
        """Return sqrt(2) Phi D."""
        rows, n = self.shape
        k = D.shape[1]
        product = np.empty((n, k), dtype=D.dtype)
        if product.size and rows:
            T = math.sqrt(2.0) * D.reshape(self.layers[-1].shape[0], -1, k)
            blocks = zip(self._layers_of(product), self.after, self.before, strict=True)
            for P, S, R in blocks:
                left = T if S is None else _multiply_first(S.T, T)
                P[...] = left if R is None else multiply_middle(R, left)
        return product

    def _layers_of(self, X: Array) -> list[Array]:
        """Return views (d_i, d_{i-1}, k) of the rows of X (n, k) that belong to each layer."""
        stops = np.cumsum([W.size for W in self.layers])
        return [
            X[stop - W.size : stop].reshape(*W.shape, X.shape[1])
            for W, stop in zip(self.layers, stops, strict=True)
        ]


def _multiply_first(S: Array, V: Array) -> Array:
    """Multiply the first axis of V (d, e, k) by S."""
    return gemm(S, V.reshape(V.shape[0], -1)).reshape(-1, *V.shape[1:])


def _checked_layers(weights: Sequence[npt.ArrayLike]) -> tuple[Array, ...]:
    """Return the layers in one real dtype, or raise where they do not chain."""
    layers = [np.asarray(W) for W in weights]
    if not layers:
        raise OperatorError("a linear network needs at least one layer. Pass weights=[W_1, ...].")
    for i, W in enumerate(layers, start=1):
        if W.ndim != 2 or working_dtype(W.dtype).kind == "c":
            raise OperatorError(
                f"layer W_{i} has shape {W.shape} and dtype {W.dtype}; a layer is a real matrix "
                "(d_out, d_in)."
            )
        if i > 1 and W.shape[1] != layers[i - 2].shape[0]:
            raise OperatorError(
                f"layer W_{i} of shape {W.shape} does not follow W_{i - 1} of shape "
                f"{layers[i - 2].shape}: W_{i} must have {layers[i - 2].shape[0]} columns. "
                "Pass the layers in the order in which they act, W_1 first."
            )
    dtype = working_dtype(np.result_type(*layers))
    return tuple(np.ascontiguousarray(W, dtype=dtype) for W in layers)


def _root(sigma_x: npt.ArrayLike, d_x: int, dtype: np.dtype[Any]) -> Array:
    """Return the symmetric square root of a covariance matrix."""
    lam, Q = covariance_spectrum(sigma_x, d_x, float(np.finfo(dtype).eps))
    root: Array = (Q * np.sqrt(lam)) @ Q.T
    return root.astype(dtype)


def _suffix_products(layers: Sequence[Array]) -> list[Array | None]:
    """Return S_k = W_M ... W_{k+1} for k = 1, ..., M; None stands for the identity S_M."""
    products: list[Array | None] = [None]
    for W in layers[:0:-1]:
        last = products[-1]
        products.append(W if last is None else last @ W)
    return products[::-1]


def _prefix_products(layers: Sequence[Array], root: Array | None) -> list[Array | None]:
    """Return R_k = W_{k-1} ... W_1 Sigma_x^{1/2}; None stands for the identity."""
    products: list[Array | None] = [root]
    for W in layers[:-1]:
        last = products[-1]
        products.append(W if last is None else W @ last)
    return products
