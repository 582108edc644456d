"""The house in order: public names, imports without optional libraries, files, examples."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import symrank

ROOT = Path(__file__).parents[1]
MODULES = sorted(m.name for m in pkgutil.walk_packages(symrank.__path__, "symrank."))


def test_public_names_exist_and_are_the_pinned_ones():
    assert symrank.__all__ == sorted(symrank.__all__)
    for name in symrank.__all__:
        assert getattr(symrank, name) is not None


@pytest.mark.parametrize("module", [m for m in MODULES if m != "symrank.__main__"])
def test_examples_in_docstrings_run(module):
    failed, _ = doctest.testmod(
        importlib.import_module(module), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert failed == 0


def test_import_needs_the_core_libraries_only():
    code = (
        "import sys, symrank\n"
        "heavy = {'matplotlib', 'typer', 'rich', 'torch', 'jax', 'cupy', 'feral'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_top_level_holds_what_it_should():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in tracked.stdout.split()}
    wanted = {"setup.cfg", "pyproject.toml", "README.md", "symrank", "tests", "bench", "docs"}
    assert {name for name in top if not name.startswith(".")} == wanted


def test_no_text_names_the_wrong_distribution():
    wrong = "pip install " + "symrank"
    for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("symrank/**/*.py")]:
        text = path.read_text()
        rest = text.replace(wrong + "-linalg", "")
        assert wrong not in rest, path


def test_kernels_run_without_the_compiler():
    code = (
        "import numpy as np, symrank\n"
        "from symrank import kernels\n"
        "assert kernels.load().__name__.endswith('reference')\n"
        "r = symrank.rank(np.diag([2.0, 1.0, 0.0, 0.0]), method='lanczos', rng=1)\n"
        "assert r.rank in r.interval() or r.interval()[0] <= 2 <= r.interval()[1]"
    )
    import os

    env = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
