"""What the page's template shows of a section: tables with their files, figures, charts and image grids."""

import csv
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from bench.reporting import csv_text, pictures, render
from bench.reporting.contents import Contents, contents
from bench.reporting.pictures import uri
from bench.reporting.section import ImageGrids, Section, figure_id, table_id
from bench.reporting.style import Figure
from bench.reporting.table import Table

TYPES = {".png": "image/png", ".pdf": "application/pdf", ".csv": "text/csv"}
WIDEST = 1800  # pixels of a figure of many image grids


class Form(StrEnum):
    """Forms of a page: with interactive charts, or light, with static images and no files of figures."""

    full = "full"
    light = "light"


GRID_BYTES = 1_600_000  # before base64: of the image grids of a full page
LIGHT_BYTES = 2_000_000  # of a whole light page
EMPTY_PAGE = 60_000  # bytes of styles, scripts and headings
SHOWN_AND_STORED = 2.5  # bytes of a table on the page, with its files to download, per byte of these
LEAST_GRIDS = 200_000  # bytes of all image grids, however large the rest of a light page is


@dataclass(frozen=True)
class Content:
    """Turns sections into variables of the template.

    Attributes:
        form: of the page.
        sections: all that the page shows; together they decide how large an image grid may be.
    """

    form: Form
    sections: list[Section]

    @property
    def has_charts(self) -> bool:
        """Whether any figure is interactive."""
        return self.form is Form.full and any(f.chart for section in self.sections for f in section.figures)

    @cached_property
    def most(self) -> int:
        """Bytes of an image grid."""
        grids = sum(len(kind.files) for section in self.sections for kind in self._pictures(section))
        mosaics = sum(figure.grids for _, figure in self._figures())
        room = GRID_BYTES if self.form is Form.full else self._room()
        return max(room, LEAST_GRIDS) // max(1, grids + mosaics)

    def _room(self) -> int:
        """Bytes that tables and figures of lines leave to the image grids of a light page, before base64."""
        stored = sum(len(file) for section in self.sections for table in section.tables for file in _files(table))
        text = SHOWN_AND_STORED * stored + sum(len(str(each.failures + each.facts)) for each in self.sections)
        return int((LIGHT_BYTES - EMPTY_PAGE - text) * 3 / 4) - self._drawn()

    def _pictures(self, section: Section) -> list[ImageGrids]:
        """The image grids of a section; a light page has no room for those that a figure shows side by side."""
        is_drawn = self.form is Form.light and contents() is Contents.figures
        shown = {figure.name for figure in section.figures} if is_drawn else set()
        return [kind for kind in section.pictures if kind.figure not in shown]

    def _figures(self) -> Iterator[tuple[Path, Figure]]:
        """All figures, with the paths of their images."""
        for section in self.sections:
            yield from (((section.folder / figure.name).with_suffix(".png"), figure) for figure in section.figures)

    def _drawn(self) -> int:
        """Bytes of the figures of lines and points."""
        return sum(png.stat().st_size for png, figure in self._figures() if figure.data and png.exists())

    def of(self, section: Section) -> dict[str, object]:
        """The variables of a section."""
        figures = [self._figure(section, figure) for figure in section.figures]
        return {
            **vars(section),
            "tables": [_table(section, table) for table in section.tables],
            "figures": [figure for figure in figures if figure["image"] or figure["chart"]],
            "pictures": [self._grids(kind) for kind in self._pictures(section)],
        }

    def _figure(self, section: Section, figure: Figure) -> dict[str, object]:
        from markupsafe import Markup

        path = section.folder / figure.name
        png, has_files = path.with_suffix(".png"), figure.data and self.form is Form.full
        is_drawn = contents() is Contents.figures and png.exists()
        inline = has_files and is_drawn
        chart = figure.chart if self.has_charts else None
        return vars(figure) | {
            "caption": " ".join(filter(None, [chart.about if chart else "", figure.caption])),
            "id": figure_id(section, figure),
            "image": self._image(png, figure) if is_drawn else None,
            "size": _size(png) if is_drawn else None,
            "pdf": inlined(path.with_suffix(".pdf")) if inline else None,
            "csv": inlined(path.with_suffix(".csv")) if inline else None,
            "chart": Markup(chart.json()) if chart else None,
        }

    def _image(self, png: Path, figure: Figure) -> str:
        return inlined(png) if figure.data else pictures.fitted(png.read_bytes(), figure.grids * self.most, WIDEST)

    def _grids(self, kind: ImageGrids) -> dict[str, object]:
        images = [
            {"variant": variant, "image": pictures.fitted(png.read_bytes(), self.most), "size": _size(png)}
            for variant, png in kind.files.items()
        ]
        return {"title": kind.title, "about": kind.about, "images": images}


def _table(section: Section, table: Table) -> dict[str, object]:
    return {
        **vars(table),
        "id": table_id(section, table),
        **dict(zip(("csv", "tex"), _files(table), strict=True)),
    }


def _files(table: Table) -> tuple[str, str]:
    """The table as CSV and as LaTeX, as data URIs."""
    types = ("text/csv;charset=utf-8", "text/plain;charset=utf-8")
    return uri(_csv(table).encode(), types[0]), uri(render.latex(table).encode(), types[1])


def inlined(path: Path) -> str:
    """Return the content of a file as a data URI."""
    return uri(path.read_bytes(), TYPES[path.suffix])


def _size(png: Path) -> tuple[int, int]:
    """Width and height from the header (PNG, section 11.2.1), so that the layout is stable while images load."""
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height


def _csv(table: Table) -> str:
    """The cells as shown, with whole labels; the report's own CSV files have every column and all digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(map(csv_text.cell, table.headings))
    writer.writerows([csv_text.cell(cell.full or cell.text) for cell in row] for row in [*table.rows, *table.constants])
    return buffer.getvalue()
