"""A table before it is printed on anything: terminal, Markdown, LaTeX and the page show the same cells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cell:
    """What is read, what it is sorted by (a number, where it has one), and whether it stands out as the best."""

    text: str
    value: float | None = None
    strong: bool = False


@dataclass(frozen=True)
class Grid:
    """`name` is that of its files. Of the columns the first `words` are words, the others numbers.

    constants: rows below the others, which are of no variant.
    """

    name: str
    title: str
    headings: list[str]
    rows: list[list[Cell]]
    about: str = ""
    constants: list[list[Cell]] = field(default_factory=list)
    words: int = 1


def word(text: object) -> Cell:
    return Cell(str(text))


def number(value: Any, strong: bool = False, unit: str = "") -> Cell:
    """To three digits; '-' for what is missing, 'never' for what is infinite."""
    if value is None or math.isnan(value):
        return Cell("-")
    text = "never" if value == math.inf else digits(value)
    return Cell(text + unit, float(value), strong)


def digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def interval(value: float, low: float, high: float, strong: bool = False) -> Cell:
    """'4.66 ± 0.31', which is '4.66' where there is no interval; digits as far as the interval allows."""
    if math.isnan(value):
        return Cell("-")
    if math.isnan(low) or math.isnan(high):
        return number(value, strong)
    return Cell(f"{digits(value)} ± {(high - low) / 2:.2g}", value, strong)


def between(value: float, low: float, high: float) -> Cell:
    """'4.66 [4.32, 4.99]'; one number where all three are equal."""
    if value is None or math.isnan(value):
        return Cell("-")
    if low == high or math.isnan(low) or math.isnan(high):
        return number(value)
    ends = ", ".join(number(end).text for end in (low, high))
    return Cell(f"{number(value).text} [{ends}]", value)


def count(value: Any) -> Cell:
    """'1,234,567'; '-' for what is missing."""
    return Cell("-") if value is None or math.isnan(value) else Cell(f"{value:,.0f}", float(value))


def texts(cells: Sequence[Cell]) -> list[str]:
    return [cell.text for cell in cells]
