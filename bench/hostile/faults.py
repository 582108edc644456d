"""Does any fault of operators, files, processes or machines get a wrong number, or kill a run?

    python -m bench.hostile.faults [--only WORD] [--list]

Lists the table of `tests.faults` and runs every row, the slow ones too, with new interpreters. The
exit status is 1 where a row breaks the law. The JSON holds the counts by group, and every broken or
skipped row.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from bench import record
from tests.faults.row import Row
from tests.faults.table import ROWS

BROKEN, SKIPPED, IN_ORDER = "BROKEN", "skipped", "in order"


def run(row: Row) -> tuple[str, str]:
    """Return the verdict on a row, and why."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            row.check(Path(folder))
        except pytest.skip.Exception as reason:
            return SKIPPED, str(reason)
        except Exception as error:  # whatever a check raises, the row is broken
            return BROKEN, f"{type(error).__name__}: {error}".splitlines()[0]
    return IN_ORDER, ""


def report(found: list[tuple[Row, str, str]], seconds: float) -> dict[str, Any]:
    """Return what is saved."""
    by_group: dict[str, dict[str, int]] = {}
    for row, verdict, _ in found:
        counts = by_group.setdefault(row.group, {IN_ORDER: 0, SKIPPED: 0, BROKEN: 0})
        counts[verdict] += 1
    return {
        "seconds": seconds,
        "num_rows": len(found),
        "by_group": by_group,
        "rows": [row.name for row, _, _ in found],
        "not_in_order": [[row.name, verdict, why] for row, verdict, why in found if why],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="rows whose name holds this word")
    parser.add_argument("--list", action="store_true", help="names only")
    args = record.arguments(parser, "hostile/faults", silent=("list",))
    rows = [row for row in ROWS if args.only in row.name]
    if args.list:
        print("\n".join(row.name for row in rows), f"\n{len(rows)} rows")
        return
    os.environ["SYMRANK_NEW_INTERPRETERS"] = "1"  # `tests.processes` forks otherwise
    start = time.perf_counter()
    found = []
    for row in rows:
        verdict, why = run(row)
        found.append((row, verdict, why))
        print(f"{verdict:9} {row.name}{': ' if why else ''}{why}", flush=True)
    figures = report(found, time.perf_counter() - start)
    print(record.save(args.save, figures))
    sys.exit(any(verdict == BROKEN for _, verdict, _ in found))


if __name__ == "__main__":
    main()
