"""Links from the verdict to its sentences, and to the tables and figures that show it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.reporting.section import Section, figure_id, table_id
from bench.reporting.table import Cell, Table


def resolved(tables: Iterable[Table], sections: Sequence[Section], prefix: str) -> list[Table]:
    """Return tables whose links lead somewhere: links to tables and figures that the report lacks are removed.

    Args:
        tables: tables with links whose targets have no prefix.
        sections: all sections of the group, with prefixed ids.
        prefix: of the group on its page, and of its folder in the report.
    """
    folder = prefix.removesuffix("-") + "/" if prefix else ""
    targets = {table_id(section, table) for section in sections for table in section.tables}
    targets |= {figure_id(section, figure) for section in sections for figure in section.figures}

    def linked(cell: Cell) -> Cell:
        links = [
            replace(link, target=prefix + link.target, file=link.file and folder + link.file)
            for link in cell.links
            if prefix + link.target in targets
        ]
        own = {name: prefix + id for name in ("target", "anchor") if (id := getattr(cell, name))}
        return replace(cell, links=tuple(links), **own)

    return [replace(table, rows=[[linked(cell) for cell in row] for row in table.rows]) for table in tables]
