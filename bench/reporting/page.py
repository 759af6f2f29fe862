"""report/index.html: one file with everything in it, which needs no network."""

import base64
import csv
import io
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.paths import ROOT
from bench.reporting import render
from bench.reporting.style import Figure
from bench.reporting.table import Grid

HERE = ROOT / "bench" / "reporting"
WIDEST = 800  # pixels of a grid in the page; the report's folder has it as it is
TYPES = {".png": "image/png", ".pdf": "application/pdf", ".csv": "text/csv"}


@dataclass
class Part:
    """A chapter of the page. failures: variant, seed, state, reason, error; facts: title, text."""

    id: str
    title: str
    notes: list[str] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    pictures: list[tuple[str, str, dict[str, Path]]] = field(default_factory=list)  # title, about, files by variant
    failures: list[dict[str, Any]] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    folder: Path = Path()  # of its figures
    protocol: str = ""  # of everything in it


def html(title: str, lead: str, parts: list[Part]) -> str:
    """The page."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True)
    environment.filters["marked"] = _marked
    parts = [
        part for part in parts if any((part.notes, part.grids, part.figures, part.pictures, part.failures, part.facts))
    ]
    return environment.get_template("page.html.jinja").render(
        title=title,
        lead=lead,
        css=Markup((HERE / "page.css").read_text()),
        js=Markup((HERE / "page.js").read_text()),
        parts=[_prepared(part) for part in parts],
    )


def _marked(text: str) -> Any:
    """Markdown's *emphasis* and `code` as HTML, all else escaped."""
    from markupsafe import Markup, escape

    found = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", found))


def _prepared(part: Part) -> dict[str, Any]:
    figures = [
        vars(figure)
        | {
            "id": f"{part.id}-figure-{figure.name}",
            "image": inlined(part.folder / f"{figure.name}.png"),
            "size": _size(part.folder / f"{figure.name}.png"),
            "pdf": inlined(part.folder / f"{figure.name}.pdf") if figure.data else None,
            "csv": inlined(part.folder / f"{figure.name}.csv") if figure.data else None,
        }
        for figure in part.figures
    ]
    grids = [
        vars(grid)
        | {
            "id": f"{part.id}-{grid.name}",
            "csv": _uri(_csv(grid).encode(), "text/csv;charset=utf-8"),
            "tex": _uri(render.latex(grid).encode(), "text/plain;charset=utf-8"),
        }
        for grid in part.grids
    ]
    pictures = [
        {
            "title": title,
            "about": about,
            "images": [{"variant": v, "image": _picture(path), "size": _size(path)} for v, path in files.items()],
        }
        for title, about, files in part.pictures
    ]
    facts = [{"title": title, "text": text} for title, text in part.facts]
    return vars(part) | {"figures": figures, "grids": grids, "pictures": pictures, "facts": facts}


def inlined(path: Path) -> str:
    """A file as a data URI."""
    return _uri(path.read_bytes(), TYPES[path.suffix])


def _size(png: Path) -> tuple[int, int]:
    """Width and height, from the header (PNG, section 11.2.1), so that the page does not move as images come."""
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height


def _picture(png: Path) -> str:
    """A grid as a data URI; a large one made smaller, for dozens of them must fit into one page."""
    from PIL import Image

    if _size(png)[0] <= WIDEST:
        return inlined(png)
    image, buffer = Image.open(png, formats=("PNG",)).convert("RGB"), io.BytesIO()
    image.thumbnail((WIDEST, 10 * WIDEST))
    image.save(buffer, "JPEG", quality=90)
    return _uri(buffer.getvalue(), "image/jpeg")


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _csv(grid: Grid) -> str:
    """The cells as they are shown; the report's own csv files have every column and all digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(grid.headings)
    writer.writerows([cell.text for cell in row] for row in [*grid.rows, *grid.constants])
    return buffer.getvalue()
