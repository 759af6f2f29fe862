"""Figures of a search: what a larger budget brings, and how the score depends on each hyperparameter."""

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from bench.analysis import search
from bench.reporting.style import STYLE, Figure, Look, logarithmic, looks, save

PANEL = 1.9  # inches
TICKS = [2**k for k in range(14)]  # of points


def draw(results: pd.DataFrame, folder: Path) -> list[Figure]:
    """All there are. results: `search.results`, of which a point came to its end."""
    best(results, folder / "search_best")
    drawn = [Figure("search_best", "Lowest distance against budget", "Expected of as many points in any other order.")]
    if sensitivity(results, folder / "search_sensitivity"):
        about = "Every point of the search, at the value of each hyperparameter; crosses did not come to their end."
        drawn.append(Figure("search_sensitivity", "Sensitivity to each hyperparameter", about))
    return drawn


def best(results: pd.DataFrame, path: Path) -> None:
    """The expected best score against the number of points, a line for each variant."""
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 4.2))
        styles, lines = looks(results), []
        for variant, group in search.scores(results).groupby("variant", sort=False):
            # While a point that did not end may be all there is, the expectation is infinite.
            expected = [value if value < math.inf else math.nan for value in search.expected_best(list(group["score"]))]
            look, points = styles[str(variant)], range(1, len(expected) + 1)
            marks = [k - 1 for k in TICKS if k <= len(expected)]
            line: Any = {"color": look.colour, "ls": look.dash, "marker": look.marker, "ms": 3, "markevery": marks}
            axes.plot(points, expected, lw=1.5, label=variant, **line)
            lines.append(pd.DataFrame({"variant": variant, "points": points, "expected_best": expected}))
        axes.set(xscale="log", yscale="log", xlabel="points tried", ylabel="expected lowest distance")
        ticks = [k for k in TICKS if k <= results["point"].max() + 1]
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.minorticks_off()
        logarithmic(axes.yaxis)
        figure.legend(loc="outside right upper", fontsize=7, handlelength=4)
        save(figure, path, pd.concat(lines))


def sensitivity(results: pd.DataFrame, path: Path) -> bool:
    """A row for each variant, a panel for each hyperparameter: the score of every point; crosses did not end.

    False, and no figure, where nothing was varied.
    """
    variants = list(dict.fromkeys(results["variant"]))
    names = {variant: search.varied(results, variant) for variant in variants}
    variants = [variant for variant in variants if names[variant]]
    if not variants:
        return False
    columns = max(len(names[variant]) for variant in variants)
    finite = results.loc[results["score"] < math.inf, "score"]
    with mpl.rc_context(STYLE):
        size = (PANEL * columns + 1, 1.35 * len(variants) + 0.4)
        figure, panels = plt.subplots(len(variants), columns, figsize=size, squeeze=False, sharey=True)
        styles = looks(results)
        for row, variant in zip(panels, variants, strict=True):
            mine = results[results["variant"] == variant]
            row[0].set_title(variant, loc="left", fontsize=8, fontweight="bold")
            for axes, name in zip(row, names[variant], strict=False):
                _scatter(axes, mine, name, styles[variant], finite.max())
            for axes in row[len(names[variant]) :]:
                axes.axis("off")
        figure.supylabel("distance", fontsize=8)
        save(figure, path, results)
    return True


def _scatter(axes: Axes, results: pd.DataFrame, name: str, look: Look, worst: float) -> None:
    kinds = sorted(results[name].unique())
    numeric = pd.api.types.is_numeric_dtype(results[name])
    if not numeric or len(kinds) < min(6, len(results) / 2):  # a choice: its options side by side
        places = results[name].map(kinds.index)
        axes.set_xticks(range(len(kinds)), [str(kind) for kind in kinds])
        axes.set_xlim(-0.5, len(kinds) - 0.5)
    else:
        places = results[name]
        if places.min() > 0 and places.max() / places.min() > 20:
            axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    ended = results["score"] < math.inf
    axes.scatter(places[ended], results.loc[ended, "score"], color=look.colour, marker=look.marker, s=9)
    axes.scatter(places[~ended], [worst] * int((~ended).sum()), color="0.4", marker="x", s=14)
    axes.set_yscale("log")
    logarithmic(axes.yaxis)
    axes.set_xlabel(name, fontsize=7, labelpad=1)
    axes.tick_params(labelsize=6)
    axes.minorticks_off()
