"""The process that is timed: one network, and every way to multiply by its Hessian.

    python -m bench.networks.children NETWORK COLUMNS

prints which ways it has, and answers each line of its input, the name of a way, by the seconds of a
block. So two processes, of two environments, take turns.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Residual(nn.Module):
    """The DnCNN of the paper: depth 3, 8 channels, 753 parameters; SiLU would cost the same."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.third = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the denoised images."""
        z = torch.relu(self.norm(self.second(torch.relu(self.first(x)))))
        return x - self.third(z)


def mse(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


def dncnn() -> tuple[nn.Module, Any]:
    clean = torch.rand(64, 1, 28, 28).double()
    return Residual().double().eval(), [(clean + torch.randn_like(clean), clean)]


def mlp() -> tuple[nn.Module, Any]:
    """98 880 parameters."""
    layers = [nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, 256), nn.Tanh(), nn.Linear(256, 64)]
    return nn.Sequential(*layers).double(), [
        (torch.randn(128, 64).double(), torch.randn(128, 64).double())
    ]


NETWORKS = {"dncnn": dncnn, "mlp": mlp}


def ways(name: str, k: int) -> dict[str, Callable[[], Any]]:
    """Return every way to multiply k vectors that this environment has."""
    torch.manual_seed(0)
    model, data = NETWORKS[name]()
    n = sum(p.numel() for p in model.parameters())
    block = torch.randn(n, k).double()
    found = {f"plain {way}": call for way, call in plain(model, data, block).items()}
    try:
        import curvlinops
    except ImportError:
        import symrank.torch

        H = symrank.torch.from_model(model, mse, data)
        X = block.numpy().copy()
        return {"symrank": lambda: H.matmat(X), **found}
    params = [p for p in model.parameters() if p.requires_grad]
    theirs = curvlinops.HessianLinearOperator(
        model, nn.MSELoss(), params, data, check_deterministic=False
    )
    return {"curvlinops": lambda: theirs @ block}


def plain(model: nn.Module, data: Any, block: torch.Tensor) -> dict[str, Callable[[], Any]]:
    """Return the three ways written out by hand, from a block (n, k) to one of the same shape."""
    ((x, y),) = data
    names = [name for name, _ in model.named_parameters()]
    theta = tuple(p.detach().clone().requires_grad_() for p in model.parameters())
    sizes = [p.numel() for p in theta]

    def loss(*at: Any) -> torch.Tensor:
        state = {**dict(zip(names, at, strict=True)), **dict(model.named_buffers())}
        return mse(torch.func.functional_call(model, state, (x,)), y)

    kept = torch.autograd.grad(loss(*theta), theta, create_graph=True)
    fixed = tuple(p.detach() for p in theta)
    gradient = torch.func.grad(loss, tuple(range(len(theta))))

    def parts() -> list[torch.Tensor]:
        rows = block.t().contiguous().split(sizes, dim=1)
        return [part.reshape(-1, *p.shape) for part, p in zip(rows, theta, strict=True)]

    def joined(found: Any) -> torch.Tensor:
        return torch.cat([part.flatten(1) for part in found], dim=1).t().contiguous()

    def grad(v: Any, *, is_batched: bool = False) -> Any:
        return torch.autograd.grad(kept, theta, v, retain_graph=True, is_grads_batched=is_batched)

    def loop() -> torch.Tensor:
        given = parts()
        found = [grad([part[j] for part in given]) for j in range(block.shape[1])]
        return joined([torch.stack(part) for part in zip(*found, strict=True)])

    def forward() -> torch.Tensor:
        return joined(torch.func.vmap(lambda *v: torch.func.jvp(gradient, fixed, v)[1])(*parts()))

    return {
        "loop over a kept graph": loop,
        "batched double backward": lambda: joined(grad(parts(), is_batched=True)),
        "vmap(jvp(grad))": forward,
        "gradient": lambda: torch.autograd.grad(loss(*theta), theta),
    }


def main() -> None:
    torch.set_num_threads(1)
    calls = ways(sys.argv[1], int(sys.argv[2]))
    for call in calls.values():
        call()
    print("|".join(calls), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        calls[line.strip()]()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
