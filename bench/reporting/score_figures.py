"""Figures of final scores: against hyperparameters, and performance profiles over several data sets."""

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from bench.analysis import search, sensitivity
from bench.reporting import phrases
from bench.reporting.group import Group
from bench.reporting.style import (
    STYLE,
    Figure,
    LineStyle,
    legend_text,
    line_styles,
    logarithmic,
    panels,
    save,
    shared_legend,
)

HYPERPARAMETERS = (
    "Thick, with markers: the best setting with each value of this hyperparameter, as the mean over its seeds. It is "
    "the best over all other hyperparameters ({}), which favours methods that have more of them. Thin: the median "
    "over the same settings. Band: all trials with that value. Crosses: values at which trials were lost (diverged or"
    " failed), with their share. A method is easily tuned if both lines are flat, low and close. All panels have one "
    "vertical scale."
)
PROFILES = (
    "The share of runs with a normalised distance of at most τ, averaged over data sets, with its pointwise 95% "
    "interval from a stratified bootstrap (Agarwal et al., arXiv 2108.13264, section 4.2). Higher is better."
)


def hyperparameters(group: Group, folder: Path) -> list[Figure]:
    """Draw the final score against each hyperparameter that was varied within a method, one line per method."""
    results = group.results
    names = search.varied(results) if len(results) else []
    if not names:
        return []
    lines = {name: sensitivity.lines(results.dropna(subset=[name]), name) for name in names}
    styles, worst = line_styles(results), results.loc[results["score"] < math.inf, "score"].max()
    with mpl.rc_context(STYLE):
        figure, grid = panels(len(names), 3, (3.6, 3.2))
        for axes, (name, data) in zip(grid, lines.items(), strict=True):
            _panel(axes, name, data, worst, styles)
        grid[0].set_ylabel(f"final {group.headline}")
        low, high = (f(axes.get_ylim()[side] for axes in grid) for side, f in enumerate((min, max)))
        for axes in grid:
            axes.set_ylim(low, high)
            logarithmic(axes.yaxis)
        shared_legend(figure, grid, loc="outside right upper")
        shown = pd.concat([data.assign(hyperparameter=name) for name, data in lines.items()])
        save(figure, folder / "hyperparameters", shown)
    caption = " ".join(filter(None, [HYPERPARAMETERS.format(_tried(shown)), phrases.ranges(group)]))
    return [Figure("hyperparameters", "Score against hyperparameter", caption, whole=len(names) > 1)]


def _tried(lines: pd.DataFrame) -> str:
    """Return 'mmd: of 3 to 4 settings, vae: of 3'. lines: `sensitivity.lines` of all hyperparameters."""
    counts = lines.groupby("variant", sort=False)["settings"].agg(["min", "max"])
    ranges = {variant: (low, high) for variant, low, high in counts.itertuples()}
    texts = (f"{variant}: of {low}" + (f" to {high}" if low < high else "") for variant, (low, high) in ranges.items())
    return ", ".join(texts)


def _panel(axes: Axes, name: str, data: pd.DataFrame, worst: float, styles: dict[str, LineStyle]) -> None:
    """One hyperparameter. data: `sensitivity.lines`; worst: the highest score of a finished trial."""
    values = list(dict.fromkeys(data["value"]))
    numbers = [value for value in values if isinstance(value, int | float)]
    position = float if len(numbers) == len(values) else values.index
    for variant, line in data.groupby("variant", sort=False):
        if len(line) > 1:
            _line(axes, line, line["value"].map(position), worst, str(variant), styles[str(variant)])
    if position is not float:
        axes.set_xticks(range(len(values)), [str(value) for value in values])
    elif min(numbers) > 0 and max(numbers) / min(numbers) >= 10:
        axes.set_xscale("log")
        logarithmic(axes.xaxis)
    axes.set(xlabel=name, yscale="log")
    logarithmic(axes.yaxis)


def _line(axes: Axes, line: pd.DataFrame, x: pd.Series, worst: float, text: str, style: LineStyle) -> None:
    mean = line["mean"].where(line["mean"] < math.inf)
    axes.plot(x, mean, color=style.colour, ls=style.dash, marker=style.marker, ms=4, lw=1.5, label=legend_text(text))
    axes.plot(x, line["median"].where(line["median"] < math.inf), color=style.colour, ls=style.dash, lw=0.9, alpha=0.9)
    axes.fill_between(x, line["least"], line["greatest"], color=style.colour, alpha=0.1, lw=0)
    for position, failed, n in zip(x, line["failed"], line["n"], strict=True):
        if failed:
            axes.plot(position, 1.15 * worst, "x", color=style.colour, ms=5)
            above: Any = {"xytext": (0, 4), "textcoords": "offset points", "fontsize": 6, "ha": "center"}
            axes.annotate(f"{failed / n:.0%}", (position, 1.15 * worst), **above)


def profiles(profile: pd.DataFrame, methods: pd.DataFrame, folder: Path) -> Figure:
    """Draw performance profiles.

    Args:
        profile: `across_datasets.profile`.
        methods: a frame with the columns method and variant.
        folder: receives the files.
    """
    styles = line_styles(methods)
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 3.8))
        for variant, line in profile.groupby("variant", sort=False):
            style = styles[str(variant)]
            steps: Any = {"color": style.colour, "ls": style.dash, "drawstyle": "steps-post"}
            axes.plot(line["tau"], line["share"], lw=1.6, label=legend_text(str(variant)), **steps)
            axes.fill_between(line["tau"], line["low"], line["high"], step="post", color=style.colour, alpha=0.1, lw=0)
        axes.set(xlabel="normalised distance τ (1: the median variant)", ylabel="share of runs at or below τ")
        figure.legend(loc="outside right upper", fontsize=8, handlelength=4)
        save(figure, folder / "profile", profile)
    return Figure("profile", "Performance profiles", PROFILES)
