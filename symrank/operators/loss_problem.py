"""What a method needs of a loss that is not quadratic."""

from typing import Protocol, runtime_checkable

from symrank.support.typing import Array, FloatArray

__all__ = ["LossProblem"]


@runtime_checkable
class LossProblem(Protocol):
    """A loss near a minimum, known by its values and gradients.

    It may also have ``hessian()``, the Hessian at `theta0` as anything that `as_operator` takes.
    `symrank.gallery.linear_network` returns one; ``symrank.rank(problem, method="langevin")``
    takes one.
    """

    @property
    def n(self) -> int:
        """Number of parameters."""

    @property
    def theta0(self) -> FloatArray:
        """The minimum, (n,), or a point near one: the chains run on the tilted loss."""

    def loss_and_grad(self, Theta: Array) -> tuple[Array, Array]:
        """Return the losses (k,) and gradients (n, k) at the columns of `Theta` (n, k)."""
