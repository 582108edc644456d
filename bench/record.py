"""What every result file holds besides the figures: machine, versions, command, commit."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("symrank-linalg", "numpy", "scipy", "numba")


def save(name: str, figures: dict[str, Any], *, libraries: tuple[str, ...] = ()) -> Path:
    """Write bench/results/NAME.json and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    record = {
        "name": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(Path(a).name if Path(a).is_absolute() else a for a in sys.argv),
        "commit": _commit(),
        "machine": _machine(),
        "versions": {lib: _version(lib) for lib in LIBRARIES + libraries},
        **figures,
    }
    draft = path.with_suffix(".tmp")  # a run that is killed here leaves the old file whole
    draft.write_text(json.dumps(record, indent=1) + "\n")
    return draft.replace(path)


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


def _commit() -> str:
    try:
        out = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            capture_output=True, text=True, check=True, cwd=RESULTS.parent,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return out.stdout.strip()


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
