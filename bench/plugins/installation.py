"""Installs plug-ins: files (--plugin FILE), and installed packages with entry points.

Only here does a run execute code from outside the project. A file is sent to workers as text, so workers need no access
to it. A package is sent by name, and its modules too if the cluster is an existing one (`package_paths`).
"""

import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

from bench.errors import UserError, did_you_mean_file, reason, short, warn, with_article
from bench.experiment.origins import ORIGINS, parts
from bench.experiment.specification import TrialSpec
from bench.io import untrusted
from bench.io.schema import MAX_NAME, refuse_unstorable_path
from bench.plugins import datasets
from bench.plugins.found import Entry, Plugin, PluginFile, PluginPackage, group
from bench.plugins.kinds import KINDS
from bench.plugins.trying import Untested
from bench.runtime import torch_state
from bench.runtime.code_location import failure, naming

_installed: dict[tuple[str, str], tuple[Plugin, Entry]] = {}  # noun of a kind, name -> what a plug-in has added


def install_all(files: Sequence[Path] = ()) -> tuple[Plugin, ...]:
    """Add what installed packages and `files` define to the registries.

    Returns:
        All plug-ins, as workers must install them too.
    """
    packages = [
        PluginPackage(entry.name, entry.value, entry.dist.name if entry.dist else "?", dictionary)
        for dictionary in KINDS
        for entry in sorted(entry_points(group=group(dictionary)), key=lambda entry: (entry.name, entry.value))
    ]
    installed: list[Plugin] = []
    for plugin in (*packages, *(read(path) for path in files)):
        added = install(plugin)
        installed.append(plugin.pinned(added) if isinstance(plugin, PluginFile) else plugin)
        changed = torch_state.restore()
        if changed:
            warn(f"{plugin} changes global settings of torch when it is imported ({', '.join(changed)}); restored")
    return tuple(installed)


def read(path: Path) -> PluginFile:
    """Read a plug-in file, without executing it.

    Raises:
        UserError: the file cannot be read, or it or its path is not UTF-8.
    """
    refuse_unstorable_path(path.resolve())
    try:
        return PluginFile(str(path.resolve()), untrusted.read_bounded(path).decode())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the plug-in {path}: {reason(error)}{did_you_mean_file(path)}") from None


def install(plugin: Plugin) -> list[Entry]:
    """Add what a plug-in defines to the registries. Installing the same plug-in again is allowed.

    Raises:
        UserError: a name is taken or invalid, or a value breaks the contract of its kind.
    """
    entries = plugin.entries()
    for entry in entries:
        _install(plugin, entry)
    return entries


def _install(plugin: Plugin, entry: Entry) -> None:
    kind, name = KINDS[entry.dictionary], entry.name
    if not kind.allows(name):
        allowed = f"use at most {MAX_NAME} {kind.allowed}"
        raise UserError(f"{plugin}: {short(name)} is not a valid {kind.noun} name; {allowed}{plugin.remedy}")
    key = (kind.noun, name)
    before = _installed.get(key)
    if kind.has(name) and not (before and _is_again(plugin, entry, *before)):
        raise UserError(
            f"{plugin}: {with_article(kind.noun)} {name!r} already exists; choose another name{plugin.remedy}"
        )
    try:
        kind.register(name, entry.value, entry.version)
    except (TypeError, ValueError) as error:
        text = str(error)
        problem = f"{name!r} {text}" if text.startswith("is ") else f"{name}: {text}"
        raise UserError(f"{plugin}: {problem}{plugin.remedy}") from None
    _installed[key] = plugin, entry
    if kind.noun != "method":  # whose class is in its registry
        ORIGINS[key] = entry.origin


def _is_again(plugin: Plugin, entry: Entry, before: Plugin, known: Entry) -> bool:
    return entry.dictionary == known.dictionary and (plugin == before or entry.value is known.value)


def entries() -> list[Entry]:
    """Return what the installed plug-ins have added."""
    return [entry for _, entry in _installed.values()]


def refuse_broken(spec: TrialSpec) -> None:
    """Try out what a trial uses and a plug-in has added, before anything is trained.

    The method is left out, and the data set, which is checked while it is prepared.

    Raises:
        UserError: something breaks the contract of its kind; the message says what.
    """
    for key in parts(spec):
        if key in _installed and _installed[key][1].dictionary != "DATASETS":
            plugin, entry = _installed[key]
            try:
                try_out(entry)
                _try_as_used(entry, spec)
            except Untested:
                continue
            except UserError as error:
                raise UserError(f"{plugin}: {error}{plugin.remedy}") from None


def try_out(entry: Entry, root: Path = Path("data")) -> None:
    """Try out something else than a method. root: the data root, for a data set.

    Raises:
        UserError: it breaks the contract of its kind.
        Untested: it cannot be tried out here.
    """
    kind = KINDS[entry.dictionary]
    check = partial(datasets.check, root=root) if entry.dictionary == "DATASETS" else kind.check
    assert check is not None  # only methods have other checks
    with _naming(entry):
        check(entry.name, entry.value)


def limits(entry: Entry) -> str:
    """Return why something other than a method does not take all sizes; "" if that is not known."""
    find = KINDS[entry.dictionary].limits
    return find(entry.name, entry.value) if find else ""


def _try_as_used(entry: Entry, spec: TrialSpec) -> None:
    check = KINDS[entry.dictionary].check_as_used
    if check:
        with _naming(entry):
            check(entry.name, entry.value, spec)


def _naming(entry: Entry) -> AbstractContextManager[None]:
    return naming(f"the {KINDS[entry.dictionary].noun} {entry.name}")


def fault(error: Exception) -> str | None:
    """Return a line that names the plug-in and the place in it where an exception arose; None if it arose elsewhere."""
    files = {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
    plugin = next((plugin for plugin, entry in _installed.values() if str(entry.origin.file) in files), None)
    return plugin and f"{failure(str(plugin), error)}{plugin.remedy}"


def package_paths() -> list[str]:
    """Return the folders and files of all plug-in packages, because other machines may lack these packages."""
    packages = [plugin for plugin, _ in _installed.values() if isinstance(plugin, PluginPackage)]
    return sorted({path for package in packages for path in package.paths()})
