"""The package as its source says it: files, imports, classes, functions, by `ast` alone."""

import ast
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Class", "File", "Function", "levels", "read"]


@dataclass
class Function:
    """A function or method."""

    name: str  # module:qualified
    file: "File"
    node: ast.FunctionDef
    owner: "Class | None" = None

    @property
    def num_lines(self) -> int:
        """Of code: neither blank, comment, nor docstring."""
        body = [n for n in ast.walk(self.node) if isinstance(n, ast.expr | ast.stmt)]
        doc = set()
        if ast.get_docstring(self.node) is not None:
            first = self.node.body[0]
            doc = set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
        lines = {i for n in body for i in range(n.lineno, (n.end_lineno or n.lineno) + 1)}
        return len(lines - doc)


@dataclass
class Class:
    """A class with its bases by name, its methods, and its annotated attributes."""

    name: str
    file: "File"
    bases: list[str]
    methods: dict[str, Function] = field(default_factory=dict)
    attributes: dict[str, ast.expr] = field(default_factory=dict)


@dataclass
class File:
    """A module."""

    name: str
    path: Path
    tree: ast.Module
    text: str
    imports: set[str] = field(default_factory=set)  # modules, at run time
    typing_imports: set[str] = field(default_factory=set)  # under TYPE_CHECKING
    names: dict[str, str] = field(default_factory=dict)  # local name -> module or module:name
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, Class] = field(default_factory=dict)


def read(package: Path) -> dict[str, File]:
    """Return the files of a package by module name."""
    files = {}
    for path in sorted(package.rglob("*.py")):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        name = ".".join(parts).removesuffix(".__init__")
        text = path.read_text()
        files[name] = File(name=name, path=path, tree=ast.parse(text), text=text)
    for file in files.values():
        _read_imports(file, files)
        _read_definitions(file)
    return files


def _read_imports(file: File, files: dict[str, File]) -> None:
    hidden = {
        id(inner)
        for node in ast.walk(file.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(file.tree):
        found = file.typing_imports if id(node) in hidden else file.imports
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.name in files:
                    found.add(one.name)
                    file.names[one.asname or one.name.split(".")[0]] = one.name
        elif isinstance(node, ast.ImportFrom) and node.module in files:
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                is_module = inner in files
                found.add(inner if is_module else node.module)
                file.names[one.asname or one.name] = (
                    inner if is_module else f"{node.module}:{one.name}"
                )
    file.imports.discard(file.name)


def _read_definitions(file: File) -> None:
    for node in file.tree.body:
        if isinstance(node, ast.FunctionDef):
            file.functions[node.name] = Function(f"{file.name}:{node.name}", file, node)
        elif isinstance(node, ast.ClassDef):
            file.classes[node.name] = _class_of(node, file)


def _class_of(node: ast.ClassDef, file: File) -> Class:
    found = Class(node.name, file, [ast.unparse(base).split("[")[0] for base in node.bases])
    for part in node.body:
        if isinstance(part, ast.FunctionDef):
            name = f"{file.name}:{node.name}.{part.name}"
            found.methods[part.name] = Function(name, file, part, found)
            if any("property" in ast.unparse(one) for one in part.decorator_list) and part.returns:
                found.attributes[part.name] = part.returns
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            found.attributes[part.target.id] = part.annotation
    start = found.methods.get("__init__")
    if start is not None:  # self.x = x, of the annotated parameter x
        known = {a.arg: a.annotation for a in _arguments(start.node) if a.annotation}
        for inner in ast.walk(start.node):
            if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Name):
                for target in inner.targets:
                    if isinstance(target, ast.Attribute) and inner.value.id in known:
                        found.attributes.setdefault(target.attr, known[inner.value.id])
    return found


def _arguments(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def levels(graph: dict[str, set[str]]) -> tuple[dict[str, int], list[list[str]]]:
    """Return the import level of every file, 1 for a leaf, and the circles.

    The files of a circle share a level.
    """
    order: list[list[str]] = []
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            at = stack.index(name)
            order.append(stack[at:])
            del stack[at:]

    for name in sorted(graph):
        if name not in index:
            visit(name)
    found: dict[str, int] = {}
    for circle in order:  # leaves first
        below = {o for name in circle for o in graph[name]} - set(circle)
        level = 1 + max((found[other] for other in below), default=0)
        found |= dict.fromkeys(circle, level)
    return found, [sorted(circle) for circle in order if len(circle) > 1]
