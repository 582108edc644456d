"""The published set-up: networks, step size, noise, steps, and the figures printed in Table 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symrank import gallery
from symrank.gallery.network_loss import network_loss_and_grad
from symrank.spectrum.filters import EulerMaruyama

ETA, NOISE_VAR = 1e-4, 2e-5
NUM_STEPS, BURN_IN = 15_000, 5000
PAPER = {  # normalised RMSE in per cent: Langevin, Ubaru and Saad
    8: (6.9, 12.2), 16: (2.8, 18.5), 32: (1.2, 19.0), 64: (0.3, 19.2), 128: (2.0, 17.9),
    256: (4.6, 18.7),
}  # fmt: skip
ENERGY = EulerMaruyama(ETA, "energy")  # what eq. (20) averages


def network(d: int, seed: int) -> gallery.LinearNetwork:
    """Return the network of a trial: a fresh target, a fresh minimum."""
    return gallery.linear_network(d, minimum="published", rng=seed)


def spectrum(net: gallery.LinearNetwork) -> np.ndarray:
    """Positive eigenvalues of the Hessian at a published minimum, (d^2,), in closed form.

    All layers have the singular values s_i of T^(1/M), so with eqs. (24), (25) they are
    2 sum_l s_i^(2 l) s_j^(2 (M - 1 - l)), l = 0..M-1.
    """
    s = np.linalg.svd(net.weights[0], compute_uv=False)
    last = len(net.weights) - 1
    powers = [s ** (2 * l) for l in range(last + 1)]  # noqa: E741
    return 2.0 * sum(np.outer(p, q) for p, q in zip(powers, powers[::-1], strict=True)).ravel()


def losses_along_chains(
    networks: Sequence[gallery.LinearNetwork], num_steps: int, seed: Sequence[int]
) -> np.ndarray:
    """Run eq. (21) with G = I on the true loss from the minima; return it at each step.

    Returns
    -------
    ndarray
        (num_steps, k), k networks of equal widths; entry j is the loss after j steps.
    """
    rng = np.random.default_rng(seed)
    layers = [np.stack(same) for same in zip(*(net.weights for net in networks), strict=True)]
    target = np.stack([net.target for net in networks])
    noises = [np.empty(W.shape, np.float32) for W in layers]  # a third of the time is noise
    scale = np.float32((ETA * NOISE_VAR) ** 0.5)
    losses = np.empty((num_steps, len(networks)))
    for j in range(num_steps):
        losses[j], grads = network_loss_and_grad(layers, target)
        for W, g, noise in zip(layers, grads, noises, strict=True):
            rng.standard_normal(out=noise, dtype=np.float32)
            noise *= scale
            g *= ETA
            W -= g
            W += noise
    return losses


def window_variance(lam: np.ndarray) -> np.ndarray:
    """Return the variance of a mode's mean energy over the window, for a chain from rest.

    A coordinate has the variance 1 - r^j after j steps, r = q^2, in units of the settled one, and
    covariance q^m times that with itself m steps on; squares have twice the square of it
    (Isserlis). With L steps, K of them in the window:

        v = 2 / K^2 sum_(j=L-K..L-1) (1 - r^j)^2 (1 + 2 r (1 - r^(L-1-j)) / (1 - r))

    `symrank.spectrum.filters` has the limit of r^j -> 0, which overstates modes that have not
    settled. The sum is smooth in lam: it is interpolated from a grid of 400.
    """
    grid = np.geomspace(lam.min(), lam.max() * (1 + 1e-12), 400)
    r = (1.0 - ETA * grid[:, None]) ** 2
    j = np.arange(BURN_IN, NUM_STEPS)
    later = np.expm1((NUM_STEPS - 1 - j) * np.log(r)) / (r - 1.0)  # (1 - r^m) / (1 - r)
    settled = -np.expm1(j * np.log(r))
    mean = (settled**2 * (1.0 + 2.0 * r * later)).sum(axis=1) * 2.0 / j.size**2
    return np.interp(np.log(lam), np.log(grid), mean * ENERGY.limit(grid) ** 2)


def predicted(lam: np.ndarray) -> dict[str, float]:
    """Return bias and spread of the estimate of eq. (20) on the quadratic model; counts.

    Two parts of the bias are given by themselves: modes that have not settled (Theorem 1 averaged
    over the window), and the factor 1 / (1 - eta lam / 2) once they have. They add up, but for the
    small change that the step makes to the rate.
    """
    first, num = BURN_IN, NUM_STEPS - BURN_IN
    rate = 2.0 * ETA * lam
    decay = np.exp(-rate * first) * np.expm1(-rate * num) / np.expm1(-rate) / num
    return {
        "bias": float(ENERGY.deviation(lam, first, NUM_STEPS).sum()),
        "spread": float(np.sqrt(window_variance(lam).sum())),
        "bias_of_time": -float(decay.sum()),
        "bias_of_step": float((ENERGY.limit(lam) - 1.0).sum()),
    }


def rms(values: Sequence[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
