r"""How far a product may be from that of exact arithmetic: measured, and declared as noise.

The same products are computed with every tensor widened to double precision on its way into an
operation, and compared: that shows single precision and less, also where it hides inside of a loss
of double-precision parameters. For these, and where the loss cannot be widened, products at theta
and at theta (1 + eps xi) are compared, xi random signs. Points that differ by a rounding are not
told apart by arithmetic that rounds, so the change is an error that a backward stable computation
may have.

The error is compared with |A||x| on NUM_VECTORS Gaussian vectors, which see an error that is spread
over all directions, and on the same vectors after POWER_STEPS products, which lie along the largest
eigenvalues, where an error of large terms is. |A| is the longest product with a unit vector seen, a
lower bound, so the ratio is not too small. What is declared is SAFETY times the largest ratio.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch.overrides import TorchFunctionMode

from symrank.errors import OperatorError
from symrank.networks.pytorch.losses import Point

__all__ = ["Measured", "Widened", "measured"]

NUM_VECTORS = 4
POWER_STEPS = 3
SAFETY = 4.0  # the largest of 8 ratios against that of all directions
MOST = 0.1  # what `rank` takes as a noise lies below it


class Measured(Protocol):
    """An operator whose products are measured."""

    n: int
    device: torch.device
    point: Point

    def rows(self, rows: torch.Tensor, point: Point | None = None) -> torch.Tensor:
        """Return products with vectors (k, n) at a point."""


class Widened(TorchFunctionMode):
    """Every floating-point tensor enters an operation in double precision."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation with wide tensors."""
        del types
        return func(*map(_wide, args), **{key: _wide(one) for key, one in (kwargs or {}).items()})


def _wide(value: Any) -> Any:
    """Return tensors, also within lists and tuples, and dtypes as double precision."""
    if isinstance(value, torch.Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, torch.dtype):
        return torch.float64 if value.is_floating_point else value
    if type(value) in (list, tuple):
        return type(value)(_wide(one) for one in value)
    return value


def measured(operator: Measured) -> float:
    """Return the relative error of a product of the operator, from above."""
    layout = operator.point.layout
    generator = torch.Generator().manual_seed(0)
    shape = (NUM_VECTORS, operator.n)
    rows = torch.randn(shape, generator=generator, dtype=layout.dtype).to(operator.device)
    blocks = [rows]
    for _ in range(POWER_STEPS):
        rows = operator.rows(rows)
        lengths = rows.norm(dim=1, keepdim=True)
        rows = rows / torch.where(lengths > 0.0, lengths, torch.ones_like(lengths))
    blocks.append(rows)
    others = list(_other_products(operator, generator))
    worst, norm = 0.0, 0.0
    for X in blocks:
        Y = operator.rows(X)
        lengths = X.double().norm(dim=1)
        lengths = torch.where(lengths > 0.0, lengths, torch.ones_like(lengths))
        norm = max(norm, float((Y.double().norm(dim=1) / lengths).max()))
        for other in others:
            error = (Y.double() - other(X)).norm(dim=1) / lengths
            worst = max(worst, float(error.max()))
    noise = SAFETY * worst / norm if norm > 0.0 else 0.0
    if not noise < MOST:
        raise OperatorError(
            f"products of this loss err by {noise:.2g} of its largest curvature, so that no small "
            "eigenvalue can be told from rounding. Convert the model and the data to float32 or "
            "float64, or state the error by noise=..."
        )
    return noise


def _other_products(
    operator: Measured, generator: torch.Generator
) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """Yield the products that those of the operator are held against."""
    params = operator.point.params
    is_double = all(one.dtype == torch.float64 for one in params)
    try:
        yield _widened(operator)
    except (RuntimeError, TypeError, NotImplementedError):  # an operation without such a form
        is_double = True
    if is_double:
        yield _moved(operator, generator)


def _widened(operator: Measured) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the products in double precision; they have been tried."""
    point = Point(operator.point.params, torch.float64)

    def product(rows: torch.Tensor) -> torch.Tensor:
        with Widened():
            return operator.rows(rows.double(), point)

    product(torch.ones((1, operator.n), device=operator.device))
    return product


def _moved(
    operator: Measured, generator: torch.Generator
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the products at parameters that differ by a rounding."""
    moved = []
    for one in operator.point.params:
        sign = torch.randint(2, one.shape, generator=generator).to(one.device) * 2 - 1
        moved.append(one.detach() * (1.0 + torch.finfo(one.dtype).eps * sign.to(one.dtype)))
    point = Point(moved)
    return lambda rows: operator.rows(rows, point).double()
