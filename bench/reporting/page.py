"""The page index.html of a report: one self-contained file that needs no network."""

import base64
import csv
import io
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.paths import ROOT
from bench.reporting import csv_text, render
from bench.reporting.notes import Failure
from bench.reporting.style import Figure
from bench.reporting.table import Table

if TYPE_CHECKING:
    from markupsafe import Markup

TEMPLATES = ROOT / "bench" / "reporting" / "page_files"
SCRIPTS = ("state.js", "tables.js", "charts.js")  # one script, in this order
WIDEST = 800  # pixels of an image grid on the page; the report's folder keeps the original
# Nothing is loaded from anywhere, and only the page's own scripts run.
POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {scripts}; base-uri 'none'; "
    "form-action 'none'"
)
TYPES = {".png": "image/png", ".pdf": "application/pdf", ".csv": "text/csv"}


@dataclass(frozen=True)
class ImageGrids:
    """Image grids of one kind: the PNG file of each variant."""

    title: str
    about: str
    files: dict[str, Path]


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: anchor of the section, and prefix of the anchors in it.
        title: heading.
        notes: paragraphs, with Markdown's marks for code and emphasis.
        tables: tables.
        figures: figures, saved in `folder`.
        pictures: image grids.
        failures: trials that diverged or failed.
        facts: (heading, preformatted text) pairs.
        folder: the folder that holds the figures.
        protocol: the line of text below every table and figure.
    """

    id: str
    title: str
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    pictures: list[ImageGrids] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    folder: Path = Path()
    protocol: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show below the heading."""
        return not (self.notes or self.tables or self.figures or self.pictures or self.failures or self.facts)


def html(title: str, lead: str, sections: list[Section], light: bool = False) -> str:
    """Return the page; empty sections are left out.

    Args:
        title: heading.
        lead: the line below it.
        sections: what it shows.
        light: leave out plotly, so that every figure is a static image.
    """
    import jinja2
    from markupsafe import Markup

    from bench.reporting import embedded_plotly

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters["marked"], environment.tests["numbers"] = _marked, _are_numbers
    has_charts = not light and any(figure.chart for section in sections for figure in section.figures)
    plotly = embedded_plotly.plotly() if has_charts else None
    js = "".join((TEMPLATES / name).read_text() for name in SCRIPTS)
    scripts = [embedded_plotly.sha256(js.encode()), *([plotly.sha256] if plotly else [])]
    return environment.get_template("page.html.jinja").render(
        title=title,
        lead=lead,
        policy=POLICY.format(scripts=" ".join(f"'sha256-{script}'" for script in scripts)),
        css=Markup((TEMPLATES / "page.css").read_text()),
        js=Markup(js),
        plotly=plotly.packed if plotly else None,
        sections=[_context(section, has_charts) for section in sections if not section.is_empty],
    )


def _marked(text: str) -> "Markup":
    """Convert Markdown's *emphasis* and `code` to HTML, and escape everything else."""
    from markupsafe import Markup, escape

    with_code = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", with_code))


def _are_numbers(text: str) -> bool:
    """Whether a text is a list of numbers, as of seeds: it is not wrapped."""
    return re.fullmatch(r"[-\d.,e+ ]+", text) is not None


def _context(section: Section, has_charts: bool) -> dict[str, object]:
    """The variables of a section in the template."""
    return vars(section) | {
        "tables": [_table(section, table) for table in section.tables],
        "figures": [_figure(section, figure, has_charts) for figure in section.figures],
        "pictures": [
            {"title": grids.title, "about": grids.about, "images": [_picture(*item) for item in grids.files.items()]}
            for grids in section.pictures
        ],
    }


def _table(section: Section, table: Table) -> dict[str, object]:
    return {
        **vars(table),
        "id": f"{section.id}-{table.name}",
        "csv": _uri(_csv(table).encode(), "text/csv;charset=utf-8"),
        "tex": _uri(render.latex(table).encode(), "text/plain;charset=utf-8"),
    }


def _figure(section: Section, figure: Figure, has_charts: bool) -> dict[str, object]:
    from markupsafe import Markup

    path = section.folder / figure.name
    return vars(figure) | {
        "id": f"{section.id}-figure-{figure.name}",
        "image": inlined(path.with_suffix(".png")),
        "size": _size(path.with_suffix(".png")),
        "pdf": inlined(path.with_suffix(".pdf")) if figure.data else None,
        "csv": inlined(path.with_suffix(".csv")) if figure.data else None,
        "chart": Markup(figure.chart.json()) if figure.chart and has_charts else None,
    }


def _picture(variant: str, png: Path) -> dict[str, object]:
    return {"variant": variant, "image": _shrunk(png), "size": _size(png)}


def inlined(path: Path) -> str:
    """Return the content of a file as a data URI."""
    return _uri(path.read_bytes(), TYPES[path.suffix])


def _size(png: Path) -> tuple[int, int]:
    """Width and height from the header (PNG, section 11.2.1), so that the layout is stable while images load."""
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height


def _shrunk(png: Path) -> str:
    """An image grid as a data URI; large ones are scaled down, since a page holds dozens of them."""
    from PIL import Image

    if _size(png)[0] <= WIDEST:
        return inlined(png)
    image, buffer = Image.open(png, formats=("PNG",)).convert("RGB"), io.BytesIO()
    image.thumbnail((WIDEST, 10 * WIDEST))
    image.save(buffer, "JPEG", quality=90)
    return _uri(buffer.getvalue(), "image/jpeg")


def _uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _csv(table: Table) -> str:
    """The cells as shown; the report's own CSV files have every column and all digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(map(csv_text.cell, table.headings))
    writer.writerows([csv_text.cell(cell.text) for cell in row] for row in [*table.rows, *table.constants])
    return buffer.getvalue()
