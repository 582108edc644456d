r"""Passes through a graph of derivatives for k vectors at once.

With g = grad L and the graph of g kept, a vector v gives H v = (dg/dtheta)^T v by one more pass
backwards (B. Pearlmutter, Neural Computation 6, 1994). For k vectors there are three ways:

    loop      k passes through the kept graph
    batched   one pass whose operations each work on k vectors (vmap of the pass)
    forward   vmap(jvp(grad L)): derivatives along v carried forward through the gradient

A pass of a loop costs an operation's start-up time k times, a batched one moves k times as much
memory at once. Which is shorter is told by the size of the graph, not by a clock: let s be the
numbers that it saves, N its operations, n the parameters. Batched wins where operations are small,

    s + PARAMETER n <= PER_OPERATION[device] N.

Medians of 16 vectors, one core, double precision, loop over batched: multilayer perceptrons of 16
units 5.2 (s/N = 70), 3.4 (440) and 1.3 (3400), of 256 units 0.7 (n/N = 2000); one transformer block
4.2 (155), 1.5 (1060) and 0.7 (8300); a small convolutional network 1.4 (3400), 0.8 (50 000).
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from symrank.networks.pytorch.layout import Layout

__all__ = ["WAYS", "Ways", "derivatives", "pulled", "pulled_rows", "short_way", "size_of"]

WAYS = ("loop", "batched", "forward")
Ways = str
PARAMETER = 8  # a parameter's part of a product is written and read again, in no cache
PER_OPERATION = {"cpu": 5_000, "": 500_000}  # numbers; an accelerator starts them as slowly


@contextmanager
def derivatives() -> Iterator[None]:
    """Let second derivatives be taken, whatever the caller's state is; it is put back.

    Fused attention kernels have first derivatives only, so attention is by its formula; automatic
    mixed precision of a surrounding block would make the loss another one.
    """
    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False) if torch.cuda.is_available() else _nothing(),
        sdpa_kernel(SDPBackend.MATH),
    ):
        yield


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def pulled(
    outputs: Sequence[torch.Tensor],
    inputs: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    way: Ways,
) -> list[torch.Tensor]:
    """Return the products of cotangents (k, ...) with d outputs / d inputs, transposed.

    Outputs that do not depend on anything count as constants. The graph is kept.
    """
    k = cotangents[0].shape[0]
    live = [i for i, one in enumerate(outputs) if one.requires_grad]
    if not live or not k:
        return [one.new_zeros((k, *one.shape)) for one in inputs]
    ends, given = [outputs[i] for i in live], [cotangents[i] for i in live]
    if way == "batched":
        parts = _grad(ends, inputs, given, is_batched=True)
        return [
            one.new_zeros((k, *one.shape)) if part is None else part
            for part, one in zip(parts, inputs, strict=True)
        ]
    found = [one.new_zeros((k, *one.shape)) for one in inputs]
    for j in range(k):
        parts = _grad(ends, inputs, [one[j] for one in given], is_batched=False)
        for rows, part in zip(found, parts, strict=True):
            if part is not None:
                rows[j] = part
    return found


def pulled_rows(
    outputs: Sequence[torch.Tensor],
    inputs: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    way: Ways,
    layout: Layout,
) -> torch.Tensor:
    """Return the same as vectors (k, n) of all inputs, each written once."""
    k = cotangents[0].shape[0]
    live = [i for i, one in enumerate(outputs) if one.requires_grad]
    if way != "loop" or not live:
        return layout.join(pulled(outputs, inputs, cotangents, way), layout.dtype)
    ends, given = [outputs[i] for i in live], [cotangents[i] for i in live]
    rows = torch.empty((k, layout.n), dtype=layout.dtype, device=layout.device)
    for j in range(k):
        parts = _grad(ends, inputs, [one[j] for one in given], is_batched=False)
        flat = [
            torch.zeros_like(one).flatten() if part is None else part.reshape(-1)
            for part, one in zip(parts, inputs, strict=True)
        ]
        torch.cat(flat, out=rows[j])
    return rows


def _grad(ends: Any, inputs: Any, given: Any, *, is_batched: bool) -> Any:
    with warnings.catch_warnings():
        if is_batched:  # an operation without a batched form is looped over, which is our affair
            warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
        return torch.autograd.grad(
            ends,
            inputs,
            given,
            retain_graph=True,
            allow_unused=True,
            is_grads_batched=is_batched,
        )


@contextmanager
def size_of(saved: list[int]) -> Iterator[None]:
    """Append to `saved` how many numbers each operation keeps for the way back."""

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tensor.numel())
        return tensor.detach()  # the same tensor would hold the graph that holds it

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield


def short_way(outputs: Sequence[torch.Tensor], saved: int, n: int) -> Ways:
    """Return the way that is shorter by the size of the graph of `outputs`."""
    operations, has_batched_form = _operations(outputs)
    device = outputs[0].device.type
    limit = PER_OPERATION.get(device, PER_OPERATION[""]) * operations
    return "batched" if has_batched_form and saved + PARAMETER * n <= limit else "loop"


def _operations(outputs: Sequence[torch.Tensor]) -> tuple[int, bool]:
    """Count the operations of a graph; tell whether all of them are PyTorch's own."""
    seen: set[Any] = set()
    left = [one.grad_fn for one in outputs if one.grad_fn is not None]
    is_own = True
    while left:
        node = left.pop()
        if node in seen:
            continue
        seen.add(node)
        is_own &= not isinstance(node, torch.autograd.function.BackwardCFunction)
        left += [after for after, _ in node.next_functions if after is not None]
    return len(seen), is_own
