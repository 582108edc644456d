r"""Loss and gradient of linear networks, many at once.

With W = W_M ... W_1, T = Sigma_yx Sigma_x^-1 and E = W - T the loss of eqs. (22), (23) is

    E|y - W x|^2 = tr E Sigma_x E^T + const,   const = tr Sigma_y - tr T Sigma_x T^T

and its gradient, with the partial products P_k = W_k ... W_1 and B_k = W_{k+1}^T B_{k+1}, is

    d/dW_k = B_k P_{k-1}^T,   B_M = 2 E Sigma_x,   P_0 = I.

The constant is left out: the loss is zero at every global minimum. One chain of products
forwards and one backwards, 3M - 3 in all, each a batch with one matrix per network.
"""

from collections.abc import Sequence

from symrank.support.typing import Array, FloatArray

__all__ = ["network_loss_and_grad"]


def network_loss_and_grad(
    layers: Sequence[Array], target: Array, sigma_x: FloatArray | None = None
) -> tuple[Array, list[Array]]:
    """Return the losses (...,) and the gradients, shaped as the layers.

    Polynomials in the entries of the layers, complex ones too (for complex steps), by operators of
    the arrays alone: they may live on a device.

    Parameters
    ----------
    layers
        W_1, ..., W_M as stacks (..., d_i, d_{i-1}), all but the last two axes alike.
    target
        (..., d_y, d_x), the product at the minimum; one for all or one per network.
    sigma_x
        (d_x, d_x); None is the identity.

    Examples
    --------
    >>> import numpy as np
    >>> from symrank.gallery.network_loss import network_loss_and_grad
    >>> loss, grads = network_loss_and_grad([np.full((1, 1), 3.0), np.full((1, 1), 2.0)], 5.0)
    >>> float(loss), [float(g[0, 0]) for g in grads]
    (1.0, [4.0, 6.0])
    """
    partial = [layers[0]]  # P_1, ..., P_M
    for W in layers[1:]:
        partial.append(W @ partial[-1])
    error = partial[-1] - target
    weighted = error if sigma_x is None else error @ sigma_x
    loss = (error * weighted).sum(axis=(-2, -1))

    backward = 2.0 * weighted  # B_k
    grads = []
    for k in range(len(layers) - 1, 0, -1):
        grads.append(backward @ partial[k - 1].swapaxes(-2, -1))
        backward = layers[k].swapaxes(-2, -1) @ backward
    grads.append(backward)
    return loss, grads[::-1]
