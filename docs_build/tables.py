"""Markdown tables and sections for the generated pages."""

import re
from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table. Bars in cells are escaped, and line breaks become spaces."""
    return "\n".join(_row(row) for row in [headings, ["---"] * len(headings), *rows]) + "\n"


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(escaped(re.sub(r"\s+", " ", str(cell)).replace("|", "\\|")) for cell in cells) + " |"


def escaped(text: str) -> str:
    """Return a text in which what looks like a tag, outside code, is shown as it stands."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def bars_in_code(text: str) -> str:
    r"""Return a page for Python-Markdown, which shows the backslash of `a\|b` in a table; GitHub needs it."""
    spans = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
    return re.sub(
        r"^\|.*$", lambda row: spans.sub(lambda span: span[0].replace("\\|", "|"), row[0]), text, flags=re.MULTILINE
    )


def code(text: object) -> str:
    """Return text as code, or nothing for nothing."""
    return "" if text in ("", None) else f"`{text}`"


def section(text: str, heading: str) -> str:
    """Return what a Markdown text says under a heading of the second level, without the heading.

    Raises:
        KeyError: there is no such heading.
    """
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, content = part.partition("\n")
        if title.startswith(heading):
            return content.strip() + "\n"
    raise KeyError(heading)
