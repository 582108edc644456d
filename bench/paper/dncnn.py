"""The DnCNN of the paper's last experiment: 753 parameters, trained on MNIST with noise N(0, I).

conv 1->8 with bias (80 parameters), activation, conv 8->8 with bias (584), batch norm (16),
activation, conv 8->1 with bias (73), 3x3 all of them; the output is the input less that. SGD draws
noise anew in every step. Then the noise is drawn once for a fixed set, and gradient descent goes
on there: the loss whose Hessian is counted. Batch norm takes the statistics of that set ("batch"),
or they are constants ("frozen").
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import symrank.torch
from symrank import Preconditioner
from symrank.support.typing import Array, FloatArray

CHANNELS = 8
BATCH = 64
SGD = {"lr": 0.05, "momentum": 0.9}
SGD_STEPS = 1500
GD_STEP, GD_STEPS = 0.01, 200  # the paper's 0.1 is beyond 2 / lambda_max here
ADAM_STEPS = 1000  # 1 / (1 - beta_2)
ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}


class Denoiser(nn.Module):
    """The network; it computes the statistics of what it is given, in either mode."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, CHANNELS, 3, padding=1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.norm = nn.BatchNorm2d(CHANNELS, track_running_stats=False)
        self.third = nn.Conv2d(CHANNELS, 1, 3, padding=1)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the denoised images."""
        z = self.activation(self.norm(self.second(self.activation(self.first(x)))))
        return x - self.third(z)


def mse(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


def images(folder: str) -> torch.Tensor:
    """Return the training images of FOLDER/mnist.npz, (60000, 1, 28, 28), from 0 to 1."""
    path = Path(folder) / "mnist.npz"
    if not path.exists():
        raise SystemExit(f"{path} is not there: a file with x_train, (60000, 28, 28) bytes")
    with np.load(path) as file:
        return torch.from_numpy(file["x_train"])[:, None].float() / 255.0


@dataclass(frozen=True)
class Trained:
    """The end of training, in double precision."""

    model: Denoiser
    noisy: torch.Tensor
    clean: torch.Tensor
    second: FloatArray  # v_hat of Adam, (753,), bias corrected
    losses: dict[str, float]


def train(clean: torch.Tensor, activation: str, num_images: int, seed: int, steps: int) -> Trained:
    """Train by SGD, then by gradient descent on a fixed set; then ask Adam for its moments."""
    torch.manual_seed(seed)
    model = Denoiser(activation)
    optimizer = torch.optim.SGD(model.parameters(), **SGD)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        _step(model, optimizer, _drawn(clean))
        schedule.step()
    fixed = clean[torch.randperm(len(clean))[:num_images]].double()
    noisy = fixed + torch.randn_like(fixed)
    model = model.double()
    losses = {"after_sgd": _value(model, noisy, fixed)}
    descent = torch.optim.SGD(model.parameters(), lr=GD_STEP)
    for _ in range(GD_STEPS if steps == SGD_STEPS else steps):
        _step(model, descent, (noisy, fixed))
    losses["after_gd"] = _value(model, noisy, fixed)
    second = _second_moments(model, clean, steps if steps != SGD_STEPS else ADAM_STEPS)
    return Trained(model, noisy, fixed, second, losses)


def _drawn(clean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return some images, noise and all."""
    batch = clean[torch.randint(len(clean), (BATCH,))]
    return batch + torch.randn_like(batch), batch


def _step(model: nn.Module, optimizer: Any, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    optimizer.zero_grad()
    mse(model(batch[0]), batch[1]).backward()
    optimizer.step()


def _value(model: nn.Module, noisy: torch.Tensor, clean: torch.Tensor) -> float:
    with torch.no_grad():
        return float(mse(model(noisy), clean))


def _second_moments(model: Denoiser, clean: torch.Tensor, steps: int) -> FloatArray:
    """Return the moments that Adam gathers where it stands still: a step size of zero."""
    there = copy.deepcopy(model).float()
    adam = torch.optim.Adam(there.parameters(), lr=0.0)
    for _ in range(steps):
        _step(there, adam, _drawn(clean))
    G = Preconditioner.from_optimizer(adam, there.parameters())
    return np.asarray((1.0 / G.root**2 - adam.defaults["eps"]) ** 2)


def with_statistics(trained: Trained, kind: str) -> nn.Module:
    """Return the network whose batch norm takes the statistics of the set, or keeps them."""
    model = copy.deepcopy(trained.model)
    if kind == "batch":
        return model.train()
    with torch.no_grad():
        z = model.second(model.activation(model.first(trained.noisy)))
        norm = nn.BatchNorm2d(CHANNELS).double()
        norm.weight.copy_(model.norm.weight)
        norm.bias.copy_(model.norm.bias)
        norm.running_mean.copy_(z.mean(dim=(0, 2, 3)))  # type: ignore[union-attr]
        norm.running_var.copy_(z.var(dim=(0, 2, 3), unbiased=False))  # type: ignore[union-attr]
    model.norm = norm
    return model.eval()


def operator(model: nn.Module, trained: Trained) -> Any:
    """Return the Hessian as symrank knows it."""
    return symrank.torch.from_model(model, mse, [(trained.noisy, trained.clean)])


def dense(H: Any) -> FloatArray:
    """Return the Hessian as a matrix, (n, n), symmetric to the last bit."""
    found = H.matmat(np.eye(H.n))
    return np.asarray(0.5 * (found + found.T))


class Problem:
    """The loss, for chains: values and gradients at k columns, one after the other.

    A convolution gains nothing from chains side by side on a CPU, and single precision is three
    times as fast. Squares are summed in double precision: the loss is then known to some 1e-10 of
    itself, as the roundings of thousands of pixels are independent.
    """

    def __init__(self, model: nn.Module, trained: Trained, hessian: FloatArray) -> None:
        self.theta0 = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
        self.n, self.matrix = self.theta0.size, hessian
        self.model = copy.deepcopy(model).float()
        self.params = list(self.model.parameters())
        self.noisy, self.clean = trained.noisy.float(), trained.clean.float()

    def loss_and_grad(self, Theta: Array) -> tuple[FloatArray, FloatArray]:
        """Return losses (k,) and gradients (n, k), float32, at the columns of `Theta`."""
        losses, grads = np.empty(Theta.shape[1]), np.empty(Theta.shape, np.float32)
        for j, theta in enumerate(Theta.T):
            nn.utils.vector_to_parameters(torch.tensor(theta, dtype=torch.float32), self.params)
            loss = (self.model(self.noisy) - self.clean).double().square().mean()
            found = torch.autograd.grad(loss, self.params)
            losses[j] = loss.item()
            grads[:, j] = torch.cat([g.ravel() for g in found]).numpy()
        return losses, grads

    def hessian(self) -> FloatArray:
        """Return the matrix."""
        return self.matrix
