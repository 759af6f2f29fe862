"""Results of a hyperparameter search: scores, the best point of each variant, and the expected best of k points.

The arguments `results` are frames returned by `search.results`. `bench.driver.tune` runs searches. Imports neither
torch nor ray.
"""

import math
from collections.abc import Collection

import pandas as pd

from bench.analysis import across_seeds, frames, protocols
from bench.analysis.frames import Record
from bench.experiment.labels import split_label
from bench.experiment.specification import TrialSpec
from bench.store.folders import ExperimentFolder
from bench.store.states import State

NEAR = 1.1  # scores up to this multiple of the best count as near it
COLUMNS = ["trial", "method", "variant", "point", "seed", "state", "score", "partial", "train_seconds", "learning_rate"]
BUDGETS = (1, 4, 16, 64)  # numbers of points for which `summary` gives the expected best score


def results(folder: ExperimentFolder, ids: Collection[str] | None = None) -> pd.DataFrame:
    """Return one row per trial: COLUMNS, then the hyperparameters.

    Only of the trials `ids`, if they are given: scores depend on which other trials there are.

    `variant` is the label without its point. `score` is the distance in the trial's last row; it is infinite if the
    trial did not finish, so that instability is penalised as it would be in practice, and if it is no autoencoder
    (`reconstructs`), unless no point of the variant could be chosen then. `partial` is the last distance of a trial
    that did not finish, such as one that was stopped early; nan for others.
    """
    trials, rows = frames.trials(folder), frames.rows(folder)
    if ids is not None:
        trials, rows = trials[trials["trial"].isin(ids)], rows[rows["trial"].isin(ids)] if len(rows) else rows
    rows = protocols.separate(rows)
    last = frames.records(across_seeds.last_rows(rows, trials)) if len(rows) else []
    last_by_trial = {row["trial"]: row for row in last}
    distance = across_seeds.distances(rows)[0] if len(rows) else ""
    unfinished = rows[~rows["trial"].isin(last_by_trial)].dropna(subset=[distance]) if distance else rows
    partial = unfinished.groupby("trial")[distance].last().to_dict() if len(unfinished) else {}
    scored = []
    for trial in frames.records(trials[~trials["stale"].astype(bool)]):
        spec = folder.trial(trial["folder"]).trial().spec
        variant, point = split_label(trial["variant"])
        end = last_by_trial.get(trial["trial"], {})
        row = {key: trial[key] for key in ("trial", "method", "seed", "state")} | {"variant": variant, "point": point}
        row |= {
            "score": end.get(distance, math.inf),
            "partial": partial.get(trial["trial"], math.nan),
            "reconstructs": reconstructs(spec, end),
            "train_seconds": end.get("train_seconds", math.nan),
        }
        scored.append(row | {"learning_rate": spec.optimisation.learning_rate} | spec.hyperparameters)
    frame = pd.DataFrame.from_records(scored)
    if frame.empty:
        return pd.DataFrame(columns=COLUMNS)
    sound = (frame["score"] < math.inf) & frame["reconstructs"]
    some = frame["variant"].isin(_with_sound_points(frame.assign(sound=sound)))
    frame.loc[some & ~frame["reconstructs"], "score"] = math.inf
    frame = frame.drop(columns="reconstructs")
    frame = frame[COLUMNS + [column for column in frame.columns if column not in COLUMNS]]
    return frame.sort_values(["variant", "point", "seed"], ignore_index=True)


def _with_sound_points(trials: pd.DataFrame) -> list[str]:
    """The variants with a point that could be chosen: all its trials are sound, and no point has more of them."""
    points = trials.groupby(["variant", "point"])["sound"].agg(["all", "size"]).reset_index()
    most = points.groupby("variant")["size"].transform("max")
    return points.loc[points["all"] & (points["size"] == most), "variant"].tolist()


def reconstructs(spec: TrialSpec, row: Record) -> bool:
    """Whether held-out images are reconstructed better than by the mean image, as far as that is known.

    A decoder that saturates can have a low distance by accident: on CIFAR-10, black and white blobs, whose
    reconstruction error was 2.4 times that of the mean image, had a lower distance than any method's images.
    """
    error, training = row.get("reconstruction_test"), spec.training
    unit = spec.dataset.weight_unit if spec.dataset else None
    if (
        error is None
        or unit is None
        or (training.weight_units, training.reconstruction) != ("relative", "squared_error")
    ):
        return True
    return error < unit


def scores(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per point: variant, point and the mean score over its tuning seeds, ordered by point."""
    return results.groupby(["variant", "point"])["score"].mean().reset_index()


def finalists(results: pd.DataFrame, count: int) -> dict[str, list[int]]:
    """Return the `count` points with the lowest scores of each variant, the lowest first.

    Points with fewer tuning seeds than others of the variant, and points that did not finish, are left out. Of equal
    scores, the first point comes first.
    """
    ranked: dict[str, list[int]] = {}
    for variant, mine in results.groupby("variant", sort=False):
        seeds = mine.groupby("point")["seed"].nunique()
        tried = scores(mine).set_index("point")["score"][seeds == seeds.max()]
        lowest = tried[tried < math.inf].sort_values(kind="stable")
        if len(lowest):
            ranked[str(variant)] = [int(point) for point in lowest.index[:count]]
    return ranked


def best(results: pd.DataFrame) -> dict[str, int]:
    """Return the point with the lowest score of each variant, as the first of `finalists`.

    Variants without a finished point are left out.
    """
    return {variant: points[0] for variant, points in finalists(results, 1).items()}


def expected_best(scores: list[float]) -> list[float]:
    """Return the expected lowest score of k points drawn in random order, for k = 1, 2, ..., n.

    Exact, drawing without replacement: the i-th lowest of n scores (counted from 0) is the lowest of k with probability
    C(n-i-1, k-1) / C(n, k). (Dodge et al., Show Your Work, arXiv 1909.03004, section 3, draws with replacement.)
    """
    ordered, n = sorted(scores), len(scores)
    expectations = []
    for k in range(1, n + 1):
        chances = [math.comb(n - i - 1, k - 1) / math.comb(n, k) for i in range(n - k + 1)]
        expectations.append(sum(p * score for p, score in zip(chances, ordered, strict=False) if p))
    return expectations


def setting_columns(results: pd.DataFrame) -> list[str]:
    """Return the columns that define a setting: learning_rate and the hyperparameters."""
    return ["learning_rate", *(str(c) for c in results.columns if c not in COLUMNS and c != "prior")]


def varied(results: pd.DataFrame) -> list[str]:
    """Return the setting columns that have at least two values within some variant."""
    return [name for name in setting_columns(results) if (results.groupby("variant")[name].nunique() > 1).any()]


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant with a finished point, the lowest score first.

    Columns: variant; points; dimensions, the number of values that its points varied; failed, the number of points that
    did not finish; poor, the number of those that did but do not reconstruct (`results`); best_partial, the lowest
    partial score of these (nan without any); best_point, best_score; median_score; expected_best_<k> for each k in
    BUDGETS; near_best, the share of points within 10% of the best; seconds, the training time; best, the chosen values.
    """
    records = [_summary(results[results["variant"] == variant], point) for variant, point in best(results).items()]
    frame = pd.DataFrame.from_records(records)
    return frame.sort_values("best_score", ignore_index=True) if len(frame) else frame


def _summary(results: pd.DataFrame, point: int) -> Record:
    """The summary of one variant; `point` is its best."""
    values = scores(results)["score"].tolist()
    expected = expected_best(values)
    chosen = frames.records(results[results["point"] == point])[0]
    record: Record = {"variant": results["variant"].iloc[0], "points": len(values), "dimensions": len(varied(results))}
    infinite = results.loc[results["score"] == math.inf]
    failed = set(infinite.loc[infinite["state"] != State.done, "point"])
    record |= {
        "failed": len(failed),
        "poor": len({*infinite["point"]} - failed),
        "best_partial": results["partial"].min(),
    }
    record["best_point"] = point
    lowest = values[scores(results)["point"].tolist().index(point)]
    record |= {"best_score": lowest, "median_score": pd.Series(values).median()}
    record |= {f"expected_best_{k}": expected[k - 1] for k in BUDGETS if k <= len(values)}
    record["near_best"] = sum(value <= NEAR * lowest for value in values) / len(values)
    record["seconds"] = results["train_seconds"].sum()
    record["best"] = ", ".join(f"{name}={_formatted(chosen[name])}" for name in varied(results))
    return record


def _formatted(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)  # a column with missing values holds floats
