"""Labels of variants, such as `mmd[prior=sphere,point=3]`: written and read here only."""

from collections.abc import Mapping


def format_label(method: str, settings: Mapping[str, object]) -> str:
    """The method's name and, in brackets, what differs from its defaults. A search's point must come last."""
    inside = ",".join(f"{name}={value}" for name, value in settings.items())
    return f"{method}[{inside}]" if inside else method


def split_label(label: str) -> tuple[str, int]:
    """'mmd[prior=sphere,point=3]' -> ('mmd[prior=sphere]', 3).

    Raises:
        ValueError: the label names no point of a search.
    """
    method, _, inside = label.removesuffix("]").partition("[")
    settings, comma, last = inside.rpartition(",")
    name, _, value = last.partition("=")
    if not label.endswith("]") or name != "point" or not (value.isascii() and value.isdecimal()):
        raise ValueError(f"{label} is no point of a search")
    return f"{method}[{settings}]" if comma else method, int(value)


def without_point(label: str) -> str:
    """'mmd[prior=sphere,point=3]' -> 'mmd[prior=sphere]'; other labels stay as they are."""
    try:
        return split_label(label)[0]
    except ValueError:
        return label


def without_settings(label: str) -> str:
    """'mmd[prior=sphere,weight=3]' -> 'mmd[prior=sphere]'."""
    method, _, inside = label.removesuffix("]").partition("[")
    priors = [value for name, _, value in (part.partition("=") for part in inside.split(",")) if name == "prior"]
    return format_label(method, {"prior": priors[0]} if priors else {})
