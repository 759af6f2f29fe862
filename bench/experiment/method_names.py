"""Find a method by the name that somebody types: its key in METHODS, or one of its published names."""

import re
from collections.abc import Sequence

from bench.errors import UserError, unknown
from methods import METHODS


def find_method(name: str, others: Sequence[str] = ()) -> str:
    """Return the key of a method in METHODS: 'WAE-MMD' -> 'mmd'. Case, hyphens, underscores and blanks do not matter.

    Args:
        name: as typed.
        others: names that an error may suggest besides.

    Raises:
        UserError: no method, or more than one, has this name.
    """
    if name in METHODS:
        return name
    found = [key for key, names in all_names().items() if _plain(name) in map(_plain, names)]
    if len(found) == 1:
        return found[0]
    raise unknown("method", name, [*others, *(each for names in all_names().values() for each in names)])


def with_key(label: str) -> str:
    """Replace a published name at the beginning of a label: 'WAE-MMD[prior=sphere]' -> 'mmd[prior=sphere]'.

    A label of a method that is not installed, such as that of a plug-in, stays as it is.
    """
    name, bracket, settings = label.partition("[")
    try:
        return f"{find_method(name)}{bracket}{settings}"
    except UserError:
        return label


def all_names() -> dict[str, tuple[str, ...]]:
    """Return the names of every method: its key, then its published names."""
    return {key: (key, *method.published_names) for key, method in METHODS.items()}


def _plain(name: str) -> str:
    return re.sub(r"[-_\s]", "", name.casefold())
