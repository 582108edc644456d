"""Result files: the figures, and the machine, versions, command and commit that they are from.

A figure that nobody can reproduce is none: a run whose code differs from its commit is refused at
its start, or with ``--draft`` kept in NAME.draft.json, which git ignores. Where the code has
changed meanwhile, the end of the run goes there too, and no hour is lost.

``python -m bench.FOLDER.NAME`` writes bench/results/FOLDER/NAME.json: numbers of six digits, and a
list of records as tables, keys once and a record a line:

    {"tables": [{"keys": ["d", "seed"], "rows": [[8, 0], [8, 1]]}]}

`load` makes records of them again.
"""

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
LIBRARIES = ("symrank-linalg", "numpy", "scipy", "numba")
MEASURED = ("symrank", "bench", "tests", "pyproject.toml", ":!bench/results")
DRAFT = ".draft"
DIGITS = 6  # no clock and no sample here knows more

_begun: list[str] = []  # the commit of this process, from its first question on


def arguments(
    parser: argparse.ArgumentParser, name: str, *, silent: Sequence[str] = ()
) -> argparse.Namespace:
    """Parse the options of a benchmark, and refuse to begin what could not be reproduced.

    Adds ``--save``, the name below bench/results or a path, by default `name`, and ``--draft``,
    which makes it a draft, as ``--quick`` does. With an option of `silent` nothing is saved.
    """
    parser.add_argument("--save", default=name, help="name below bench/results, or a path")
    parser.add_argument(
        "--draft", action="store_true", help="code that is in no commit; kept as NAME.draft.json"
    )
    args = parser.parse_args()
    if any(getattr(args, option) not in (None, False, "") for option in silent):
        return args
    if args.draft or getattr(args, "quick", False):
        args.save += DRAFT
    elif why := irreproducible(args.save):
        parser.error(f"{why}. Commit first, or keep the figures as a draft: --draft.")
    return args


def irreproducible(name: str) -> str:
    """Say why figures of this name could not be reproduced; empty where they could."""
    if not _path(name).is_relative_to(ROOT) or name.endswith(DRAFT):
        return ""
    if not commit():
        return "The code is in no git checkout"
    changed = _changed()
    return f"The code differs from commit {commit()}: {', '.join(changed[:5])}" if changed else ""


def save(name: str, figures: dict[str, Any], *, libraries: tuple[str, ...] = ()) -> Path:
    """Write bench/results/NAME.json, or a draft where the code has changed; return its path."""
    if why := irreproducible(name):
        print(f"{why}. Kept as a draft.", file=sys.stderr)
        name += DRAFT
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {key: _without_folder(value) for key, value in figures.get("options", {}).items()}
    record = {
        "name": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": _command(),
        "commit": commit() + ("-dirty" if _changed() else ""),
        "machine": _machine(),
        "versions": {lib: _version(lib) for lib in LIBRARIES + libraries},
        **figures,
        **({"options": options} if options else {}),
    }
    draft = path.with_suffix(".tmp")  # a run that is killed here leaves the old file whole
    draft.write_text(written(record))
    return draft.replace(path)


def load(name: str) -> dict[str, Any] | None:
    """Return what bench/results/NAME.json holds, or None where it is not there."""
    path = _path(name)
    if not path.exists():
        return None
    record: dict[str, Any] = json.loads(path.read_text())
    return {key: _records(value) for key, value in record.items()}


def written(record: dict[str, Any]) -> str:
    """Return the JSON, a line a key and a record of a list."""
    return "{\n" + ",\n".join(f"{_dumps(k)}:{_text(v)}" for k, v in record.items()) + "\n}\n"


def _text(value: Any) -> str:
    if not (isinstance(value, list) and len(value) > 1 and all(isinstance(v, dict) for v in value)):
        return _dumps(value)
    tables = []
    for keys, records in itertools.groupby(value, key=lambda record: list(record)):
        rows = ",\n".join(_dumps([record[key] for key in keys]) for record in records)
        tables.append(f'{{"keys":{_dumps(keys)},"rows":[\n{rows}\n]}}')
    return '{"tables":[' + ",\n".join(tables) + "]}"


def _records(value: Any) -> Any:
    if not (isinstance(value, dict) and list(value) == ["tables"]):
        return value
    return [
        dict(zip(table["keys"], row, strict=True))
        for table in value["tables"]
        for row in table["rows"]
    ]


def _dumps(value: Any) -> str:
    return json.dumps(_rounded(value), separators=(",", ":"), ensure_ascii=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return value


def _path(name: str) -> Path:
    return RESULTS / f"{name}.json"


def _command() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = f"python -m {spec.name}" if spec else Path(sys.argv[0]).name
    return " ".join([program, *map(_without_folder, sys.argv[1:])])


def _without_folder(value: Any) -> Any:
    """Return the last part of a path: where files lie on a machine is no part of a result."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _machine() -> dict[str, Any]:
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [li for li in cpuinfo.read_text().splitlines() if li.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else ""
    return {
        "system": platform.system(),
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """Return the commit whose code this process began with; empty without one."""
    if not _begun:
        _begun.append("".join(_git("rev-parse", "--short", "HEAD")))
    return _begun[0]


def _changed() -> list[str]:
    """Return the files that figures rest on and that differ from the commit."""
    if not commit():
        return []
    new = _git("ls-files", "--others", "--exclude-standard", "--", *MEASURED)
    return _git("diff", "--name-only", commit(), "--", *MEASURED) + new


def _git(*command: str) -> list[str]:
    try:
        out = subprocess.run(
            ["git", *command], capture_output=True, text=True, check=True, cwd=ROOT
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return out.stdout.split("\n")[:-1]


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
