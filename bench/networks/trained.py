"""Two networks of 1e5 parameters, what they learn from, and their training; the same every time.

A convolutional network with ReLU learns the digits of MNIST, a transformer the next character of
the docstrings of Python's standard library, which are read from its sources and not imported.
"""

import ast
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

WORDS = 96  # printable ASCII, and the end of a line
LENGTH = 32  # characters that the transformer sees
EPS = 1e-5
WARMUP = 100  # steps of training up to the full rate


class Digits(nn.Module):
    """Two strided convolutions and two layers, ReLU between them; 105 866 parameters."""

    def __init__(self, channels: int = 16, hidden: int = 64) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 3, stride=2, padding=1)
        self.second = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.third = nn.Linear(2 * channels * 49, hidden)
        self.logits = nn.Linear(hidden, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of images (b, 1, 28, 28)."""
        z = torch.relu(self.second(torch.relu(self.first(x))))
        return self.logits(torch.relu(self.third(z.flatten(1))))


class Block(nn.Module):
    """Causal attention and a layer of GELU, each after a norm and round a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.gain = nn.Parameter(torch.ones(2, width))
        self.to_heads, self.from_heads = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return what is passed on, (b, t, width)."""
        heads = self.to_heads(normed(z, self.gain[0])).unflatten(-1, (3, self.heads, -1))
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        late = torch.ones(z.shape[1], z.shape[1], dtype=torch.bool).triu(1)
        share = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(late, -torch.inf)
        mixed = (share.softmax(-1) @ v).transpose(1, 2).flatten(-2)
        z = z + self.from_heads(mixed)
        return z + self.down(nn.functional.gelu(self.up(normed(z, self.gain[1]))))


class Writer(nn.Module):
    """A transformer of characters, its logits tied to its embedding; 107 968 parameters."""

    def __init__(self, width: int = 64, blocks: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, width)
        self.place = nn.Parameter(0.02 * torch.randn(LENGTH, width))
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Return the logits of the character after each of words (b, t): (b t, WORDS)."""
        z = self.blocks(self.embedding(words) + self.place)
        return (normed(z, self.gain) @ self.embedding.weight.t()).flatten(0, 1)


def normed(z: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    """Return z of unit size, times gains."""
    return gain * z * torch.rsqrt(z.pow(2).mean(-1, keepdim=True) + EPS)


@dataclass
class Lesson:
    """A network, its samples for training and for judging, and the fixed ones of the curvature."""

    name: str
    model: nn.Module
    train: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]
    fixed: tuple[torch.Tensor, torch.Tensor]
    batch: int
    rate: float

    def epochs(self, last: int, seed: int = 0) -> Iterator[int]:
        """Train, and yield the number of epochs done, 0 first."""
        yield 0
        x, y = self.train
        order = np.random.default_rng(seed)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=self.rate)
        warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(1.0, (t + 1) / WARMUP))
        for epoch in range(1, last + 1):
            for rows in torch.from_numpy(order.permutation(len(x))).split(self.batch):
                optimizer.zero_grad()
                loss(self.model(x[rows]), y[rows].flatten()).backward()
                optimizer.step()
                warm.step()
            yield epoch

    def judged(self) -> dict[str, float]:
        """Return losses on fixed and on unseen samples, and the share of right answers there."""
        x, y = self.test
        with torch.no_grad():
            out = self.model(x)
            right = (out.argmax(1) == y.flatten()).double().mean()
            return {
                "loss": float(loss(self.model(self.fixed[0]), self.fixed[1].flatten())),
                "test_loss": float(loss(out, y.flatten())),
                "test_right": float(right),
            }

    def data(self, dtype: torch.dtype) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return the fixed samples as one batch."""
        x, y = self.fixed
        return [(x.to(dtype) if x.is_floating_point() else x, y.flatten())]


loss = nn.functional.cross_entropy


def digits(folder: Path, images: int, fixed: int, **sizes: int) -> Lesson:
    """Return the network of MNIST, ``mnist.npz`` in a folder; fixed are the first images."""
    torch.manual_seed(0)
    held = np.load(folder / "mnist.npz")

    def part(name: str, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.from_numpy(held[f"x_{name}"][:size]).float()[:, None] / 255.0
        return x, torch.from_numpy(held[f"y_{name}"][:size]).long()

    train = part("train", images)
    first = (train[0][:fixed], train[1][:fixed])
    return Lesson("digits", Digits(**sizes), train, part("test", 2000), first, 128, 1e-3)


def writer(characters: int, fixed: int, **sizes: int) -> Lesson:
    """Return the network of docstrings; fixed are windows spread over what it learns from."""
    torch.manual_seed(0)
    text = torch.from_numpy(codes(docstrings(characters + characters // 10)))
    count = len(text) // (LENGTH + 1)
    windows = text[: count * (LENGTH + 1)].reshape(count, LENGTH + 1)
    is_held = torch.arange(count) % 11 == 10
    train, test = windows[~is_held], windows[is_held][:500]
    spread = train[torch.linspace(0, len(train) - 1, fixed).long()]
    x, y, z = ((w[:, :-1].contiguous(), w[:, 1:].contiguous()) for w in (train, test, spread))
    return Lesson("writer", Writer(**sizes), x, y, z, 32, 2e-3)


def docstrings(characters: int) -> str:
    """Return so many characters of the docstrings of the standard library, file by file."""
    found, size = [], 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        for text in docstrings_of(path):
            found.append(text)
            size += len(text) + 1
        if size >= characters:
            break
    return "\n".join(found)[:characters]


def docstrings_of(path: Path) -> Iterator[str]:
    """Yield the docstrings of a source, by line, of printable ASCII."""
    kinds: Any = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = ast.get_docstring(node) if isinstance(node, kinds) else None
        if text:
            yield "".join(c for c in text if c == "\n" or " " <= c <= "~")


def codes(text: str) -> np.ndarray:
    """Return characters as numbers below WORDS, the end of a line as the last."""
    found = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - ord(" ")
    return np.where(found < 0, WORDS - 1, found)
