"""Labels of variants, such as `mmd[prior=sphere,point=3]`: only this module formats and parses them."""

import re
from collections.abc import Mapping

SEARCHER = "searcher"  # stands before the point if it comes from no fixed sequence: moco[searcher=tpe,point=3]
RANGE = ".."  # between the ends of a range, such as weight=0.1..1000
STALE = "†"  # marks a variant whose trials were trained by other code than the present


def format_label(method: str, settings: Mapping[str, object]) -> str:
    """Return `method[name=value,...]`, or the method alone without settings. `point` must be the last setting."""
    inside = ",".join(f"{name}={value}" for name, value in settings.items())
    return f"{method}[{inside}]" if inside else method


def mark_stale(label: str, code: int) -> str:
    """Mark the label of trials of other code: 'mmd †', and 'mmd †2' for a second other code."""
    return f"{label} {STALE}{code if code > 1 else ''}"


def split_mark(label: str) -> tuple[str, str]:
    """Split off the mark of stale trials, if any: 'mmd †2' -> ('mmd', ' †2')."""
    match = re.search(rf" {STALE}\d*$", label)
    return (label[: match.start()], match[0]) if match else (label, "")


def split_label(label: str) -> tuple[str, int]:
    """Split off the search point: 'mmd[prior=sphere,point=3]' -> ('mmd[prior=sphere]', 3).

    Raises:
        ValueError: the label has no search point.
    """
    method, _, inside = label.removesuffix("]").partition("[")
    settings, comma, last = inside.rpartition(",")
    name, _, value = last.partition("=")
    if not label.endswith("]") or name != "point" or not (value.isascii() and value.isdecimal()):
        raise ValueError(f"{label} has no search point")
    return f"{method}[{settings}]" if comma else method, int(value)


def settings(label: str) -> dict[str, str]:
    """Return the settings that a label names: 'mmd[prior=sphere,point=3]' -> {'prior': 'sphere', 'point': '3'}."""
    inside = split_mark(label)[0].removesuffix("]").partition("[")[2]
    return dict(part.split("=", 1) for part in inside.split(",") if "=" in part)


def without_point(label: str) -> str:
    """Remove the search point, if any: 'mmd[prior=sphere,point=3]' -> 'mmd[prior=sphere]'. A mark stays."""
    body, mark = split_mark(label)
    try:
        return split_label(body)[0] + mark
    except ValueError:
        return label


def without_settings(label: str) -> str:
    """Remove all settings except the prior: 'mmd[prior=sphere,weight=3]' -> 'mmd[prior=sphere]'. A mark stays."""
    body, mark = split_mark(label)
    named = {name: value for name, value in settings(body).items() if name == "prior"}
    return format_label(body.partition("[")[0], named) + mark


def is_named(label: str, name: str) -> bool:
    """Whether a name means a variant: its label, or its method and prior without settings. A mark need not be named."""
    body, _ = split_mark(label)
    return name in (label, body, without_settings(body))


def searcher_of(label: str) -> str:
    """Return what chose the points of a variant: 'mmd[searcher=tpe]' -> 'tpe'; "halton" if its label names none."""
    match = re.search(rf"[\[,]{SEARCHER}=(\w+)", label)
    return match[1] if match else "halton"


def with_values(label: str, values: Mapping[str, object]) -> str:
    """Replace the search point by its values: 'mmd[prior=sphere,point=3]' -> 'mmd[prior=sphere,weight=31.6]'.

    A value also replaces the range that it was searched in. The searcher is left out.
    """
    rest = split_label(label)[0]
    given = {name: value for name, value in settings(rest).items() if name not in values or RANGE not in value}
    given.pop(SEARCHER, None)
    short = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in values.items()}
    added = {name: value for name, value in short.items() if name not in given}
    return format_label(rest.partition("[")[0], given | added)
