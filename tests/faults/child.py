"""Python in a process of its own: what hangs, dies or writes to the wrong place shows there."""

import os
import subprocess
import sys
from pathlib import Path

from tests import processes

__all__ = ["ROOT", "python"]

ROOT = Path(__file__).parents[2]


def python(
    code: str, folder: Path, *options: str, path: Path = ROOT, seconds: float = 120.0, **env: str
) -> str:
    """Return what the code prints; it must end by itself, with exit status 0 and no other word."""
    inherited = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    inherited.setdefault("OPENBLAS_NUM_THREADS", "1")  # rows about BLAS threads say it themselves
    try:
        done = processes.run(
            [sys.executable, *options, "-c", code],
            cwd=folder, env=inherited | {"PYTHONPATH": str(path)} | env,
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"no end after {seconds:.0f} s") from error
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr[-2000:]}"
    assert not done.stderr, done.stderr
    return done.stdout
