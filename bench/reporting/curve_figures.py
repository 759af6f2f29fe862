"""Figures of convergence: every metric that was measured during training."""

import math
import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from bench.analysis import across_seeds
from bench.metrics.columns import parse
from bench.reporting import curve_charts, curve_data
from bench.reporting.curve_data import Level, limits, mean_curve
from bench.reporting.group import Group
from bench.reporting.phrases import file_name
from bench.reporting.style import STYLE, Figure, LineStyle, legend_text, line_styles, logarithmic, save, wrapped

OTHERS = ("reconstruction_test", "latent_over_chance")  # drawn in addition to the distances
CURVES = (
    "Thick: the mean over finished seeds; band: its 95% Student-t interval (from three seeds on; cut at a third of the "
    "mean). Thin: every seed, including diverged ones. The legend follows the order of the curves at their end."
)
OWN_FEATURES = "Fréchet distance in features of {}"  # an extractor of a plug-in
LABELS = {
    "inception": "FID",
    "classifier": "Fréchet distance in classifier features",
    "rotation": "Fréchet distance in rotation-network features",
    "reconstruction_test": "reconstruction error (summed over pixels)",
    "latent_over_chance": "sliced Wasserstein distance, codes to prior\n(samples of the prior: 1)",
}


def curves(group: Group, folder: Path, protocols: dict[str, str]) -> list[Figure]:
    """Draw one figure per metric that was measured during training.

    Args:
        group: the trials.
        folder: receives the files.
        protocols: the protocol of each metric, in words.
    """
    rows, floors = group.fresh[group.fresh["variant"].isin(group.shown)], across_seeds.constants(group.fresh)
    floors = {name.removesuffix("_floor"): value for name, value in floors.items()}
    if "latent_sliced_wasserstein" in rows:  # the scale depends on the prior, so divide by that of its own samples
        ratio = rows["latent_sliced_wasserstein"] / rows["latent_sliced_wasserstein_prior"]
        rows, floors["latent_over_chance"] = rows.assign(latent_over_chance=ratio), 1.0
    figures = []
    for metric in (m for m in [*across_seeds.distances(rows), *OTHERS] if m in rows):
        if rows.dropna(subset=[metric])["step"].nunique() > 1:  # the last checkpoint alone is no curve
            name = file_name(metric)
            target = group.target if metric == group.curve else None
            levels = list(curve_data.levels(metric, floors.get(metric), target))
            curve, styles, title = curve_data.measured(group, rows, metric), line_styles(group.trials), label(metric)
            over = _convergence(curve, metric, levels, group, folder / name)
            chart = curve_charts.chart(curve, metric, curve_data.axes(group), title, levels, styles, over)
            about = " ".join(filter(None, [CURVES, curve_data.covering(over), protocols.get(metric, "")]))
            figures.append(Figure(name, _heading(title), about, chart=chart))
    return figures


def _convergence(
    data: pd.DataFrame, metric: str, levels: list[Level], group: Group, path: Path
) -> dict[str, list[str]]:
    """Draw a metric against images seen and, if times are comparable, against training seconds.

    Returns:
        `curve_data.covered`.
    """
    shown = curve_data.axes(group)
    with mpl.rc_context(STYLE):
        figure, grid = plt.subplots(1, len(shown), figsize=(2.4 + 3.6 * len(shown), 3.8), sharey=True, squeeze=False)
        styles = line_styles(group.trials)
        means = {str(variant): mean_curve(subset, metric) for variant, subset in data.groupby("variant", sort=False)}
        over = curve_data.covered(means, metric)
        # The axis ignores bands: those of few seeds are far wider than the differences between curves.
        low, high = limits(data[metric].tolist(), levels)
        for axes, (x, text) in zip(grid[0], shown.items(), strict=True):
            for variant, subset in data.groupby("variant", sort=False):
                _curve(
                    axes,
                    subset,
                    means[str(variant)],
                    x,
                    metric,
                    wrapped(str(variant)),
                    styles[str(variant)],
                    len(over.get(str(variant), [])),
                )
            axes.set(xlabel=text, xscale="log", yscale="log", ylim=(low, high))
            _draw_levels(axes, levels, low, high)
            logarithmic(axes.xaxis)
            logarithmic(axes.yaxis)
        first = grid[0][0]
        first.set_ylabel(axis_label(metric))
        ends = {wrapped(variant): _end(mean, metric) for variant, mean in means.items()}
        entries = sorted(zip(*first.get_legend_handles_labels(), strict=True), key=lambda entry: -ends.get(entry[1], 0))
        figure.legend(*zip(*entries, strict=True), loc="outside right upper", fontsize=8, handlelength=4)
        save(figure, path, data.drop(columns="trial"))
    return over


def _end(mean: pd.DataFrame, metric: str) -> float:
    return float(mean[metric].iloc[-1]) if len(mean) else math.inf


def _draw_levels(axes: Axes, levels: list[Level], low: float, high: float) -> None:
    """Draw levels as lines; one that is far from the curves as an arrow with its value, at the edge."""
    for level in levels:
        if low <= level.value <= high:
            axes.axhline(level.value, color="0.4", lw=1, ls=(0, (5, 3) if level.dashed else (1, 1)), label=level.text)
            continue
        below = level.value < low
        text = f"{'↓' if below else '↑'} {level.text}, {level.value:.3g}"
        place: Any = {"xy": (0.02, 0.02 if below else 0.98), "xycoords": "axes fraction", "fontsize": 7}
        axes.annotate(text, va="bottom" if below else "top", color="0.4", **place)


def _curve(
    axes: Axes,
    rows: pd.DataFrame,
    means: pd.DataFrame,
    x: str,
    metric: str,
    label: str,
    style: LineStyle,
    below: int,
) -> None:
    seeds = [seed[[x, metric]].to_numpy(float) for _, seed in rows.groupby("trial")]
    axes.add_collection(LineCollection(seeds, linewidths=0.5, alpha=0.4, colors=style.colour, linestyles=[style.dash]))
    mean_line(axes, means, x, metric, label, style, below)


def mean_line(
    axes: Axes, means: pd.DataFrame, x: str, metric: str, label: str, style: LineStyle, below: int = 0
) -> None:
    """Draw the mean over seeds, and the band of its interval.

    Args:
        axes: where.
        means: from `mean_curve`.
        x: column of the horizontal axis.
        metric: column of the vertical axis.
        label: in the legend.
        style: the look.
        below: how many curves cover this one, which is drawn so much wider.
    """
    wider = min(below, curve_data.MOST_WIDER)
    line: Any = {"color": style.colour, "ls": style.dash, "mfc": style.face, "lw": 1.7 + 2 * wider}
    axes.plot(means[x], means[metric], marker=style.marker, ms=4.5 + 2 * wider, label=legend_text(label), **line)
    if means["low"].notna().any():
        low = np.maximum(means["low"], means[metric] / 3)  # a logarithmic axis has no room for values below zero
        axes.fill_between(means[x], low, means["high"], color=style.colour, alpha=0.08, lw=0)


def _heading(title: str) -> str:
    """A label as a heading: in one line, with a capital."""
    return title[:1].upper() + title[1:].replace("\n", " ")


def axis_label(metric: str) -> str:
    """Return the label of a metric, broken to fit the height of a panel."""
    return "\n".join(textwrap.fill(part, 40) for part in label(metric).splitlines())


def label(metric: str) -> str:
    """Return the label of a metric: a line for the metric, and one for its protocol if that has a label."""
    column = parse(metric)
    if column is None:
        return LABELS.get(metric, metric)
    distance = LABELS.get(column.extractor, OWN_FEATURES.format(column.extractor))
    return "\n".join(filter(None, [f"{distance}, {column.samples:,} images", column.label]))
