"""The label of a variant: `mmd[prior=sphere,point=3]`."""

import re


def split_label(label: str) -> tuple[str, int]:
    """'mmd[prior=sphere,point=3]' -> ('mmd[prior=sphere]', 3)."""
    match = re.fullmatch(r"(.+?)(?:\[|(,))point=(\d+)\]", label)  # the point always stands last
    if match is None:
        raise ValueError(f"{label} is no point of a search")
    base, comma, point = match.groups()
    return f"{base}]" if comma else base, int(point)


def without_settings(label: str) -> str:
    """'mmd[prior=sphere,weight=3]' -> 'mmd[prior=sphere]'."""
    method, _, inside = label.rstrip("]").partition("[")
    prior = next((part for part in inside.split(",") if part.startswith("prior=")), "")
    return f"{method}[{prior}]" if prior else method
