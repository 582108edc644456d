"""Table 1 of the paper: printed, reproduced, predicted, and what symrank makes of the networks.

    python -m bench.paper.table1 [--quick] [--fresh] [--processes 2]

Linear networks of depth 5, a fresh target and minimum a trial. Parts of a trial:
`chain`, eqs. (20) and (21) on the true loss, with bias and spread of the closed forms for this
spectrum; `langevin`, symrank.rank(H, method="langevin"), `rank`, symrank.rank(H), and
`rank_products`, the same for an H of which nothing is known but products, all with 15 000 products
at most and no other option; `ubaru_saad`, published and repaired, on the diagonal
of the spectrum, whose law is the same for Gaussian vectors. Saved after every task; a rerun goes
on with what is missing.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import symrank
from bench import resumable
from bench.paper import budget, setup, ubaru_saad
from bench.paper.setup import BURN_IN, NOISE_VAR, NUM_STEPS
from bench.paper.summary import judge, summarise
from bench.resumable import Rows, Task, batches

BATCH = {8: 50, 16: 25, 32: 10, 64: 2, 128: 1, 256: 1}  # chains a task, side by side
OTHERS = {8: 20, 16: 20, 32: 5, 64: 1, 128: 1, 256: 1}  # trials a task, one after the other
FULL = {
    "chain": {8: 100, 16: 100, 32: 100, 64: 20, 128: 20, 256: 5},
    "ubaru_saad": {8: 40, 16: 40, 32: 20, 64: 6, 128: 3, 256: 2},
    "langevin": {8: 40, 16: 40, 32: 20, 64: 6, 128: 3, 256: 1},
    "rank": {8: 40, 16: 40, 32: 10, 64: 3, 128: 2, 256: 1},
    "rank_products": {8: 40, 16: 40, 32: 5, 64: 2, 128: 1},
}
QUICK = {
    "chain": {8: 50, 16: 50, 32: 20, 64: 6, 128: 1},
    "rank": {8: 10, 16: 5, 32: 3, 64: 1, 128: 1},
    "rank_products": {8: 10, 16: 5, 32: 1},
    "langevin": {8: 5, 16: 5, 32: 3, 64: 2, 128: 1},
    "ubaru_saad": {8: 20, 16: 10, 32: 6, 64: 2, 128: 1},
}


def chain(d: int, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Algorithm 1 as published, all trials of a batch side by side."""
    networks = [setup.network(d, seed) for seed in seeds]
    wall, cpu = time.perf_counter(), time.process_time()
    losses = setup.losses_along_chains(networks, NUM_STEPS, (d, *seeds))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = []
    for net, loss in zip(networks, losses[BURN_IN:].mean(axis=0), strict=True):
        lam = setup.spectrum(net)
        per_cent = 100.0 / net.rank
        closed = {k: per_cent * v for k, v in setup.predicted(lam).items()}
        found.append(
            {
                "error": per_cent * (4.0 / NOISE_VAR * float(loss) - net.rank),
                **closed,
                "condition": float(lam.max() / lam.min()),
                "eta_lambda_max": setup.ETA * float(lam.max()),
                "seconds": wall / len(seeds),
                "cpu_seconds": cpu / len(seeds),
            }
        )
    return found


def by_itself(d: int, seed: int, *, products_only: bool = False) -> dict[str, Any]:
    """symrank.rank(H) with a budget and no other option."""
    net = setup.network(d, seed)
    H = net.hessian()
    A = H.to_scipy() if products_only else H
    result = symrank.rank(A, max_matvecs=NUM_STEPS, rng=seed)
    low, high = result.interval()
    return {
        "error": 100.0 * (result.rank - net.rank) / net.rank,
        "low": low,
        "high": high,
        "covers": low <= net.rank <= high,
        "method": result.method,
        "status": result.status.name,
        "products": result.num_matvecs,
        "seconds": result.seconds,
    }


def work(task: Task) -> Sequence[dict[str, Any]]:
    if task.part == "chain":
        return chain(task.d, task.seeds)
    one = {
        "rank": by_itself,
        "rank_products": partial(by_itself, products_only=True),
        "langevin": lambda d, seed: budget.automatic(setup.network(d, seed), seed),
        "ubaru_saad": ubaru_saad.solve,
    }[task.part]
    return [one(task.d, seed) for seed in task.seeds]


def save(rows: Rows, options: dict[str, Any]) -> list[dict[str, Any]]:
    summary = summarise(rows)
    rows.save({"options": options, "bars": judge(summary), "summary": summary})
    return summary


def main() -> None:
    args = resumable.arguments(
        __doc__.splitlines()[0], "paper/table1", "widths up to 128, few trials"
    )
    rows = Rows(args.save, fresh=args.fresh)
    tasks = []
    for part, counts in (QUICK if args.quick else FULL).items():
        tasks += batches(part, counts, BATCH if part == "chain" else OTHERS)
    saving = partial(save, rows, vars(args))
    resumable.run(rows, tasks, work, saving, args.processes)
    summary = saving()
    for line in summary:
        print(line)
    for bar, found in judge(summary).items():
        print(bar, found)


if __name__ == "__main__":
    main()
