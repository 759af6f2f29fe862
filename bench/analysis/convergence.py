"""How soon, and how smoothly, a metric falls while a method trains: time to a target, area under the curve, roughness.

Lower values of a metric are better, and all are positive: they are Frechet distances. Rows and trials are the frames of
`bench.analysis.frames`. Neither torch nor ray is imported.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.analysis import across_seeds

ENDED = ("done", "diverged", "failed", "stopped")  # a trial in another state may still get there
POSITIONS = {"step": "step", "images_seen": "images", "train_seconds": "seconds"}  # columns of rows -> those of `times`


@dataclass(frozen=True)
class Target:
    """A value of a metric to be reached; whether it was fixed before anything was measured, and whence it comes."""

    value: float
    beforehand: bool
    source: str


def target(
    rows: pd.DataFrame, trials: pd.DataFrame, metric: str, fixed: float | None, reference: str | None
) -> Target | None:
    """`fixed`, the value in the protocol, where there is one; else what the variant `reference` came to in the end.

    That is the median over its finished seeds. Without a reference, it is the variant in the middle of all by mean
    final value (the better of two), so that about half of them can get there. None where nothing finished.
    """
    if fixed is not None:
        return Target(fixed, True, "the protocol")
    last = across_seeds.last_rows(rows, trials).dropna(subset=[metric])
    means = sorted((mean, variant) for variant, mean in last.groupby("variant")[metric].mean().items())
    why = ""
    if reference is None and means:
        reference = str(means[(len(means) - 1) // 2][1])
        why = f" (in the middle of {len(means)} variants)" if len(means) > 1 else ""
    values = last.loc[last["variant"] == reference, metric]
    if values.empty:
        return None
    return Target(float(values.median()), False, f"the median final {metric} of {reference}{why}, taken afterwards")


def times(rows: pd.DataFrame, trials: pd.DataFrame, metric: str, target: float) -> pd.DataFrame:
    """When each trial was first seen at or below the target: one row a trial that has ENDED and is not stale.

    Columns: trial, variant, seed; reached; step, images and seconds (of training alone), infinite for a trial that
    never got there, also where that is because it ended early. What a trial reached before it diverged, it did reach.
    """
    # Nothing is interpolated. The curve was below the target somewhere between the evaluation before and this one, and
    # what it did there is not known: times are upper bounds, as fine as the schedule of evaluations.
    curve = curves(rows, metric)
    first = curve[curve[metric] <= target].drop_duplicates("trial").set_index("trial")
    first = first[list(POSITIONS)].rename(columns=POSITIONS).astype(float)
    ended = trials[trials["state"].isin(ENDED) & ~trials["stale"].astype(bool)]
    reached = ended["trial"].isin(first.index)
    found = ended[["trial", "variant", "seed"]].assign(reached=reached).join(first, on="trial")
    found.loc[~reached, list(first.columns)] = math.inf
    return found.reset_index(drop=True)


def time_to_target(times: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, in the order of `times`.

    Columns: variant; seeds; reached, the share of them that did, 0 to 1; for both images and seconds the censored
    median over seeds under that name, and <name>_least and <name>_greatest. Of an even number of seeds the median is
    the upper one in the middle, for an average with infinity says nothing: infinite where half of them missed, or more.
    """
    records = []
    for variant, group in times.groupby("variant", sort=False):
        record = {"variant": variant, "seeds": len(group), "reached": group["reached"].mean()}
        for name in ("images", "seconds"):
            ordered = np.sort(group[name])
            record |= {name: ordered[len(ordered) // 2], f"{name}_least": ordered[0], f"{name}_greatest": ordered[-1]}
        records.append(record)
    names = [f"{name}{end}" for name in ("images", "seconds") for end in ("", "_least", "_greatest")]
    return pd.DataFrame.from_records(records, columns=["variant", "seeds", "reached", *names])


def area(rows: pd.DataFrame, trials: pd.DataFrame, metric: str) -> pd.Series:
    """By trial, the geometric mean of the metric along training, in its own unit: low where it fell early.

    It is the area under log(metric) against log(images seen), by the trapezoidal rule, divided by the width. Averages
    over different spans do not compare, for all curves fall: nan for a trial that did not finish, is stale, or was not
    measured at the first and the last evaluation that others have. Values missing in between are bridged.
    """
    curve = curves(rows, metric)
    curve = curve[curve["trial"].isin(across_seeds.finished(trials)["trial"]) & (curve["images_seen"] > 0)]
    ends = (curve["images_seen"].min(), curve["images_seen"].max())
    found = {}
    for trial, group in curve.groupby("trial"):
        images = group["images_seen"].to_numpy(float)
        if (images[0], images[-1]) == ends and len(images) > 1:
            x, y = np.log(images), np.log(group[metric].to_numpy(float))
            found[trial] = np.exp(np.trapezoid(y, x) / (x[-1] - x[0]))
    return pd.Series(found, dtype=float).reindex(pd.Index(trials["trial"], name="trial")).rename("area")


def roughness(rows: pd.DataFrame, metric: str) -> pd.Series:
    """By trial, how much the curve goes up on its way down: the mean over its steps of max(0, change of log(metric)).

    A step goes from one evaluation to the next. 0: it never rose; 0.1: by 10% a step, on average. nan where there are
    not two evaluations. The noise of the metric itself counts too, so that only equal sample counts and schedules
    compare, and what a trial did after it diverged is not there to be counted.
    """
    curve = curves(rows, metric)
    logs = pd.Series(np.log(curve[metric].to_numpy(float)), index=curve["trial"])
    means = logs.groupby(level="trial").diff().clip(lower=0).groupby(level="trial").mean()
    return means.reindex(pd.Index(rows["trial"].unique(), name="trial")).rename("roughness")


def curves(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Columns trial, step, images_seen, train_seconds, metric: one row a trial and step that has a value, in order.

    Of what was measured again at a step the newest value counts, which is the last of `rows`.
    """
    newest = rows.groupby(["trial", "step"])[["images_seen", "train_seconds", metric]].last()
    return newest.dropna(subset=[metric]).reset_index()
