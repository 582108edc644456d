"""The house in order: public names, imports without optional libraries, files, examples."""

import configparser
import dataclasses
import doctest
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import symrank
from symrank import RankResult, names
from symrank.errors import MissingBackendError
from symrank.methods import BY_NAME
from symrank.run.options import Options

ROOT = Path(__file__).parents[1]
MODULES = sorted(m.name for m in pkgutil.walk_packages(symrank.__path__, "symrank."))


PUBLIC = [
    "Basis", "Chebyshev", "Dense", "Inertia", "Lanczos", "Langevin", "Preconditioner", "Progress",
    "Projection", "RankResult", "Signature", "Sketch", "Status", "SymrankError", "UbaruSaad",
    "as_operator", "augmented", "count", "finite_difference_hessian", "gallery", "gram", "inertia",
    "kron", "null_space", "on_dask", "plan", "range_space", "rank",
]  # fmt: skip
# never loaded with the package: the extras of pyproject.toml, and what a user may have besides
HEAVY = {
    "arviz_stats", "cloudpickle", "cupy", "cupyx", "dask", "distributed", "feral", "jax", "loky",
    "matplotlib", "mpi4py", "pyamg", "rich", "torch", "typer",
}  # fmt: skip


# modules about an optional library that the tests do not install
LIBRARY = {
    "symrank.torch": "torch", "symrank.jax": "jax", "symrank.networks.jax_hessian": "jax",
    "symrank.kernels.gpu_cupy": "cupy", "symrank.operators.dask_workers": "dask",
}  # fmt: skip


def test_public_names_are_the_pinned_ones_and_exist():
    assert symrank.__all__ == PUBLIC
    for name in PUBLIC:
        assert getattr(symrank, name) is not None


def test_the_reference_lists_every_public_name():
    page = (ROOT / "docs/reference/index.md").read_text()
    assert [name for name in PUBLIC if not re.search(rf"\b{name}\b", page)] == []


def documented(function):
    """Names in the section Parameters of a docstring, as numpydoc reads it."""
    text = inspect.getdoc(function) or ""
    _, found, section = text.partition("Parameters\n----------\n")
    if not found:
        return None
    section = re.split(r"\n[^\n]+\n-{3,}\n", section)[0]
    lines = re.findall(r"^(\S.*?)(?: : .*)?$", section, re.MULTILINE)
    return [name.strip("* ") for line in lines for name in line.split(",")]


def public_functions():
    """What a page of the reference documents: functions, classes, and their class methods."""
    for module in map(importlib.import_module, ["symrank", "symrank.operators", "symrank.theory"]):
        for name in module.__all__:
            one = getattr(module, name)
            if inspect.isfunction(one):
                yield f"{module.__name__}.{name}", one
            elif inspect.isclass(one):
                yield f"{module.__name__}.{name}", one
                for own, method in vars(one).items():
                    if isinstance(method, classmethod) and not own.startswith("_"):
                        yield f"{module.__name__}.{name}.{own}", getattr(one, own)


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_are_documented_as_they_are(name):
    function = FUNCTIONS[name]
    said = documented(function)
    if said is None:
        return
    parameters = inspect.signature(function).parameters.values()
    actual = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    if "are those of" in inspect.getdoc(function):  # the others are documented there
        actual = [name for name in actual if name in said]
    assert said == actual


def test_the_reference_and_rank_name_every_method():
    page = (ROOT / "docs/reference/methods.md").read_text()
    lacking = [name for name in BY_NAME if f'``"{name}"``' not in symrank.rank.__doc__]
    assert lacking == [], "name them in the docstring of symrank/ask/rank.py"
    lacking = [
        cls.__name__ for cls in BY_NAME.values() if not re.search(rf"\.{cls.__name__}\n", page)
    ]
    assert lacking == [], "give them an autoclass in docs/reference/methods.md"


def parameters_of(function, *without):
    parameters = inspect.signature(function).parameters.values()
    return {p.name: (p.default, p.annotation) for p in parameters if p.name not in without}


def test_every_question_has_every_option_or_says_why_not():
    """As `Options` has them; where one is left out on purpose, the hint says what to do instead."""
    names = ("count", "plan", "inertia", "bases")
    count, plan, inertia, bases = (importlib.import_module(f"symrank.ask.{one}") for one in names)
    of_rank = parameters_of(symrank.rank, "A")
    known = {one.name for one in dataclasses.fields(Options)} - {"seed", "between"}
    assert known | {"method", "rng", "progress"} == set(of_rank)
    for door, hints in (
        (symrank.count, count._INSTEAD),
        (symrank.plan, plan.IN_PLAN),
        (symrank.inertia, inertia.IN_INERTIA),
        (symrank.null_space, bases.IN_BASES),
        (symrank.range_space, bases.IN_RANGE),
    ):
        own = parameters_of(door, "A", "a", "b", "M")  # M: the mass of a pencil
        assert own == {k: v for k, v in of_rank.items() if k not in hints}, (
            f"{door.__name__}: give it the option, or a hint in its module why it has none"
        )


def test_every_option_of_rank_has_its_flag():
    cli = pytest.importorskip("symrank.shell.cli")
    of_rank = set(parameters_of(symrank.rank, "A", "deflate", "noise", "progress", "check", "rng"))
    assert set(parameters_of(cli._rank, "file", "rectangular", "as_json", "plot")) == {
        *of_rank, "seed",
    }  # fmt: skip


def test_every_field_of_a_result_is_documented():
    lines = re.findall(r"^    (\w[\w, ]*)$", RankResult.__doc__.partition("Attributes")[2], re.M)
    said = {name for line in lines for name in line.split(", ")}
    assert {one.name for one in dataclasses.fields(RankResult)} - said == {"resume", "evidence"}


def in_a_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_package_hands_on_every_public_name():
    assert {*names.__all__, "gallery"} == set(symrank.__all__)
    assert all(getattr(symrank, name) is getattr(names, name) for name in names.__all__)


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
        "assert symrank.errors.OptionError and symrank.methods.quadrature.lanczos.Lanczos\n"
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
    if LIBRARY.get(module) or "pytorch." in module:
        pytest.importorskip(LIBRARY.get(module, "torch"))
    try:
        loaded = importlib.import_module(module)
    except MissingBackendError as missing:  # a library, or what it needs of the machine
        pytest.skip(str(missing))
    failed, _ = doctest.testmod(loaded, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_import_needs_the_core_libraries_only():
    code = (
        "import sys, symrank\n"
        "symrank.rank\n"
        f"heavy = {HEAVY} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    in_a_new_process(code)


def test_every_optional_library_is_known_to_be_heavy():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert set(config["importlinter:contract:optional"]["forbidden_modules"].split()) <= HEAVY


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
