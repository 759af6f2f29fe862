"""Figures of a search: the expected best score against the budget, and scores against each hyperparameter."""

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from bench.analysis import search
from bench.reporting.style import STYLE, Figure, LineStyle, legend_text, line_styles, logarithmic, save

PANEL = 1.9  # inches
TICKS = [2**k for k in range(14)]  # numbers of points


def draw(results: pd.DataFrame, folder: Path) -> list[Figure]:
    """Draw every figure of a search. results: `search.results`, with at least one finished point."""
    draw_best(results, folder / "search_best")
    about = "Expected lowest distance after a number of points, averaged over all orders of the points."
    figures = [Figure("search_best", "Lowest distance against budget", about)]
    if draw_sensitivity(results, folder / "search_sensitivity"):
        about = (
            "Every point of the search, at each of its values. Hollow: points that were stopped or failed, at their "
            "last distance. Crosses: points without any, and points that reconstruct no better than the mean image."
        )
        figures.append(Figure("search_sensitivity", "Sensitivity to each hyperparameter", about, whole=True))
    return figures


def draw_best(results: pd.DataFrame, path: Path) -> None:
    """Draw the expected best score against the number of points, one line per variant."""
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 4.2))
        styles, lines = line_styles(results), []
        for variant, subset in search.scores(results).groupby("variant", sort=False):
            # The expectation is infinite if all drawn points may be unfinished.
            expected = [
                value if value < math.inf else math.nan for value in search.expected_best(list(subset["score"]))
            ]
            style, points = styles[str(variant)], range(1, len(expected) + 1)
            marks = [k - 1 for k in TICKS if k <= len(expected)]
            line: Any = {"color": style.colour, "ls": style.dash, "marker": style.marker, "ms": 3, "markevery": marks}
            axes.plot(points, expected, lw=1.5, label=legend_text(str(variant)), **line)
            lines.append(pd.DataFrame({"variant": variant, "points": points, "expected_best": expected}))
        axes.set(xscale="log", yscale="log", xlabel="points tried", ylabel="expected lowest distance")
        ticks = [k for k in TICKS if k <= results["point"].max() + 1]
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.minorticks_off()
        logarithmic(axes.yaxis)
        figure.legend(loc="outside right upper", fontsize=7, handlelength=4)
        save(figure, path, pd.concat(lines))


def draw_sensitivity(results: pd.DataFrame, path: Path) -> bool:
    """Draw the score of every point, a row per variant and a panel per hyperparameter.

    Returns:
        False, without a figure, if no hyperparameter was varied.
    """
    variants = list(dict.fromkeys(results["variant"]))
    names = {variant: search.varied(results[results["variant"] == variant]) for variant in variants}
    variants = [variant for variant in variants if names[variant]]
    if not variants:
        return False
    columns = max(len(names[variant]) for variant in variants)
    finite = results.loc[results["score"] < math.inf, "score"]
    with mpl.rc_context(STYLE):
        size = (PANEL * columns + 1, 1.35 * len(variants) + 0.4)
        figure, panels = plt.subplots(len(variants), columns, figsize=size, squeeze=False, sharey=True)
        styles = line_styles(results)
        for row, variant in zip(panels, variants, strict=True):
            subset = results[results["variant"] == variant]
            row[0].set_title(variant, loc="left", fontsize=8, fontweight="bold")
            for axes, name in zip(row, names[variant], strict=False):
                _scatter(axes, subset, name, styles[variant], finite.max())
            for axes in row[len(names[variant]) :]:
                axes.axis("off")
        figure.supylabel("distance", fontsize=8)
        save(figure, path, results)
    return True


def _scatter(axes: Axes, results: pd.DataFrame, name: str, style: LineStyle, worst: float) -> None:
    options = sorted(results[name].unique())
    numeric = pd.api.types.is_numeric_dtype(results[name])
    if not numeric or len(options) < min(6, len(results) / 2):  # few distinct values: evenly spaced
        x = results[name].map(options.index)
        axes.set_xticks(range(len(options)), [str(option) for option in options])
        axes.set_xlim(-0.5, len(options) - 0.5)
    else:
        x = results[name]
        if x.min() > 0 and x.max() / x.min() > 20:
            axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    finished = results["score"] < math.inf
    axes.scatter(x[finished], results.loc[finished, "score"], color=style.colour, marker=style.marker, s=9)
    partial = ~finished & results["partial"].notna()
    hollow: Any = {"facecolors": "none", "edgecolors": style.colour, "marker": style.marker, "s": 9, "lw": 0.6}
    axes.scatter(x[partial], results.loc[partial, "partial"], **hollow)
    none = ~finished & ~partial
    axes.scatter(x[none], [worst] * int(none.sum()), color="0.4", marker="x", s=14)
    axes.set_yscale("log")
    logarithmic(axes.yaxis)
    axes.set_xlabel(name, fontsize=7, labelpad=1)
    axes.tick_params(labelsize=6)
    axes.minorticks_off()
