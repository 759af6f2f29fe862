"""A table before rendering: terminal, Markdown, LaTeX and the page show the same cells."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

ROUNDING = 1e-9  # of a value: narrower intervals are rounding errors
SMALL = 1e-4  # smaller values are written with an exponent


@dataclass(frozen=True)
class Link:
    """A reference to a table or a figure of the same report.

    Attributes:
        text: what is shown.
        target: id of the table or figure on the page, such as `results-generated`.
        file: the figure's file below the report's folder; empty for a table.
    """

    text: str
    target: str
    file: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: what is shown.
        value: the number by which the page sorts, if there is one.
        strong: whether the value is highlighted as the best.
        links: shown after the text.
        prose: whether the text has Markdown's marks for code and emphasis.
        tone: what the colour of the cell repeats: "better", "worse", "same" or "undecided"; empty for no colour.
        target: id on the page that the text itself links to; empty if it is no link.
        anchor: id of the cell on its page; empty if nothing links to it.
        full: the text with whole labels, for data files, if `text` has short names.
    """

    text: str
    value: float | None = None
    strong: bool = False
    links: tuple[Link, ...] = ()
    prose: bool = False
    tone: str = ""
    target: str = ""
    anchor: str = ""
    full: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: stem of its file names.
        title: heading.
        headings: names of the columns.
        rows: cells, row by row; the first cell of a row names it (mostly a variant).
        about: notes and caveats, with Markdown's marks.
        brief: what a terminal shows of `about`; by default all of it.
        constants: reference rows below the others, which belong to no variant.
        words: number of leading columns that hold words; the others hold numbers.
        groups: name and number of adjacent columns that fold together on the page, from the second column on; a
            group without a name does not fold. Empty if no columns fold.
        folded: whether the page shows only the title until a reader opens it.
        stacked: whether a narrow screen shows each row as a block, one cell below another: for tables of sentences.
    """

    name: str
    title: str
    headings: list[str]
    rows: list[list[Cell]]
    about: str = ""
    constants: list[list[Cell]] = field(default_factory=list)
    words: int = 1
    groups: list[tuple[str, int]] = field(default_factory=list)
    folded: bool = False
    brief: str | None = None
    stacked: bool = False


def as_frame(table: Table) -> pd.DataFrame:
    """Return the rows as a data frame: numbers where cells have one, else their texts. Constants are left out."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.headings)
    values = [[cell.text if cell.value is None else cell.value for cell in column] for column in columns]
    return pd.DataFrame(dict(zip(table.headings, values, strict=True)))


def adjacent(names: Iterable[str]) -> list[tuple[str, int]]:
    """Return `Table.groups`, given the name of each column's group from the second column on."""
    return [(name, len(list(columns))) for name, columns in itertools.groupby(names)]


def word(text: object) -> Cell:
    """Return a cell without a number."""
    return Cell(str(text))


def prose(text: str) -> Cell:
    """Return a cell of text with Markdown's marks."""
    return Cell(text, prose=True)


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


def interval(value: float, low: float, high: float, strong: bool = False, least: int = 2) -> Cell:
    """Format as '4.66 ± 0.31': two digits of the half width, as many places of the value, but at least `least` digits.

    '4.66' without an interval, or if the half width is below the third digit of the value.
    """
    half = (high - low) / 2
    if math.isnan(half) or not half > 0.0005 * abs(value):
        return number(value, strong)
    if max(abs(value), half) < SMALL:
        return Cell(f"{value:.{least - 1}e} ± {half:.1e}", value, strong)
    places = _places(half, 2)
    return Cell(f"{value:,.{max(places, _places(value, least))}f} ± {half:,.{places}f}", value, strong)


def _places(value: float, digits: int) -> int:
    """The number of decimal places that show so many significant digits."""
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0


def distinct(values: Iterable[float]) -> int:
    """Return the number of significant digits, 2 to 4, with which different values of a column read differently."""
    different = {value for value in values if math.isfinite(value)}
    return next((n for n in (2, 3) if len({f"{x:.{n - 1}e}" for x in different}) == len(different)), 4)


def estimate(value: float, low: float, high: float) -> str:
    """Format as '1.00 (0.79 to 1.26)', all to the second digit of the half width; '1.03' without an interval.

    An interval that rounding makes of equal values is none.
    """
    if math.isnan(value) or math.isnan(low) or not high - low > ROUNDING * abs(value):
        return number(value).text
    places = _places((high - low) / 2, 2)
    middle, *ends = (f"{x:,.{places}f}" for x in (value, low, high))
    return f"{middle} ({' to '.join(ends)})"


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
