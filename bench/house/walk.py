"""How far does an operator walk from `rank` to a kernel, and who asks it what it is?

    python -m bench.house.walk [FOLDER] [--method Lanczos] [--operator MatrixOperator] [--list]

FOLDER is the package, `symrank` by default. It is read and not run.

A *holder* is a class whose instances are an operator or have one: `Operator` and what inherits from
it, and any class with an attribute annotated by a holder (Job, Rounds, Witness, ...). A function
*has the operator* if a parameter, or the object it is a method of, is annotated by a holder, or is
the `A` of a public function. That needs no list of names: under whatever name, argument or
attribute the operator is handed on, its type goes with it, and the types are checked by mypy.

The *walk* starts at `rank`. From a function it goes on to every function that has the operator and
is called in it, or named in it as a callback, in source order (what is an argument before the call
that takes it), branches one after another, each function once: a reader who opens every call as it
comes. What is called is found by imports and
inferred types. A call through a protocol goes to one class, since the others are other walks: a
method is Lanczos, an operator MatrixOperator, the case that ends in a kernel of its own, and a crew
works alone.

    stay    a run of functions of the walk in one file; files may be stayed in again
    climb   a step of the walk into a file of a higher import level than the one before
    room    a folder of the package, or a file that stands beside them
    level   1 for what imports none of the package; else one above the highest it imports. A climb
            is one between files; the bar for levels is for rooms, which a reader holds in mind
    sniff   isinstance, issubclass, hasattr, getattr or type of an operator, or against a class of
            operators, outside of the folder `operators`

Returns from a call are no steps, as nothing is read at them; but the next call of an outer function
is one from wherever the walk had come, and counts as a stay and mostly as a climb. A call hidden in
a string, or through a value without a type, would not be seen: strict mypy leaves few.
"""

import argparse
import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.house.source import Class, File, Function, levels, read

START, ROOT, PROTOCOL = "rank", "Operator", "Method"
CREW = {"Crew": "Alone"}  # that does tasks where it is called
SNIFFS = ("isinstance", "issubclass", "hasattr", "getattr", "type")
MOST = {
    "stays": 36,
    "climbs": 11,
    "levels": 12,
}  # and nothing of what is a list; decisions 026, 031
LONG_FILE, LONG_FUNCTION = 350, 60


class House:
    """The package with the types of its expressions, as far as annotations tell them."""

    def __init__(self, package: Path, method: str, operator: str) -> None:
        self.files = read(package)
        self.classes: dict[str, Class] = {}
        for file in self.files.values():
            for name, one in file.classes.items():
                self.classes.setdefault(name, one)
        self.stands_for = {PROTOCOL: method, ROOT: operator, **CREW}
        self.operators = {n for n in self.classes if ROOT in self._ancestry(n)}
        self.holders = self._holders()

    def _ancestry(self, name: str) -> list[str]:
        """Return a class and what it inherits from, nearest first."""
        one = self.classes.get(name)
        above = [] if one is None else [a for base in one.bases for a in self._ancestry(base)]
        return [name, *above]

    def _holders(self) -> set[str]:
        held = set(self.operators)
        while True:
            more = {
                name
                for name, one in self.classes.items()
                if any(self._names_in(note) & held for note in one.attributes.values())
                or any(base in held for base in one.bases)
            }
            if more <= held:
                return held
            held |= more

    def _names_in(self, note: ast.expr) -> set[str]:
        """Return the classes in an annotation; what a callable takes or returns is none of them."""
        if isinstance(note, ast.Constant) and isinstance(note.value, str):
            return self._names_in(ast.parse(note.value, mode="eval").body)
        if isinstance(note, ast.Subscript) and "Callable" in ast.unparse(note.value):
            return set()
        found = {n.id for n in ast.walk(note) if isinstance(n, ast.Name)}
        return found & set(self.classes)

    def has_operator(self, function: Function) -> bool:
        """Tell whether a parameter or the object of a method is, or holds, an operator."""
        if function.owner is not None and function.owner.name in self.holders:
            return True
        arguments = [*function.node.args.args, *function.node.args.kwonlyargs]
        return any(
            (a.annotation is not None and self._names_in(a.annotation) & self.holders)
            or (a.arg == "A" and not function.node.name.startswith("_"))
            for a in arguments
        )

    def method_of(self, name: str, attribute: str) -> Function | None:
        """Return what an attribute of an instance calls, for a protocol that of its stand-in."""
        for above in self._ancestry(self.stands_for.get(name, name)):
            one = self.classes.get(above)
            if one is not None and attribute in one.methods:
                return one.methods[attribute]
        return None

    def attribute_type(self, name: str, attribute: str) -> str | None:
        """Return the class of an attribute, by its annotation."""
        for above in self._ancestry(name):
            one = self.classes.get(above)
            if one is not None and attribute in one.attributes:
                return self.noted(one.attributes[attribute])
        return None

    def noted(self, note: ast.expr | None) -> str | None:
        """Return the class that an annotation names, an operator before anything else."""
        found = set() if note is None else self._names_in(note)
        held = sorted(found & self.holders) or sorted(found)
        return held[0] if held else None

    def named(self, file: File, name: str) -> Any:
        """Return the function, class or file that a name stands for in a file."""
        if name in file.functions:
            return file.functions[name]
        if name in file.classes:
            return file.classes[name]
        target = file.names.get(name)
        if target is None:
            return None
        module, _, inner = target.partition(":")
        return self.named(self.files[module], inner) if inner else self.files[module]


class Reader:
    """Reads one function: the types of its names, and what it calls in source order."""

    def __init__(self, house: House, function: Function) -> None:
        self.house, self.function, self.types = house, function, {}
        arguments = [*function.node.args.args, *function.node.args.kwonlyargs]
        for one in arguments:
            self.types[one.arg] = house.noted(one.annotation)
        if function.owner is not None and arguments:
            self.types[arguments[0].arg] = function.owner.name

    def calls(self) -> Iterator[Function]:
        """Yield the functions of the package that are called or handed on, in source order."""
        yield from self._of(self.function.node.body)

    def _of(self, nodes: list[Any]) -> Iterator[Function]:
        for node in nodes:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                yield from self._of([node.value] if node.value else [])
                self._bind(node)
                continue
            if isinstance(node, ast.Lambda | ast.FunctionDef):
                for one in (*node.args.args, *node.args.kwonlyargs):
                    self.types[one.arg] = self.house.noted(one.annotation) or self.types.get(
                        one.arg
                    )
            if isinstance(node, ast.With):
                for item in node.items:
                    yield from self._of([item.context_expr])
                    if isinstance(item.optional_vars, ast.Name):
                        self.types[item.optional_vars.id] = self.type_of(item.context_expr)
                yield from self._of(node.body)
                continue
            if isinstance(node, ast.Call):
                yield from self._of([*node.args, *(k.value for k in node.keywords), node.func])
                continue
            target = self.target(node) if isinstance(node, ast.Name | ast.Attribute) else None
            yield from self._of(list(ast.iter_child_nodes(node)))
            if isinstance(target, Function):
                yield target
            elif isinstance(target, Class):
                for start in ("__init__", "__post_init__"):
                    made = self.house.method_of(target.name, start)
                    if made is not None:
                        yield made

    def _bind(self, node: Any) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        found = self.house.noted(getattr(node, "annotation", None)) or self.type_of(node.value)
        for target in targets:
            if isinstance(target, ast.Name):
                self.types[target.id] = found or self.types.get(target.id)
            elif isinstance(target, ast.Tuple) and isinstance(target.elts[0], ast.Name):
                values = node.value.elts if isinstance(node.value, ast.Tuple) else None
                for j, name in enumerate(target.elts):
                    one = found if values is None or j >= len(values) else self.type_of(values[j])
                    is_bound = isinstance(name, ast.Name) and (values is not None or j == 0)
                    if is_bound:
                        self.types[name.id] = one or self.types.get(name.id)

    def target(self, node: ast.expr) -> Any:
        """Return the function, class or file that an expression names."""
        if isinstance(node, ast.Name):
            return None if node.id in self.types else self.house.named(self.function.file, node.id)
        if isinstance(node, ast.Attribute):
            within = self.target(node.value)
            if isinstance(within, File):
                inner = self.house.files.get(f"{within.name}.{node.attr}")
                return inner or self.house.named(within, node.attr)
            name = within.name if isinstance(within, Class) else self.type_of(node.value)
            return None if name is None else self.house.method_of(name, node.attr)
        return None

    def type_of(self, node: ast.expr | None) -> str | None:
        """Return the class of an expression, or None where nothing tells it."""
        if isinstance(node, ast.Name):
            return self.types.get(node.id)
        if isinstance(node, ast.Attribute):
            name = self.type_of(node.value)
            return None if name is None else self.house.attribute_type(name, node.attr)
        if isinstance(node, ast.IfExp):
            return self.type_of(node.body) or self.type_of(node.orelse)
        if isinstance(node, ast.Call):
            made = self.target(node.func)
            if isinstance(made, Class):
                return made.name
            if isinstance(made, Function):
                return self.house.noted(made.node.returns)
            if ast.unparse(node.func).endswith("replace") and node.args:
                return self.type_of(node.args[0])  # dataclasses.replace
        return None


def walk(house: House) -> list[Function]:
    """Return the functions of the walk, in the order in which they are entered."""
    start = next(f.functions[START] for f in house.files.values() if START in f.functions)
    seen: dict[str, Function] = {}

    def enter(function: Function) -> None:
        seen[function.name] = function
        for called in Reader(house, function).calls():
            if called.name not in seen and house.has_operator(called):
                enter(called)

    enter(start)
    return list(seen.values())


def sniffs(house: House) -> list[str]:
    """Return where an operator is asked from outside what it is."""
    found = []
    for file in house.files.values():
        if ".operators" in file.name:
            continue
        methods = [m for one in file.classes.values() for m in one.methods.values()]
        for function in (*file.functions.values(), *methods):
            reader = Reader(house, function)
            list(reader.calls())  # binds the names
            for node in ast.walk(function.node):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                if node.func.id not in SNIFFS or not node.args:
                    continue
                against = {
                    n.id for one in node.args[1:] for n in ast.walk(one) if isinstance(n, ast.Name)
                }
                asked = reader.type_of(node.args[0]) in house.operators
                if asked or against & house.operators:
                    found.append(f"{file.path}:{node.lineno}: {ast.unparse(node)}")
    return found


def measure(package: Path, method: str, operator: str) -> tuple[dict[str, Any], list[str]]:
    """Return the figures, and the walk as lines of text."""
    house = House(package, method, operator)
    run = {n: f.imports for n, f in house.files.items()}
    typed = {n: f.imports | f.typing_imports for n, f in house.files.items()}
    level, circles = levels(run)
    floor, _ = levels(_between_rooms(run))
    steps = walk(house)
    files = [one.file.name for one in steps]
    stays = [b for a, b in zip([None, *files], files, strict=False) if a != b]
    climbs = sum(level[b] > level[a] for a, b in itertools.pairwise(stays))
    functions = [f for x in house.files.values() for f in x.functions.values()]
    functions += [m for c in house.classes.values() for m in c.methods.values()]
    lengths = {n: f.text.count("\n") for n, f in house.files.items()}
    figures = {
        "functions that have the operator": len(steps),
        "files entered": len(set(files)),
        "stays": len(stays),
        "climbs": climbs,
        "rooms": len(floor),
        "levels": max(floor.values()),
        "levels of files": max(level.values()),
        "circles": circles,
        "circles of rooms": levels(_between_rooms(typed))[1],
        "circles with TYPE_CHECKING": levels(typed)[1],
        f"files > {LONG_FILE} lines": [f"{n} {k}" for n, k in lengths.items() if k > LONG_FILE],
        f"functions > {LONG_FUNCTION} lines": [
            f"{f.name} {f.num_lines}" for f in functions if f.num_lines > LONG_FUNCTION
        ],
        "sniffs": sniffs(house),
    }
    last, lines = "", []
    for one in steps:
        head = one.file.name if one.file.name != last else ""
        lines.append(f"{level[one.file.name]:3d} {head:32s} {one.name.partition(':')[2]}")
        last = one.file.name
    return figures, lines


def _between_rooms(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return what the rooms import of each other; the package itself is none."""
    found: dict[str, set[str]] = {}
    for name, others in imports.items():
        found.setdefault(_room(name), set()).update(map(_room, others))
    found.pop("")
    return {room: others - {room, ""} for room, others in found.items()}


def _room(name: str) -> str:
    """Return the room of a module; "" for the package."""
    return name.split(".")[1] if "." in name else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, nargs="?", default=Path("symrank"))
    parser.add_argument("--method", default="Lanczos")
    parser.add_argument("--operator", default="MatrixOperator")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    figures, lines = measure(args.package, args.method, args.operator)
    if args.list:
        print("\n".join(lines))
    for name, value in figures.items():
        number = len(value) if isinstance(value, list) else value
        most = 0 if isinstance(value, list) else MOST.get(name)
        print(f"{name}: {number}" + ("" if most is None else f", at most {most}"))
        for one in value if isinstance(value, list) else []:
            print(f"    {one}")


if __name__ == "__main__":
    main()
