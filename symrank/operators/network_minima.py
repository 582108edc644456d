r"""Linear networks at global minima of their loss, whose Hessian has a known rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from symrank._typing import FloatArray
from symrank.errors import OptionError
from symrank.operators._haar import haar
from symrank.operators.linear_network import LinearNetworkHessian

__all__ = ["LinearNetwork", "linear_network"]


@dataclass(frozen=True)
class LinearNetwork:
    r"""A linear network at a global minimum of its loss, for inputs of identity covariance.

    Attributes
    ----------
    weights
        W_1, ..., W_M in the order in which they act.
    target
        Their product W_M ... W_1, the minimiser of E|y - W x|^2.
    """

    weights: tuple[FloatArray, ...]
    target: FloatArray

    @property
    def n(self) -> int:
        """Number of parameters."""
        return sum(W.size for W in self.weights)

    @property
    def rank(self) -> int:
        r"""Rank of the Hessian: d_x d_y, since the target has full rank min(d_x, d_y).

        The rank of 2 Phi Phi^T is the dimension of what Phi^T reaches. If d_y <= d_x, then
        W_M ... W_2 has full row rank, so that V_1 -> W_M ... W_2 V_1 alone reaches every
        d_y x d_x matrix; if d_x < d_y, then V_M -> V_M W_{M-1} ... W_1 does.
        """
        return self.target.size

    def hessian(self) -> LinearNetworkHessian:
        """Return the Hessian of E|y - W_M ... W_1 x|^2 as an operator."""
        return LinearNetworkHessian(self.weights)


def linear_network(
    d: int,
    depth: int = 5,
    widths: Sequence[int] | None = None,
    rng: Any = None,
    minimum: Literal["balanced", "published"] = "balanced",
) -> LinearNetwork:
    r"""Return a linear network at a random global minimum, with a Hessian of known rank.

    Parameters
    ----------
    d
        Width of every layer; not looked at where `widths` is given.
    depth
        Layers M; not looked at where `widths` is given.
    widths
        (d_x, d_1, ..., d_{M-1}, d_y), hidden ones at least min(d_x, d_y).
    rng
        int, SeedSequence or Generator.
    minimum
        "balanced": the target is Gaussian over :math:`\sqrt{\max(d_x, d_y)}`, with singular value
        decomposition :math:`U S V^T`, and :math:`W_i = Q_i S^{1/M} Q_{i-1}^T` with
        :math:`Q_0 = V`, :math:`Q_M = U`, and independent random orthonormal columns between.
        "published": the target is :math:`T = R R^T / \sqrt d` with a Gaussian R, and every layer
        is :math:`T^{1/M}`, turned by one random orthogonal P:
        :math:`W_1 = P T^{1/M}`, :math:`W_i = P T^{1/M} P^T`, :math:`W_M = T^{1/M} P^T`. This is how
        the code published with [1]_ draws the minima of its Table 1; all widths equal d.

    Returns
    -------
    LinearNetwork
        Its `rank` is :math:`d_x d_y`.

    Raises
    ------
    OptionError
        Where a width is too small, or `minimum` is not one of the two or does not fit `widths`.

    References
    ----------
    .. [1] A. Bar et al., "The expected loss of preconditioned Langevin dynamics reveals the
       Hessian rank", AAAI 2024, eqs. (22)-(25) and Table 1.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank import gallery
    >>> network = gallery.linear_network(3, depth=4, rng=0)
    >>> H = network.hessian().to_dense()
    >>> network.n, network.rank, int(np.linalg.matrix_rank(H))
    (36, 9, 9)
    """
    rng = np.random.default_rng(rng)
    sizes = (d,) * (depth + 1) if widths is None else tuple(widths)
    smallest = min(sizes[0], sizes[-1]) if len(sizes) > 1 else 0
    if len(sizes) < 2 or min(sizes) < max(smallest, 1):
        raise OptionError(
            f"widths={sizes} do not make a network of full rank: pass two or more positive widths "
            "(d_x, ..., d_y), the hidden ones at least min(d_x, d_y)."
        )
    if minimum == "balanced":
        return _balanced(sizes, rng)
    if minimum != "published" or len(set(sizes)) > 1:
        raise OptionError(
            f'minimum={minimum!r} with widths={sizes}: pass "balanced", or "published" with '
            "equal widths."
        )
    return _published(sizes[0], len(sizes) - 1, rng)


def _balanced(widths: tuple[int, ...], rng: np.random.Generator) -> LinearNetwork:
    """Share the singular values of a Gaussian target evenly between the layers."""
    d_x, d_y, depth = widths[0], widths[-1], len(widths) - 1
    target = rng.standard_normal((d_y, d_x)) / max(d_x, d_y) ** 0.5
    U, S, Vh = np.linalg.svd(target, full_matrices=False)
    hidden = [haar(width, rng)[:, : S.size] for width in widths[1:-1]]
    frames = [Vh.T, *hidden, U]
    share = S ** (1 / depth)
    weights = tuple((frames[i + 1] * share) @ frames[i].T for i in range(depth))
    return LinearNetwork(weights, target)


def _published(d: int, depth: int, rng: np.random.Generator) -> LinearNetwork:
    """Take the root of a positive definite target as every layer, turned by one rotation."""
    R = rng.standard_normal((d, d))
    target = R @ R.T / d**0.5
    lam, Q = np.linalg.eigh(target)
    root = (Q * np.maximum(lam, 0.0) ** (1 / depth)) @ Q.T
    P = haar(d, rng)
    frames = [np.eye(d), *([P] * (depth - 1)), np.eye(d)]
    weights = tuple(frames[i + 1] @ root @ frames[i].T for i in range(depth))
    return LinearNetwork(weights, target)
