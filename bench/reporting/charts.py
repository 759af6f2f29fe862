"""Interactive charts of the page, as plain data; charts.js draws them with plotly."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.reporting.style import DASHES, LineStyle

DIGITS = 5  # significant digits of a value on the page; the CSV files have all
SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross"}
SYMBOLS |= {"X": "x", "*": "star", "p": "pentagon"}
PATTERNS = ("solid", "dash", "dot", "dashdot")  # plotly's names, in the order of DASHES


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        kind: "lines", "points" or "ranks": how charts.js draws it.
        styles: the look of each variant, in the order of the legend.
        data: what it shows; charts.js documents the form of each kind.
        about: what the caption says of the chart, but not of the static figure.
    """

    kind: str
    styles: dict[str, LineStyle]
    data: dict[str, Any]
    about: str = ""

    def json(self) -> str:
        """Return the chart as JSON that is safe inside a script element."""
        variants = {variant: _look(style) for variant, style in self.styles.items()}
        return safe_json({"kind": self.kind, "variants": variants, **self.data})


def _look(style: LineStyle) -> dict[str, str]:
    pattern = PATTERNS[DASHES.index(style.dash) % len(PATTERNS)]
    return {"colour": style.colour, "dash": pattern, "symbol": SYMBOLS.get(style.marker, "circle")}


def safe_json(value: object) -> str:
    """Return JSON without the characters that end a script element or begin a comment in it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def rounded(values: Iterable[float]) -> list[float | None]:
    """Round to DIGITS significant digits; None for what is not finite, which JSON cannot hold."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in map(float, values)]
