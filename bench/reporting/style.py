"""The look of figures: colours, markers and line styles of methods. Also saves figures."""

import io
import math
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from PIL import Image

from bench.io.files import sha256, write_atomically
from bench.io.strict_yaml import load_yaml
from bench.paths import CONFIGS
from bench.reporting.contents import Contents, contents
from bench.reporting.csv_text import to_csv

if TYPE_CHECKING:
    from bench.reporting.charts import Chart

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "text.parse_math": False,  # a label with two dollar signs is not a formula; matplotlib would refuse most
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.12,
}
DPI = 150
PALETTE = 128  # of a figure of lines; 256 make it a tenth larger, and look the same
# Okabe and Ito's colours, then Tol's "muted" ones: both suit most kinds of colour blindness. Similar colours have
# different markers.
COLOURS = {
    "vermilion": "#D55E00",
    "blue": "#0072B2",
    "green": "#009E73",
    "pink": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "grey": "#5F5F5F",
    "wine": "#882255",
    "indigo": "#332288",
    "teal": "#44AA99",
    "purple": "#AA4499",
    "olive": "#999933",
    "black": "#000000",
    "sand": "#DDCC77",
    "rose": "#CC6677",
}
DASHES: list[Any] = ["-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1))]


@dataclass(frozen=True)
class LineStyle:
    """A variant's line: the colour and marker of its method, and a dash pattern of its own."""

    colour: str
    marker: str
    dash: Any = "-"

    @property
    def face(self) -> str:
        """Colour inside markers: none for variants with dashed lines, where no line tells them apart."""
        return self.colour if self.dash == "-" else "white"


@dataclass(frozen=True)
class Figure:
    """A saved figure.

    Attributes:
        name: stem of its files in figures/.
        title: heading above it.
        caption: text below it.
        data: whether its data were saved as CSV.
        grids: how many image grids it is worth where they share a page's room; 0 for a figure of lines and points.
        chart: what the page shows in its place, if it is interactive.
        whole: whether it takes the page's whole width: it has many panels or images side by side.
    """

    name: str
    title: str
    caption: str
    data: bool = True
    grids: int = 0
    chart: "Chart | None" = None
    whole: bool = False


@cache
def configured_looks() -> dict[str, dict[str, str]]:
    """Read configs/looks.yaml: the colour (a key of COLOURS) and marker of each method."""
    return load_yaml(CONFIGS / "looks.yaml")


def colour_and_marker(method: str) -> tuple[str, str]:
    """Return a method's colour and marker: those in configs/looks.yaml, or else chosen by a hash of its name."""
    looks = configured_looks()
    if method in looks:
        return COLOURS[looks[method]["colour"]], looks[method]["marker"]
    number = int(sha256(method.encode())[:8], 16)
    return list(COLOURS.values())[number % len(COLOURS)], "Dv"[number // len(COLOURS) % 2]


def line_styles(rows: pd.DataFrame) -> dict[str, LineStyle]:
    """Return the style of each variant in a frame with the columns method and variant."""
    styles = {}
    for method, subset in rows.groupby("method"):
        for i, variant in enumerate(sorted(subset["variant"].unique())):
            styles[str(variant)] = LineStyle(*colour_and_marker(str(method)), DASHES[i % len(DASHES)])
    return styles


def legend_text(label: str) -> str:
    """Return a label for a legend, from which matplotlib leaves out labels that begin with an underscore."""
    return f" {label}" if label.startswith("_") else label


def wrapped(label: str, letters: int = 34) -> str:
    """Break a long label of a variant at its commas and its bracket, or wherever it must, so that it fits a width."""
    text = label.replace(",", ", ")
    text = text.replace("[", " [", 1) if len(text) > letters else text  # numbers are not broken then
    return "\n".join(textwrap.wrap(text, letters, subsequent_indent="  ", break_on_hyphens=False))


def logarithmic(axis: Axis) -> None:
    """Place ticks at round numbers, the farther apart the longer the axis, with short labels."""
    low, high = axis.get_view_interval()
    if high > 500 * low > 0:
        locator = LogLocator(subs=(1,), numticks=6)
    elif high > 8 * low > 0:
        locator = LogLocator(subs=(1, 2, 5), numticks=15)
    else:
        locator = LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 6, 8), numticks=15)
    axis.set_major_locator(locator)
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value / 1000:,.10g}k" if value >= 1000 else f"{value:.10g}")
    )
    axis.set_minor_locator(NullLocator())


def panels(count: int, most: int, size: tuple[float, float]) -> tuple[Canvas, list[Axes]]:
    """Create `count` panels of `size` inches, at most `most` per line; unused places stay blank."""
    columns = min(count, most)
    lines = math.ceil(count / columns)
    figure, grid = plt.subplots(lines, columns, figsize=(size[0] * columns, size[1] * lines), squeeze=False)
    for axes in list(grid.flat)[count:]:
        axes.axis("off")
    return figure, list(grid.flat)[:count]


def shared_legend(canvas: Canvas, grid: Iterable[Axes], **options: Any) -> None:
    """Draw one legend for several panels, with every label once."""
    entries = {text: handle for axes in grid for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    canvas.legend(entries.values(), entries.keys(), fontsize=8, handlelength=4, **options)


def save(canvas: Canvas, path: Path, data: pd.DataFrame | None = None) -> None:
    """Write path.png and path.pdf, and the data as path.csv; equal figures produce equal files.

    Args:
        canvas: the figure, which is closed.
        path: without suffix.
        data: what the figure shows; None for a figure of images.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if contents() is Contents.figures:
        _render(canvas, path, has_images=data is None)
    else:
        _blank(path)
    plt.close(canvas)
    if data is not None:
        write_atomically(path.with_suffix(".csv"), to_csv(data))


def _render(canvas: Canvas, path: Path, has_images: bool) -> None:
    if canvas.get_layout_engine() is not None:
        canvas.draw_without_rendering()
        canvas.set_layout_engine("none")  # compute the layout once, not once per format
    canvas.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    buffer = io.BytesIO()
    canvas.savefig(buffer, dpi=DPI, format="png")
    write_atomically(path.with_suffix(".png"), _compressed(Image.open(buffer).convert("RGB"), has_images))


def _blank(path: Path) -> None:
    """Write the smallest valid image, and the header of a PDF, instead of a figure."""
    Image.new("L", (1, 1)).save(path.with_suffix(".png"))
    path.with_suffix(".pdf").write_bytes(b"%PDF-1.4")


def _compressed(image: Image.Image, has_images: bool) -> bytes:
    """A PNG of about a third of the size: grey if possible, a palette for lines; colour images are unchanged."""
    red, green, blue = image.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        image = red
    elif not has_images:
        image = image.quantize(PALETTE, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
