"""Python source, read and not run: what the names and calls in it stand for."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Named = tuple[str, ast.expr]


class Module:
    """One file: its functions, those of its classes too, and what its imports bring in."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]
        self.imports = dict(imported(self.tree))

    @property
    def places(self) -> "list[Place]":
        return [Place(self), *(Place(self, function) for function in self.functions)]

    def function(self, name: str) -> "Place | None":
        return next((Place(self, one) for one in self.functions if one.name == name), None)


@dataclass(frozen=True)
class Place:
    """Where an expression stands: in a function of a module, or in none."""

    module: Module
    function: ast.FunctionDef | None = None

    @property
    def name(self) -> str:
        return f"{self.module.name}.{self.function.name if self.function else ''}"

    @property
    def nodes(self) -> Iterator[ast.AST]:
        return own_nodes(self.function or self.module.tree)

    def bound(self, name: str) -> list[ast.expr]:
        """What the name stands for here."""
        return [value for found, value in bindings_in(self.function or self.module.tree) if found == name]

    def given_back(self) -> Iterator[ast.expr]:
        for node in self.nodes:
            if isinstance(node, ast.Return | ast.Yield) and node.value:
                yield node.value


class SourceCode:
    """The modules of a folder's packages, by their dotted names."""

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        names = {dotted(file.relative_to(folder)): file for file in files}
        self.modules = {name: Module(name, file) for name, file in names.items()}

    def called(self, node: ast.AST, place: Place) -> Place | None:
        """The function that a call calls, if it is one of these modules'."""
        if not isinstance(node, ast.Call):
            return None
        module, name = self.home(node.func, place.module)
        return module.function(name) if module else None

    def values(self, node: ast.AST, place: Place) -> list[tuple[ast.expr, Place]]:
        """What a name stands for: in its function, or else as a constant of some module."""
        if isinstance(node, ast.Name) and (local := place.bound(node.id)):
            return [(value, place) for value in local]
        module, name = self.home(node, place.module)
        return [(value, Place(module)) for value in Place(module).bound(name)] if module else []

    def home(self, named: ast.AST, module: Module) -> tuple[Module | None, str]:
        """The module that defines what stands behind a name, and its name there; of `self`, the same module."""
        match named:
            case ast.Name(id=name) if name in module.imports:
                there, name = module.imports[name]
                return self.modules.get(there), name
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name):
                return module, name
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in module.imports:
                return self.modules.get(".".join(module.imports[owner])), name
        return None, ""


def dotted(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """By the name it has here: the module that it comes from, and its name there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((one.asname or one.name, (node.module, one.name)) for one in node.names)


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """All that stands in a function, and of a module what stands in none."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef):
            yield node
            waiting += ast.iter_child_nodes(node)


@cache
def bindings_in(scope: ast.AST) -> list[Named]:
    """Of a module its own names alone, not the fields of its classes."""
    nodes = scope.body if isinstance(scope, ast.Module) else own_nodes(scope)
    return [found for node in nodes for found in bindings(node)]


def bindings(node: ast.AST) -> Iterator[Named]:
    """Names, each with the expression that it stands for or is taken out of."""
    match node:
        case (
            ast.Assign(targets=[target], value=value)
            | ast.AugAssign(target=target, value=value)
            | ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
            | ast.For(target=target, iter=value)
            | ast.comprehension(target=target, iter=value)
        ):
            yield from ((one.id, value) for one in ast.walk(target) if isinstance(one, ast.Name))
