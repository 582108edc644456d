"""Does any door give a confident wrong number for any spectrum?

    python -m bench.hostile.adversary [--processes 2] [--only WORD]

The whole grid of `tests.adversary`: about 1.5e4 cells of some 50 ms. The JSON holds the counts by
door and status, and every violation with its name and seed. The exit status is 1 where there is
one. A cell alone: ``--cell NAME``.
"""

import argparse
import sys
import time
from typing import Any

from bench import record
from bench.resumable import workers
from tests.adversary import grid, law

BATCH = 16  # cells a task
TOLD_S = 20.0  # between two lines of progress


def work(cells: list[grid.Cell]) -> list[law.Verdict]:
    return [grid.run(cell) for cell in cells]


def run(cells: list[grid.Cell], processes: int) -> list[law.Verdict]:
    """Run the cells, and print violations and progress as they come."""
    batches = [cells[i : i + BATCH] for i in range(0, len(cells), BATCH)]
    verdicts: list[law.Verdict] = []
    start = told = time.perf_counter()
    with workers(processes) as pool:
        for found in pool.map(work, batches):
            verdicts += found
            for verdict in found:
                show(verdict)
            now = time.perf_counter()
            if now - told > TOLD_S:
                broken = sum(bool(v.violations) for v in verdicts)
                print(
                    f"{now - start:5.0f} s  {len(verdicts)}/{len(cells)}, {broken} broken",
                    flush=True,
                )
                told = now
    return verdicts


def show(verdict: law.Verdict) -> None:
    for kind, what in verdict.violations:
        print(f"{kind}: {verdict.name} (seed {verdict.seed}) {verdict.status}: {what}", flush=True)


def report(verdicts: list[law.Verdict], seconds: float) -> dict[str, Any]:
    """Return what is saved."""
    broken = [v.as_row() for v in verdicts if v.violations]
    slowest = sorted(verdicts, key=lambda v: -v.seconds)[:10]
    return {
        "seconds": seconds,
        "summary": law.summary(verdicts),
        "violations": broken,
        "langevin_misses": [v.name for v in verdicts if v.num_missed],
        "slowest": [[v.name, v.seconds] for v in slowest],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="", help="cells whose name holds this word")
    parser.add_argument("--cell", default="", help="one cell by its name")
    parser.add_argument("--sample", type=int, default=0, help="every so manieth cell")
    args = record.arguments(parser, "hostile/adversary", silent=("cell",))
    if args.cell:
        door, spectrum, form, n = args.cell.split(" | ")
        verdict = grid.run(grid.Cell(door, spectrum, form, int(n.removeprefix("n = "))))
        print(verdict)
        sys.exit(bool(verdict.violations))
    start = time.perf_counter()
    cells = [cell for cell in grid.cells() if args.only in cell.name][:: max(args.sample, 1)]
    verdicts = run(cells, args.processes)
    figures = report(verdicts, time.perf_counter() - start)
    summary = figures["summary"]
    for key in summary:
        if key != "by_door":
            print(f"{key}: {summary[key]}")
    print(record.save(args.save, figures))
    is_open = summary["open_share_of_gap_cells"] > law.MOST_OPEN
    sys.exit(bool(summary["violations"] or is_open or summary["langevin_p_value"] < law.REJECT))


if __name__ == "__main__":
    main()
