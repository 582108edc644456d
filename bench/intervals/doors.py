r"""Do nominal 95 % intervals cover 95 % at every door and every rank, and are they narrow?

    python -m bench.intervals.doors [--seeds 400] [--processes 2]

One matrix a rank, n = 96, dense and known by its products: the probes are what is random. Precision
and budget go round with the seed, so that runs end at every look. A cell of 400 seeds holds if at
least 365 intervals do: P(Bin(400, 0.95) < 365) = 3e-4.

Width, where resolution is settled (`bounds` leave less than a share of what sampling leaves): the
mean number of integers in the interval, over that of the Beta interval with the projector known.
For the m samples of each run the share of the null space is drawn by its law, Beta(m d/2, m r/2),
and looked at once. A Langevin estimate is no share of m probes: its twin is the normal interval of
the standard error that the run reports.
"""

import argparse
import itertools
import time
from typing import Any

import numpy as np

from bench import record
from bench.resumable import workers
from symrank.spectrum.intervals import BetaInterval
from tests.adversary.doors import DOORS
from tests.adversary.forms import FORMS

N = 96
RANKS = {"1": 1, "3": 3, "n/2": N // 2, "n-3": N - 3, "n-1": N - 1}
CONFIDENCE = 0.95
LEAST = 365 / 400
WIDEST, WIDEST_SAMPLED = 1.3, 1.6
SETTLED, SETTLED_SAMPLED = 0.1, 0.25  # of the width of the twin, that resolution may leave open
FEW = 40  # settled runs below which no width is judged
LEVEL = 2.0**-10  # the cut, inside the gap
ASKED = tuple(itertools.product((0.02, 0.05, 0.1, 1e-9), (300, 900)))
BATCH = 50

NAMES = (
    "rank None, none", "rank lanczos, none", "rank lanczos, atol", "rank lanczos, rtol",
    "count (0, inf), lanczos", "count (cut, inf), lanczos", "count (-cut, cut), lanczos",
    "refine lanczos", "deflate, lanczos", "diagonal, lanczos", "from_factor, lanczos",
    "rank chebyshev, none", "rank chebyshev, atol", "rank chebyshev step, none",
    "rank ubaru-saad, none", "rank projection, none",
    "refine projection", "deflate, projection", "diagonal, projection", "from_factor, projection",
    "from_products, projection", "from_products, None", "rank sketch, none",
    "rank langevin baoab, none", "rank langevin leimkuhler-matthews, none",
    "rank langevin euler-maruyama, none", "rank langevin gaussian, none",
)  # fmt: skip


def known(n: int, d: int, num_probes: int, rng: np.random.Generator) -> int:
    """Return the number of integers in a Beta interval with the projector known."""
    share = float(rng.beta(0.5 * num_probes * d, 0.5 * num_probes * (n - d)))
    low, high = BetaInterval(n=n, num_probes=num_probes, null_low=share, null_high=share)(
        CONFIDENCE
    )
    return high - low + 1


def solve(task: tuple[str, str, range]) -> list[dict[str, Any]]:
    """Run one door at one rank for some seeds."""
    name, rank, seeds = task
    r = RANKS[rank]
    lam = np.append(np.linspace(1.0, 0.5, r), np.zeros(N - r))
    problem = FORMS["own operator"].make(lam, LEVEL, np.random.default_rng(r))
    rows = []
    for seed in seeds:
        precision, budget = ASKED[seed % len(ASKED)]
        options = {"rng": seed, "precision": precision, "max_matvecs": budget}
        answer = DOORS[name].ask(problem, options)
        claim, result = answer.claims[-1], answer.outcomes[-1].result
        low, high = claim.ends(CONFIDENCE)
        if DOORS[name].is_sampled_law:
            half = 1.96 * result.stderr
            ideal = min(max(2.0 * half, 1.0), N + 1.0)  # the mean number of integers in it
        elif result.samples.size:
            d = N - claim.truth[0] - result.num_deflated
            n = N - result.num_deflated
            rng = np.random.default_rng([seed, r])
            ideal = known(n, d, result.samples.size, rng) if 0 < d < n else 1
        else:
            ideal = 1
        settled = SETTLED_SAMPLED if DOORS[name].is_sampled_law else SETTLED
        open_ = result.bounds[1] - result.bounds[0]
        rows.append(
            {
                "holds": low <= claim.truth[1] and claim.truth[0] <= high,
                "integers": high - low + 1,
                "ideal": ideal,
                "is_settled": bool(open_ <= settled * ideal),
                "status": result.status.name,
            }
        )
    return rows


def judge(name: str, rank: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of one door at one rank, and whether they meet the law."""
    settled = [row for row in rows if row["is_settled"]]
    ratio = None
    if len(settled) >= FEW:
        ratio = float(
            np.sum([r["integers"] for r in settled]) / np.sum([r["ideal"] for r in settled])
        )
    widest = WIDEST_SAMPLED if DOORS[name].is_sampled_law else WIDEST
    holds = sum(row["holds"] for row in rows)
    sure = [row for row in rows if row["status"] in ("EXACT", "CONVERGED")]
    return {
        "door": name,
        "rank": rank,
        "seeds": len(rows),
        "holds": holds,
        "sure": len(sure),
        "sure_that_miss": sum(not row["holds"] for row in sure),
        "settled": len(settled),
        "width_over_known": ratio,
        "covers": holds >= LEAST * len(rows),
        "is_narrow": ratio is None or ratio <= widest,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="", help="doors whose name holds this word")
    args = record.arguments(parser, "intervals/doors")
    cells = [(name, rank) for name in NAMES if args.only in name for rank in RANKS]
    tasks = [
        (name, rank, range(i, min(i + BATCH, args.seeds)))
        for name, rank in cells
        for i in range(0, args.seeds, BATCH)
    ]
    start, found = time.perf_counter(), []
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {cell: [] for cell in cells}
    with workers(args.processes) as pool:
        for task, more in zip(tasks, pool.map(solve, tasks), strict=True):
            mine = rows[task[:2]]
            mine += more
            if len(mine) == args.seeds:
                found.append(judge(task[0], task[1], mine))
                print(f"{time.perf_counter() - start:5.0f} s  {found[-1]}", flush=True)
    bad = [one for one in found if not (one["covers"] and one["is_narrow"])]
    print(f"{len(found)} cells, {len(bad)} outside the law")
    figures = {
        "n": N, "confidence": CONFIDENCE, "seconds": time.perf_counter() - start,
        "outside": [f"{one['door']} | rank {one['rank']}" for one in bad], "rows": found,
    }  # fmt: skip
    print(record.save(args.save, figures))
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
