"""What the Hessian and the Gauss-Newton operator of a network share: blocks, devices, noise."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from symrank.errors import NotSymmetricError, OperatorError
from symrank.networks.pytorch.losses import LossSum, Piece, Point, sum_dtype
from symrank.networks.pytorch.noise import measured
from symrank.networks.pytorch.passes import WAYS, Ways, derivatives, short_way, size_of
from symrank.operators import Operator
from symrank.support import foreign
from symrank.support.cached import cached_property
from symrank.support.options import check_count, check_noise, check_word
from symrank.support.typing import Array

__all__ = ["MEMORY", "NetworkOperator", "Settings", "host_rows", "torch_rows"]

MEMORY = 2**30  # bytes of a block of vectors beyond the graph: fixed, as it orders the sums
CHANGED = 1000.0  # eps: gradients of one point that differ by more were not of one loss
NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


class Settings:
    """How products are computed: the caller's options, checked."""

    def __init__(self, way: Any, memory: Any, noise: Any) -> None:
        if way is not None:
            check_word("products", way, WAYS)
        self.way: Ways | None = way
        self.memory = check_count("memory", memory, 1, "is a number of bytes, at least 1.")
        self.noise = None
        if noise is not None:
            self.noise = check_noise(noise)


class NetworkOperator(Operator):
    """A curvature matrix of a loss at a point, by products in PyTorch.

    Attributes
    ----------
    way : str
        How products with k vectors are computed: "loop", "batched" or "forward".
    device : torch.device
        Where they are computed.
    """

    def __init__(self, loss: LossSum, options: Settings, name: str) -> None:
        self.loss = loss
        self.point = Point(loss.theta)
        layout = self.point.layout
        super().__init__((layout.n, layout.n), NUMPY[layout.dtype], name=name)
        self.is_foreign = True
        self.device = layout.device
        self._options = options
        self._kept: Any = None
        self.saved = 0
        self.way: Ways = "loop"  # until the first batch has told
        with foreign.callers_code():
            self.way = self._entered(options.way)
        self.is_columnwise = self.way == "loop"  # one vector after the other

    @abstractmethod
    def _prepared(self, piece: Piece, point: Point) -> Any:
        """Return what the products with a batch share: a graph of derivatives."""

    @abstractmethod
    def _ends(self, graph: Any) -> list[torch.Tensor]:
        """Return the outputs of that graph."""

    @abstractmethod
    def _multiplied(
        self, graph: Any, piece: Piece, point: Point, parts: list[torch.Tensor]
    ) -> torch.Tensor:
        """Return the products (k, n) of a batch with vectors in parts (k, ...)."""

    def product(self, V: torch.Tensor) -> torch.Tensor:
        """Multiply an (n, k) block of vectors where it lies; nothing goes through the host.

        Parameters
        ----------
        V
            (n, k) tensor on `device`.

        Returns
        -------
        Tensor
            (n, k), of the dtype of the operator.
        """
        if V.ndim != 2 or V.shape[0] != self.n:
            raise OperatorError(
                f"product got a tensor of shape {tuple(V.shape)}, and a block of shape "
                f"({self.n}, k) is wanted, whose columns are the vectors."
            )
        rows = V.detach().to(self.device, self.point.layout.dtype).t()
        return self.rows(rows).t()

    def rows(self, rows: torch.Tensor, point: Point | None = None) -> torch.Tensor:
        """Return products with vectors (k, n) at a point, by default that of the operator."""
        at = point or self.point
        if self._is_whole():
            piece = next(iter(self.loss.pieces()))
            with derivatives():
                return self._chunks(self._graph(piece, at), piece, at, rows)
        total, weights = self._sum(self.loss.pieces(), at, rows)
        return (total / weights if self.loss.is_mean else total).to(at.layout.dtype)

    def _sum(
        self, pieces: Iterable[Piece], at: Point, rows: torch.Tensor
    ) -> tuple[torch.Tensor, float]:
        """Return the weighted sum of the products with some batches, in their order, and weights.

        Raises
        ------
        OperatorError
            Where there are none.
        """
        dtype = sum_dtype(self.device, at.layout.dtype)
        total, weights = None, 0.0
        with derivatives():
            for piece in pieces:
                done = self._chunks(self._graph(piece, at), piece, at, rows)
                done = done.to(dtype) * piece.weight
                total = done if total is None else total.add_(done)
                weights += piece.weight
        if total is None:
            raise OperatorError(
                "the data are empty. Pass an iterable that gives the same batches every time."
            )
        return total, weights

    def _is_whole(self) -> bool:
        """Tell whether the loss is its only piece, so that no weight matters."""
        return self.loss.is_one

    def _graph(self, piece: Piece, point: Point) -> Any:
        """Return the graph of a batch, kept where there is one batch and one point."""
        if not self.loss.is_one or point is not self.point:
            return self._prepared(piece, point)
        if self._kept is None:
            self._kept = self._prepared(piece, point)
        return self._kept

    def _chunks(self, graph: Any, piece: Piece, point: Point, rows: torch.Tensor) -> torch.Tensor:
        """Multiply as many vectors at a time as fit into the memory."""
        bytes_each = (self.saved + self.n) * rows.element_size()
        width = rows.shape[0] or 1
        if self.way != "loop":
            width = max(1, min(width, self._options.memory // bytes_each))
        done = [
            self._multiplied(graph, piece, point, point.layout.split(chunk))
            for chunk in torch.split(rows, width)
        ]
        return done[0] if len(done) == 1 else torch.cat(done)

    def _matmat(self, X: Array) -> Array:
        with foreign.callers_code():
            Y = host_rows(self.rows(torch_rows(X, self.device)))
        foreign.refuse_non_finite(Y, "the Hessian of the loss")
        return Y

    @cached_property
    def noise(self) -> float:
        """Relative error of a product, measured once (`symrank.networks.pytorch.noise`)."""
        if self._options.noise is not None:
            return self._options.noise
        with foreign.callers_code():
            return measured(self)

    def _entered(self, way: Ways | None) -> Ways:
        """Look at the first batch: a real loss, the same twice, with second derivatives."""
        piece = next(iter(self.loss.pieces()), None)
        if piece is None:
            raise OperatorError(
                "the data are empty. Pass an iterable that gives the same batches every time."
            )
        saved: list[int] = []
        with derivatives():
            self._same_twice(piece)
            with size_of(saved):
                graph = self._prepared(piece, self.point)
            self.saved = sum(saved)
            ends = self._ends(graph)
            chosen = way or short_way(ends, self.saved, self.n)
            return self._tried(piece, graph, chosen, is_wish=way is not None)

    def _tried(self, piece: Piece, graph: Any, way: Ways, *, is_wish: bool) -> Ways:
        """Multiply one vector, and return the way that does: a loop where no other is asked for."""
        ones = torch.ones(
            (1, self.n), dtype=self.point.layout.dtype, device=self.point.layout.device
        )
        self.way = way
        try:
            self._multiplied(graph, piece, self.point, self.point.layout.split(ones))
        except (RuntimeError, NotImplementedError) as error:
            if way == "batched" and not is_wish:
                return self._tried(piece, graph, "loop", is_wish=True)
            others = ", ".join(repr(one) for one in WAYS if one != way)
            raise OperatorError(
                f"PyTorch has no second derivative of this loss by products={way!r}: "
                f"{str(error).splitlines()[0]} Use the model without torch.compile and fused "
                f"recurrent kernels, or one of products={others}."
            ) from error
        return way

    def _same_twice(self, piece: Piece) -> None:
        """Raise where two gradients of one batch differ, or nothing depends on the parameters."""
        first, again = self._gradient(piece), self._gradient(piece)
        size = float(first.abs().max())
        change = float((first - again).abs().max())
        eps = torch.finfo(self.point.layout.dtype).eps
        if change > CHANGED * eps * size:
            raise NotSymmetricError(
                f"two gradients of this loss at the same point and data differ by "
                f"{change / size:.3g} of their size, so there is no one Hessian. Look for "
                f"{self.loss.suspects}; model.eval() switches dropout off."
            )

    def _gradient(self, piece: Piece) -> torch.Tensor:
        value = piece.value(self.point.params)
        found: Any = ()
        if value.requires_grad:
            found = torch.autograd.grad(value, self.point.params, allow_unused=True)
        parts = [part.flatten() for part in found if part is not None]
        if not parts:
            raise OperatorError(
                "the loss does not depend on the parameters that it is given. Compute it by "
                "torch.func.functional_call(model, params, (x,)), and outside of torch.no_grad()."
            )
        return torch.cat([part.to(self.point.layout.dtype) for part in parts])

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_kept": None}  # a graph is of one process


def torch_rows(X: Array, device: torch.device) -> torch.Tensor:
    """Return a block (n, k) of NumPy as vectors (k, n) on a device."""
    return torch.from_numpy(X).to(device).t().contiguous()


def host_rows(rows: torch.Tensor) -> Array:
    """Return vectors (k, n) as a block (n, k) of NumPy, in C order."""
    return np.ascontiguousarray(rows.cpu().numpy().T)  # five times as fast as PyTorch's own copy
