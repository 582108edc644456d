"""The Hessian of a loss that PyTorch can differentiate twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from symrank.networks.pytorch.layout import flatten
from symrank.networks.pytorch.losses import Closure, Piece, Point
from symrank.networks.pytorch.operator import MEMORY, NetworkOperator, Settings
from symrank.networks.pytorch.passes import Ways, pulled_rows

__all__ = ["TorchHessian", "hessian"]


class TorchHessian(NetworkOperator):
    """The operator that `symrank.torch.hessian` and `symrank.torch.from_model` return."""

    def _prepared(self, piece: Piece, point: Point) -> Any:
        if self.way == "forward":
            return None
        found = torch.autograd.grad(
            piece.value(point.params), point.params, create_graph=True, allow_unused=True
        )
        live = [i for i, one in enumerate(found) if one is not None]
        return _Graph([found[i] for i in live], live)

    def _ends(self, graph: Any) -> list[torch.Tensor]:
        ends: list[torch.Tensor] = graph.ends
        return ends

    def _multiplied(
        self, graph: Any, piece: Piece, point: Point, parts: list[torch.Tensor]
    ) -> torch.Tensor:
        if self.way == "forward":
            return point.layout.join(_forward(piece, point, parts), point.layout.dtype)
        given = [parts[i] for i in graph.live]
        return pulled_rows(graph.ends, point.params, given, self.way, point.layout)


@dataclass(frozen=True, eq=False)
class _Graph:
    """The gradient, and of which parameters: the loss may not depend on all."""

    ends: list[torch.Tensor]
    live: list[int]


def _forward(piece: Piece, point: Point, parts: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the products by derivatives along the vectors, carried forward."""
    params = tuple(one.detach() for one in point.params)
    gradient = torch.func.grad(lambda *theta: piece.value(theta), tuple(range(len(params))))

    def one(*v: torch.Tensor) -> Any:
        return torch.func.jvp(gradient, params, v)[1]

    found: Sequence[torch.Tensor] = torch.func.vmap(one)(*parts)
    return list(found)


def hessian(
    loss: Callable[[Any], Any],
    params: Any,
    *,
    products: Ways | None = None,
    memory: int = MEMORY,
    noise: float | None = None,
) -> TorchHessian:
    r"""Return the Hessian of a loss at some parameters, as an operator.

    The parameters are copied: a model that trains on changes nothing here. A product with k vectors
    costs about three gradients each. The loss is evaluated twice at the door, and must be the same.

    Parameters
    ----------
    loss
        A function from parameters to a real scalar tensor. It is called with tensors nested as in
        `params`, and depends on these: ``torch.func.functional_call(model, params, (x,))`` computes
        the outputs of a module at them. What else it uses must not change between calls.
    params
        A tensor, or dicts, lists and tuples of tensors, such as ``dict(model.named_parameters())``,
        or a module, which stands for that. On one device, real floating point. The vectors of the
        operator are these tensors in their order, each row by row.
    products
        How k products are computed: "loop" (k passes backwards through one graph), "batched" (one
        such pass with k vectors at once) or "forward" (derivatives carried forward through the
        gradient). Default: "loop" or "batched", by the size of the graph.
    memory
        Bytes that the products of a block may take beyond those of one: a block is cut by it,
        except for "loop".
    noise
        Relative error of a product, ``|error| <= noise |A||x|``. Default: measured when it is first
        asked for, at the price of some twenty products; no eigenvalue below ``50 noise |A|``
        counts.

    Returns
    -------
    TorchHessian
        An `Operator`: ``n`` parameters, single precision where the parameters have it or less.

    Raises
    ------
    OperatorError
        Where the loss is no real scalar, does not depend on `params` or has no second derivative in
        PyTorch, or where the parameters are none.
    NotSymmetricError
        Where two gradients at one point differ: dropout, data drawn anew.
    MissingBackendError
        Where PyTorch is not installed.

    See Also
    --------
    symrank.torch.from_model : of a module, a loss function and data; also Gauss-Newton.

    Notes
    -----
    Attention is computed by its formula while derivatives are taken, as fused kernels have one
    derivative only; automatic mixed precision around the call is off meanwhile. Where activations
    have kinks (ReLU), the Hessian is that of automatic differentiation: of the smooth piece that
    the parameters lie on.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> import symrank
    >>> loss = lambda p: (p["w"] ** 2).sum() + 3.0 * p["b"] ** 2  # doctest: +SKIP
    >>> point = {"w": torch.ones(4), "b": torch.tensor(0.5)}  # doctest: +SKIP
    >>> symrank.rank(symrank.torch.hessian(loss, point)).rank  # doctest: +SKIP
    5
    """
    leaves, make = flatten(params)
    of = Closure(loss, leaves, make)
    return TorchHessian(of, Settings(products, memory, noise), of.name)
