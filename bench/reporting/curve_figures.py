"""Figures of convergence: every metric that was measured during training."""

import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from bench.analysis import across_seeds, significance
from bench.analysis.convergence import Target
from bench.metrics.columns import parse
from bench.reporting.group import Group
from bench.reporting.style import STYLE, Figure, LineStyle, legend_text, line_styles, logarithmic, save

AXES = {"images_seen": "training images seen", "train_seconds": "training seconds (evaluation not counted)"}
FLOORS = {"latent_over_chance": "floor: samples of the prior"}  # legend of the dotted line
REAL_IMAGES = "floor: other real images"  # legend of the dotted line for all other metrics
OTHERS = ("reconstruction_test", "latent_over_chance")  # drawn in addition to the distances
CURVES = (
    "Thick: the mean over finished seeds; band: its 95% Student-t interval (from three seeds on; cut at a third of the "
    "mean). Thin: every seed, including diverged ones. "
)
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
            name = re.sub(r"[^a-z0-9_]+", "-", metric).strip("-")
            target = group.target if metric == group.curve else None
            _convergence(rows, metric, floors.get(metric), target, group, folder / name)
            figures.append(Figure(name, label(metric), CURVES + protocols.get(metric, "")))
    return figures


def _convergence(
    rows: pd.DataFrame, metric: str, floor: float | None, target: Target | None, group: Group, path: Path
) -> None:
    """Draw a metric against images seen and, if times are comparable, against training seconds."""
    shown = {x: text for x, text in AXES.items() if group.comparable_times or x != "train_seconds"}
    done = rows["trial"].isin(across_seeds.finished(group.trials)["trial"])
    data = rows.assign(done=done)[["variant", "trial", "seed", "done", "step", *AXES, metric]]
    data = data[np.isfinite(data[metric])].drop_duplicates(["trial", "step"], keep="last")  # the newest measurement
    with mpl.rc_context(STYLE):
        figure, grid = plt.subplots(1, len(shown), figsize=(2.4 + 3.6 * len(shown), 3.8), sharey=True, squeeze=False)
        styles = line_styles(group.trials)
        means = {variant: _means(subset, metric) for variant, subset in data.groupby("variant", sort=False)}
        for axes, (x, text) in zip(grid[0], shown.items(), strict=True):
            for variant, subset in data.groupby("variant", sort=False):
                _curve(axes, subset, means[variant], x, metric, wrapped(str(variant)), styles[str(variant)])
            _horizontal_lines(axes, metric, floor, target)
            # The axis ignores bands: those of few seeds are far wider than the differences between curves.
            values = [*data[metric], *([floor] if floor else []), *([target.value] if target else [])]
            axes.set(xlabel=text, xscale="log", yscale="log", ylim=(0.85 * min(values), 1.18 * max(values)))
            logarithmic(axes.xaxis)
            logarithmic(axes.yaxis)
        first = grid[0][0]
        first.set_ylabel("\n".join(textwrap.fill(part, 40) for part in label(metric).splitlines()))
        figure.legend(*first.get_legend_handles_labels(), loc="outside right upper", fontsize=8, handlelength=4)
        save(figure, path, data.drop(columns="trial"))


def _horizontal_lines(axes: Axes, metric: str, floor: float | None, target: Target | None) -> None:
    if floor is not None:
        axes.axhline(floor, color="0.4", lw=1, ls=(0, (1, 1)), label=FLOORS.get(metric, REAL_IMAGES))
    if target is not None:
        text = "target" if target.beforehand else "target, chosen afterwards"
        axes.axhline(target.value, color="0.4", lw=1, ls=(0, (5, 3)), label=text)


def wrapped(label: str) -> str:
    """Break a variant's label at its commas, so that a long legend does not shrink the figure."""
    return "\n".join(textwrap.wrap(label.replace(",", ", "), 34, subsequent_indent="  "))


def _means(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """By step: means over the finished seeds of AXES and the metric, and the metric's interval low, high.

    Only steps that all seeds have, since a mean over fewer would jump.
    """
    rows = rows[rows["done"]]
    steps = rows.groupby("step").filter(lambda step: len(step) == rows["trial"].nunique()).groupby("step")
    means = steps[[*AXES, metric]].mean()
    seeds = [values.tolist() for _, values in steps[metric]]
    bounds = [significance.interval(values) for values in seeds]
    return means.assign(low=[low for low, _ in bounds], high=[high for _, high in bounds])


def _curve(
    axes: Axes, rows: pd.DataFrame, means: pd.DataFrame, x: str, metric: str, label: str, style: LineStyle
) -> None:
    line: Any = {"color": style.colour, "ls": style.dash}
    seeds = [seed[[x, metric]].to_numpy(float) for _, seed in rows.groupby("trial")]
    axes.add_collection(LineCollection(seeds, linewidths=0.5, alpha=0.4, colors=style.colour, linestyles=[style.dash]))
    axes.plot(means[x], means[metric], lw=1.7, marker=style.marker, ms=3.5, label=legend_text(label), **line)
    if means["low"].notna().any():
        low = np.maximum(means["low"], means[metric] / 3)  # a logarithmic axis has no room for values below zero
        axes.fill_between(means[x], low, means["high"], color=style.colour, alpha=0.08, lw=0)


def label(metric: str) -> str:
    """Return the label of an axis: a line for the metric, and one for its protocol if that has a label."""
    column = parse(metric)
    if column is None:
        return LABELS.get(metric, metric)
    return "\n".join(filter(None, [f"{LABELS[column.extractor]}, {column.samples:,} images", column.label]))
