"""Axes that most values fill: few values far from all others are left out, and shown as arrows at the edge."""

import math
from collections.abc import Sequence

LEFT_OUT = 4  # at most one value in so many is left out
LEAST_GAP = 0.5  # in logarithms: less than a factor of 1.6 is not far


def outside(values: Sequence[float]) -> list[bool]:
    """Return which positive values are left out: those beyond a gap that is wider than all values that stay.

    Gaps are those of logarithms. Of several choices, the one with the narrowest range of values that stay.
    """
    order = sorted(range(len(values)), key=lambda i: values[i])
    logs, most = [math.log(values[i]) for i in order], len(values) // LEFT_OUT
    spans = [(low, len(logs) - high) for low in range(most + 1) for high in range(most + 1 - low)]
    first, end = min((span for span in spans if _is_apart(logs, *span)), key=lambda s: logs[s[1] - 1] - logs[s[0]])
    stays = set(order[first:end])
    return [i not in stays for i in range(len(values))]


def _is_apart(logs: list[float], first: int, end: int) -> bool:
    """Whether what lies outside of [first, end) is farther from it than it is wide."""
    width = max(logs[end - 1] - logs[first], LEAST_GAP)
    is_below = first == 0 or logs[first] - logs[first - 1] > width
    return is_below and (end == len(logs) or logs[end] - logs[end - 1] > width)


def arrow(x: int, y: int) -> str:
    """Return the arrow to a point outside. x, y: -1 for below the axis, 0 for on it, 1 for above."""
    return ("↙↓↘", "← →", "↖↑↗")[y + 1][x + 1]
