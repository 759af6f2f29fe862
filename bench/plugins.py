"""Methods from outside the tree: a Python file with a METHODS dict of its own, named by --plugin.

This is the one door through which a run executes code that is not the project's. A plug-in travels to workers as
text, so no worker needs to see the file.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bench.config import ROOT
from bench.errors import UserError, reason
from bench.files import sha256
from methods import METHODS, Method
from methods.hyperparameters import schema

_origin: dict[str, str] = {}  # method -> the plug-in it came from


@dataclass(frozen=True)
class Plugin:
    """The file's absolute path and its text."""

    file: str
    text: str

    @property
    def module(self) -> str:
        return f"wae_plugin_{Path(self.file).stem}"


def read(path: Path) -> Plugin:
    try:
        return Plugin(str(path.resolve()), path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the plug-in {path}: {reason(error)}") from None


def install(plugin: Plugin) -> None:
    """Run the plug-in's text and add its METHODS to the registry; installing the same one again changes nothing."""
    module = ModuleType(plugin.module)
    module.__file__ = plugin.file
    sys.modules[plugin.module] = module
    try:
        exec(compile(plugin.text, plugin.file, "exec"), vars(module))
        added = vars(module).get("METHODS")
    except Exception as error:
        raise UserError(f"the plug-in {plugin.file} fails: {type(error).__name__}: {error}") from error
    if not isinstance(added, dict):
        raise UserError(f'the plug-in {plugin.file} has no METHODS = {{"name": Class}}')
    for name, method in added.items():
        if name in METHODS and _origin.get(name) != plugin.file:
            raise UserError(f"the plug-in {plugin.file}: there is a method {name!r} already; choose another name")
        if not (isinstance(method, type) and issubclass(method, Method)):
            raise UserError(f"the plug-in {plugin.file}: METHODS[{name!r}] is not a subclass of methods.Method")
        try:
            schema(method)
        except (TypeError, ValueError) as error:
            raise UserError(f"the plug-in {plugin.file}: {name}: {error}") from None
        METHODS[name] = method
        _origin[name] = plugin.file


def source_of(name: str) -> dict[str, str]:
    """The file in which a method is written, relative to the project where it is inside, and its sha256."""
    file = Path(str(sys.modules[METHODS[name].__module__].__file__))
    shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    return {"file": str(shown), "sha256": sha256(file.read_bytes())}
