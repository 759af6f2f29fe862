"""What a search found, from its trial folders: scores, the best point of each method, and how much luck there was.

Neither torch nor ray is imported. `bench.driver.tune` runs searches.
"""

import math
from typing import Any

import pandas as pd

from bench.analysis import across_seeds, frames, protocols
from bench.experiment.labels import split_label
from bench.store.folders import ExperimentFolder

NEAR = 1.1  # times the best is near it
FOLDER = "search"  # inside the experiment that it is for
COLUMNS = ["trial", "method", "variant", "point", "seed", "state", "score", "train_seconds", "learning_rate"]


def results(folder: ExperimentFolder) -> pd.DataFrame:
    """One row a trial: COLUMNS, then hyperparameters.

    variant: the label without its point. score: the distance of its last row; infinite for a trial that did not come to
    its end, so that instability costs what it costs in use.
    """
    trials, rows = frames.trials(folder), protocols.separate(frames.rows(folder))
    last = frames.records(across_seeds.last_rows(rows, trials)) if len(rows) else []
    ended = {row["trial"]: row for row in last}
    distance = across_seeds.distances(rows)[0] if len(rows) else ""
    found = []
    for trial in frames.records(trials[~trials["stale"].astype(bool)]):
        spec = folder.trial(trial["folder"]).trial().spec
        base, point = split_label(trial["variant"])
        end = ended.get(trial["trial"], {})
        row = {key: trial[key] for key in ("trial", "method", "seed", "state")} | {"variant": base, "point": point}
        row |= {"score": end.get(distance, math.inf), "train_seconds": end.get("train_seconds", math.nan)}
        found.append(row | {"learning_rate": spec.optimisation.learning_rate} | spec.hyperparameters)
    frame = pd.DataFrame.from_records(found)
    if frame.empty:
        return pd.DataFrame(columns=COLUMNS)
    frame = frame[COLUMNS + [column for column in frame.columns if column not in COLUMNS]]
    return frame.sort_values(["variant", "point", "seed"], ignore_index=True)


def scores(results: pd.DataFrame) -> pd.DataFrame:
    """One row a point: variant, point and its mean score over tuning seeds."""
    return results.groupby(["variant", "point"], sort=False)["score"].mean().reset_index()


def best(results: pd.DataFrame) -> dict[str, int]:
    """The point of the lowest score of each variant that has one which came to its end; the earlier of equals."""
    found: dict[str, tuple[float, int]] = {}
    for record in frames.records(scores(results)):
        here = (record["score"], record["point"])
        if record["score"] < math.inf:
            found[record["variant"]] = min(here, found.get(record["variant"], here))
    return {variant: point for variant, (_, point) in found.items()}


def expected_best(scores: list[float]) -> list[float]:
    """The expected lowest score of k points, for k from 1 on, had they been tried in any other order.

    Exact, drawing without replacement: the i-th lowest of n (from 0) is the lowest of k with probability
    C(n-i-1, k-1) / C(n, k). (Dodge et al., Show Your Work, arXiv 1909.03004, section 3, draws with replacement.)
    """
    ordered, n = sorted(scores), len(scores)
    found = []
    for k in range(1, n + 1):
        chances = [math.comb(n - i - 1, k - 1) / math.comb(n, k) for i in range(n - k + 1)]
        found.append(sum(p * score for p, score in zip(chances, ordered, strict=False) if p))
    return found


def varied(results: pd.DataFrame, variant: str) -> list[str]:
    """The hyperparameters that the search of a variant varied."""
    mine = results[results["variant"] == variant]
    return [c for c in ["learning_rate", *results.columns[len(COLUMNS) :]] if mine[c].nunique() > 1]


def _shown(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)  # whole numbers are floats beside missing ones


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, the lowest score first.

    Columns: variant; points, and how many of them did not come to their end; best_point, best_score; median_score;
    expected_best_<k> for k = 1, 4, 16 ...; near_best, the share of points within 10% of the best; seconds, of training;
    best, the values chosen.
    """
    records = []
    for variant, point in best(results).items():
        mine = results[results["variant"] == variant]
        values = scores(mine)["score"].tolist()
        expected = expected_best(values)
        chosen = frames.records(mine[mine["point"] == point])[0]
        record: dict[str, Any] = {"variant": variant, "points": len(values)}
        record |= {"failed": sum(value == math.inf for value in values), "best_point": point}
        record |= {"best_score": min(values), "median_score": pd.Series(values).median()}
        record |= {f"expected_best_{k}": expected[k - 1] for k in (1, 4, 16, 64) if k <= len(values)}
        record["near_best"] = sum(value <= NEAR * min(values) for value in values) / len(values)
        record["seconds"] = mine["train_seconds"].sum()
        record["best"] = ", ".join(f"{name}={_shown(chosen[name])}" for name in varied(results, variant))
        records.append(record)
    found = pd.DataFrame.from_records(records)
    return found.sort_values("best_score", ignore_index=True) if len(found) else found
