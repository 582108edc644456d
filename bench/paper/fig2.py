"""Figure 2 of the paper: estimated ranks with one standard deviation, by width.

    python -m bench.paper.fig2 [--quick]

Drawn from the trials of `bench.paper.table1`, which has to have run before.
"""

import argparse
from typing import Any

import numpy as np

from bench import record

SOURCE = "paper/table1"


def point(d: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation of the estimates at one width."""
    errors = {
        "chain": [row["chain"]["error"] for row in rows if "chain" in row],
        "ubaru_saad_published": [
            row["ubaru_saad"]["published"]["error"] for row in rows if "ubaru_saad" in row
        ],
    }
    found: dict[str, Any] = {"d": d, "rank": d * d}
    for name, some in errors.items():
        if some:
            ranks = d * d * (1.0 + np.array(some) / 100.0)
            found[name] = {
                "trials": len(some), "mean": float(ranks.mean()), "std": float(ranks.std()),
            }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="of the quick trials")
    args = record.arguments(parser, "paper/fig2")
    source = SOURCE + (record.DRAFT if args.quick else "")
    table = record.load(source)
    if table is None:
        option = " --quick" if args.quick else ""
        raise SystemExit(f"{source} is not there: run python -m bench.paper.table1{option} first")
    points = [
        point(d, [row for row in table["rows"] if row["d"] == d])
        for d in sorted({row["d"] for row in table["rows"]})
    ]
    for p in points:
        print(p)
    print(record.save(args.save, {"options": vars(args), "source": source, "points": points}))


if __name__ == "__main__":
    main()
