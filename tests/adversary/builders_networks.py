"""Operators of functions that are differentiated: by differences, by PyTorch."""

from typing import Any

import numpy as np

import symrank
from tests.adversary.builders import NOISE, PRODUCT_ERROR, bracket, eps_of, factor_of, rotated
from tests.adversary.problems import Problem

STEP = 1e-5  # rounding eps / STEP and truncation STEP^2 CUBIC, both below NOISE
CUBIC = 10.0


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


def gauss_newton(lam: np.ndarray, level: float, rng: Any) -> Problem:
    """Return the Gauss-Newton matrix of |X theta|^2 / 2, X of fewer rows than columns."""
    import torch

    n, m = lam.size, lam.size + 1 + lam.size // 2
    sigma = np.sqrt(lam)
    F, delta = factor_of(sigma, m, rng, np.float64)
    model = torch.nn.Linear(m, 1, bias=False).double()
    data = [(torch.from_numpy(np.ascontiguousarray(F.T)), torch.zeros(n, 1).double())]
    G = symrank.torch.from_model(
        model, lambda o, y: ((o - y) ** 2).sum() / 2.0, data, gauss_newton=True, noise=0.0
    )
    error = 2.0 * sigma * delta + delta**2
    more = np.zeros(m - n)
    ends = {
        name: np.append(np.maximum(end, 0.0), more) for name, end in bracket(lam, error).items()
    }
    return Problem(A=G, **ends, eps=eps_of(float), level=level, order=n)
