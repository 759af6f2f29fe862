"""How a method looks, the same in every figure, and how figures are saved."""

import io
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

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

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.12,
}
DPI = 150
# Okabe and Ito's colours, then Tol's "muted" ones: both are made for most kinds of colour blindness. Where two are near
# each other, markers differ.
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
class Look:
    """Of a line: its method's colour and marker, and a dash for each of the method's variants."""

    colour: str
    marker: str
    dash: Any = "-"


@dataclass(frozen=True)
class Figure:
    """A figure that was saved: its name below figures/, what stands above and below it, and whether it has its data."""

    name: str
    title: str
    caption: str
    data: bool = True


@cache
def known() -> dict[str, dict[str, str]]:
    """configs/looks.yaml: method -> colour, of COLOURS, and marker."""
    return load_yaml(CONFIGS / "looks.yaml")


def look(method: str) -> tuple[str, str]:
    """Colour and marker; of a method that has none of its own by its name, so that it too keeps its looks."""
    if method in known():
        return COLOURS[known()[method]["colour"]], known()[method]["marker"]
    number = int(sha256(method.encode())[:8], 16)
    return list(COLOURS.values())[number % len(COLOURS)], "Dv"[number // len(COLOURS) % 2]


def looks(rows: pd.DataFrame) -> dict[str, Look]:
    """For each variant of a frame with the columns method and variant."""
    found = {}
    for method, group in rows.groupby("method"):
        for i, variant in enumerate(sorted(group["variant"].unique())):
            found[str(variant)] = Look(*look(str(method)), DASHES[i % len(DASHES)])
    return found


def logarithmic(axis: Axis) -> None:
    """Ticks at 1, 2 and 5, short, as neighbours must not touch."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=15))
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value / 1000:,.10g}k" if value >= 1000 else f"{value:.10g}")
    )
    axis.set_minor_locator(NullLocator())


def panels(count: int, most: int, size: tuple[float, float]) -> tuple[Canvas, list[Axes]]:
    """`count` panels, at most `most` in a line, each `size` inches; empty places are blank."""
    columns = min(count, most)
    lines = math.ceil(count / columns)
    figure, found = plt.subplots(lines, columns, figsize=(size[0] * columns, size[1] * lines), squeeze=False)
    for axes in list(found.flat)[count:]:
        axes.axis("off")
    return figure, list(found.flat)[:count]


def save(canvas: Canvas, path: Path, data: pd.DataFrame | None = None) -> None:
    """Write path.png and path.pdf, without dates, so that equal figures are equal files; what they show as path.csv.

    Without data it is a figure of pictures.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if contents() is Contents.figures:
        _render(canvas, path, pictures=data is None)
    else:
        _blank(path)
    plt.close(canvas)
    if data is not None:
        write_atomically(path.with_suffix(".csv"), data.to_csv(index=False).encode())


def _render(canvas: Canvas, path: Path, pictures: bool) -> None:
    if canvas.get_layout_engine() is not None:
        canvas.draw_without_rendering()
        canvas.set_layout_engine("none")  # laid out once, not once for each format
    canvas.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    buffer = io.BytesIO()
    canvas.savefig(buffer, dpi=DPI, format="png")
    write_atomically(path.with_suffix(".png"), _small(Image.open(buffer).convert("RGB"), pictures))


def _blank(path: Path) -> None:
    """Write the smallest valid image and the header of a PDF instead of a figure."""
    Image.new("L", (1, 1)).save(path.with_suffix(".png"))
    path.with_suffix(".pdf").write_bytes(b"%PDF-1.4")


def _small(image: Image.Image, pictures: bool) -> bytes:
    """A PNG of a third of the size: grey where all is, and a palette for lines; coloured pictures stay as they are."""
    red, green, blue = image.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        image = red
    elif not pictures:
        image = image.quantize(256, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
