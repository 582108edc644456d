r"""Linear networks at global minima of their loss, whose Hessian has a known rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from symrank.errors import OperatorError, OptionError
from symrank.gallery.haar import haar
from symrank.gallery.network_loss import network_loss_and_grad
from symrank.operators.covariance import EPS, Inputs, minimiser
from symrank.operators.linear_network import LinearNetworkHessian
from symrank.support.typing import Array, FloatArray

__all__ = ["LinearNetwork", "linear_network"]

ROUNDING = 10 * EPS  # singular values of a target: times its size and the condition of sigma_x


@dataclass(frozen=True)
class LinearNetwork:
    r"""A linear network at a global minimum of E|y - W_M ... W_1 x|^2; a `LossProblem`.

    Attributes
    ----------
    weights
        W_1, ..., W_M in the order in which they act.
    target
        (d_y, d_x), their product, :math:`\Sigma_{yx} \Sigma_x^+`.
    rank
        Rank of the Hessian; see `linear_network`.
    sigma_x
        (d_x, d_x) covariance of the input; None is the identity.
    """

    weights: tuple[FloatArray, ...]
    target: FloatArray
    rank: int
    sigma_x: FloatArray | None = None

    @property
    def n(self) -> int:
        """Number of parameters."""
        return sum(W.size for W in self.weights)

    @property
    def theta0(self) -> FloatArray:
        """The minimum, (n,): the rows of W_1, then those of W_2, and so on."""
        return np.concatenate([W.ravel() for W in self.weights])

    def hessian(self) -> LinearNetworkHessian:
        """Return the Hessian at `theta0` as an operator."""
        return LinearNetworkHessian(self.weights, self.sigma_x)

    def loss_and_grad(self, Theta: npt.ArrayLike) -> tuple[Array, Array]:
        r"""Return loss and gradient at k parameter vectors.

        Parameters
        ----------
        Theta
            (n, k), real or complex; a column is laid out as `theta0`.

        Returns
        -------
        loss
            (k,), the excess over the minimum, :math:`\operatorname{tr} E \Sigma_x E^T` with
            :math:`E = W_M \cdots W_1 - \Sigma_{yx} \Sigma_x^{-1}`.
        grad
            (n, k), C order.

        Raises
        ------
        OperatorError
            Where `Theta` is no block of n rows.

        Examples
        --------
        >>> from symrank import gallery
        >>> network = gallery.linear_network(3, rng=0)
        >>> loss, grad = network.loss_and_grad(network.theta0[:, None])
        >>> loss.shape, grad.shape, bool(loss[0] < 1e-25)
        ((1,), (45, 1), True)
        """
        block = np.asarray(Theta)
        if block.ndim != 2 or block.shape[0] != self.n or block.dtype.kind not in "biufc":
            remedy = " Pass Theta[:, None]." if block.shape == (self.n,) else ""
            raise OperatorError(
                f"Theta has shape {block.shape} and dtype {block.dtype}; parameter vectors are the "
                f"columns of a block of numbers (n, k), n = {self.n}.{remedy}"
            )
        dtype = np.result_type(block.dtype, np.float64)
        rows = np.ascontiguousarray(block.T, dtype=dtype)  # (k, n): a network is contiguous
        stops = np.cumsum([W.size for W in self.weights])
        layers = [
            rows[:, stop - W.size : stop].reshape(-1, *W.shape)
            for W, stop in zip(self.weights, stops, strict=True)
        ]
        loss, grads = network_loss_and_grad(layers, self.target, self.sigma_x)
        grad = np.empty(block.shape, dtype=dtype)
        for W, stop, g in zip(self.weights, stops, grads, strict=True):
            grad[stop - W.size : stop] = g.reshape(len(rows), W.size).T
        return loss, grad


def linear_network(
    d: int,
    depth: int = 5,
    widths: Sequence[int] | None = None,
    rng: Any = None,
    minimum: Literal["balanced", "published"] = "balanced",
    *,
    sigma_x: npt.ArrayLike | None = None,
    sigma_yx: npt.ArrayLike | None = None,
) -> LinearNetwork:
    r"""Return a linear network at a random global minimum, with a Hessian of known rank.

    Parameters
    ----------
    d
        Width of every layer; not looked at where `widths` is given.
    depth
        Layers M; not looked at where `widths` is given.
    widths
        (d_x, d_1, ..., d_{M-1}, d_y), hidden ones at least the rank of the target.
    rng
        int, SeedSequence or Generator.
    minimum
        "balanced": with :math:`U S V^T` the singular value decomposition of the target,
        :math:`W_i = Q_i S^{1/M} Q_{i-1}^T`, :math:`Q_0 = V`, :math:`Q_M = U`, and independent
        random orthonormal columns between. A target that is not given is Gaussian over
        :math:`\sqrt{\max(d_x, d_y)}`.
        "published": the target is :math:`T = R R^T / \sqrt d` with a Gaussian R, and every layer
        is :math:`T^{1/M}`, turned by one random orthogonal P:
        :math:`W_1 = P T^{1/M}`, :math:`W_i = P T^{1/M} P^T`, :math:`W_M = T^{1/M} P^T`. This is how
        the code published with [1]_ draws the minima of its Table 1: all widths equal d, inputs of
        identity covariance.
    sigma_x
        (d_x, d_x) covariance :math:`\Sigma_x` of the input, it may be singular. Default: identity.
    sigma_yx
        (d_y, d_x) cross-covariance :math:`\Sigma_{yx}`, with rows in the range of `sigma_x`: the
        target is :math:`\Sigma_{yx} \Sigma_x^+`, of any rank. Default: drawn, full rank.

    Returns
    -------
    LinearNetwork
        Its `rank` is :math:`d_x d_y` for a target and `sigma_x` of full rank, and in general
        :math:`\rho (r_x + d_y - \rho)`, :math:`r_x` and :math:`\rho` the ranks of `sigma_x` and of
        the target; :math:`r_x d_y` for one layer.

    Raises
    ------
    OptionError
        Where a width is too small, or `minimum` is not one of the two or does not fit the rest,
        or `sigma_yx` is no cross-covariance.
    OperatorError
        Where `sigma_x` is no covariance matrix.

    Notes
    -----
    The rank of :math:`2 \Phi \Phi^T` is the dimension of :math:`\sum_k S_k V_k R_k` over all
    :math:`V_k`, eq. (25): of a sum of tensor products of the nested
    :math:`\operatorname{range} S_1 \subseteq S_2 \subseteq \dots` and the nested row spaces of
    :math:`R_1 \supseteq R_2 \supseteq \dots`, so
    :math:`\sum_k (\operatorname{rank} S_k - \operatorname{rank} S_{k-1}) \operatorname{rank} R_k`.
    Here :math:`\operatorname{rank} S_k = \rho` for k < M, :math:`S_M = I`,
    :math:`\operatorname{rank} R_1 = r_x`, and :math:`\operatorname{rank} R_k = \rho` for k > 1.
    The same count is in [2]_, and for regular `sigma_x` it is the dimension of the manifold of
    matrices of rank :math:`\rho` [3]_.

    References
    ----------
    .. [1] A. Bar et al., "The expected loss of preconditioned Langevin dynamics reveals the
       Hessian rank", AAAI 2024, eqs. (22)-(25) and Table 1.
    .. [2] S. P. Singh, G. Bachmann and T. Hofmann, "Analytic insights into structure and rank of
       neural network Hessian maps", NeurIPS 2021.
    .. [3] M. Trager, K. Kohn and J. Bruna, "Pure and spurious critical points: a geometric study
       of linear networks", ICLR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank import gallery
    >>> network = gallery.linear_network(3, depth=4, rng=0)
    >>> H = network.hessian().to_dense()
    >>> network.n, network.rank, int(np.linalg.matrix_rank(H))
    (36, 9, 9)
    >>> low = gallery.linear_network(3, depth=4, rng=0, sigma_yx=np.diag([2.0, 1.0, 0.0]))
    >>> low.rank, int(np.linalg.matrix_rank(low.hessian().to_dense()))
    (8, 8)
    """
    rng = np.random.default_rng(rng)
    sizes = (d,) * (depth + 1) if widths is None else tuple(widths)
    if len(sizes) < 2 or min(sizes) < 1:
        raise OptionError(
            f"widths={sizes} do not make a network: pass two or more positive widths "
            "(d_x, ..., d_y)."
        )
    if minimum == "balanced":
        return _balanced(sizes, rng, sigma_x, sigma_yx)
    if minimum != "published" or len(set(sizes)) > 1:
        raise OptionError(
            f'minimum={minimum!r} with widths={sizes}: pass "balanced", or "published" with '
            "equal widths."
        )
    if sigma_x is not None or sigma_yx is not None:
        raise OptionError(
            'minimum="published" draws its own target for inputs of identity covariance: leave '
            'sigma_x and sigma_yx out, or pass "balanced".'
        )
    return _published(sizes[0], len(sizes) - 1, rng)


def _balanced(
    widths: tuple[int, ...],
    rng: np.random.Generator,
    sigma_x: npt.ArrayLike | None,
    sigma_yx: npt.ArrayLike | None,
) -> LinearNetwork:
    """Share the singular values of the target evenly between the layers."""
    d_x, d_y, depth = widths[0], widths[-1], len(widths) - 1
    inputs = None if sigma_x is None else Inputs.of(sigma_x, d_x)
    rank_x = d_x if inputs is None else inputs.rank
    if sigma_yx is None:
        target = rng.standard_normal((d_y, d_x)) / max(d_x, d_y) ** 0.5
        target = target if rank_x == d_x or inputs is None else inputs.project(target)
        U, S, Vh = np.linalg.svd(target, full_matrices=False)
        rho = min(rank_x, d_y)
    else:
        target = minimiser(sigma_yx, (d_y, d_x), inputs)
        U, S, Vh = np.linalg.svd(target, full_matrices=False)
        kappa = 1.0 if inputs is None else inputs.condition
        rho = int((ROUNDING * max(d_x, d_y) * kappa * S[0] < S).sum())
    if min(widths[1:-1], default=rho) < rho:
        raise OptionError(
            f"widths={widths} do not reach a target of rank {rho}: pass hidden widths of at least "
            f"{rho}. A target that is drawn has rank min(d_x, d_y), for a regular sigma_x."
        )
    hidden = [haar(width, rng)[:, :rho] for width in widths[1:-1]]
    frames = [Vh[:rho].T, *hidden, U[:, :rho]]
    share = S[:rho] ** (1 / depth)
    weights = tuple((frames[i + 1] * share) @ frames[i].T for i in range(depth))
    rank = rank_x * d_y if depth == 1 else rho * (rank_x + d_y - rho)
    return LinearNetwork(weights, target, rank, None if inputs is None else inputs.sigma)


def _published(d: int, depth: int, rng: np.random.Generator) -> LinearNetwork:
    """Take the root of a positive definite target as every layer, turned by one rotation."""
    R = rng.standard_normal((d, d))
    target = R @ R.T / d**0.5
    lam, Q = np.linalg.eigh(target)
    root = (Q * np.maximum(lam, 0.0) ** (1 / depth)) @ Q.T
    P = haar(d, rng)
    frames = [np.eye(d), *([P] * (depth - 1)), np.eye(d)]
    weights = tuple(frames[i + 1] @ root @ frames[i].T for i in range(depth))
    return LinearNetwork(weights, target, d * d)
