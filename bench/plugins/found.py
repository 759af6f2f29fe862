"""Where plug-ins come from: a file that is named, or an entry point of an installed package."""

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from bench.errors import UserError, did_you_mean, reason
from bench.experiment.origins import Origin
from bench.experiment.source_code import code_sha256
from bench.experiment.source_files import WHOLE_FILE
from bench.io.files import sha256
from bench.plugins.kinds import KINDS
from bench.runtime.code_location import PLUGIN_CODE, failure, location

VERSION_DIGITS = 10


class Entry(NamedTuple):
    """A thing that a plug-in adds.

    Attributes:
        dictionary: a key of KINDS.
        origin: the definition of its value; if it is no class or function, the dictionary.
        version: a hash of the code that the origin reaches, as for stale trials; empty for methods.
    """

    dictionary: str
    name: str
    value: Any
    origin: Origin
    version: str


@dataclass(frozen=True)
class PluginFile:
    """A Python file that defines dictionaries of KINDS.

    Attributes:
        file: its absolute path.
        text: its content. It is not compared, because a file that has changed since it was installed is the same
            plug-in.
        versions: of what it adds, by dictionary and name, if the file may be missing here (`pinned`).
        remedy: appended to errors; empty, because the user named the file.
    """

    file: str
    text: str = field(compare=False)
    versions: Mapping[tuple[str, str], str] = field(default_factory=dict, compare=False)
    remedy = ""

    def __str__(self) -> str:
        return f"the plug-in {self.file}"

    @property
    def module(self) -> str:
        """The name under which the file is imported. Files of one name in two folders are two modules."""
        return f"wae_plugin_{Path(self.file).stem}_{sha256(self.file.encode())[:8]}"

    def pinned(self, entries: list[Entry]) -> "PluginFile":
        """Return the plug-in with the versions of its entries, for workers, which may lack the file."""
        return replace(self, versions={(entry.dictionary, entry.name): entry.version for entry in entries})

    def entries(self) -> list[Entry]:
        """Execute the text and return what it adds.

        Raises:
            UserError: the text raises an exception, or adds nothing; or code that it reaches cannot be read.
        """
        module = ModuleType(self.module)
        module.__file__ = self.file
        sys.modules[self.module] = module
        try:
            exec(compile(self.text, self.file, "exec"), vars(module))
        except Exception as error:
            raise UserError(failure(str(self), error)) from error
        found = list(_of_module(module, Path(self.file)))
        if not found:
            raise UserError(f"{self} adds nothing; {_remedy(vars(module))}")
        return [_entry(self, *each, version=self.versions.get(each[:2])) for each in found]


@dataclass(frozen=True)
class PluginPackage:
    """An entry point.

    Attributes:
        name: name of the entry point.
        value: its target, "module" or "module:attribute".
        package: the distribution that declares it.
        dictionary: a key of KINDS, whose group the entry point is in.
    """

    name: str
    value: str
    package: str
    dictionary: str = "METHODS"

    def __str__(self) -> str:
        return f"the package {self.package}"

    @property
    def remedy(self) -> str:
        """Appended to errors: how to remove the package, because it is loaded without any option."""
        return f" (pip uninstall {self.package} removes it)"

    def entries(self) -> list[Entry]:
        """Load the entry point and return what it adds.

        The target is a module with dictionaries, one such dictionary, or one value, named after the entry point.

        Raises:
            UserError: the target cannot be imported, or code that it reaches cannot be read.
        """
        try:
            PLUGIN_CODE.update(self.paths())
            target = EntryPoint(self.name, self.value, group(self.dictionary)).load()
        except Exception as error:
            problem = f"{location(error)}: {type(error).__name__}: {reason(error)}"
            raise UserError(f"{self}: {self.value} cannot be imported{problem}{self.remedy}") from error
        file = Path(str(self._module.__file__))
        found = list(_of_module(target, file)) if isinstance(target, ModuleType) else []
        values = target if isinstance(target, dict) else {self.name: target}
        attribute = self.value.partition(":")[2].strip() or WHOLE_FILE
        named = [(self.dictionary, name, value, Origin(file, attribute)) for name, value in values.items()]
        return [_entry(self, *each) for each in found or named]

    def paths(self) -> list[str]:
        """The paths of its top-level module: one folder, several (a namespace package), or one file."""
        found = find_spec(self._module_name.partition(".")[0])
        if found is None:
            return []
        return [*(found.submodule_search_locations or [str(found.origin)])]

    @property
    def _module_name(self) -> str:
        return self.value.partition(":")[0].strip()

    @property
    def _module(self) -> ModuleType:
        return sys.modules[self._module_name]


Plugin = PluginFile | PluginPackage


def group(dictionary: str) -> str:
    """Return the group of entry points for a key of KINDS: "wae_bench.methods"."""
    return f"wae_bench.{dictionary.lower()}"


def _of_module(module: ModuleType, file: Path) -> Iterator[tuple[str, str, Any, Origin]]:
    """The dictionary, name and value of all that a module adds, and where the dictionary is."""
    for dictionary in KINDS:
        values = vars(module).get(dictionary)
        for name, value in values.items() if isinstance(values, dict) else ():
            yield dictionary, name, value, Origin(file, dictionary)


def _entry(
    plugin: "Plugin", dictionary: str, name: str, value: object, defined: Origin, version: str | None = None
) -> Entry:
    """Complete an entry. defined: the dictionary's definition."""
    origin = _origin(value, defined)
    if version is None:
        version = "" if dictionary == "METHODS" else _version(plugin, name, origin)
    return Entry(dictionary, name, value, origin, version)


def _version(plugin: "Plugin", name: str, origin: Origin) -> str:
    try:
        return code_sha256(*origin, shared=False)[:VERSION_DIGITS]
    except (OSError, SyntaxError) as error:
        raise UserError(f"{plugin}: the source of {name} cannot be read: {reason(error)}{plugin.remedy}") from None


def _origin(value: object, dictionary: Origin) -> Origin:
    """Where a class or function is defined; the dictionary, which reaches all that it names, for any other value."""
    if not (inspect.isclass(value) or inspect.isfunction(value)) or not value.__qualname__.isidentifier():
        return dictionary
    file = getattr(sys.modules.get(value.__module__), "__file__", None)
    return Origin(Path(file), value.__qualname__) if file else dictionary


def _remedy(names: Mapping[str, object]) -> str:
    """What to write in a file that has none of the dictionaries, but perhaps one of a similar name."""
    similar = [name for name, value in names.items() if name.isupper() and isinstance(value, dict)]
    if similar:
        return f"{similar[0]} is no kind of plug-in.{did_you_mean(similar[0], KINDS)}"
    first, *others = KINDS
    return f'write {first} = {{"name": Class}}, or another of {", ".join(others)}'
