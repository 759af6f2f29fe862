"""Grids as Markdown, LaTeX, and in a terminal."""

import re

from bench.errors import one_line
from bench.reporting.table import Cell, Grid

LATEX = {"\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "{": r"\{", "}": r"\}", "$": r"\$"}
LATEX |= {"±": r"$\pm$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "²": r"$^2$", "₂": r"$_2$", "<": r"$<$", ">": r"$>$"}
LATEX |= {"|": r"\textbar{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "λ": r"$\lambda$"}


def markdown(grid: Grid) -> list[str]:
    """Lines of a table; the first cell of a row is code, the best is bold."""
    lines = [_row(grid.headings), "|" + "---|" * grid.words + "---:|" * (len(grid.headings) - grid.words)]
    for first, *rest in grid.rows:
        lines.append(_row([f"`{first.text}`", *(f"**{c.text}**" if c.strong else c.text for c in rest)]))
    lines += [_row([f"*{first.text}*", *(cell.text for cell in rest)]) for first, *rest in grid.constants]
    return lines


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def plain(text: str) -> str:
    """Text that somebody else wrote as Markdown shows it, without marks or HTML of its own."""
    return re.sub(r"([\\`*_\[\]<>&!|])", r"\\\1", one_line(text))


def latex(grid: Grid, prefix: str = "", protocol: str = "") -> str:
    """A booktabs tabular with its caption: \\usepackage{booktabs}, and graphicx, which makes wide ones fit.

    prefix: of its label. protocol: a sentence for the caption.
    """
    columns = "l" * grid.words + "r" * (len(grid.headings) - grid.words)
    caption = " ".join(part for part in (f"{grid.title}.", grid.about, protocol) if part)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
    ]
    lines += [rf"\label{{tab:{prefix}{grid.name}}}", r"\resizebox{\linewidth}{!}{%", rf"\begin{{tabular}}{{{columns}}}"]
    lines += [r"\toprule", " & ".join(map(escape, grid.headings)) + r" \\", r"\midrule"]
    lines += [
        " & ".join([rf"\texttt{{{escape(first.text)}}}", *map(_cell, rest)]) + r" \\" for first, *rest in grid.rows
    ]
    if grid.constants:
        lines.append(r"\midrule")
        lines += [
            " & ".join([rf"\emph{{{escape(first.text)}}}", *map(_cell, rest)]) + r" \\"
            for first, *rest in grid.constants
        ]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}}", r"\end{table}"]) + "\n"


def _cell(cell: Cell) -> str:
    return rf"\textbf{{{escape(cell.text)}}}" if cell.strong else escape(cell.text)


def escape(text: str) -> str:
    """Text as LaTeX prints it; Markdown's marks are left out."""
    return re.sub(
        "|".join(map(re.escape, LATEX)), lambda found: LATEX[found[0]], text.replace("`", "").replace("*", "")
    )


def terminal(grid: Grid, without: tuple[str, ...] = ()) -> None:
    """Print one grid but some columns, as wide as the terminal; 180 columns where there is none."""
    from rich.console import Console
    from rich.markup import escape as unmarked
    from rich.table import Table

    def plain(text: str) -> str:
        return unmarked(one_line(text))

    found = Console()
    console = found if found.is_terminal else Console(width=180)
    table = Table(title=plain(grid.title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    shown = [i for i, heading in enumerate(grid.headings) if heading not in without]
    for i in shown:
        table.add_column(plain(grid.headings[i]), justify="left" if i < grid.words else "right", no_wrap=i in (0, 3))
    for row in (*grid.rows, *grid.constants):
        cells = [row[i] for i in shown]
        table.add_row(*(f"[bold]{plain(cell.text)}[/bold]" if cell.strong else plain(cell.text) for cell in cells))
    console.print(table)
    console.print(one_line(grid.about) + "\n" if grid.about else "", markup=False)
