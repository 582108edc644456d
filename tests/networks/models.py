"""Small networks with data, and their dense curvature by `torch.func` alone."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel


@dataclass(frozen=True)
class Network:
    model: nn.Module
    loss_fn: Any
    data: list[tuple[torch.Tensor, torch.Tensor]]


class Residual(nn.Module):
    """The denoiser of the paper: conv, ReLU, conv, batch norm, ReLU, conv, and the input."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.third = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = torch.relu(self.norm(self.second(torch.relu(self.first(x)))))
        return x - self.third(z)


class Block(nn.Module):
    """Embedding, one transformer block, logits that share the embedding's weights."""

    def __init__(self, words: int = 11, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.to_heads = nn.Linear(width, 3 * width)
        self.from_heads = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.gain = nn.Parameter(torch.ones(2, width))
        self.logits = nn.Linear(width, words, bias=False)
        self.logits.weight = self.embedding.weight

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        z = self.embedding(words)
        heads = self.to_heads(self.normed(z, 0)).unflatten(-1, (3, 2, -1)).movedim(-3, 0)
        q, k, v = heads.transpose(-3, -2)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        z = z + self.from_heads(mixed.transpose(-3, -2).flatten(-2))
        z = z + self.down(nn.functional.gelu(self.up(self.normed(z, 1))))
        return self.logits(z).flatten(0, 1)

    def normed(self, z: torch.Tensor, which: int) -> torch.Tensor:
        """Return z of unit size: PyTorch's own norms have wrong second derivatives in vmap."""
        return self.gain[which] * z / (z.pow(2).mean(dim=-1, keepdim=True) + 1e-5).sqrt()


class Standard(nn.Module):
    """The same with PyTorch's layer, which has layer norm and ReLU."""

    def __init__(self, words: int = 11, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.block = nn.TransformerEncoderLayer(width, 2, 2 * width, 0.0, batch_first=True)
        self.logits = nn.Linear(width, words, bias=False)
        self.logits.weight = self.embedding.weight

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.logits(self.block(self.embedding(words))).flatten(0, 1)


def mse(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean squared error; forward derivatives of PyTorch's own fail."""
    return ((outputs - targets) ** 2).mean()


def mlp() -> Network:
    torch.manual_seed(1)
    sizes = (8, 24, 24, 5)
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.Tanh()]
    x, y = torch.randn(40, 8).double(), torch.randint(5, (40,))
    model = nn.Sequential(*layers[:-1]).double()
    return Network(model, nn.CrossEntropyLoss(), [(x[:16], y[:16]), (x[16:], y[16:])])


def cnn() -> Network:
    torch.manual_seed(2)
    model = Residual().double()
    clean = torch.randn(6, 1, 6, 6).double()
    with torch.no_grad():
        model(torch.randn(64, 1, 6, 6).double())  # running statistics that are none of the start
    return Network(model.eval(), mse, [(clean + torch.randn(6, 1, 6, 6).double(), clean)])


def transformer(kind: type[nn.Module] = Block) -> Network:
    torch.manual_seed(3)
    words = torch.randint(11, (5, 7))
    data = [(words[:, :-1], words[:, 1:].flatten())]
    return Network(kind().double().eval(), nn.CrossEntropyLoss(), data)


NETWORKS: dict[str, Callable[[], Network]] = {"mlp": mlp, "cnn": cnn, "transformer": transformer}


def merged(network: Network) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = zip(*network.data, strict=True)
    return torch.cat(x), torch.cat(y)


def at(network: Network) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
    """Return the parameters as a vector, and the outputs as a function of it."""
    named = {name: one.detach() for name, one in network.model.named_parameters()}
    sizes = [one.numel() for one in named.values()]
    theta = torch.cat([one.flatten() for one in named.values()])
    x, _ = merged(network)

    def outputs(theta: torch.Tensor) -> torch.Tensor:
        parts = torch.split(theta, sizes)
        state = {n: p.reshape(named[n].shape) for n, p in zip(named, parts, strict=True)}
        return torch.func.functional_call(network.model, state, (x,))

    return theta, outputs


def dense_hessian(network: Network, *, is_forward: bool = True) -> np.ndarray:
    """Return the Hessian by `torch.func.hessian`, or by two derivatives backwards.

    The first batches the derivative of a batched gradient, where second derivatives of layer norm
    and of batch statistics are wrong (PyTorch 2.13: a Hessian that is not symmetric).
    """
    theta, outputs = at(network)
    _, y = merged(network)

    def loss(theta: torch.Tensor) -> torch.Tensor:
        return network.loss_fn(outputs(theta), y)

    with sdpa_kernel(SDPBackend.MATH):
        by_two = torch.func.jacrev(torch.func.grad(loss))
        found = torch.func.hessian(loss)(theta) if is_forward else by_two(theta)
    return found.detach().numpy()


def dense_gauss_newton(network: Network) -> np.ndarray:
    """Return J^T C J from the whole Jacobian and the whole Hessian of the loss by outputs."""
    theta, outputs = at(network)
    _, y = merged(network)
    with sdpa_kernel(SDPBackend.MATH):
        J = torch.func.jacrev(outputs)(theta).flatten(0, -2)
        o = outputs(theta).detach()
        C = torch.func.hessian(lambda o: network.loss_fn(o, y))(o)
    C = C.reshape(o.numel(), o.numel())
    return (J.T @ C @ J).detach().numpy()
