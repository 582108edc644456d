"""The Gauss-Newton matrix on the side of the outputs, where these are fewer than the parameters."""

import math
from functools import partial
from typing import Any

import torch

from symrank.networks.pytorch.gauss_newton import GaussNewton, Outputs, curved
from symrank.networks.pytorch.operator import host_rows, torch_rows
from symrank.networks.pytorch.passes import derivatives
from symrank.operators import GramOperator
from symrank.operators.factor import Factor
from symrank.support import foreign
from symrank.support.cached import cached_property
from symrank.support.typing import Array

__all__ = ["FactoredGaussNewton", "gauss_newton"]

MOST_BLOCKS = 2**23  # numbers in all blocks of the loss: 64 MiB
COUPLED = 1e3  # eps: what blocks may miss of a product with C
PER_SAMPLE = 512  # outputs of a sample: its block is made of so many products


class FactoredGaussNewton(GramOperator):
    """The Gauss-Newton matrix F^T F, counted as F F^T where that is smaller.

    Attributes
    ----------
    by_batches : GaussNewton
        The same by products with batches as they come.
    """

    def __init__(self, whole: GaussNewton, roots: list[torch.Tensor]) -> None:
        m = sum(R.shape[0] * R.shape[1] for R in roots)
        self.by_batches, self.roots = whole, roots
        factor = Factor(
            shape=(m, whole.n),
            dtype=whole.dtype,
            forward=partial(_multiply, self._forward),
            adjoint=partial(_multiply, self._backward),
            largest_entry=None,
            is_foreign=True,
        )
        super().__init__(factor, "columns", scale=1.0)
        self.name = whole.name

    @property
    def device(self) -> torch.device:
        """Where products are computed."""
        return self.by_batches.device

    @property
    def way(self) -> str:
        """How products with k vectors are computed."""
        return self.by_batches.way

    def product(self, V: torch.Tensor) -> torch.Tensor:
        """Multiply an (n, k) block of vectors where it lies, as the Hessian does."""
        return self.by_batches.product(V)

    def _matmat(self, X: Array) -> Array:
        return self.by_batches._matmat(X)

    @cached_property
    def noise(self) -> float:
        """Relative error of a product, measured once."""
        return self.by_batches.noise

    def other_side(self) -> GramOperator:
        """Return F F^T, (m, m): the same eigenvalues but zeros."""
        return _OutputSide(self)

    def _forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return F v for vectors (k, n)."""
        whole, done = self.by_batches, []
        with derivatives():
            for batch, R, weight in self._batches():
                parts = whole.point.layout.split(rows)
                along = batch.forward(parts, whole.way).reshape(rows.shape[0], *R.shape[:2])
                done.append(weight * torch.einsum("ica,kic->kia", R, along).flatten(1))
        return torch.cat(done, dim=1)

    def _backward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return F^T u for vectors (k, m)."""
        whole, k, start = self.by_batches, rows.shape[0], 0
        total = torch.zeros((k, whole.n), dtype=torch.float64, device=self.device)
        with derivatives():
            for batch, R, weight in self._batches():
                stop = start + R.shape[0] * R.shape[1]
                given = rows[:, start:stop].reshape(k, *R.shape[:2])
                along = weight * torch.einsum("ica,kia->kic", R, given)
                along = along.reshape(k, *batch.outputs.shape)
                total += batch.backward(along, whole.point, whole.way)
                start = stop
        return total.to(rows.dtype)

    def _batches(self) -> Any:
        """Yield the graph of every batch, the roots of its blocks, and sqrt(w / W)."""
        loss = self.by_batches.loss
        total = sum(R.shape[0] for R in self.roots) if loss.is_mean else 1.0
        for piece, R in zip(loss.pieces(), self.roots, strict=True):
            weight = R.shape[0] if loss.is_mean else 1.0
            yield self.by_batches._graph(piece, self.by_batches.point), R, math.sqrt(weight / total)


class _OutputSide(GramOperator):
    """F F^T, with the noise of the whole."""

    def __init__(self, of: FactoredGaussNewton) -> None:
        super().__init__(of.factor, "rows", 1.0)
        self.of = of
        self.name = f"{of.name}, on the side of the outputs"

    @cached_property
    def noise(self) -> float:
        """Relative error of a product: that of the whole."""
        return self.of.noise

    def other_side(self) -> GramOperator:
        """Return F^T F."""
        return self.of


def gauss_newton(whole: GaussNewton) -> "GaussNewton | FactoredGaussNewton":
    """Return the matrix as F^T F where the loss allows it and the outputs are fewer, else itself.

    It takes a pass over the data.
    """
    with foreign.callers_code(), derivatives():
        roots = _roots(whole)
    return whole if roots is None else FactoredGaussNewton(whole, roots)


def _roots(whole: GaussNewton) -> "list[torch.Tensor] | None":
    """Return R (samples, outputs, outputs) of every batch; None where there is no such form."""
    found, rows, held = [], 0, 0
    for piece in whole.loss.pieces():
        batch = Outputs.of(piece, whole.point)
        shape = batch.outputs.shape
        count = shape[0] if shape else 1
        each = batch.outputs.numel() // max(count, 1)
        if whole.loss.is_mean and count != piece.weight and not whole.loss.is_one:
            return None
        rows, held = rows + count * each, held + count * each**2
        if rows >= whole.n or held > MOST_BLOCKS or each > PER_SAMPLE:
            return None
        R = _root_of(batch, count, each, whole)
        if R is None:
            return None
        found.append(R)
    return found


def _root_of(batch: Outputs, count: int, each: int, whole: GaussNewton) -> "torch.Tensor | None":
    """Return the roots of the blocks of C, or None where it is not made of semidefinite ones."""
    o = batch.outputs
    unit = torch.eye(each, dtype=o.dtype, device=o.device)
    along = unit[:, None, :].expand(each, count, each).reshape(each, *o.shape)
    blocks = curved(batch, along, "loop").reshape(each, count, each).transpose(0, 1).double()
    generator = torch.Generator().manual_seed(0)
    u = torch.randn((1, *o.shape), generator=generator, dtype=o.dtype).to(o.device)
    exact = curved(batch, u, "loop").reshape(count, each).double()
    said = torch.einsum("iab,ib->ia", blocks, u.reshape(count, each).double())
    allowed = COUPLED * torch.finfo(o.dtype).eps
    if float((said - exact).abs().max()) > allowed * float(said.abs().max()):
        return None
    lam, Q = torch.linalg.eigh((blocks + blocks.transpose(1, 2)) / 2)
    if float(lam.min()) < -allowed * float(lam.abs().max()):
        return None
    return (Q * lam.clamp(min=0.0).sqrt()[:, None, :]).to(whole.point.layout.dtype)


def _multiply(product: Any, X: Array) -> Array:
    """Multiply a block of NumPy by a product with rows of PyTorch, the caller's code."""
    with foreign.callers_code():
        Y = host_rows(product(torch_rows(X, product.__self__.device)))
    foreign.refuse_non_finite(Y, "a derivative of the network")
    return Y
