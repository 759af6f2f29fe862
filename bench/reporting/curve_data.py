"""What figures of convergence show: measured values, means over seeds, and levels to compare with."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.analysis import across_seeds, significance
from bench.analysis.convergence import Target
from bench.reporting.group import Group

AXES = {"images_seen": "training images seen", "train_seconds": "training seconds (evaluation not counted)"}
ABSCISSAE = ("images_seen", "train_seconds", "epoch", "step")
FLOORS = {"latent_over_chance": "floor: samples of the prior"}  # legend of the dotted line
REAL_IMAGES = "floor: other real images"  # legend of the dotted line for all other metrics
MOST_BLANK = 0.25  # of the curves' logarithmic range: how much a level may add to the axis
MARGIN = 0.05  # of the axis, on either side
COINCIDE = 0.012  # of the logarithmic range: curves that are never farther apart cover each other
MOST_WIDER = 4  # steps in width of curves that others cover


@dataclass(frozen=True)
class Level:
    """A value to compare curves with: the floor, or a target."""

    text: str
    value: float
    dashed: bool


def axes(group: Group) -> dict[str, str]:
    """Return the horizontal axes of figures and their labels; seconds only if the trials' times are comparable."""
    return {x: text for x, text in AXES.items() if group.comparable_times or x != "train_seconds"}


def measured(group: Group, rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the finite values of a metric: one row per trial and step, with the newest measurement."""
    done = rows["trial"].isin(across_seeds.finished(group.trials)["trial"])
    data = rows.assign(done=done).reindex(columns=["variant", "trial", "seed", "done", *ABSCISSAE, metric])
    return data[np.isfinite(data[metric])].drop_duplicates(["trial", "step"], keep="last")


def levels(metric: str, floor: float | None, target: Target | None) -> Iterator[Level]:
    """Yield the levels of a figure."""
    if floor:
        yield Level(FLOORS.get(metric, REAL_IMAGES), floor, dashed=False)
    if target is not None:
        yield Level("target" if target.beforehand else "target, chosen afterwards", target.value, dashed=True)


def limits(values: Sequence[float], levels: Sequence[Level]) -> tuple[float, float]:
    """Return the limits of a logarithmic axis that curves fill.

    A level widens the axis by at most MOST_BLANK of the curves' range. A farther one lies outside of the limits.
    """
    logs = [math.log(value) for value in values if value > 0] or [0.0]
    low, high = min(logs), max(logs)
    room = MOST_BLANK * max(high - low, 1.0)
    near = [
        log
        for log in (math.log(level.value) for level in levels if level.value > 0)
        if low - room <= log <= high + room
    ]
    low, high = min([low, *near]), max([high, *near])
    margin = MARGIN * max(high - low, 1.0)
    return math.exp(low - margin), math.exp(high + margin)


def covered(means: Mapping[str, pd.DataFrame], metric: str) -> dict[str, list[str]]:
    """Return the variants whose mean curve is covered, each with the variants that are drawn over it.

    Args:
        means: `mean_curve` of each variant, in the order of drawing.
        metric: its column.
    """
    logs = {variant: np.log(curve[metric].to_numpy(float)) for variant, curve in means.items() if len(curve)}
    values = np.concatenate([*logs.values(), [0.0]])[:-1]
    values = values[np.isfinite(values)]
    near = COINCIDE * max(float(np.ptp(values)), 1.0) if len(values) else 0.0
    over: dict[str, list[str]] = {}
    for (lower, a), (upper, b) in itertools.combinations(logs.items(), 2):
        if len(a) == len(b) and bool((np.abs(a - b) <= near).all()):
            over.setdefault(lower, []).append(upper)
    return over


def covering(over: Mapping[str, list[str]]) -> str:
    """Return a sentence on curves that others cover; empty if there are none. over: from `covered`."""
    if not over:
        return ""
    pairs = "; ".join(f"{lower} below {', '.join(uppers)}" for lower, uppers in over.items())
    return f"Curves that coincide are wider the lower they lie: {pairs}."


def mean_curve(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """By step: means over the finished seeds of ABSCISSAE and the metric, the metric's interval low, high, and seeds n.

    Only steps that all seeds have, since a mean over fewer would jump. Trainings of equal time end at different steps,
    so their evaluations are matched by number.
    """
    rows = rows[rows["done"]]
    of_trials = rows.groupby("trial")["step"]
    at = rows["step"] if of_trials.max().nunique() <= 1 else of_trials.rank()
    rows = rows.assign(at=at)
    complete = rows.groupby("at").filter(lambda step: len(step) == rows["trial"].nunique())
    steps = complete.groupby("at")
    means = steps[[*ABSCISSAE, metric]].mean()
    seeds = [values.tolist() for _, values in steps[metric]]
    bounds = [significance.interval(values) for values in seeds]
    return means.assign(low=[low for low, _ in bounds], high=[high for _, high in bounds], n=list(map(len, seeds)))
