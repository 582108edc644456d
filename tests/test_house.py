"""The house in order: public names, imports without optional libraries, files, examples."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import symrank
from symrank import _api

ROOT = Path(__file__).parents[1]
MODULES = sorted(m.name for m in pkgutil.walk_packages(symrank.__path__, "symrank."))


def test_public_names_exist_and_are_the_pinned_ones():
    assert symrank.__all__ == sorted(symrank.__all__)
    for name in symrank.__all__:
        assert getattr(symrank, name) is not None


def in_a_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_package_hands_on_every_public_name():
    assert {*_api.__all__, "gallery"} == set(symrank.__all__)
    assert all(getattr(symrank, name) is getattr(_api, name) for name in _api.__all__)


def test_the_package_itself_loads_nothing():
    code = (
        "import sys, symrank; dir(symrank); print({'numpy', 'scipy', 'numba'} & set(sys.modules))"
    )
    assert in_a_new_process(code) == "set()\n"


def test_the_lazy_package_looks_like_any_other():
    in_a_new_process(
        "import pickle, symrank\n"
        "before = dir(symrank)\n"
        "assert set(symrank.__all__) <= set(before)\n"
        "assert symrank.errors.OptionError and symrank.methods.lanczos.Lanczos\n"
        "assert not hasattr(symrank, 'tank') and not hasattr(symrank, '__wrapped__')\n"
        "from symrank import *\n"
        "assert dir(symrank) == before\n"
        "assert pickle.loads(pickle.dumps(rank)) is symrank.rank\n"
        "assert pickle.loads(pickle.dumps(Lanczos(num_probes=3))).num_probes == 3\n"
    )


def test_threads_may_ask_a_new_package_for_its_names_at_once():
    in_a_new_process(
        "import sys, threading, symrank\n"
        "sys.setswitchinterval(1e-6)\n"
        "names = [*symrank.__all__, 'errors', 'files', 'methods', 'operators']\n"
        "barrier, found = threading.Barrier(len(names)), []\n"
        "def ask(name):\n"
        "    barrier.wait()\n"
        "    found.append(getattr(symrank, name))\n"
        "threads = [threading.Thread(target=ask, args=(name,)) for name in names]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "assert len(found) == len(names)\n"
    )


@pytest.mark.parametrize("module", [m for m in MODULES if m != "symrank.__main__"])
def test_examples_in_docstrings_run(module):
    failed, _ = doctest.testmod(
        importlib.import_module(module), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert failed == 0


def test_import_needs_the_core_libraries_only():
    code = (
        "import sys, symrank\n"
        "symrank.rank\n"
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
    folders = {"symrank", "tests", "bench", "docs"}
    wanted = folders | {"setup.cfg", "pyproject.toml", "README.md", "MANIFEST.in"}
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


@pytest.mark.parametrize("with_types", [True, False])
def test_no_circle_of_imports(with_types):
    """Also of imports within functions, and of those that only a type checker sees."""
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph(
        "symrank", exclude_type_checking_imports=not with_types, cache_dir=None
    )
    assert len(graph.modules) >= len(MODULES)
    lower = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert any(lower.values())
    TopologicalSorter(lower).prepare()  # raises CycleError, which names the circle
