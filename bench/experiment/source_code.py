"""The code that decides a trial's results: what its method reaches, as normalised text, and the hash of that text.

Reached are the definitions of `methods` and of the method's own package that the class, the priors or the networks use,
directly or through others. What plug-ins of other kinds reach is hashed in the same way. Left out is what cannot change
a stored trial: comments, docstrings, annotations, and of the method itself citations, search spaces, and the defaults
of hyperparameters, whose values are in spec.json. Files are parsed, never executed, so reports need neither torch nor
the plug-in.
"""

import ast
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bench.experiment.source_files import LOOSE, WHOLE_FILE, Definition, names_in, package_of, parse, recorded_of
from bench.experiment.specification import CodeSource, MethodSource
from bench.io import untrusted
from bench.io.files import sha256
from bench.paths import ROOT

ONLY_FILE = "."  # stands for a plug-in of one file, whatever its name
MODULE_HASH = 16  # digits of the hash of one module
SHARED = (("priors.py", "PRIORS"), ("networks/__init__.py", "Networks"))  # in methods/; the harness builds them


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
    own = package_of(file)
    return _cached_code(file, name, shared, own, _state(own))


def _state(own: Path) -> tuple[tuple[str, int, int], ...]:
    """The sizes and dates of all files that can be reached: the key under which hashes are kept."""
    folders = [ROOT / "methods", own]
    files = [file for folder in folders for file in ([folder] if folder.is_file() else folder.rglob("*.py"))]
    states = ((str(file), file.stat()) for file in files)
    return tuple(sorted((name, state.st_mtime_ns, state.st_size) for name, state in states))


@lru_cache(maxsize=256)
def _cached_code(file: Path, name: str, shared: bool, own: Path, state: tuple[tuple[str, int, int], ...]) -> Code:
    del state
    recorded = recorded_of((file, name) if shared else None, own)
    reached: dict[Definition, str] = {}
    pending: list[Definition] = [(file, name)]
    pending += [(ROOT / "methods" / path, each) for path, each in SHARED if shared]
    while pending:
        definition = pending.pop()
        if definition in reached:
            continue
        path, wanted = definition
        source = parse(path, own, recorded)
        reached[definition] = ""
        pending += [(path, LOOSE), *((file, WHOLE_FILE) for file in source.star_imports)]
        if wanted == WHOLE_FILE or ((path, wanted) == (file, name) and wanted not in source.definitions):
            pending += [(path, each) for each in [*source.definitions, *source.imports]]
        elif wanted in source.imports:
            pending.append(source.imports[wanted])
        elif wanted in source.definitions:
            nodes = source.definitions[wanted]
            reached[definition] = "\n".join(map(ast.unparse, nodes))
            pending += [(path, used) for node in nodes for used in names_in(node)]
    texts: dict[str, list[str]] = {}
    for (path, each), text in reached.items():
        if text:
            module = _location(path, own)
            texts.setdefault(module, []).append(f"{module}:{each}\n{text}")
    modules = tuple((module, _hash(parts)[:MODULE_HASH]) for module, parts in sorted(texts.items()))
    return Code(_hash([text for parts in texts.values() for text in parts]), modules)


def _hash(texts: list[str]) -> str:
    return sha256("\n".join(sorted(texts)).encode())


def _location(file: Path, own: Path) -> str:
    """A name of the file that does not depend on where the project or the plug-in is."""
    root = ROOT if file.is_relative_to(ROOT) else own.parent
    return file.relative_to(root).as_posix() if file != own else ONLY_FILE
