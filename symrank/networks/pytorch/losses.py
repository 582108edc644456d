r"""A loss as a sum of pieces, one for each batch: what the operators differentiate.

    L(theta) = sum_b w_b loss(outputs_b(theta)) / W

w_b = 1 and W = 1 where the loss of a batch is a sum over its samples; w_b is the number of samples
of batch b and W their total where it is a mean. Sums over batches are taken in double precision, in
the order in which the batches come.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from symrank.errors import OperatorError
from symrank.networks.pytorch.layout import Layout

__all__ = ["Closure", "LossSum", "Piece", "Point", "sum_dtype"]


@dataclass(frozen=True)
class Piece:
    """The loss of one batch.

    Attributes
    ----------
    weight
        w_b.
    outputs
        From the parameters to the outputs of the network; for a loss that is known as a whole, to
        the loss itself.
    loss
        From the outputs to the loss, a scalar.
    """

    weight: float
    outputs: Callable[[Sequence[torch.Tensor]], Any]
    loss: Callable[[Any], torch.Tensor]

    def value(self, params: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the loss of the batch, or raise where it is none.

        Raises
        ------
        OperatorError
            Where it is no real scalar.
        """
        return scalar(self.loss(self.outputs(params)))


class LossSum(Protocol):
    """A loss that the operators know by its pieces."""

    theta: list[torch.Tensor]
    is_one: bool  # one piece, the same tensors at every pass: its graph may be kept
    is_mean: bool  # W is the sum of the weights, else 1
    name: str

    @property
    def suspects(self) -> str:
        """Why two passes over it might differ."""

    def pieces(self) -> Iterable[Piece]:
        """Yield the batches, in their order."""


class Closure:
    """A loss that is a function of the parameters."""

    is_one = True
    is_mean = False

    def __init__(self, loss: Callable[[Any], Any], theta: list[torch.Tensor], make: Any) -> None:
        self.loss, self.theta, self.make = loss, theta, make
        self.name = f"Hessian of {getattr(loss, '__name__', type(loss).__name__)}"

    @property
    def suspects(self) -> str:
        """Why two passes over it might differ."""
        return "dropout, data drawn anew, or a random number in the loss"

    def pieces(self) -> Iterator[Piece]:
        """Yield the whole of it."""
        yield Piece(1.0, lambda params: self.loss(self.make(params)), lambda value: value)


class Point:
    """Parameters as fresh leaves of a graph."""

    def __init__(self, theta: Sequence[torch.Tensor], dtype: "torch.dtype | None" = None) -> None:
        self.layout = Layout(theta if dtype is None else [one.to(dtype) for one in theta])
        with torch.inference_mode(mode=False):
            self.params = [
                one.detach().to(dtype or one.dtype, copy=True).requires_grad_() for one in theta
            ]


def sum_dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """Return the dtype of sums over batches; Apple's devices have no double precision."""
    return dtype if device.type == "mps" else torch.float64


def scalar(value: Any) -> torch.Tensor:
    """Return a loss as a tensor without dimensions, or raise where it is none."""
    if not isinstance(value, torch.Tensor):
        raise OperatorError(
            f"the loss returned a {type(value).__name__}, and a tensor with one number is wanted. "
            "Return it without .item() or .detach()."
        )
    if value.numel() != 1 or not value.dtype.is_floating_point:
        raise OperatorError(
            f"the loss returned a tensor of shape {tuple(value.shape)} and dtype {value.dtype}, "
            "and one real number is wanted. Take its mean or sum: reduction='mean' in the loss of "
            "PyTorch, or .mean()."
        )
    return value.reshape(())
