"""Trade-offs at the end of training: a point per seed, the mean with its ellipse, and the front."""

import itertools
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.reporting.charts import Chart, rounded
from bench.reporting.cropping import arrow, outside
from bench.reporting.curve_data import limits
from bench.reporting.curve_figures import label
from bench.reporting.group import Group
from bench.reporting.style import STYLE, Figure, LineStyle, legend_text, line_styles, logarithmic, save, wrapped
from bench.reporting.table import digits

COSTS = {  # column -> name of the figure, label of the axis
    "reconstruction_test": ("pareto_reconstruction", "reconstruction error (summed over pixels)"),
    "train_seconds": ("pareto_seconds", "training seconds (evaluation not counted)"),
}
ABOUT = (
    "At the last checkpoint; lower is better on both axes. Small: every finished seed. Large: the geometric mean, with "
    "the ellipse of one standard deviation (from three seeds on). Grey steps: the front, at which no other mean is "
    "lower on both axes."
)
BEYOND = " Arrows: variants that lie far outside of the axes, with the values of their means."
LEAST_RANGE = 1.1  # of an axis: its highest value divided by its lowest
CORNERS = 48  # of an ellipse


@dataclass(frozen=True)
class Cloud:
    """The seeds of one variant.

    Attributes:
        variant: its label.
        seeds: columns trial, seed, x and y, all positive.
    """

    variant: str
    seeds: pd.DataFrame

    @cached_property
    def logs(self) -> np.ndarray:
        """Logarithms of x and y, [n, 2]."""
        return np.log(self.seeds[["x", "y"]].to_numpy(float))

    @property
    def mean(self) -> tuple[float, float]:
        """The geometric means."""
        x, y = np.exp(self.logs.mean(axis=0))
        return float(x), float(y)

    @property
    def ellipse(self) -> np.ndarray | None:
        """The outline of one standard deviation in logarithms, [CORNERS, 2]; None below three seeds."""
        if len(self.logs) < 3:
            return None
        values, axes = np.linalg.eigh(np.cov(self.logs.T))
        angles = np.linspace(0, 2 * np.pi, CORNERS)
        circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return np.exp(self.logs.mean(axis=0) + (circle * np.sqrt(np.maximum(values, 0))) @ axes.T)


def trade_offs(group: Group, folder: Path) -> list[Figure]:
    """Draw the headline distance against each of COSTS that was measured; seconds only if they are comparable."""
    figures = []
    for cost, (name, text) in COSTS.items():
        if group.headline is None or cost not in group.last or (cost == "train_seconds" and not group.comparable_times):
            continue
        clouds, styles = _clouds(group, cost, group.headline), line_styles(group.trials)
        if len(clouds) > 1:
            title, far = label(group.headline), _far(clouds)
            _draw(clouds, far, styles, text, title, folder / name)
            about = ABOUT + (BEYOND if any(map(any, far)) else "")
            chart = _chart(clouds, far, styles, text, title)
            figures.append(Figure(name, f"{_short(text)} against distance", about, chart=chart))
    return figures


def _short(text: str) -> str:
    return text.split(" (")[0].capitalize()


def _clouds(group: Group, x: str, y: str) -> list[Cloud]:
    last = group.last.rename(columns={x: "x", y: "y"})
    positive = last[((last[["x", "y"]] > 0) & (last[["x", "y"]] < np.inf)).all(axis=1)]
    columns = ["trial", "seed", "x", "y"]
    by_variant = {str(variant): rows[columns] for variant, rows in positive.groupby("variant")}
    return [Cloud(variant, by_variant[variant]) for variant in group.shown if variant in by_variant]


def _far(clouds: list[Cloud]) -> list[tuple[bool, bool]]:
    """Whether each cloud is left out of the horizontal and of the vertical axis."""
    return list(zip(*(outside([cloud.mean[side] for cloud in clouds]) for side in (0, 1)), strict=True))


def front(clouds: list[Cloud]) -> list[tuple[float, float]]:
    """Return the means that no other mean dominates, by x."""
    means = sorted(cloud.mean for cloud in clouds)
    return [mean for i, mean in enumerate(means) if all(mean[1] < other[1] for other in means[:i])]


def _steps(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The front as a staircase: what lies above and to the right of it is dominated."""
    steps = points[:1]
    for (_, y), point in itertools.pairwise(points):
        steps += [(point[0], y), point]
    return steps


def _draw(
    clouds: list[Cloud],
    far: list[tuple[bool, bool]],
    styles: dict[str, LineStyle],
    x: str,
    y: str,
    path: Path,
) -> None:
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.8, 4.2))
        axes.plot(*zip(*_steps(front(clouds)), strict=True), color="0.6", lw=1, zorder=1)
        for cloud in clouds:
            style = styles[cloud.variant]
            look: Any = {"color": style.colour, "marker": style.marker, "ls": "", "mfc": style.face}
            axes.plot(cloud.seeds["x"], cloud.seeds["y"], ms=3, alpha=0.45, **look)
            axes.plot(*cloud.mean, ms=8, mew=1.6, label=legend_text(wrapped(cloud.variant)), **look)
            if cloud.ellipse is not None:
                axes.plot(*cloud.ellipse.T, color=style.colour, lw=1, ls=style.dash)
        axes.set(xlabel=x, ylabel=y, xscale="log", yscale="log")
        for i, side in enumerate(("x", "y")):
            if any(each[i] for each in far):
                near = pd.concat([cloud.seeds[side] for cloud, each in zip(clouds, far, strict=True) if not each[i]])
                axes.set(**{f"{side}lim": limits(near.tolist(), [])})
            _widen(axes, side)
        _arrows(axes, [cloud for cloud, each in zip(clouds, far, strict=True) if any(each)], styles)
        logarithmic(axes.xaxis)
        logarithmic(axes.yaxis)
        figure.legend(loc="outside right upper", fontsize=8)
        save(figure, path, pd.concat([cloud.seeds.assign(variant=cloud.variant) for cloud in clouds]))


def _arrows(axes: Axes, clouds: list[Cloud], styles: dict[str, LineStyle]) -> None:
    """Name the means beyond the axes at their edge, with their values; those at the top or bottom below each other."""
    room = dict.fromkeys((-1, 0, 1), 0)  # lines of text at each edge
    for cloud in clouds:
        beyond, at = [], []
        for value, (low, high) in zip(cloud.mean, (axes.get_xlim(), axes.get_ylim()), strict=True):
            beyond.append(int(value > high) - int(value < low))
            at.append(min(max(value, low), high))
        values = ", ".join(digits(value) for value, side in zip(cloud.mean, beyond, strict=True) if side)
        text = f"{arrow(*beyond)} {wrapped(cloud.variant)}: {values}"
        down = 1 if beyond[1] < 0 else -1
        place: Any = {"xytext": (-4 * beyond[0], down * (3 + 10 * room[beyond[1]])), "textcoords": "offset points"}
        align: Any = {"ha": ("center", "right", "left")[beyond[0]], "va": "bottom" if down > 0 else "top"}
        axes.annotate(text, (at[0], at[1]), color=styles[cloud.variant].colour, fontsize=7, **place, **align)
        room[beyond[1]] += text.count("\n") + 1


def _widen(axes: Axes, side: str) -> None:
    """Give an axis some range even if all its values are equal."""
    low, high = getattr(axes, f"get_{side}lim")()
    if high < LEAST_RANGE * low:
        middle = (low * high) ** 0.5
        axes.set(**{f"{side}lim": (middle / LEAST_RANGE**0.5, middle * LEAST_RANGE**0.5)})


def _chart(clouds: list[Cloud], far: list[tuple[bool, bool]], styles: dict[str, LineStyle], x: str, y: str) -> Chart:
    drawn = [
        {
            "variant": cloud.variant,
            "trials": cloud.seeds["trial"].tolist(),
            "seeds": cloud.seeds["seed"].tolist(),
            "x": rounded(cloud.seeds["x"]),
            "y": rounded(cloud.seeds["y"]),
            "mean": rounded(cloud.mean),
            "ellipse": [] if cloud.ellipse is None else [rounded(side) for side in cloud.ellipse.T],
            "far": list(each),
        }
        for cloud, each in zip(clouds, far, strict=True)
    ]
    shown = {cloud.variant: styles[cloud.variant] for cloud in clouds}
    steps = [rounded(side) for side in zip(*_steps(front(clouds)), strict=True)]
    return Chart("clouds", shown, {"x": x, "title": y, "clouds": drawn, "front": steps})
