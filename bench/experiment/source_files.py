"""Python files, parsed without what cannot change a stored trial, and what each of their names is bound to.

Left out are comments, docstrings, annotations and, of a few classes (`Recorded`), what no training reads or spec.json
records. Files are parsed, never executed.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

from bench.io import untrusted
from bench.paths import ROOT

Definition = tuple[Path, str]  # a file, and a name at its top level; WHOLE_FILE stands for all names
WHOLE_FILE = "*"
LOOSE = ""  # stands for the top-level statements of a file that bind no name
CONSTRUCTOR = "__init__"
# Class attributes that no method reads.
DECLARATIONS = {
    "paper",
    "published_names",
    "search_space",
    "learning_rate",
    "dimensions_lost",
    "takes_any_prior",
    "no_floor",
}
Documented = TypeVar("Documented", ast.Module, ast.ClassDef, ast.FunctionDef)


@dataclass(frozen=True)
class Recorded:
    """The classes of a method and the project's priors. All other classes are read whole.

    Attributes:
        declarations: classes without their DECLARATIONS.
        built: classes that the harness builds with values from spec.json, so that the defaults of their constructors'
            keyword-only arguments have no effect.
    """

    declarations: frozenset[Definition] = frozenset()
    built: frozenset[Definition] = frozenset()


@dataclass(frozen=True)
class Source:
    """A parsed file, without what cannot change a stored trial.

    Attributes:
        own: the folder of the method's package, or its only file.
    """

    file: Path
    own: Path
    tree: ast.Module = field(repr=False)

    @cached_property
    def definitions(self) -> dict[str, list[ast.stmt]]:
        """Top-level name -> the statements that bind it; LOOSE -> those that bind none."""
        found: dict[str, list[ast.stmt]] = {}
        for statement in self.tree.body:
            for name in set(_bound(statement)) or {LOOSE}:
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def imports(self) -> dict[str, Definition]:
        """Name -> the definition that it is imported from. Other people's packages are left out."""
        found: dict[str, Definition] = {}
        for statement in ast.walk(self.tree):
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    file = self._module(alias.name)
                    if file:
                        found[alias.asname or alias.name.partition(".")[0]] = (file, WHOLE_FILE)
            elif isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    definition = self._imported(statement, alias.name)
                    if definition:
                        found[alias.asname or alias.name] = definition
        return found

    @cached_property
    def star_imports(self) -> list[Path]:
        """The files of `from ... import *`."""
        return [file for name, (file, _) in self.imports.items() if name == WHOLE_FILE]

    def _imported(self, statement: ast.ImportFrom, name: str) -> Definition | None:
        if statement.level:
            parent = self.file.parents[statement.level - 1]
            file = _file(parent.joinpath(*(statement.module or "").split(".")))
            submodule = _file(parent.joinpath(*(statement.module or "").split("."), name))
        else:
            file, submodule = self._module(statement.module or ""), self._module(f"{statement.module}.{name}")
        return (submodule, WHOLE_FILE) if submodule else (file, name) if file else None

    def _module(self, module: str) -> Path | None:
        """The file of an absolute import, if it is in `methods` or in the method's own package."""
        package, *parts = module.split(".")
        if package == "methods":
            return _file(ROOT.joinpath("methods", *parts))
        return _file(self.own.joinpath(*parts)) if package == self.own.name else None


def _file(path: Path) -> Path | None:
    """The file of a module without its suffix, or None."""
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def package_of(file: Path) -> Path:
    """The folder of the outermost package that contains a file, or the file itself."""
    package = file
    while (package.parent / "__init__.py").is_file():
        package = package.parent
    return package


def parse(file: Path, own: Path, recorded: Recorded | None = None) -> Source:
    """Parse a file. own: as for `Source`.

    Raises:
        OSError: the file cannot be read.
        SyntaxError: it is not Python, or not in UTF-8.
    """
    chosen = recorded or Recorded()
    kinds = (frozenset(name for path, name in kind if path == file) for kind in (chosen.declarations, chosen.built))
    return _parsed(file, own, untrusted.read_bounded(file), *kinds)


@lru_cache(maxsize=256)
def _parsed(file: Path, own: Path, text: bytes, declarations: frozenset[str], built: frozenset[str]) -> Source:
    return Source(file, own, _Essence(declarations, built).visit(ast.parse(text)))


def recorded_of(method: Definition | None, own: Path) -> Recorded:
    """Return the classes of a method, if there is one, and the priors of the project.

    Raises:
        OSError, SyntaxError: see `parse`.
    """
    lineage = _lineage(method, own) if method else {}
    built = next((each for each, node in lineage.items() if _has_constructor(node)), None)
    priors = (ROOT / "methods" / "priors.py", WHOLE_FILE)
    return Recorded(frozenset({*lineage, priors}), frozenset({built, priors} - {None}))


def _lineage(definition: Definition, own: Path) -> dict[Definition, ast.ClassDef]:
    """A class and its bases, in the order in which Python looks attributes up."""
    found: dict[Definition, ast.ClassDef] = {}
    for each, node in _ancestors(definition, own, frozenset()):
        found.pop(each, None)  # a base of several classes comes after all of them
        found[each] = node
    return found


def _ancestors(
    definition: Definition, own: Path, below: frozenset[Definition]
) -> Iterator[tuple[Definition, ast.ClassDef]]:
    file, name = definition
    source = parse(file, own)
    if definition in below:
        return
    if name in source.imports:
        yield from _ancestors(source.imports[name], own, below | {definition})
    for node in source.definitions.get(name, []):
        if isinstance(node, ast.ClassDef):
            yield definition, node
            for base in node.bases:
                found = _named(base, source)
                yield from _ancestors(found, own, below | {definition}) if found else ()


def _named(base: ast.expr, source: Source) -> Definition | None:
    """The definition of `Base` or `module.Base`."""
    if isinstance(base, ast.Name):
        return source.file, base.id
    first = next((node.id for node in ast.walk(base) if isinstance(node, ast.Name)), "")
    if isinstance(base, ast.Attribute) and first in source.imports:
        return source.imports[first][0], base.attr
    return None


def _has_constructor(node: ast.ClassDef) -> bool:
    return any(isinstance(each, ast.FunctionDef) and each.name == CONSTRUCTOR for each in node.body)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a top-level statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def names_in(statement: ast.stmt) -> set[str]:
    """Return all names that a statement mentions."""
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


class _Essence(ast.NodeTransformer):
    """Removes docstrings and annotations, and of classes with these names (or WHOLE_FILE) what `Recorded` says."""

    def __init__(self, declarations: frozenset[str], built: frozenset[str]) -> None:
        self.declarations, self.built = declarations, built

    def visit_Module(self, node: ast.Module) -> ast.Module:
        for statement in node.body:
            if isinstance(statement, ast.ClassDef):
                self._leave_out_recorded(statement)
        return self._without_docstring(node)

    def _leave_out_recorded(self, node: ast.ClassDef) -> None:
        if {node.name, WHOLE_FILE} & self.declarations:
            node.body = [each for each in node.body if not DECLARATIONS & set(_bound(each))]
        for each in node.body if {node.name, WHOLE_FILE} & self.built else ():
            if isinstance(each, ast.FunctionDef) and each.name == CONSTRUCTOR:
                each.args.kw_defaults = [None for _ in each.args.kwonlyargs]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        return self._without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        return ast.copy_location(ast.Assign([node.target], node.value) if node.value else ast.Pass(), node)

    def _without_docstring(self, node: Documented) -> Documented:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        node.body = node.body or [ast.Pass()]
        self.generic_visit(node)
        return node
