"""How soon, and how smoothly, a metric falls during training: time to a target, area under the curve, roughness.

Metrics are Fréchet distances: positive, and lower is better. Rows and trials are the frames of `bench.analysis.frames`.
Imports neither torch nor ray.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.analysis import across_seeds
from bench.store.states import State

ENDED = tuple(state for state in State if state.has_ended)  # a trial in another state may still reach a target
PROGRESS = {
    "step": "step",
    "images_seen": "images",
    "train_seconds": "seconds",
}  # columns of rows -> columns of `times`


@dataclass(frozen=True)
class Target:
    """A value of a metric to be reached.

    Attributes:
        value: reached by any value at or below it.
        beforehand: whether it was fixed before training.
        source: where it comes from, in words.
    """

    value: float
    beforehand: bool
    source: str


def target(
    rows: pd.DataFrame, trials: pd.DataFrame, metric: str, fixed: float | None, reference: str | None
) -> Target | None:
    """Choose the target of a metric.

    Args:
        rows: the rows of all trials.
        trials: all trials.
        metric: a column of `rows`.
        fixed: the value in the protocol, which takes precedence.
        reference: the variant whose final value, as the median over finished seeds, is the target. Default: the
            median variant by mean final value, so that about half of the variants can reach it. Of two middle variants,
            the better.

    Returns:
        The target, or None if no trial finished.
    """
    if fixed is not None:
        return Target(fixed, True, "the protocol")
    last = across_seeds.last_rows(rows, trials).dropna(subset=[metric])
    means = sorted((mean, variant) for variant, mean in last.groupby("variant")[metric].mean().items())
    explanation = ""
    if reference is None and means:
        reference = str(means[(len(means) - 1) // 2][1])
        explanation = f" (the median of {len(means)} variants)" if len(means) > 1 else ""
    values = last.loc[last["variant"] == reference, metric]
    if values.empty:
        return None
    return Target(
        float(values.median()), False, f"the median final {metric} of {reference}{explanation}, chosen afterwards"
    )


def times(rows: pd.DataFrame, trials: pd.DataFrame, metric: str, target: float) -> pd.DataFrame:
    """Return when each trial was first at or below the target: one row per trial that has ENDED and is not stale.

    Columns: trial, variant, seed; reached; step, images and seconds (of training alone), infinite if the trial never
    reached the target, even if it ended early. A target reached before a trial diverged counts as reached.
    """
    # Nothing is interpolated: the curve crossed the target at an unknown time after the previous evaluation. So times
    # are upper bounds, and their resolution is the schedule of evaluations.
    curve = curves(rows, metric)
    first = curve[curve[metric] <= target].drop_duplicates("trial").set_index("trial")
    first = first[list(PROGRESS)].rename(columns=PROGRESS).astype(float)
    ended = trials[trials["state"].isin(ENDED) & ~trials["stale"].astype(bool)]
    reached = ended["trial"].isin(first.index)
    result = ended[["trial", "variant", "seed"]].assign(reached=reached).join(first, on="trial")
    result.loc[~reached, list(first.columns)] = math.inf
    return result.reset_index(drop=True)


def time_to_target(times: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, in the order of `times`.

    Columns: variant; seeds; reached, the share of seeds that reached the target, 0 to 1; and for each of
    images and seconds the median over seeds, with <name>_least and <name>_greatest. A seed that missed the target
    counts as infinite, so the median is infinite if half of the seeds or more missed it.
    """
    records = []
    for variant, subset in times.groupby("variant", sort=False):
        record = {"variant": variant, "seeds": len(subset), "reached": subset["reached"].mean()}
        for name in ("images", "seconds"):
            taken = subset[name].to_numpy()
            record |= {name: np.median(taken), f"{name}_least": taken.min(), f"{name}_greatest": taken.max()}
        records.append(record)
    names = [f"{name}{end}" for name in ("images", "seconds") for end in ("", "_least", "_greatest")]
    return pd.DataFrame.from_records(records, columns=["variant", "seeds", "reached", *names])


def area(rows: pd.DataFrame, trials: pd.DataFrame, metric: str) -> pd.Series:
    """Return the geometric mean of the metric along training for each trial, in the metric's unit.

    Low values mean that the metric fell early. It is the area under log(metric) against log(images seen), by the
    trapezoidal rule, divided by the width. Gaps are interpolated. Averages over different spans are not comparable,
    since all curves fall. So the value is nan if a trial did not finish, is stale, or lacks the first or last
    evaluation that finished trials have. Trainings of equal time (`has_equal_times`) see different numbers of images,
    so their area is over log(training seconds).
    """
    curve = curves(rows, metric)
    curve = curve[curve["trial"].isin(across_seeds.finished(trials)["trial"]) & (curve["images_seen"] > 0)]
    of_trials = curve.groupby("trial")["images_seen"]
    if has_equal_times(rows, trials):
        along, complete = "train_seconds", of_trials.size() == of_trials.size().max()
    else:
        ends = (curve["images_seen"].min(), curve["images_seen"].max())
        along, complete = "images_seen", (of_trials.first() == ends[0]) & (of_trials.last() == ends[1])
    areas = {}
    for trial, points in curve.groupby("trial"):
        if complete[trial] and len(points) > 1:
            x, y = np.log(points[along].to_numpy(float)), np.log(points[metric].to_numpy(float))
            areas[trial] = np.exp(np.trapezoid(y, x) / (x[-1] - x[0]))
    return pd.Series(areas, dtype=float).reindex(pd.Index(trials["trial"], name="trial")).rename("area")


def has_equal_times(rows: pd.DataFrame, trials: pd.DataFrame) -> bool:
    """Whether the budget of the trainings is time: finished trials, of one protocol, ended at different steps."""
    finished = rows[rows["trial"].isin(across_seeds.finished(trials)["trial"])]
    return finished.groupby("trial")["step"].max().nunique() > 1


def roughness(rows: pd.DataFrame, metric: str) -> pd.Series:
    """Return how much each trial's curve rises: the mean of max(0, change of log(metric)) between evaluations.

    0 means that it never rose; 0.1 means an average rise of 10% per evaluation; nan means fewer than two evaluations.
    Noise of the metric itself counts too, so only equal sample counts and schedules are comparable. Divergence adds
    nothing, since a diverged trial is no longer evaluated.
    """
    curve = curves(rows, metric)
    logs = pd.Series(np.log(curve[metric].to_numpy(float)), index=curve["trial"])
    means = logs.groupby(level="trial").diff().clip(lower=0).groupby(level="trial").mean()
    return means.reindex(pd.Index(rows["trial"].unique(), name="trial")).rename("roughness")


def curves(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one row per trial and step with a value, in order: trial, step, images_seen, train_seconds, metric.

    If a step was measured more than once, the newest value counts, which is the last in `rows`.
    """
    newest = rows.groupby(["trial", "step"])[["images_seen", "train_seconds", metric]].last()
    return newest.dropna(subset=[metric]).reset_index()
