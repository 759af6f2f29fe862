"""Plug-ins: methods from files (--plugin FILE) and from installed packages with entry points in GROUP.

Only here does a run execute code from outside the project. A file is sent to workers as text, so workers need no access
to it. A package is sent by name, and its modules too if the cluster is an existing one (`package_paths`).
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

from bench.errors import UserError, reason, short, warn
from bench.experiment.source_code import WHOLE_FILE, code_sha256, module_hashes
from bench.experiment.specification import MethodSource
from bench.io import untrusted
from bench.io.files import sha256
from bench.io.schema import MAX_NAME, NAME, refuse_unstorable_path
from bench.paths import ROOT
from bench.runtime import torch_state
from methods import METHODS, Method
from methods.hyperparameters import schema

GROUP = "wae_bench.methods"

_origins: dict[str, "Plugin"] = {}  # name of a method -> its plug-in


@dataclass(frozen=True)
class PluginFile:
    """A Python file that defines methods.

    Attributes:
        file: its absolute path.
        text: its content. It is not compared, because a file that has changed since it was installed is the same
            plug-in.
        remedy: appended to errors; empty, because the user named the file.
    """

    file: str
    text: str = field(compare=False)
    remedy = ""

    def __str__(self) -> str:
        return f"the plug-in {self.file}"

    @property
    def module(self) -> str:
        """The name under which the file is imported. Files of one name in two folders are two modules."""
        return f"wae_plugin_{Path(self.file).stem}_{sha256(self.file.encode())[:8]}"

    def methods(self) -> dict[str, object]:
        """Execute the text and return its METHODS.

        Raises:
            UserError: the text raises an exception, or defines no dictionary METHODS.
        """
        module = ModuleType(self.module)
        module.__file__ = self.file
        sys.modules[self.module] = module
        try:
            exec(compile(self.text, self.file, "exec"), vars(module))
        except Exception as error:
            raise UserError(f"{self} fails: {type(error).__name__}: {error}") from error
        methods = vars(module).get("METHODS")
        if not isinstance(methods, dict):
            raise UserError(f'{self} has no METHODS = {{"name": Class}}')
        return methods


@dataclass(frozen=True)
class PluginPackage:
    """An entry point in GROUP.

    Attributes:
        name: name of the entry point.
        value: its target, "module" or "module:attribute".
        package: the distribution that declares it.
    """

    name: str
    value: str
    package: str

    def __str__(self) -> str:
        return f"the package {self.package}"

    @property
    def remedy(self) -> str:
        """Appended to errors: how to remove the package, because it is loaded without any option."""
        return f" (pip uninstall {self.package} removes it)"

    def methods(self) -> dict[str, object]:
        """Load the entry point and return its methods by name.

        The target is a module with METHODS, a dictionary of methods, or one class, named after the entry point.

        Raises:
            UserError: the target cannot be imported.
        """
        try:
            target = EntryPoint(self.name, self.value, GROUP).load()
        except Exception as error:
            problem = f"{type(error).__name__}: {reason(error)}"
            raise UserError(f"{self}: {self.value} cannot be imported: {problem}{self.remedy}") from error
        methods = vars(target).get("METHODS") if isinstance(target, ModuleType) else target
        return methods if isinstance(methods, dict) else {self.name: methods}

    def paths(self) -> list[str]:
        """The paths of its top-level module: one folder, several (a namespace package), or one file."""
        module = sys.modules[self.value.partition(":")[0].partition(".")[0].strip()]
        return [*getattr(module, "__path__", [module.__file__])]


Plugin = PluginFile | PluginPackage


def install_all(files: Sequence[Path] = ()) -> tuple[Plugin, ...]:
    """Add the methods of installed packages and `files` to the registry.

    Returns:
        All plug-ins; workers must install them too.
    """
    entries = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    packages = [PluginPackage(entry.name, entry.value, entry.dist.name if entry.dist else "?") for entry in entries]
    plugins = (*packages, *(read(path) for path in files))
    for plugin in plugins:
        install(plugin)
        changed = torch_state.restore()
        if changed:
            warn(f"{plugin} changes global settings of torch when it is imported ({', '.join(changed)}); restored")
    return plugins


def read(path: Path) -> PluginFile:
    """Read a plug-in file, without executing it.

    Raises:
        UserError: the file cannot be read, or it or its path is not UTF-8.
    """
    refuse_unstorable_path(path.resolve())
    try:
        return PluginFile(str(path.resolve()), untrusted.read_bounded(path).decode())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the plug-in {path}: {reason(error)}") from None


def install(plugin: Plugin) -> None:
    """Add a plug-in's methods to the registry. Installing the same plug-in again is allowed.

    Raises:
        UserError: a name is taken or invalid, or a method is not a valid subclass of `Method`.
    """
    for name, method in plugin.methods().items():
        if METHODS.get(name, method) is not method and _origins.get(name) != plugin:
            raise UserError(f"{plugin}: a method {name!r} already exists; choose another name{plugin.remedy}")
        if not re.fullmatch(NAME, name) or len(name) > MAX_NAME:
            allowed = f"use at most {MAX_NAME} letters, digits, _ and -"
            raise UserError(f"{plugin}: {short(name)} is not a valid method name; {allowed}{plugin.remedy}")
        if not (isinstance(method, type) and issubclass(method, Method)):
            raise UserError(f"{plugin}: {name!r} is not a subclass of methods.Method{plugin.remedy}")
        try:
            schema(method)
        except (TypeError, ValueError) as error:
            raise UserError(f"{plugin}: {name}: {error}{plugin.remedy}") from None
        METHODS[name] = method
        _origins[name] = plugin


def package_paths() -> list[str]:
    """Return the folders and files of all plug-in packages, because other machines may lack these packages."""
    packages = [plugin for plugin in _origins.values() if isinstance(plugin, PluginPackage)]
    return sorted({path for package in packages for path in package.paths()})


def source_of(name: str) -> MethodSource:
    """Return where a method is defined, and the hash of its code. The path is relative if it is inside the project.

    Raises:
        UserError: the path has characters that spec.json does not allow, or is too long; or the file cannot be read.
    """
    method = METHODS[name]
    file = Path(str(sys.modules[method.__module__].__file__))
    path = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    definition = method.__qualname__ if method.__qualname__.isidentifier() else WHOLE_FILE
    try:
        sha256, modules = code_sha256(file, definition), module_hashes(file, definition)
        return MethodSource(file=str(path), name=definition, sha256=sha256, modules=modules)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].lower()
        raise UserError(
            f"the path of the method {name} cannot be recorded ({problem}); move {short(str(file))}"
        ) from None
    except (OSError, SyntaxError) as error:
        raise UserError(f"the source of the method {name} cannot be read: {reason(error)}") from None
