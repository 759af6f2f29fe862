"""The code that decides a trial's results: what its method reaches, as normalised text, and the hash of that text.

Reached are the definitions of `methods` and of the method's own package that the class, the priors or the networks use,
directly or through others. What plug-ins of other kinds reach is hashed in the same way. Left out is what cannot change
a stored trial: comments, docstrings, annotations, citations, search spaces, and the defaults of hyperparameters, whose
values are in spec.json. Files are parsed, never executed, so reports need neither torch nor the plug-in.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

from bench.experiment.specification import CodeSource, MethodSource
from bench.io import untrusted
from bench.io.files import sha256
from bench.paths import ROOT

Definition = tuple[Path, str]  # a file, and a name at its top level; WHOLE_FILE stands for all names
WHOLE_FILE = "*"
ONLY_FILE = "."  # stands for a plug-in of one file, whatever its name
MODULE_HASH = 16  # digits of the hash of one module
LOOSE = ""  # stands for the top-level statements of a file that bind no name
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
SHARED = (("priors.py", "PRIORS"), ("networks/__init__.py", "Networks"))  # in methods/; the harness builds them
Documented = TypeVar("Documented", ast.Module, ast.ClassDef, ast.FunctionDef)


def same_code(stored: MethodSource, current: MethodSource) -> bool:
    """Whether a trial was planned with the code that its method and its plug-ins have now."""
    method = present_sha256(stored, ROOT / current.file) if stored.name is None else current.sha256
    return stored.sha256 == method and not changed_plugins(stored, current)


def changed_plugins(stored: MethodSource, current: MethodSource) -> list[str]:
    """Return the plug-ins of other kinds than methods whose code differs, such as "network dense"."""
    names = {*stored.plugins, *current.plugins}
    hashes = [{name: code.sha256 for name, code in source.plugins.items()} for source in (stored, current)]
    return sorted(name for name in names if hashes[0].get(name) != hashes[1].get(name))


def present_sha256(stored: CodeSource, file: Path) -> str:
    """Return what `stored` would hash now, in this file: the code, or the file itself as version 0.1 did.

    Raises:
        OSError, SyntaxError: see `code_sha256`.
    """
    shared = isinstance(stored, MethodSource)
    return code_sha256(file, stored.name, shared) if stored.name else sha256(untrusted.read_bounded(file))


def code_sha256(file: Path, name: str, shared: bool = True) -> str:
    """Return the sha256 of the code that a definition reaches. The order of definitions does not matter.

    Args:
        file: the file that defines it.
        name: its name, or WHOLE_FILE.
        shared: also hash SHARED, as for a method.

    Raises:
        OSError: a file cannot be read.
        SyntaxError: a file is not Python, or not in UTF-8.
    """
    return _code(file, name, shared).sha256


def module_hashes(file: Path, name: str, shared: bool = True) -> dict[str, str]:
    """Return the hash of what a definition reaches in each module, by the module's name: it tells which has changed.

    Arguments and errors as for `code_sha256`.
    """
    return dict(_code(file, name, shared).modules)


def changed_modules(stored: CodeSource, file: Path) -> list[str]:
    """Return the names of the modules whose code has changed since a trial was planned; empty if that is not recorded.

    Raises:
        OSError, SyntaxError: see `code_sha256`.
    """
    if not stored.modules or not stored.name:
        return []
    present = module_hashes(file, stored.name, isinstance(stored, MethodSource))
    changed = {name for name in {*present, *stored.modules} if present.get(name) != stored.modules.get(name)}
    return sorted(file.name if name == ONLY_FILE else name for name in changed)


@dataclass(frozen=True)
class Code:
    """What a class reaches: the hash of all of it, and of the part in each module."""

    sha256: str
    modules: tuple[tuple[str, str], ...]


def _code(file: Path, name: str, shared: bool) -> Code:
    own = _package(file)
    return _cached_code(file, name, shared, own, _state(own))


def _state(own: Path) -> tuple[tuple[str, int, int], ...]:
    """The sizes and dates of all files that can be reached: the key under which hashes are kept."""
    folders = [ROOT / "methods", own]
    files = [file for folder in folders for file in ([folder] if folder.is_file() else folder.rglob("*.py"))]
    return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(files))


@lru_cache(maxsize=256)
def _cached_code(file: Path, name: str, shared: bool, own: Path, state: tuple[tuple[str, int, int], ...]) -> Code:
    del state
    reached: dict[Definition, str] = {}
    pending: list[Definition] = [(file, name)]
    pending += [(ROOT / "methods" / path, each) for path, each in SHARED if shared]
    while pending:
        definition = pending.pop()
        if definition in reached:
            continue
        path, wanted = definition
        source = _parse(path, own)
        reached[definition] = ""
        pending += [(path, LOOSE), *((file, WHOLE_FILE) for file in source.star_imports)]
        if wanted == WHOLE_FILE or ((path, wanted) == (file, name) and wanted not in source.definitions):
            pending += [(path, each) for each in [*source.definitions, *source.imports]]
        elif wanted in source.imports:
            pending.append(source.imports[wanted])
        elif wanted in source.definitions:
            nodes = source.definitions[wanted]
            reached[definition] = "\n".join(map(ast.unparse, nodes))
            pending += [(path, used) for node in nodes for used in _names(node)]
    texts: dict[str, list[str]] = {}
    for (path, each), text in reached.items():
        if text:
            module = _location(path, own)
            texts.setdefault(module, []).append(f"{module}:{each}\n{text}")
    modules = tuple((module, _hash(parts)[:MODULE_HASH]) for module, parts in sorted(texts.items()))
    return Code(_hash([text for parts in texts.values() for text in parts]), modules)


def _hash(texts: list[str]) -> str:
    return sha256("\n".join(sorted(texts)).encode())


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


def _package(file: Path) -> Path:
    """The folder of the outermost package that contains a file, or the file itself."""
    package = file
    while (package.parent / "__init__.py").is_file():
        package = package.parent
    return package


def _location(file: Path, own: Path) -> str:
    """A name of the file that does not depend on where the project or the plug-in is."""
    root = ROOT if file.is_relative_to(ROOT) else own.parent
    return file.relative_to(root).as_posix() if file != own else ONLY_FILE


def _parse(file: Path, own: Path) -> Source:
    return _parsed(file, own, untrusted.read_bounded(file))


@lru_cache(maxsize=256)
def _parsed(file: Path, own: Path, text: bytes) -> Source:
    return Source(file, own, _Essence().visit(ast.parse(text)))


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


def _names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


class _Essence(ast.NodeTransformer):
    """Removes docstrings, annotations, DECLARATIONS, and the defaults of keyword-only arguments of constructors."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = [each for each in node.body if not DECLARATIONS & set(_bound(each))]
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        if node.name == "__init__":
            node.args.kw_defaults = [None for _ in node.args.kwonlyargs]
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
