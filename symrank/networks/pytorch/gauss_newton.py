r"""The Gauss-Newton matrix of a network, by products and as a Gram matrix of its outputs.

With outputs o(theta) of a batch, J = do/dtheta and C = d^2 loss / do^2,

    G = sum_b (w_b / W) J_b^T C_b J_b,

the Hessian without the curvature of the network itself. A product is J v forwards, C u on the
outputs, J^T u backwards. J v is by the transpose of a transpose: J^T z is linear in a dummy z, and
its derivative along v is J v, so that a kept graph serves all vectors.

Where the loss adds up over samples and is convex in the outputs, C is made of one semidefinite
block C_i = R_i R_i^T a sample, and G = F^T F with

    F = (sqrt(w_b / W) R_i^T J_i)_i,        m = sum of the outputs of all samples.

So the rank is at most m, and for m < n it is counted on the m x m matrix F F^T, which has the same
eigenvalues but zeros. The blocks are found by as many products with C as a sample has outputs, and
checked with random ones: a loss that couples samples, or is not convex, is no such sum.
"""

from dataclasses import dataclass
from typing import Any

import torch

from symrank.errors import OperatorError, OptionError
from symrank.networks.pytorch.losses import LossSum, Piece, Point, scalar
from symrank.networks.pytorch.operator import NetworkOperator, Settings
from symrank.networks.pytorch.passes import pulled, pulled_rows

__all__ = ["GaussNewton", "Outputs", "curved"]


class GaussNewton(NetworkOperator):
    """The Gauss-Newton matrix by products; `symrank.torch.from_model` returns it."""

    def __init__(self, loss: LossSum, options: Settings) -> None:
        if options.way == "forward":
            raise OptionError(
                "products='forward' is of the Hessian: the Gauss-Newton matrix has passes of its "
                "own. Pass 'loop' or 'batched', or leave it out."
            )
        super().__init__(loss, options, f"Gauss-Newton matrix of {loss.name}")

    def _prepared(self, piece: Piece, point: Point) -> "Outputs":
        return Outputs.of(piece, point)

    def _ends(self, graph: Any) -> list[torch.Tensor]:
        return [one for one in graph.transposed if one.requires_grad]

    def _multiplied(
        self, graph: Any, piece: Piece, point: Point, parts: list[torch.Tensor]
    ) -> torch.Tensor:
        del piece
        along: torch.Tensor = graph.forward(parts, self.way)
        rows: torch.Tensor = graph.backward(curved(graph, along, self.way), point, self.way)
        return rows


@dataclass(frozen=True, eq=False)
class Outputs:
    """A batch: its outputs as a graph, and what carries vectors through it.

    Attributes
    ----------
    outputs
        o, a graph from the parameters.
    dummy, transposed
        z, and J^T z as a graph from z.
    ends, slopes
        o as a leaf, and the gradient of the loss by it as a graph from there.
    """

    outputs: torch.Tensor
    dummy: torch.Tensor
    transposed: list[torch.Tensor]
    ends: torch.Tensor
    slopes: torch.Tensor

    @classmethod
    def of(cls, piece: Piece, point: Point) -> "Outputs":
        """Compute the outputs of a batch, and the graphs."""
        outputs = piece.outputs(point.params)
        if not isinstance(outputs, torch.Tensor) or not outputs.dtype.is_floating_point:
            raise OperatorError(
                f"the model returned a {type(outputs).__name__}, and the Gauss-Newton matrix takes "
                "one real tensor. Wrap the model in one that returns its logits."
            )
        dummy = torch.zeros_like(outputs, requires_grad=True)
        found: Any = [None] * len(point.params)
        if outputs.requires_grad:
            found = torch.autograd.grad(
                outputs, point.params, dummy, create_graph=True, allow_unused=True
            )
        transposed = [
            torch.zeros_like(one) if part is None else part
            for part, one in zip(found, point.params, strict=True)
        ]
        ends = outputs.detach().clone().requires_grad_()
        value = scalar(piece.loss(ends))
        slopes = torch.zeros_like(ends)
        if value.requires_grad:
            (slopes,) = torch.autograd.grad(value, ends, create_graph=True)
        return cls(outputs, dummy, transposed, ends, slopes)

    def forward(self, parts: list[torch.Tensor], way: str) -> torch.Tensor:
        """Return J v for vectors in parts (k, ...)."""
        return pulled(self.transposed, [self.dummy], parts, way)[0]

    def backward(self, along: torch.Tensor, point: Point, way: str) -> torch.Tensor:
        """Return J^T u, vectors (k, n), for directions of the outputs (k, ...)."""
        return pulled_rows([self.outputs], point.params, [along], way, point.layout)


def curved(batch: Outputs, along: torch.Tensor, way: str) -> torch.Tensor:
    """Return C u for directions u of the outputs (k, ...)."""
    return pulled([batch.slopes], [batch.ends], [along], way)[0]
