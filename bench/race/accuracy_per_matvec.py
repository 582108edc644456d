"""How large is the error of each method after the same number of products?

    python -m bench.race.accuracy_per_matvec [FOLDER] [--quick] [--fresh] [--minutes 24]

symrank's methods, the published and the repaired method of Ubaru and Saad and their Lanczos
variant, SciPy, imate and primate (`bench.race.methods`: how each is used) on the paper's linear
networks, two spectra of the gallery and, with FOLDER (manifest.csv and the matrices), eight real
matrices, two of them indefinite (`bench.race.problems`). Products are counted by the operator; an
error is that of the answer, relative to the rank. The seeds of all problems are taken in turn until
none is left or the minutes are spent, and every median says of how many runs it is. Results are
saved after each problem and seed, and a run that was cut off goes on from there.
"""

import argparse
import platform
import time
from collections.abc import Iterable
from concurrent.futures import as_completed
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from bench import record
from bench.race import methods, problems
from bench.resumable import workers

BUDGETS = (500, 1500, 5000, 15_000)
LARGE = 50_000  # from this n on without the last budget
QUICK = ("network d=8", "network d=16", "indefinite", "hess_Q25FV47")
QUICK_BUDGETS, QUICK_SEEDS = (500, 1500), 3
WORKERS = 2
LIBRARIES = ("imate", "scikit-primate", "matplotlib")
Unit = tuple[str, int]  # a problem and a seed


def run(unit: Unit, method: str, budgets: tuple[int, ...], folder: Path | None) -> list[Any]:
    """Let one contestant answer one problem at every budget; one row each."""
    name, seed = unit
    problem = problems.build(name, seed, folder)
    if method in methods.NO_BUDGET:
        budgets = budgets[:1]
    elif problem.n > LARGE:
        budgets = tuple(b for b in budgets if b < BUDGETS[-1])
    rows = []
    for budget in budgets:
        row = {"problem": name, "kind": problem.kind, "n": problem.n, "rank": problem.rank}
        row |= {"method": method, "seed": seed}
        row["budget"] = None if method in methods.NO_BUDGET else budget
        operator = problems.Counted(problem.matrix)
        started = time.perf_counter()
        try:
            answer = methods.CONTESTANTS[method](problem, operator, budget, seed)
        except methods.Declined as reason:
            rows.append(row | {"declined": str(reason)})
            break
        seconds = round(time.perf_counter() - started, 3)
        rows.append(
            row
            | judge(answer.value, answer.interval, problem.rank)
            | {"products": operator.products + answer.unseen_products, "seconds": seconds}
        )
    return rows


def judge(value: float, interval: tuple[float, float] | None, rank: int) -> dict[str, Any]:
    """Compare an answer with the rank; a bar that is a real interval is rounded outwards."""
    covers = None
    if interval is not None:
        covers = bool(np.floor(interval[0]) <= rank <= np.ceil(interval[1]))
    return {
        "answer": float(value),
        "error": float(abs(value - rank) / rank),
        "interval": None if interval is None else [float(end) for end in interval],
        "covers": covers,
    }


def summarise(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return medians and quartiles over the seeds, by problem, method and budget."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["problem"], row["method"], row["budget"]), []).append(row)
    found = []
    for runs in groups.values():
        head = {key: runs[0][key] for key in ("problem", "kind", "n", "rank", "method", "budget")}
        if "declined" in runs[0]:
            found.append(head | {"declined": runs[0]["declined"]})
            continue
        low, middle, high = np.quantile([r["error"] for r in runs], [0.25, 0.5, 0.75])
        bars = [r["covers"] for r in runs if r["covers"] is not None]
        found.append(
            head
            | {
                "runs": len(runs),
                "products": float(np.median([r["products"] for r in runs])),
                "error_lower": float(low),
                "error_median": float(middle),
                "error_upper": float(high),
                "bars": len(bars),
                "covers": sum(bars),
                "seconds": float(np.median([r["seconds"] for r in runs])),
            }
        )
    return found


def coverage(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return, by method, how many of its bars hold the rank, and how wide they are."""
    by_method: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if "declined" not in row:
            by_method.setdefault(row["method"], []).append(row)
    found = []
    for method, runs in by_method.items():
        bars = [r for r in runs if r["interval"] is not None]
        half = [0.5 * (r["interval"][1] - r["interval"][0]) / r["n"] for r in bars]
        unspent = [1.0 - r["products"] / r["budget"] for r in runs if r["budget"]]
        found.append(
            {
                "method": method,
                "runs": len(runs),
                "bars": len(bars),
                "covers": sum(r["covers"] for r in bars),
                "half_width_over_n": float(np.median(half)) if half else None,
                "unspent": float(np.median(unspent)) if unspent else None,
            }
        )
    return found


def units(quick: bool, folder: Path | None) -> list[Unit]:
    """Return problems and seeds: the first seed of every problem, then the second, and so on."""
    names = [n for n in problems.names(folder) if not quick or n in QUICK]
    count = {n: QUICK_SEEDS if quick else problems.num_seeds(n) for n in names}
    return [(n, seed) for seed in range(max(count.values())) for n in names if seed < count[n]]


def plan(quick: bool, folder: Path | None) -> dict[str, Any]:
    """Return what a run that was cut off must agree in to be gone on with."""
    return {
        "budgets": list(QUICK_BUDGETS if quick else BUDGETS),
        "units": [list(unit) for unit in units(quick, folder)],
        "methods": list(methods.CONTESTANTS),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in (*record.LIBRARIES, *LIBRARIES)},
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def resume(name: str, agreed: dict[str, Any]) -> dict[str, Any]:
    """Return rows, finished units and seconds of a run of this plan that was cut off."""
    old = record.load(name)
    if old and old.get("plan") == agreed and not old["complete"]:
        return {key: old[key] for key in ("rows", "finished", "seconds")}
    return {"rows": [], "finished": [], "seconds": 0.0}


class Race:
    """Runs what is left of a plan, saving as it goes."""

    def __init__(self, name: str, agreed: dict[str, Any], state: dict[str, Any]) -> None:
        self.name, self.agreed = name, agreed
        self.rows: list[dict[str, Any]] = state["rows"]
        self.finished: list[list[Any]] = state["finished"]
        self.seconds_before: float = state["seconds"]
        self.started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall time, that of the runs before included."""
        return self.seconds_before + time.perf_counter() - self.started

    def save(self, *, complete: bool) -> Path:
        """Write all there is."""
        figures = {
            "complete": complete,
            "seconds": round(self.seconds, 1),
            "coverage": coverage(self.rows),
            "summary": summarise(self.rows),
            "finished": self.finished,
            "plan": self.agreed,
            "rows": self.rows,
        }
        return record.save(self.name, figures, libraries=LIBRARIES)

    def go(self, folder: Path | None, minutes: float) -> Path:
        """Hand out one contestant of one unit at a time, and stop handing out at the deadline."""
        left = [u for u in self.agreed["units"] if u not in self.finished]
        jobs = iter([(tuple(u), m) for u in left for m in self.agreed["methods"]])
        budgets = tuple(self.agreed["budgets"])
        waiting: dict[Any, tuple[Unit, str]] = {}
        parts: dict[Unit, list[list[dict[str, Any]]]] = {}
        with workers(WORKERS) as pool:

            def hand_out() -> None:
                if self.seconds < 60.0 * minutes and (job := next(jobs, None)) is not None:
                    waiting[pool.submit(run, *job, budgets, folder)] = job

            for _ in range(WORKERS):
                hand_out()
            while waiting:
                future = next(as_completed(waiting))
                unit, _ = waiting.pop(future)
                parts.setdefault(unit, []).append(future.result())
                hand_out()
                if len(parts[unit]) == len(self.agreed["methods"]):
                    self._finish(unit, parts[unit])
        return self.save(complete=True)

    def _finish(self, unit: Unit, parts: list[list[dict[str, Any]]]) -> None:
        """Take over the rows of a problem and seed, all contestants of which have answered."""
        order = self.agreed["methods"]
        self.rows += sorted(
            (row for part in parts for row in part), key=lambda row: order.index(row["method"])
        )
        self.finished.append(list(unit))
        self.save(complete=False)
        done, of = len(self.finished), len(self.agreed["units"])
        print(f"{self.seconds:6.0f} s  {done:3d} of {of}  {unit[0]}, seed {unit[1]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="of the real matrices")
    parser.add_argument("--quick", action="store_true", help="few problems, budgets and seeds")
    parser.add_argument("--fresh", action="store_true", help="do not go on with an earlier run")
    parser.add_argument("--minutes", type=float, default=24.0, help="no run starts later than this")
    args = record.arguments(parser, "race/accuracy_per_matvec")
    folder = args.folder.resolve() if args.folder else None
    agreed = plan(args.quick, folder)
    state = resume(args.save, agreed) if not args.fresh else resume("", {})
    race = Race(args.save, agreed, state)
    path = race.go(folder, args.minutes)
    for s in coverage(race.rows):
        bar = f"{s['covers']} of {s['bars']} bars cover" if s["bars"] else "no bar"
        print(f"{s['method']:30s} {s['runs']:4d} runs, {bar}")
    print(f"{race.seconds:.0f} s\n{path}")


if __name__ == "__main__":
    main()
