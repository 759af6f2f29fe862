"""Figures of a search: what a larger budget brings, and how the score depends on each hyperparameter."""

import math
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from bench import search
from bench.figures import STYLE, save, styles

PANEL = 1.9  # inches


def best(results: pd.DataFrame, path: Path) -> None:
    """The expected best score against the number of points, a line for each variant."""
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 4.2))
        looks = styles(results)
        for variant, group in search.scores(results).groupby("variant", sort=False):
            # While a point that did not end may be all there is, the expectation is infinite.
            expected = [value if value < math.inf else math.nan for value in search.expected_best(list(group["score"]))]
            colour, dash = looks[str(variant)]
            axes.plot(range(1, len(expected) + 1), expected, color=colour, ls=dash, lw=1.6, label=str(variant))
        axes.set(xscale="log", yscale="log", xlabel="points tried", ylabel="expected lowest distance")
        ticks = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= results["point"].max() + 1]
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        figure.legend(loc="outside right upper", fontsize=7)
        save(figure, path)


def sensitivity(results: pd.DataFrame, path: Path) -> None:
    """A row for each variant, a panel for each hyperparameter: the score of every point; crosses did not end."""
    variants = list(dict.fromkeys(results["variant"]))
    names = {variant: search.varied(results, variant) for variant in variants}
    variants = [variant for variant in variants if names[variant]]
    if not variants:
        return
    columns = max(len(names[variant]) for variant in variants)
    finite = results.loc[results["score"] < math.inf, "score"]
    with mpl.rc_context(STYLE):
        size = (PANEL * columns + 1, 1.35 * len(variants) + 0.4)
        figure, panels = plt.subplots(len(variants), columns, figsize=size, squeeze=False, sharey=True)
        looks = styles(results)
        for row, variant in zip(panels, variants, strict=True):
            mine = results[results["variant"] == variant]
            row[0].set_title(variant, loc="left", fontsize=8, fontweight="bold")
            for axes, name in zip(row, names[variant], strict=False):
                _scatter(axes, mine, name, looks[variant][0], finite.max())
            for axes in row[len(names[variant]) :]:
                axes.axis("off")
        figure.supylabel("distance", fontsize=8)
        save(figure, path)


def _scatter(axes: Axes, results: pd.DataFrame, name: str, colour: str, worst: float) -> None:
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
    axes.scatter(places[ended], results.loc[ended, "score"], color=colour, s=9)
    axes.scatter(places[~ended], [worst] * int((~ended).sum()), color="0.4", marker="x", s=14)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(name, fontsize=7, labelpad=1)
    axes.tick_params(labelsize=6)
    axes.minorticks_off()
