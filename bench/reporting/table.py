"""A table before rendering: terminal, Markdown, LaTeX and the page show the same cells."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: what is shown.
        value: the number by which the page sorts, if there is one.
        strong: whether the value is highlighted as the best.
    """

    text: str
    value: float | None = None
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: stem of its file names.
        title: heading.
        headings: names of the columns.
        rows: cells, row by row; the first cell of a row names it (mostly a variant).
        about: notes and caveats, with Markdown's marks.
        constants: reference rows below the others, which belong to no variant.
        words: number of leading columns that hold words; the others hold numbers.
    """

    name: str
    title: str
    headings: list[str]
    rows: list[list[Cell]]
    about: str = ""
    constants: list[list[Cell]] = field(default_factory=list)
    words: int = 1


def word(text: object) -> Cell:
    """Return a cell without a number."""
    return Cell(str(text))


def number(value: float | None, strong: bool = False, infinite: str = "-") -> Cell:
    """Format to three digits; '-' for a missing value, `infinite` for infinity."""
    if value is None or math.isnan(value):
        return Cell("-")
    if math.isinf(value):
        return Cell(infinite, float(value) if infinite != "-" else None)
    return Cell(digits(value), float(value), strong)


def digits(value: float) -> str:
    """Format to three significant digits, or as a whole number from 1,000 on."""
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"


def interval(value: float, low: float, high: float, strong: bool = False) -> Cell:
    """Format as '4.66 ± 0.31', both to the second digit of the half width; '4.66' without an interval."""
    if math.isnan(low) or math.isnan(high) or not low < high:
        return number(value, strong)
    half = (high - low) / 2
    places = max(0, 1 - math.floor(math.log10(half)))
    return Cell(f"{value:,.{places}f} ± {half:,.{places}f}", value, strong)


def between(value: float, low: float, high: float) -> Cell:
    """Format as '4.66 [4.32, 4.99]', with 'never' for infinity; one number if all three are equal."""
    if math.isnan(value):
        return Cell("-")
    middle = number(value, infinite="never")
    if low == high:
        return middle
    ends = ", ".join(number(end, infinite="never").text for end in (low, high))
    return Cell(f"{middle.text} [{ends}]", value)


def span(low: float, high: float) -> Cell:
    """Format as '4.32 to 4.99': an interval without its centre, sorted by its lower end."""
    return Cell("-") if math.isnan(low) else Cell(f"{number(low).text} to {number(high).text}", low)


def count(value: float | None) -> Cell:
    """Format as '1,234,567'; '-' for a missing value."""
    return Cell("-") if value is None or math.isnan(value) else Cell(f"{value:,.0f}", float(value))
