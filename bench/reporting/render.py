"""Tables as Markdown, as LaTeX and in a terminal."""

import re

from bench.errors import markup, one_line
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
    "<": r"$<$",
    ">": r"$>$",
}
LATEX |= {"|": r"\textbar{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "λ": r"$\lambda$"}
WIDTH = 180  # columns, if the output is not a terminal
UNWRAPPED = (0, 3)  # columns that a terminal never wraps: the variant, and the first metric in most tables


def markdown(table: Table) -> list[str]:
    """Return the lines of a Markdown table: the first cell of each row is code, the best values are bold."""
    lines = [_row(table.headings), "|" + "---|" * table.words + "---:|" * (len(table.headings) - table.words)]
    for first, *rest in table.rows:
        lines.append(_row([f"`{first.text}`", *(f"**{c.text}**" if c.strong else c.text for c in rest)]))
    lines += [_row([f"*{first.text}*", *(cell.text for cell in rest)]) for first, *rest in table.constants]
    return lines


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def plain(text: str) -> str:
    """Escape untrusted text, so that Markdown shows it without markup or HTML."""
    return re.sub(r"([\\`*_\[\]<>&!|])", r"\\\1", one_line(text))


def latex(table: Table, prefix: str = "", protocol: str = "") -> str:
    """Return a booktabs table with its caption; graphicx shrinks wide tables to the width of the line.

    Args:
        table: the table.
        prefix: prefix of its label.
        protocol: a sentence at the end of the caption.
    """
    columns = "l" * table.words + "r" * (len(table.headings) - table.words)
    caption = " ".join(part for part in (f"{table.title}.", table.about, protocol) if part)
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escape(caption)}}}", rf"\label{{tab:{prefix}{table.name}}}"]
    lines += [r"\resizebox{\linewidth}{!}{%", rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    lines += [" & ".join(map(escape, table.headings)) + r" \\", r"\midrule"]
    lines += [_latex_row(rf"\texttt{{{escape(first.text)}}}", rest) for first, *rest in table.rows]
    if table.constants:
        lines.append(r"\midrule")
        lines += [_latex_row(rf"\emph{{{escape(first.text)}}}", rest) for first, *rest in table.constants]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}}", r"\end{table}"]) + "\n"


def _latex_row(first: str, rest: list[Cell]) -> str:
    cells = [rf"\textbf{{{escape(cell.text)}}}" if cell.strong else escape(cell.text) for cell in rest]
    return " & ".join([first, *cells]) + r" \\"


def escape(text: str) -> str:
    """Escape text for LaTeX, without the Markdown marks for code and emphasis."""
    characters = "|".join(map(re.escape, LATEX))
    return re.sub(characters, lambda match: LATEX[match[0]], text.replace("`", "").replace("*", ""))


def terminal(table: Table, without: tuple[str, ...] = ()) -> None:
    """Print a table as wide as the terminal, or WIDTH columns wide.

    Args:
        table: the table.
        without: headings of columns to leave out.
    """
    from rich import table as rich_table
    from rich.console import Console

    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    output = rich_table.Table(
        title=markup(table.title), title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    columns = [i for i, heading in enumerate(table.headings) if heading not in without]
    for i in columns:
        alignment = "left" if i < table.words else "right"
        output.add_column(markup(table.headings[i]), justify=alignment, no_wrap=i in UNWRAPPED)
    for row in (*table.rows, *table.constants):
        cells = [row[i] for i in columns]
        output.add_row(*(f"[bold]{markup(cell.text)}[/bold]" if cell.strong else markup(cell.text) for cell in cells))
    console.print(output)
    console.print(one_line(table.about) + "\n" if table.about else "", markup=False)
