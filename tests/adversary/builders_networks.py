"""Operators of functions that are differentiated: by differences, by PyTorch, by JAX."""

from typing import Any

import numpy as np

import symrank
from tests.adversary.builders import NOISE, PRODUCT_ERROR, bracket, eps_of, factor_of, rotated
from tests.adversary.problems import Problem

STEP = 1e-5  # rounding eps / STEP and truncation STEP^2 CUBIC, both below NOISE
CUBIC = 10.0
SHARDS = 3


def differences(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return the Hessian at 0 of x' A x / 2 + CUBIC |A| sum x^4 / 4 by differences."""
    problem = rotated(lam, level, rng)
    A, norm = problem.A, float(np.abs(lam).max(initial=0.0))

    def grad(theta: Any) -> Any:
        return A @ theta + CUBIC * norm * theta**3

    H = symrank.finite_difference_hessian(grad, np.zeros(lam.size), step=STEP, noise=NOISE)
    return Problem(**{**problem.__dict__, "A": H, "eps": NOISE / PRODUCT_ERROR, "null": None})


def torch_hessian(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return the Hessian of x' A x / 2 by automatic differentiation."""
    import torch

    problem = rotated(lam, level, rng)
    A = torch.from_numpy(problem.A)
    H = symrank.torch.hessian(
        lambda x: (x @ (A @ x)) / 2.0 + 0.0 * x.sum(),
        torch.ones(lam.size, dtype=torch.float64),
        noise=0.0,
    )
    return Problem(**{**problem.__dict__, "A": H, "null": None})


def _squares(lam: np.ndarray, level: float, rng: Any, make: Any) -> Problem:
    """Return the Hessian of |F' theta|^2 / 2, made of a linear model and of pairs (rows, zeros)."""
    import torch

    n, m = lam.size, lam.size + 1 + lam.size // 2
    sigma = np.sqrt(lam)
    F, delta = factor_of(sigma, m, rng, np.float64)
    model = torch.nn.Linear(m, 1, bias=False).double()
    rows = torch.from_numpy(np.ascontiguousarray(F.T))
    H = make(model, lambda o, y: ((o - y) ** 2).sum() / 2.0, rows, torch.zeros(n, 1).double())
    error = 2.0 * sigma * delta + delta**2
    more = np.zeros(m - n)
    ends = {
        name: np.append(np.maximum(end, 0.0), more) for name, end in bracket(lam, error).items()
    }
    return Problem(A=H, **ends, eps=eps_of(float), level=level, order=n)


def gauss_newton(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return the Gauss-Newton matrix of such a model."""

    def make(model: Any, loss: Any, rows: Any, zeros: Any) -> Any:
        data = [(rows, zeros)]
        return symrank.torch.from_model(model, loss, data, gauss_newton=True, noise=0.0)

    return _squares(lam, level, rng, make)


def torch_model(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return its Hessian, from two batches."""

    def make(model: Any, loss: Any, rows: Any, zeros: Any) -> Any:
        half = -(-len(rows) // 2)
        data = list(zip(rows.split(half), zeros.split(half), strict=True))
        return symrank.torch.from_model(model, loss, data, reduction="sum", noise=0.0)

    return _squares(lam, level, rng, make)


def torch_shards(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return its Hessian, from shards of this process."""

    def make(model: Any, loss: Any, rows: Any, zeros: Any) -> Any:
        size = -(-len(rows) // SHARDS)
        parts = list(zip(rows.split(size), zeros.split(size), strict=True))
        return symrank.torch.from_shards(
            model, loss, lambda i: [parts[i]], len(parts), reduction="sum", noise=0.0
        )

    return _squares(lam, level, rng, make)


def jax_hessian(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return the Hessian of x' A x / 2, in the double precision that JAX has to be told of."""
    import jax

    jax.config.update("jax_enable_x64", True)
    problem = rotated(lam, level, rng)
    A = jax.numpy.asarray(problem.A)
    H = symrank.jax.hessian(lambda x: x @ (A @ x) / 2.0, jax.numpy.ones(lam.size), noise=0.0)
    return Problem(**{**problem.__dict__, "A": H, "null": None})
