"""Draw the house: its rooms, its floors, and the walk of a matrix down to a kernel and back.

Nothing is typed by hand: the rooms are the modules with the first line of their docstrings, the
floors the import contract of setup.cfg, the walk the stack of a run when it first enters a kernel.
"""

import ast
import configparser
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tables import table

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "symrank"
KERNEL = "lanczos_step"
CONTRACT = "importlinter:contract:layers"
STEPS = "--steps"  # print them as JSON: the command takes over the process that it runs in


def write(folder: Path) -> None:
    """Write tree.md, floors.md and walk.md."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (tree, floors, walk):
        (folder / f"{draw.__name__}.md").write_text("\n".join([*draw(), ""]))


def first_line(doc: str | None) -> str:
    """Return the first line of a docstring, without its full stop."""
    return (doc or "").strip().split("\n")[0].rstrip(".")


def purpose(path: Path) -> str:
    """Return what a module says that it is."""
    return first_line(ast.get_docstring(ast.parse(path.read_text())))


def tree() -> Iterable[str]:
    """Every folder and file of the package, a line each."""
    yield "```text"
    yield f"symrank/  {purpose(PACKAGE / '__init__.py')}"
    yield from branch(PACKAGE, "  ")
    yield "```"


def branch(folder: Path, margin: str) -> Iterable[str]:
    """The folders first, then the files."""
    for path in sorted(p for p in folder.iterdir() if (p / "__init__.py").exists()):
        yield f"{margin}{path.name + '/':26s}{purpose(path / '__init__.py')}"
        yield from branch(path, margin + "  ")
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield f"{margin}{path.stem:26s}{purpose(path)}"


def layers() -> list[list[str]]:
    """Return the layers of the import contract, the highest first."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config[CONTRACT]["layers"].strip().splitlines()
    return [[name.strip() for name in line.replace(":", "|").split("|")] for line in lines]


def floors() -> Iterable[str]:
    """The layers, the highest first; what stands on one floor does not know its neighbours."""
    all_of_them = layers()
    rows = [
        (len(all_of_them) - i, ", ".join(f"`{name.removeprefix('symrank.')}`" for name in names))
        for i, names in enumerate(all_of_them)
    ]
    yield from table(("floor", "rooms"), rows)


class Entered(Exception):  # noqa: N818 - not an error
    """The kernel is entered: nothing more is to be seen."""


def steps() -> list[tuple[str, str, str]]:
    """Return module, function and purpose of every step from the command to a kernel."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, __file__, STEPS], env=env, capture_output=True, text=True, check=True
    )
    return [(room, call, said) for room, call, said in json.loads(done.stdout)]


def traced() -> list[tuple[str, str, str]]:
    """Run the command in this process until it enters a kernel."""
    found: list[tuple[str, str, str]] = []

    def look(frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_globals.get("__name__", "")
        is_kernel = name.startswith("symrank.kernels.") and frame.f_code.co_name == KERNEL
        if event == "call" and is_kernel and not found:
            found.extend(reversed(list(stack(frame))))
            raise Entered

    import numpy as np

    from symrank.__main__ import main

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "A.npy"
        np.save(file, np.diag([2.0, 1.0, 0.0]))
        said, sys.argv = sys.argv, ["symrank", "rank", str(file), "--method", "lanczos"]
        quiet = contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO())
        with quiet[0], quiet[1], contextlib.suppress(Entered, SystemExit):
            sys.setprofile(look)
            try:
                main()
            finally:
                sys.setprofile(None)
                sys.argv = said
    return found


def stack(frame: FrameType | None) -> Iterable[tuple[str, str, str]]:
    """Yield the frames of the package, the innermost first; a function within another is a part."""
    while frame is not None:
        module, code = frame.f_globals.get("__name__", ""), frame.f_code
        if module.startswith("symrank.") and not is_part(code):
            yield module.removeprefix("symrank."), code.co_qualname, doc_of(code)
        frame = frame.f_back


def is_part(code: CodeType) -> bool:
    """True for lambdas, comprehensions and functions within functions."""
    return "<" in code.co_qualname


def doc_of(code: CodeType) -> str:
    """Return the first line of a function's docstring."""
    source = ast.parse(Path(code.co_filename).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(source):
        first = min((d.lineno for d in getattr(node, "decorator_list", ())), default=0)
        if isinstance(node, kinds) and code.co_firstlineno in (node.lineno, first):
            return first_line(ast.get_docstring(node))
    return ""


def walk() -> Iterable[str]:
    """A line a step; on its way back the matrix passes the same doors."""
    yield from table(("", "room", "what is called", "what it says of itself"),
                     [(i + 1, f"`{room}`", f"`{call}`", said)
                      for i, (room, call, said) in enumerate(steps())])  # fmt: skip


if __name__ == "__main__" and STEPS in sys.argv:
    print(json.dumps(traced()))
elif __name__ == "__main__":
    for part in (tree, floors, walk):
        print("\n".join(part()), end="\n\n")
