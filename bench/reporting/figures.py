"""Figures of numbers: convergence, scores against hyperparameters, and several data sets together."""

import math
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

from bench.analysis import across_seeds, sensitivity, significance
from bench.analysis.convergence import Target
from bench.metrics.columns import parse
from bench.reporting.group import Group
from bench.reporting.style import STYLE, Figure, Look, logarithmic, looks, panels, save

AXES = {"images_seen": "training images seen", "train_seconds": "training seconds (evaluation not counted)"}
FLOORS = {"latent_over_chance": "floor: samples of the prior"}  # what the dotted line is; else real images
OTHERS = ("reconstruction_test", "latent_over_chance")  # that have curves beside the distances
CURVES = (
    "Thick: the mean over the seeds that finished, in a band of its 95% Student-t interval (from three seeds on; cut "
    "at a third of the mean); thin: every seed, also one that diverged. "
)
LABELS = {
    "inception": "FID",
    "classifier": "Fréchet distance in classifier features",
    "rotation": "Fréchet distance in rotation-network features",
    "reconstruction_test": "reconstruction error (summed over pixels)",
    "latent_over_chance": "sliced Wasserstein distance, codes to prior\n(samples of the prior: 1)",
}


def curves(group: Group, folder: Path, protocol: dict[str, str]) -> list[Figure]:
    """A figure for every metric that was measured along the training. protocol: in words, by metric."""
    rows, floors = group.fresh[group.fresh["variant"].isin(group.shown)], across_seeds.constants(group.fresh)
    floors = {name.removesuffix("_floor"): value for name, value in floors.items()}
    if "latent_sliced_wasserstein" in rows:  # priors differ in scale, but of each its own samples score 1
        ratio = rows["latent_sliced_wasserstein"] / rows["latent_sliced_wasserstein_prior"]
        rows, floors["latent_over_chance"] = rows.assign(latent_over_chance=ratio), 1.0
    drawn = []
    for metric in (m for m in [*across_seeds.distances(rows), *OTHERS] if m in rows):
        if rows.dropna(subset=[metric])["step"].nunique() > 1:  # of the last checkpoint alone there is no curve
            name = re.sub(r"[^a-z0-9_]+", "-", metric).strip("-")
            goal = group.target if metric == group.curve else None
            _convergence(rows, metric, floors.get(metric), goal, group, folder / name)
            drawn.append(Figure(name, label(metric), CURVES + protocol.get(metric, "")))
    return drawn


def _convergence(
    rows: pd.DataFrame, metric: str, floor: float | None, target: Target | None, group: Group, path: Path
) -> None:
    """Against images seen and, where they compare, against training seconds."""
    shown = {x: text for x, text in AXES.items() if group.alike or x != "train_seconds"}
    done = rows["trial"].isin(across_seeds.finished(group.trials)["trial"])
    data = rows.assign(done=done)[["variant", "trial", "seed", "done", "step", *AXES, metric]]
    data = data[np.isfinite(data[metric])].drop_duplicates(["trial", "step"], keep="last")  # the newest of what repeats
    with mpl.rc_context(STYLE):
        figure, found = plt.subplots(1, len(shown), figsize=(2.4 + 3.6 * len(shown), 3.8), sharey=True, squeeze=False)
        styles = looks(group.trials)
        means = {variant: _means(mine, metric) for variant, mine in data.groupby("variant", sort=False)}
        for axes, (x, text) in zip(found[0], shown.items(), strict=True):
            for variant, mine in data.groupby("variant", sort=False):
                _curve(axes, mine, means[variant], x, metric, wrapped(str(variant)), styles[str(variant)])
            if floor is not None:
                said = FLOORS.get(metric, "floor: other real images")
                axes.axhline(floor, color="0.4", lw=1, ls=(0, (1, 1)), label=said)
            if target is not None:
                said = "target" if target.beforehand else "target, taken afterwards"
                axes.axhline(target.value, color="0.4", lw=1, ls=(0, (5, 3)), label=said)
            # Bands of few seeds are far wider than what there is to see.
            lines = [*data[metric], *([floor] if floor else []), *([target.value] if target else [])]
            axes.set(xlabel=text, xscale="log", yscale="log", ylim=(0.85 * min(lines), 1.18 * max(lines)))
            logarithmic(axes.xaxis)
            logarithmic(axes.yaxis)
        found[0][0].set_ylabel("\n".join(textwrap.fill(part, 40) for part in label(metric).splitlines()))
        figure.legend(*found[0][0].get_legend_handles_labels(), loc="outside right upper", fontsize=8, handlelength=4)
        save(figure, path, data.drop(columns="trial"))


def wrapped(label: str) -> str:
    """A variant over several lines, cut at its commas: a long legend must not take the figure's place."""
    return "\n".join(textwrap.wrap(label.replace(",", ", "), 34, subsequent_indent="  "))


def _means(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """By step: the means over the seeds that finished of the metric and of AXES; low, high, the first's interval.

    Only steps that all of them have: a mean over fewer would jump. Of two seeds the interval says nothing but t = 12.7.
    """
    rows = rows[rows["done"]]
    steps = rows.groupby("step").filter(lambda at: len(at) == rows["trial"].nunique()).groupby("step")
    means = steps[[*AXES, metric]].mean()
    seeds = [values.tolist() for _, values in steps[metric]]
    bounds = [significance.interval(values) if len(values) > 2 else significance.UNKNOWN for values in seeds]
    return means.assign(low=[low for low, _ in bounds], high=[high for _, high in bounds])


def _curve(axes: Axes, rows: pd.DataFrame, means: pd.DataFrame, x: str, metric: str, label: str, look: Look) -> None:
    line: Any = {"color": look.colour, "ls": look.dash}
    seeds = [seed[[x, metric]].to_numpy(float) for _, seed in rows.groupby("trial")]
    axes.add_collection(LineCollection(seeds, linewidths=0.5, alpha=0.4, colors=look.colour, linestyles=[look.dash]))
    axes.plot(means[x], means[metric], lw=1.7, marker=look.marker, ms=3.5, label=label, **line)
    if means["low"].notna().any():
        low = np.maximum(means["low"], means[metric] / 3)  # below zero is no place on this axis
        axes.fill_between(means[x], low, means["high"], color=look.colour, alpha=0.08, lw=0)


def label(metric: str) -> str:
    """Of an axis; a line for the metric and one for what is special about it, however long."""
    column = parse(metric)
    if column is None:
        return LABELS.get(metric, metric)
    return "\n".join(filter(None, [f"{LABELS[column.extractor]}, {column.samples:,} images", column.label]))


def hyperparameters(group: Group, folder: Path) -> list[Figure]:
    """The final score against each hyperparameter that several settings of a method differ in, one line a method."""
    results = group.results
    names = sensitivity.varied(results) if len(results) else []
    if not names:
        return []
    lines = {name: sensitivity.lines(results.dropna(subset=[name]), name) for name in names}
    styles, worst = looks(results), results.loc[results["score"] < math.inf, "score"].max()
    with mpl.rc_context(STYLE):
        figure, found = panels(len(names), 3, (3.6, 3.2))
        for axes, (name, data) in zip(found, lines.items(), strict=True):
            values = list(dict.fromkeys(data["value"]))
            numbers = [value for value in values if isinstance(value, int | float)]
            place = float if len(numbers) == len(values) else values.index
            for variant, line in data.groupby("variant", sort=False):
                if len(line) > 1:
                    _line(axes, line, line["value"].map(place), worst, str(variant), styles[str(variant)])
            if place is not float:
                axes.set_xticks(range(len(values)), [str(value) for value in values])
            elif min(numbers) > 0 and max(numbers) / min(numbers) >= 10:
                axes.set_xscale("log")
            axes.set(xlabel=name, yscale="log")
            logarithmic(axes.yaxis)
        found[0].set_ylabel(f"final {group.headline}")
        named = {text: handle for axes in found for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(named.values(), named.keys(), loc="outside right upper", fontsize=8, handlelength=4)
        shown = pd.concat([data.assign(hyperparameter=name) for name, data in lines.items()])
        save(figure, folder / "hyperparameters", shown)
    caption = (
        "Line: the mean over seeds of the best setting at each value, the other hyperparameters being free; band: all "
        "trials at that value. Crosses: values at which trials were lost (diverged or failed), each with its share. A "
        "method that is easily tuned is flat and low."
    )
    return [Figure("hyperparameters", "Score against hyperparameter", caption)]


def _line(axes: Axes, line: pd.DataFrame, x: pd.Series, worst: float, text: str, look: Look) -> None:
    mean = line["mean"].where(line["mean"] < math.inf)
    axes.plot(x, mean, color=look.colour, ls=look.dash, marker=look.marker, ms=4, lw=1.5, label=text)
    axes.fill_between(x, line["least"], line["greatest"], color=look.colour, alpha=0.1, lw=0)
    for place, failed, n in zip(x, line["failed"], line["n"], strict=True):
        if failed:
            axes.plot(place, 1.15 * worst, "x", color=look.colour, ms=5)
            above: Any = {"xytext": (0, 4), "textcoords": "offset points", "fontsize": 6, "ha": "center"}
            axes.annotate(f"{failed / n:.0%}", (place, 1.15 * worst), **above)


def profiles(profile: pd.DataFrame, methods: pd.DataFrame, folder: Path) -> Figure:
    """Performance profiles. profile: `aggregate.profile`; methods: columns method and variant."""
    styles = looks(methods)
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 3.8))
        for variant, line in profile.groupby("variant", sort=False):
            look = styles[str(variant)]
            steps: Any = {"color": look.colour, "ls": look.dash, "drawstyle": "steps-post"}
            axes.plot(line["tau"], line["share"], lw=1.6, label=str(variant), **steps)
            axes.fill_between(line["tau"], line["low"], line["high"], step="post", color=look.colour, alpha=0.1, lw=0)
        axes.set(xlabel="normalised distance τ (1: the middling variant)", ylabel="share of runs at or below τ")
        figure.legend(loc="outside right upper", fontsize=8, handlelength=4)
        save(figure, folder / "profile", profile)
    caption = (
        "The share of runs whose normalised distance is at most τ, the mean over data sets, in its pointwise 95% "
        "interval by a stratified bootstrap (Agarwal et al., arXiv 2108.13264, section 4.2). Higher is better."
    )
    return Figure("profile", "Performance profiles", caption)
