"""What one report compares: the trials of one protocol, out of one experiment or of several from different machines."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench import comparison, convergence, protocols, search, statistics, tables
from bench.columns import TIMINGS
from bench.errors import UserError
from bench.files import shown
from bench.store import ExperimentFolder, TrialFolder

MOST_SHOWN = 16  # variants in a figure: more lines cannot be told apart
MOST_DIFFERENCES = 3  # that a refusal names


@dataclass(frozen=True)
class Group:
    """`trials` and `rows` as of `bench.tables`, rows of different protocols in columns of their own."""

    name: str
    folders: list[ExperimentFolder]
    trials: pd.DataFrame
    rows: pd.DataFrame
    description: dict[str, Any]

    @cached_property
    def summary(self) -> pd.DataFrame:
        return statistics.summarise(self.rows, self.trials)

    @cached_property
    def last(self) -> pd.DataFrame:
        """`statistics.last_rows`: one row a finished trial."""
        return statistics.last_rows(self.rows, self.trials)

    @cached_property
    def fresh(self) -> pd.DataFrame:
        """The rows, but those of stale trials."""
        return self.rows[self.rows["trial"].isin(self.trials.loc[~self.trials["stale"].astype(bool), "trial"])]

    @cached_property
    def headline(self) -> str | None:
        """The distance that methods are compared by; None where nothing was measured."""
        return next(iter(statistics.distances(self.rows)), None) if len(self.rows) else None

    @cached_property
    def curve(self) -> str | None:
        """The distance that was measured most often: all along the training."""
        found = statistics.distances(self.fresh)
        return max(found, key=lambda column: self.fresh[column].count(), default=None)

    @cached_property
    def shown(self) -> list[str]:
        """The variants that figures show, best first: all, or, of many, the best of each method and prior."""
        if len(self.summary) <= MOST_SHOWN:
            return list(self.summary["variant"])
        return list(self.summary.drop_duplicates(["method", "prior"])["variant"])

    @property
    def dataset(self) -> str:
        return self.description["protocol"]["dataset"]["name"]

    def values(self, column: str) -> dict[str, list[float]]:
        """The column's value of every finished seed, by variant, in the order of the summary; finite ones only."""
        if self.last.empty or column not in self.last:
            return {}
        found: dict[str, list[float]] = {variant: [] for variant in self.summary["variant"]}
        for variant, value in zip(self.last["variant"], self.last[column].tolist(), strict=True):
            if math.isfinite(value):
                found[variant].append(value)
        return {variant: values for variant, values in found.items() if values}

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """`comparison.pairwise` of the headline distance, best variants first."""
        return comparison.pairwise(self.values(self.headline)) if self.headline else pd.DataFrame()

    @cached_property
    def results(self) -> pd.DataFrame:
        """What `bench.stability` reads: one row a trial that has ended, and the settings it had.

        variant is the method and its prior; score the headline distance, infinite where the trial did not come to its
        end; learning_rate and hyperparameters follow.
        """
        scores = (
            self.last.set_index("trial")[self.headline] if self.headline and len(self.last) else pd.Series(dtype=float)
        )
        ended = self.trials[self.trials["state"].isin(convergence.ENDED) & ~self.trials["stale"].astype(bool)]
        found = []
        for record in tables.records(ended):
            spec = self.trial(record).spec()["spec"]
            row = {
                "trial": record["trial"],
                "method": record["method"],
                "variant": search.without_settings(record["variant"]),
            }
            row |= {"seed": record["seed"], "state": record["state"], "score": scores.get(record["trial"], math.inf)}
            rate = spec.get("learning_rate", spec["training"]["learning_rate"])
            found.append(row | {"learning_rate": rate} | spec["hyperparameters"])
        return pd.DataFrame.from_records(found)

    def trial(self, record: dict[str, Any]) -> TrialFolder:
        return TrialFolder(Path(record["experiment"]) / "trials" / record["folder"])

    @property
    def alike(self) -> bool:
        """Whether seconds can be compared: all trials had the same machine, threads and company."""
        return self.trials.dropna(subset=["machine"])[["machine", "at_once"]].drop_duplicates().shape[0] <= 1


def load(paths: Sequence[Path]) -> list[Group]:
    """The experiments of these folders, those of one protocol merged.

    Raises:
        UserError: a folder is no experiment or holds no trials; the same trial has two results.
    """
    found: dict[str, list[ExperimentFolder]] = {}
    for path in dict.fromkeys(map(Path.resolve, paths)):
        folder = _experiment(path)
        found.setdefault(_protocol(folder.description()), []).append(folder)
    datasets = [folders[0].description()["protocol"]["dataset"]["name"] for folders in found.values()]
    return [
        _merged(dataset if datasets.count(dataset) == 1 else f"{dataset} ({folders[0].path.name})", folders)
        for dataset, folders in zip(datasets, found.values(), strict=True)
    ]


def of(folder: ExperimentFolder) -> Group:
    """One experiment."""
    return load([folder.path])[0]


def _experiment(path: Path) -> ExperimentFolder:
    if not path.is_dir():
        raise UserError(f"there is no folder {shown(path)}")
    folder = ExperimentFolder(path)
    if not folder.description():
        raise UserError(f"the folder {shown(path)} is no experiment: it has no experiment.yaml")
    if not folder.trials():
        raise UserError(f"{shown(path)} holds no trials; start some with python -m bench.run --out {shown(path)}")
    return folder


def _protocol(description: dict[str, Any]) -> str:
    """What makes numbers comparable; extractors are told apart value by value (`bench.protocols`)."""
    protocol = {key: value for key, value in description["protocol"].items() if key != "extractor_sha256"}
    return json.dumps(protocol, sort_keys=True)


def _merged(name: str, folders: list[ExperimentFolder]) -> Group:
    frames = [tables.trials(folder).assign(experiment=str(folder.path)) for folder in folders]
    pairs = list(zip(folders, frames, strict=True))
    trials = pd.concat(frames, ignore_index=True)
    measured = [tables.rows(folder, frame).assign(experiment=str(folder.path)) for folder, frame in pairs]
    rows = pd.concat(measured, ignore_index=True)
    if len(folders) > 1:
        trials = _kept(trials, rows)
        rows = rows.merge(trials[["trial", "experiment"]])
    trials = trials.sort_values(["variant", "seed"], ignore_index=True)
    rows = protocols.separate(rows.drop(columns="experiment"))
    return Group(name, folders, trials, rows, _description([folder.description() for folder in folders]))


def _kept(trials: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Each trial once: of several copies the one that is done, or got furthest. Copies must not contradict."""
    kept = []
    for _, copies in trials.groupby("trial", sort=False):
        mine = {
            path: rows[(rows["trial"] == copies["trial"].iloc[0]) & (rows["experiment"] == path)]
            for path in copies["experiment"]
        }
        best = max(tables.records(copies), key=lambda copy: (copy["state"] == "done", len(mine[copy["experiment"]])))
        for path in copies["experiment"]:
            _refuse_conflict(best, mine[best["experiment"]], path, mine[path])
        kept.append(best)
    return pd.DataFrame.from_records(kept, columns=list(trials.columns))


def _refuse_conflict(trial: dict[str, Any], rows: pd.DataFrame, path: str, others: pd.DataFrame) -> None:
    """UserError where rows of one step differ in anything but what the training took."""
    skipped = {*TIMINGS, "experiment"}
    keys = [
        key
        for key in ("step", "n_generated", "sampler", "sampling_seed", "extractor_sha256")
        if key in rows and key in others
    ]
    both = rows.merge(others, on=keys, suffixes=("", " there")) if len(rows) and len(others) else rows.iloc[:0]
    found = []
    for column in rows.columns.difference([*skipped, *keys]):
        if f"{column} there" not in both:
            continue
        here, there = both[column], both[f"{column} there"]
        unlike = both[(here != there) & ~(here.isna() | there.isna())]
        found += [
            f"{column} at step {r['step']} is {r[column]} and {r[f'{column} there']}"
            for r in tables.records(unlike.head(1))
        ]
    if found:
        shown_ones = "; ".join(found[:MOST_DIFFERENCES]) + (
            f"; {len(found) - MOST_DIFFERENCES} more columns" if len(found) > MOST_DIFFERENCES else ""
        )
        raise UserError(
            f"{trial['variant']} seed {trial['seed']} is in {trial['experiment']} and in {path} with different results "
            f"({shown_ones}); leave one of the two folders out, or remove that trial from one"
        )


def _description(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Of several experiments of one protocol: every command and method once."""
    merged = dict(found[0])
    for each in found[1:]:
        for key in ("commands", "methods"):
            merged[key] = list(dict.fromkeys([*merged.get(key, []), *each.get(key, [])]))
    return merged
