"""Methods from outside the tree: of a file that --plugin names, or of an installed package with entry points of GROUP.

These are the doors through which a run executes code that is not the project's. A file travels to workers as text, so
that none needs to see it; a package as its name, and to an existing cluster with its modules (`shipped`).
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from bench.errors import UserError, reason, short
from bench.experiment.specification import MethodSource
from bench.io import untrusted
from bench.io.files import sha256
from bench.io.schema import NAME
from bench.paths import ROOT
from methods import METHODS, Method
from methods.hyperparameters import schema

GROUP = "wae_bench.methods"

_origin: dict[str, "Plugin | Packaged"] = {}  # method -> the plug-in it came from


@dataclass(frozen=True)
class Plugin:
    """The file's absolute path and its text."""

    file: str
    text: str = field(compare=False)  # that of the same file may have changed since it was installed
    way_out = ""

    def __str__(self) -> str:
        return f"the plug-in {self.file}"

    @property
    def module(self) -> str:
        return f"wae_plugin_{Path(self.file).stem}"

    def methods(self) -> dict[str, Any]:
        """What the text, when it is run, calls METHODS."""
        module = ModuleType(self.module)
        module.__file__ = self.file
        sys.modules[self.module] = module
        try:
            exec(compile(self.text, self.file, "exec"), vars(module))
        except Exception as error:
            raise UserError(f"{self} fails: {type(error).__name__}: {error}") from error
        added = vars(module).get("METHODS")
        if not isinstance(added, dict):
            raise UserError(f'{self} has no METHODS = {{"name": Class}}')
        return added


@dataclass(frozen=True)
class Packaged:
    """An entry point of GROUP: its name, its "module:attribute", and the package that has it."""

    name: str
    value: str
    package: str

    def __str__(self) -> str:
        return f"the package {self.package}"

    @property
    def way_out(self) -> str:
        """What to do about a package that one did not write; nobody has to give it as an option to meet its error."""
        return f" (pip uninstall {self.package} removes it)"

    def methods(self) -> dict[str, Any]:
        """The class under the entry point's name, or what a dict, or a module's METHODS, holds."""
        try:
            found = EntryPoint(self.name, self.value, GROUP).load()
        except Exception as error:
            said = f"{type(error).__name__}: {reason(error)}"
            raise UserError(f"{self}: {self.value} cannot be imported: {said}{self.way_out}") from error
        if isinstance(found, ModuleType):
            found = vars(found).get("METHODS")
        return found if isinstance(found, dict) else {self.name: found}

    def modules(self) -> list[str]:
        """The folder (of a namespace package the folders), or the file, of its top-level module."""
        module = sys.modules[self.value.partition(":")[0].partition(".")[0].strip()]
        return [*getattr(module, "__path__", [module.__file__])]


def install_all(files: Sequence[Path] = ()) -> tuple[Plugin | Packaged, ...]:
    """Add to the registry what installed packages and `files` have; what a worker must install as well."""
    found = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    packages = [Packaged(entry.name, entry.value, entry.dist.name if entry.dist else "?") for entry in found]
    plugins = (*packages, *(read(path) for path in files))
    for plugin in plugins:
        install(plugin)
    return plugins


def read(path: Path) -> Plugin:
    try:
        return Plugin(str(path.resolve()), untrusted.read(path).decode())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the plug-in {path}: {reason(error)}") from None


def install(plugin: Plugin | Packaged) -> None:
    """Add a plug-in's methods to the registry; installing the same one again changes nothing."""
    for name, method in plugin.methods().items():
        if METHODS.get(name, method) is not method and _origin.get(name) != plugin:
            raise UserError(f"{plugin}: there is a method {name!r} already; choose another name{plugin.way_out}")
        if not re.fullmatch(NAME, name):
            raise UserError(f"{plugin}: {name!r} is no name for a method; use letters, digits, _ and -{plugin.way_out}")
        if not (isinstance(method, type) and issubclass(method, Method)):
            raise UserError(f"{plugin}: {name!r} is not a subclass of methods.Method{plugin.way_out}")
        try:
            schema(method)
        except (TypeError, ValueError) as error:
            raise UserError(f"{plugin}: {name}: {error}{plugin.way_out}") from None
        METHODS[name] = method
        _origin[name] = plugin


def shipped() -> list[str]:
    """Folders and files of the packages that methods here came from: modules that another machine may not have."""
    packages = [plugin for plugin in _origin.values() if isinstance(plugin, Packaged)]
    return sorted({place for plugin in packages for place in plugin.modules()})


def source_of(name: str) -> MethodSource:
    """The file of a method, relative to the project if it is inside, and its sha256.

    Raises:
        UserError: the file's path cannot be recorded.
    """
    file = Path(str(sys.modules[METHODS[name].__module__].__file__))
    shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    try:
        return MethodSource(file=str(shown), sha256=sha256(file.read_bytes()))
    except ValidationError as error:
        problem = error.errors()[0]["msg"].lower()
        raise UserError(
            f"the path of the method {name} cannot be recorded ({problem}); move {short(str(file))}"
        ) from None
