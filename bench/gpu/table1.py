"""Table 1 of the paper at its largest width: all trials side by side, eq. (21) on the true loss."""

import time
from types import ModuleType
from typing import Any

import numpy as np

from bench.gpu.sizes import Sizes
from bench.paper import setup
from symrank.gallery.network_loss import network_loss_and_grad
from symrank.recurrences.segments import Pace
from symrank.support.probes import noise_of

__all__ = ["table1"]

LOOK = 50  # steps between two looks at the clock


def table1(K: ModuleType, sizes: Sizes) -> dict[str, Any]:
    """Return the errors of eq. (20) in per cent of the rank, and the wall time."""
    d, k = sizes.width, sizes.trials
    networks = [setup.network(d, seed) for seed in range(k)]
    layers = [K.block(np.stack(W)) for W in zip(*(n.weights for n in networks), strict=True)]
    target = K.block(np.stack([network.target for network in networks]))
    losses, pace = K.empty(sizes.num_steps, k, np.float64), Pace(K)
    start, done, is_late = time.perf_counter(), 0, False
    while done < sizes.num_steps and not is_late:
        losses[done, :], grads = network_loss_and_grad(layers, target)
        _advance(K, layers, grads, done)
        pace.step()
        done += 1
        is_late = done % LOOK == 0 and time.perf_counter() - start > sizes.table_seconds
    found = K.host(losses)[:done]
    seconds = time.perf_counter() - start
    row: dict[str, Any] = {
        "d": d, "trials": k, "num_steps": done, "is_whole": done == sizes.num_steps,
        "seconds": seconds, "seconds_per_step": seconds / done,
        "paper": setup.PAPER.get(d, (None,))[0],
    }  # fmt: skip
    if row["is_whole"]:
        rank = networks[0].rank
        mean = found[sizes.burn_in :].mean(axis=0)
        errors = 100.0 * (4.0 / setup.NOISE_VAR * mean - rank) / rank
        row |= {"errors": errors.tolist(), "rmse": setup.rms(errors)}
        row["predicted"] = {
            name: 100.0 * value / rank
            for name, value in setup.predicted(setup.spectrum(networks[0])).items()
        }
    return row


def _advance(K: ModuleType, layers: list[Any], grads: list[Any], step: int) -> None:
    """Take a step of eq. (21) with G = I; a trial is a chain, a parameter a row of its noise."""
    k = layers[0].shape[0]
    sizes = [W.shape[1] * W.shape[2] for W in layers]
    noise = K.draw((sum(sizes), k), np.float64, noise_of("gaussian", 1), step)
    scale, first = float((setup.ETA * setup.NOISE_VAR) ** 0.5), 0
    for W, grad, size in zip(layers, grads, sizes, strict=True):
        own = noise[first : first + size].T.reshape(W.shape)
        W -= setup.ETA * grad
        W += scale * own
        first += size
