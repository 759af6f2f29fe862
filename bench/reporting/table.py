"""A table before it is printed on anything: terminal, Markdown, LaTeX and the page show the same cells."""

import math
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


def number(value: Any, strong: bool = False, infinite: str = "-") -> Cell:
    """To three digits; '-' for what is missing, and, unless there is a word for it, for what is infinite."""
    if value is None or math.isnan(value):
        return Cell("-")
    if math.isinf(value):
        return Cell(infinite, float(value) if infinite != "-" else None)
    return Cell(digits(value), float(value), strong)


def digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"


def interval(value: float, low: float, high: float, strong: bool = False) -> Cell:
    """'4.66 ± 0.31', both to the second digit of the half width; '4.66' where there is no interval."""
    if math.isnan(low) or math.isnan(high) or not low < high:
        return number(value, strong)
    half = (high - low) / 2
    places = max(0, 1 - math.floor(math.log10(half)))
    return Cell(f"{value:,.{places}f} ± {half:,.{places}f}", value, strong)


def between(value: float, low: float, high: float) -> Cell:
    """'4.66 [4.32, 4.99]', with 'never' for infinity; one number where all three are equal."""
    if math.isnan(value):
        return Cell("-")
    middle = number(value, infinite="never")
    if low == high:
        return middle
    ends = ", ".join(number(end, infinite="never").text for end in (low, high))
    return Cell(f"{middle.text} [{ends}]", value)


def span(low: float, high: float) -> Cell:
    """'4.32 to 4.99': an interval alone, sorted by its lower end."""
    return Cell("-") if math.isnan(low) else Cell(f"{number(low).text} to {number(high).text}", low)


def count(value: Any) -> Cell:
    """'1,234,567'; '-' for what is missing."""
    return Cell("-") if value is None or math.isnan(value) else Cell(f"{value:,.0f}", float(value))
