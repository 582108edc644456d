"""Figure 2 of the paper: estimated ranks with one standard deviation, by width.

    python -m bench.paper_fig2 [--quick]

Drawn from the trials of `bench.paper_table1`, which has to have run before.
"""

import argparse
import json
from typing import Any

import numpy as np

from bench import record
from bench.paper_drawing import draw_fig2


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
    args = parser.parse_args()
    suffix = "_quick" if args.quick else ""
    source = record.RESULTS / f"paper_table1{suffix}.json"
    if not source.exists():
        option = " --quick" if args.quick else ""
        raise SystemExit(f"{source} is not there: run python -m bench.paper_table1{option} first")
    table = json.loads(source.read_text())
    points = [
        point(d, [row for row in table["rows"] if row["d"] == d])
        for d in sorted({row["d"] for row in table["rows"]})
    ]
    name = f"paper_fig2{suffix}"
    for p in points:
        print(p)
    print(record.save(name, {"options": vars(args), "source": source.name, "points": points}))
    print(draw_fig2(points, name))


if __name__ == "__main__":
    main()
