"""Figure 1 of the paper: the true loss along the chain, Theorem 1 and Proposition 1, d = 32.

    python -m bench.paper.fig1 [--quick] [--fresh]

One network at one minimum, many chains of eqs. (20), (21) from it. Beside Theorem 1 stands the
mean that a chain of this step size has exactly on the quadratic model. Means over 100 steps are
kept, of the first chain also single steps; saved after every batch of chains, and a rerun goes on.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from bench import resumable
from bench.paper import setup
from bench.paper.setup import ENERGY, ETA, NOISE_VAR, NUM_STEPS
from bench.resumable import Rows, Task, batches
from symrank.theory import expected_loss, stationary_loss

D, SEED = 32, 0
EVERY = 100  # steps averaged into a point
SINGLE = 25  # of the first chain every so many steps are kept
BATCH = 8
CHAINS = {True: 16, False: 96}  # quick or not


def averaged(loss: np.ndarray) -> np.ndarray:
    """Return means over `EVERY` steps, (NUM_STEPS / EVERY, ...)."""
    return loss.reshape(-1, EVERY, *loss.shape[1:]).mean(axis=1)


def work(task: Task) -> Sequence[dict[str, Any]]:
    networks = [setup.network(D, SEED)] * len(task.seeds)
    losses = setup.losses_along_chains(networks, NUM_STEPS, (D, *task.seeds))
    found = [{"losses": rounded(chain)} for chain in averaged(losses).T]
    if 0 in task.seeds:
        found[task.seeds.index(0)]["single_steps"] = rounded(losses[::SINGLE, task.seeds.index(0)])
    return found


def rounded(values: np.ndarray) -> list[float]:
    """Five digits are what a figure can show."""
    return [float(f"{v:.5g}") for v in values]


def theory(lam: np.ndarray) -> dict[str, Any]:
    """Return the curves of the positive eigenvalues (no others carry loss), and the limit."""
    H, eye = np.diag(lam), np.eye(lam.size)
    steps = np.arange(NUM_STEPS)
    exact = [0.25 * NOISE_VAR * ENERGY.phi(lam, k).sum() for k in steps[:: EVERY // 10]]
    continuous = expected_loss(H, eye, NOISE_VAR * eye, ETA * steps[:: EVERY // 10])
    return {
        "theorem_1": rounded(continuous.reshape(-1, 10).mean(axis=1)),
        "finite_step": rounded(np.reshape(exact, (-1, 10)).mean(axis=1)),
        "limit": float(stationary_loss(H, eye, NOISE_VAR * eye)),
    }


def save(rows: Rows, curves: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Put the chains that are done beside theory."""
    trials = rows.of(D, "chain")
    losses = np.array([trial["losses"] for trial in trials])
    mean = losses.mean(axis=0)
    stderr = losses.std(axis=0, ddof=1) / len(losses) ** 0.5
    late = len(mean) // 3  # where the published average begins
    against = {
        name: 100.0 * float(mean[late:].mean() / np.mean(curves[name][late:]) - 1.0)
        for name in ("theorem_1", "finite_step")
    }
    spread = losses[:, late:].mean(axis=1).std(ddof=1) / len(losses) ** 0.5
    figures = {
        "d": D,
        "chains": len(losses),
        "step": (EVERY * np.arange(len(mean)) + EVERY / 2).tolist(),
        "proposition_1": curves["limit"],
        "late_mean_over_theory_percent": against,
        "late_mean_stderr_percent": 100.0 * float(spread / mean[late:].mean()),
        "one_chain": trials[0].get("single_steps", []),
        "curves": {
            "mean": rounded(mean),
            "stderr": rounded(stderr),
            "theorem_1": curves["theorem_1"],
            "finite_step": curves["finite_step"],
        },
    }
    rows.save({"options": options, **figures})
    return figures


def main() -> None:
    args = resumable.arguments(__doc__.splitlines()[0], "paper/fig1", "16 chains instead of 96")
    rows = Rows(args.save, fresh=args.fresh)
    curves = theory(setup.spectrum(setup.network(D, SEED)))
    saving = partial(save, rows, curves, vars(args))
    tasks = batches("chain", {D: CHAINS[args.quick]}, BATCH)
    resumable.run(rows, tasks, work, saving, args.processes)
    figures = saving()
    print(f"late mean over theory, %: {figures['late_mean_over_theory_percent']}, "
          f"standard error {figures['late_mean_stderr_percent']:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
