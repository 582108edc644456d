"""Run cells of the adversary in this process until one breaks a law that it did not break before.

    python -m bench.hostile.mutant_cells FILE

FILE holds ``cells`` (names), ``known`` (those that are broken without a mutant) and ``judge``
(whether the laws of all cells are asked at the end). One JSON line is printed: what killed, or
null, with the seconds of every cell.
"""

import json
import sys
from pathlib import Path

import symrank
from tests.adversary import grid, law

ALARM_S = 40  # a cell of the sample takes a second


def cell_of(name: str) -> grid.Cell:
    door, spectrum, form, n = name.split(" | ")
    return grid.Cell(door, spectrum, form, int(n.removeprefix("n = ")))


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text())
    grid.ALARM_S = ALARM_S
    known, broken, verdicts = set(task["known"]), [], []
    for name in task["cells"]:
        verdict = grid.run(cell_of(name))
        verdicts.append(verdict)
        if verdict.violations:
            broken.append(name)
            if name not in known and not task["all"]:
                break
    killed = next((name for name in broken if name not in known), None)
    if killed is None and task["judge"]:
        if law.open_share(verdicts) > law.MOST_OPEN:
            killed = "the share of clear gaps that stay open"
        elif law.sampled_p_value(verdicts) < law.REJECT:
            killed = "the misses of Langevin runs"
    print(json.dumps({
        "killed": killed, "broken": broken, "package": str(symrank.__file__),
        "seconds": {v.name: v.seconds for v in verdicts},
    }))  # fmt: skip


if __name__ == "__main__":
    main()
