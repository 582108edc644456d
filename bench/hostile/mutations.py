"""Mutants of the targets, made from their syntax trees: none is chosen.

Every comparison flipped, every named constant set to zero and to a hundredth, min and max swapped,
every status raised by one. A mutation is a replaced piece of one source file.
"""

import ast
import importlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Gt: ast.LtE,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
SWAPPED = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
RAISED = {"NO_GAP_FOUND": "CONVERGED", "BUDGET_SPENT": "CONVERGED", "CONVERGED": "EXACT"}


@dataclass(frozen=True)
class Mutation:
    """A piece of a file and what takes its place."""

    target: str
    file: str  # below the root of the package
    line: int
    place: str  # line and column below the head of the function
    start: int  # offsets in the source
    stop: int
    before: str
    after: str
    stamp: int  # checksum of the function, so that results of other code are not taken for it

    @property
    def key(self) -> str:
        """What tells it from any other."""
        return f"{self.target} | {self.place} | {self.before} -> {self.after} | {self.stamp:08x}"

    def apply(self, source: str) -> str:
        """Return the source with the change."""
        assert source[self.start : self.stop] == self.before
        return source[: self.start] + self.after + source[self.stop :]


def mutations(target: str, costs: tuple[str, ...]) -> list[Mutation]:
    """Return the mutants of a function, or of all methods of a class.

    Raises
    ------
    LookupError
        Where there is no such function.
    """
    name, _, qualname = target.partition(":")
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise LookupError(target) from error
    path = Path(str(module.__file__))
    source = path.read_text()
    node: Any = ast.parse(source)
    for part in qualname.split("."):
        inside = [one for one in node.body if getattr(one, "name", None) == part]
        if not inside:
            raise LookupError(target)
        node = inside[0]
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    file = str(path.relative_to(Path(str(importlib.import_module("symrank").__file__)).parent))
    found = {}
    for old, after in _replacements(node, module, costs):
        start = lines[old.lineno - 1] + old.col_offset
        stop = lines[old.end_lineno - 1] + old.end_col_offset
        before = source[start:stop]
        stamp = zlib.crc32(ast.unparse(node).encode())
        place = f"+{old.lineno - node.lineno}:{old.col_offset}"
        mutation = Mutation(target, file, old.lineno, place, start, stop, before, after, stamp)
        if before != after:
            found[mutation.start, mutation.after] = mutation
    return list(found.values())


def _replacements(
    tree: ast.AST, module: ModuleType, costs: tuple[str, ...]
) -> Iterator[tuple[Any, str]]:
    """Yield nodes and the text that takes their place."""
    compared = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield from _flips(node)
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            yield from _swaps(node, node in compared)
            yield from _margins(node, module, costs)


def _flips(node: ast.Compare) -> Iterator[tuple[Any, str]]:
    for i, op in enumerate(node.ops):
        right = node.comparators[i]
        is_absence = isinstance(right, ast.Constant) and right.value is None
        if type(op) in FLIPPED and not is_absence:
            ops = [*node.ops[:i], FLIPPED[type(op)](), *node.ops[i + 1 :]]
            yield node, f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})"


def _swaps(node: ast.Name | ast.Attribute, is_compared: bool) -> Iterator[tuple[Any, str]]:
    """Yield min for max, and the next status for one that is given and not asked for."""
    if isinstance(node, ast.Name):
        if node.id in ("min", "max"):
            yield node, SWAPPED[node.id]
        return
    owner = ast.unparse(node.value)
    if owner == "np" and node.attr in SWAPPED:
        yield node, f"np.{SWAPPED[node.attr]}"
    if owner == "Status" and node.attr in RAISED and not is_compared:
        yield node, f"Status.{RAISED[node.attr]}"


def _margins(
    node: ast.Name | ast.Attribute, module: ModuleType, costs: tuple[str, ...]
) -> Iterator[tuple[Any, str]]:
    """Yield zero and a hundredth for a named number, of this module or of one that it imports."""
    name = node.id if isinstance(node, ast.Name) else node.attr
    if not name.strip("_").isupper() or any(word in name for word in costs):
        return
    owner: Any = module
    if isinstance(node, ast.Attribute):
        if not isinstance(node.value, ast.Name):
            return
        owner = getattr(module, node.value.id, None)
        if not isinstance(owner, ModuleType):
            return
    value = getattr(owner, name, None)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    yield node, repr(type(value)(0))
    hundredth = type(value)(value / 100)
    if hundredth:
        yield node, repr(hundredth)
