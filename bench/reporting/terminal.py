"""Tables in a terminal: as many columns as fit, the most important first, and where the others are."""

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.errors import one_line
from bench.reporting.table import Cell, Table

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 180  # columns, if the output is not a terminal
GAP = 2  # spaces between columns
PROSE = 30  # the least width of a column of sentences
STYLES = {"better": "green", "worse": "red"}  # of cells with a tone
JOINED = "\u00a0"  # a space at which headings do not break


def show(table: Table, rest: str, without: Sequence[str] = (), width: int | None = None) -> None:
    """Print a table.

    Args:
        table: the table.
        rest: where the columns are that do not fit, such as `results/digits/report/index.html`.
        without: headings of columns that are left out.
        width: characters in a line; default: the terminal's. A name is never cut, so its line may be longer.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    width = width or _line_width(console)
    ranked = [i for i in _by_importance(table) if table.headings[i] not in without and _is_filled(table, i)]
    widths = {i: _width(table, i) for i in ranked}
    shown = sorted(_fitting(ranked, widths, width))
    _wrapped(console, table.title, width, style="bold")
    if len(shown) < min(2, len(ranked)):  # not even the first value fits beside the name
        _paragraphs(console, table, sorted(ranked), width)
    else:
        _grid(console, table, shown, widths, width)
        left_out = ", ".join(table.headings[i] for i in sorted(ranked) if i not in shown)
        if left_out:
            _wrapped(console, f"Columns that do not fit here: {left_out}. All are in {rest}", width)
    about = table.about if table.brief is None else table.brief
    if about:
        _wrapped(console, _plain(about), width)
    _line(console, "")


def show_text(text: str) -> None:
    """Print text, broken at the width of the terminal."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    _wrapped(console, text, _line_width(console))


def fits(table: Table, width: int | None = None) -> bool:
    """Whether every column fits in a line. width: as of `show`."""
    from rich.console import Console

    columns = [i for i in range(len(table.headings)) if _is_filled(table, i)]
    return sum(_width(table, i) + GAP for i in columns) - GAP <= (width or _line_width(Console()))


def _line_width(console: "Console") -> int:
    return console.width if console.is_terminal else WIDTH


def _rows(table: Table) -> list[list[Cell]]:
    return [*table.rows, *table.constants]


def _is_filled(table: Table, i: int) -> bool:
    return any(row[i].text for row in _rows(table))


def _text(cell: Cell) -> str:
    return one_line(_plain(cell.text) if cell.prose else cell.text)


def _plain(text: str) -> str:
    """Text without Markdown's marks for code and emphasis."""
    return re.sub(r"\*([^*]+)\*", r"\1", text.replace("`", ""))


def _by_importance(table: Table) -> list[int]:
    """The columns: the name, the first number, the other words, the other numbers."""
    words, columns = table.words, range(len(table.headings))
    return [0, *columns[words : words + 1], *columns[1:words], *columns[words + 1 :]]


def _width(table: Table, i: int) -> int:
    """The least width of a column. Headings break at spaces, sentences break at PROSE, other cells do not break."""
    heading = [len(part) for part in _heading(table, i).split(" ")]
    if i and _has_sentences(table, i):
        return max(PROSE, *heading)
    return max([*heading, *(len(_text(row[i])) for row in _rows(table))])


def _has_sentences(table: Table, i: int) -> bool:
    return any(row[i].prose for row in table.rows)


def _heading(table: Table, i: int) -> str:
    return re.sub(" ([↓↑])", JOINED + r"\1", one_line(table.headings[i]))


def _fitting(ranked: Sequence[int], widths: dict[int, int], width: int) -> list[int]:
    shown, used = [], -GAP
    for i in ranked:
        used += widths[i] + GAP
        if used > width:
            break
        shown.append(i)
    return shown


def _grid(console: "Console", table: Table, shown: list[int], widths: dict[int, int], width: int) -> None:
    """Print rows of columns; columns of sentences share the room that is left."""
    sentences = [i for i in shown if i and _has_sentences(table, i)]
    free = width - sum(widths[i] + GAP for i in shown) + GAP
    widths = widths | {i: widths[i] + free // len(sentences) for i in sentences}
    _side_by_side(console, table, widths, {i: (_heading(table, i), "bold") for i in shown})
    for row in _rows(table):
        _side_by_side(console, table, widths, {i: (_text(row[i]), _style(row[i])) for i in shown})


def _style(cell: Cell) -> str:
    return "bold" if cell.strong else STYLES.get(cell.tone, "")


def _side_by_side(console: "Console", table: Table, widths: dict[int, int], cells: dict[int, tuple[str, str]]) -> None:
    """Print the cells of one row. cells: by column, a text and its style."""
    from rich.text import Text

    lines = {i: _broken(text, widths[i]) for i, (text, _) in cells.items()}
    for k in range(max(map(len, lines.values()))):
        line = Text(end="")
        for i, parts in lines.items():
            part = parts[k] if k < len(parts) else ""
            padded = part.ljust(widths[i]) if i < table.words else part.rjust(widths[i])
            line.append(padded.replace(JOINED, " ") + " " * GAP, cells[i][1])
        line.rstrip()
        console.print(line)


def _broken(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _paragraphs(console: "Console", table: Table, shown: list[int], width: int) -> None:
    """Print each row as its name and, below it, its values."""
    for row in _rows(table):
        _line(console, _text(row[0]))
        values = [f"{table.headings[i]} {_text(row[i])}" for i in shown[1:] if row[i].text]
        _wrapped(console, ", ".join(values), width, "  ")


def _wrapped(console: "Console", text: str, width: int, indent: str = "", style: str = "") -> None:
    for line in _broken(one_line(text), max(width - len(indent), 1)):
        _line(console, indent + line, style)


def _line(console: "Console", text: str, style: str = "") -> None:
    from rich.text import Text

    console.print(Text(one_line(text), style))
