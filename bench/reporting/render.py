"""Tables as Markdown and as LaTeX."""

import re

from bench.errors import one_line
from bench.reporting.table import Cell, Table

LATEX = {"\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "{": r"\{", "}": r"\}", "$": r"\$"}
LATEX |= {
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "²": r"$^2$",
    "₂": r"$_2$",
    "∞": r"$\infty$",
    "≈": r"$\approx$",
    "×": r"$\times$",
    "✓": r"$\surd$",
    "✗": r"$\times$",
    "<": r"$<$",
    ">": r"$>$",
}
LATEX |= {"|": r"\textbar{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "λ": r"$\lambda$", "τ": r"$\tau$"}

KNOWN = {chr(code) for code in (*range(0x20, 0x7F), *range(0xC0, 0x100))}  # that LaTeX's fonts have
# A table in box 0, at its own size, or as large as the line and the page allow.
SHRUNK = r"""\ifdim\wd0>\linewidth\sbox0{\resizebox{\linewidth}{!}{\usebox0}}\fi
\ifdim\dimexpr\ht0+\dp0>.75\textheight\resizebox*{!}{.75\textheight}{\usebox0}\else\usebox0\fi"""
LONGEST = 60  # letters of a cell in one line
WRAPPED = 40  # em, of all columns of longer cells together


def markdown(table: Table) -> list[str]:
    """Return the lines of a Markdown table: the first cell of each row is code, the best values are bold."""
    lines = [_row(table.headings), "|" + "---|" * table.words + "---:|" * (len(table.headings) - table.words)]
    for first, *rest in table.rows:
        lines.append(_row([first.text if first.prose else f"`{first.text}`", *map(_markdown_cell, rest)]))
    lines += [_row([f"*{first.text}*", *(cell.text for cell in rest)]) for first, *rest in table.constants]
    return lines


def _markdown_cell(cell: Cell) -> str:
    links = [f"[{link.text}]({link.file or f'#{link.target}'})" for link in cell.links]
    text = f"**{cell.text}**" if cell.strong else f"[{cell.text}](#{cell.target})" if cell.target else cell.text
    anchor = f'<a id="{cell.anchor}"></a>' if cell.anchor else ""
    return " ".join([*([anchor + text] if text else []), *links])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def plain(text: str) -> str:
    """Escape untrusted text, so that Markdown shows it without markup or HTML."""
    return re.sub(r"([\\`*_\[\]<>&!|])", r"\\\1", one_line(text))


def latex(table: Table, prefix: str = "", protocol: str = "", wide: bool = True) -> str:
    """Return a booktabs table with its caption. Long cells are wrapped; a table that is still too large is shrunk.

    Args:
        table: the table.
        prefix: prefix of its label.
        protocol: a sentence at the end of the caption.
        wide: whether it may be as wide as the page of a two-column paper, else as wide as a column.
    """
    environment, size = ("table*", r"\small") if wide else ("table", r"\footnotesize\setlength{\tabcolsep}{3pt}")
    shown = [i for i in range(len(table.headings)) if not table.rows or any(row[i].text for row in table.rows)]
    columns = _latex_columns([[row[i].text for row in table.rows] for i in shown], sum(i < table.words for i in shown))
    caption = " ".join(part for part in (f"{table.title}.", table.about, protocol) if part)
    lines = [rf"\begin{{{environment}}}[t]", r"\centering", rf"\caption{{{escape(caption)}}}"]
    lines += [rf"\label{{tab:{prefix}{table.name}}}", size]
    lines += [r"\sbox0{%", rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    lines += [" & ".join(escape(table.headings[i]) for i in shown) + r" \\", r"\midrule"]
    lines += [_latex_row([row[i] for i in shown], "texttt") for row in table.rows]
    lines += [r"\midrule"] if table.constants else []
    lines += [_latex_row([row[i] for i in shown], "emph") for row in table.constants]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}}", SHRUNK, rf"\end{{{environment}}}"]) + "\n"


def _latex_columns(columns: list[list[str]], words: int) -> str:
    """The types of columns with these texts: the first hold words, the others numbers; those of long texts wrap."""
    is_long = [max(map(len, texts), default=0) > LONGEST for texts in columns]
    wrapped = rf"p{{{WRAPPED / max(sum(is_long), 1):.0f}em}}"
    return "".join(wrapped if long else "l" if i < words else "r" for i, long in enumerate(is_long))


def _latex_row(cells: list[Cell], style: str) -> str:
    """One row. style: the command for its name."""
    first, *rest = cells
    name = escape(first.text) if first.prose else rf"\{style}{{{escape(first.text)}}}"
    return " & ".join([name, *(rf"\textbf{{{escape(c.text)}}}" if c.strong else escape(c.text) for c in rest)]) + r" \\"


def escape(text: str) -> str:
    """Escape text for LaTeX, without the Markdown marks for code and emphasis."""
    text = one_line(text).replace("`", "").replace("*", "")
    return "".join(LATEX.get(c) or (c if c in KNOWN else rf"\texttt{{U+{ord(c):04X}}}") for c in text)
