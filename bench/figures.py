"""Figures of a report: convergence curves and sample overviews, as PNG and PDF."""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.columns import parse

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
AXES = {"images_seen": "training images seen", "train_seconds": "training seconds (evaluation not counted)"}
DPI = 150
FLOORS = {"latent_over_chance": "floor: samples of the prior"}  # what the dotted line is; else real images
SAMPLES_INCHES = 2.6  # width of one grid
DASHES = ["-", "--", ":", "-."]
LABELS = {
    "inception": "FID",
    "classifier": "Fréchet distance in classifier features",
    "rotation": "Fréchet distance in rotation-network features",
    "reconstruction_test": "reconstruction error (summed over pixels)",
    "latent_over_chance": "sliced Wasserstein distance, codes to prior\n(samples of the prior: 1)",
}


def convergence(rows: pd.DataFrame, metric: str, floor: float | None, path: Path) -> None:
    """`metric` against images seen and against training seconds: the mean over seeds, and every seed thinly."""
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True)
        looks = styles(rows)
        for axes, (x, label) in zip(panels, AXES.items(), strict=True):
            for variant, group in rows.groupby("variant", sort=False):
                _curve(axes, group, x, metric, str(variant), *looks[str(variant)])
            if floor is not None:
                axes.axhline(
                    floor, color="0.4", lw=1, ls=(0, (1, 1)), label=FLOORS.get(metric, "floor: other real images")
                )
            axes.set(xlabel=label, xscale="log", yscale="log")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=15))
                axis.set_major_formatter(FuncFormatter(_tick))
                axis.set_minor_locator(NullLocator())
        panels[0].set_ylabel(_label(metric))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper")
        save(figure, path)


def _tick(value: float, _: int) -> str:
    return f"{value / 1000:,.10g}k" if value >= 1000 else f"{value:.10g}"  # short, as neighbours must not touch


def _label(metric: str) -> str:
    column = parse(metric)
    if column is None:
        return LABELS.get(metric, metric)
    return f"{LABELS[column.extractor]}, {column.samples:,} images" + "".join(
        f"\n{part}" for part in textwrap.wrap(column.label, 50)
    )


def _curve(axes: Axes, rows: pd.DataFrame, x: str, metric: str, label: str, colour: str, dash: str) -> None:
    rows = rows.dropna(subset=[metric]).drop_duplicates(
        ["trial", "step"], keep="last"
    )  # the newest of what was repeated
    for _, seed in rows.groupby("trial"):
        axes.plot(seed[x], seed[metric], color=colour, ls=dash, lw=0.6, alpha=0.4)
    # Only steps that every seed reached: a mean over fewer would jump where a trial ended early.
    steps = rows.groupby("step").filter(lambda at: len(at) == rows["trial"].nunique())
    mean = steps.groupby("step")[[x, metric]].mean()
    axes.plot(mean[x], mean[metric], color=colour, ls=dash, lw=1.8, label=label)


def styles(rows: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """A colour for each method and a dash for each of its variants."""
    methods = {method: f"C{i}" for i, method in enumerate(sorted(rows["method"].unique()))}
    styles = {}
    for method, group in rows.groupby("method"):
        for i, variant in enumerate(sorted(group["variant"].unique())):
            styles[str(variant)] = (methods[str(method)], DASHES[i % len(DASHES)])
    return styles


def overview(grids: dict[str, Path], path: Path) -> None:
    """Sample grids side by side, each under its title."""
    columns = min(len(grids), 5)
    lines = -(-len(grids) // columns)
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(lines, columns, figsize=(SAMPLES_INCHES * columns, 2.8 * lines), squeeze=False)
        for axes in panels.flat:
            axes.axis("off")
        for axes, (title, grid) in zip(panels.flat, grids.items(), strict=False):
            pixels = plt.imread(grid)
            # Small grids stay crisp; large ones, made smaller, must not lose every other line.
            interpolation = "nearest" if len(pixels) <= SAMPLES_INCHES * DPI else "antialiased"
            axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation=interpolation)
            axes.set_title(title, fontsize=9)
        save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write path.png and path.pdf, without dates, so that equal figures are equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, not once for each format
    figure.savefig(path.with_suffix(".png"), dpi=DPI, metadata={"Software": None})
    figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    plt.close(figure)
