"""Experiments out of folders, those of one protocol put together: a trial counts once and may not contradict itself."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis import frames as tables
from bench.analysis import protocols
from bench.analysis.protocols import difference
from bench.errors import UserError
from bench.io.files import shown
from bench.metrics.columns import STAMPS, TIMINGS
from bench.reporting.group import Group
from bench.store.documents import Description
from bench.store.folders import ExperimentFolder

MOST_DIFFERENCES = 3  # that a refusal names


def load(paths: Sequence[Path]) -> list[Group]:
    """The experiments of these folders, those of one protocol merged.

    Raises:
        UserError: a folder is no experiment or holds no trials; the same trial has two results.
    """
    found: dict[str, list[ExperimentFolder]] = {}
    for path in dict.fromkeys(map(Path.resolve, paths)):
        folder = _experiment(path)
        found.setdefault(json.dumps(_protocol(folder), sort_keys=True), []).append(folder)
    groups: list[Group] = []
    for folders in found.values():
        protocol = _protocol(folders[0])
        dataset = folders[0].require_description().protocol.dataset.name
        before = next((group for group in groups if group.dataset == dataset), None)
        if before is None:
            groups.append(_merged(dataset, "", folders))
        else:  # named by where it is, which is unique
            unlike = f"Not merged with {before.name}, for its protocol is another: "
            unlike += f"{difference(_protocol(before.folders[0]), protocol)}."
            groups.append(_merged(f"{dataset} ({shown(folders[0].path)})", unlike, folders))
    return groups


def of(folder: ExperimentFolder) -> Group:
    """One experiment."""
    return load([folder.path])[0]


def _experiment(path: Path) -> ExperimentFolder:
    folder = ExperimentFolder.open(path)
    if not folder.trials():
        raise UserError(f"{shown(path)} holds no trials; start some with python -m bench.run --out {shown(path)}")
    return folder


def _protocol(folder: ExperimentFolder) -> dict[str, object]:
    """What makes numbers comparable; extractors are told apart value by value (`bench.analysis.protocols.separate`)."""
    return {key: value for key, value in folder.require_description().written.items() if key != "extractor_sha256"}


def _merged(name: str, unlike: str, folders: list[ExperimentFolder]) -> Group:
    """unlike: a sentence that says why it is not in a group before it."""
    frames = [tables.trials(folder).assign(experiment=str(folder.path)) for folder in folders]
    measured = [
        tables.rows(folder, frame).assign(experiment=str(folder.path))
        for folder, frame in zip(folders, frames, strict=True)
    ]
    trials, rows = pd.concat(frames, ignore_index=True), pd.concat(measured, ignore_index=True)
    if trials.empty:
        unread = f"{shown(folders[0].path)} holds no trial that can be read"
        raise UserError(f"{unread}; the bench.run that made it mends them, or trains them again")
    if len(folders) > 1:
        trials, rows = _once(trials, rows)
        rows = rows.sort_values(["variant", "seed"], kind="stable", ignore_index=True)
    trials = trials.sort_values(["variant", "seed"], ignore_index=True)
    rows = protocols.separate(rows.drop(columns="experiment"))
    return Group(
        name, folders, trials, rows, _description([folder.require_description() for folder in folders]), unlike
    )


def _once(trials: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each trial once: of several copies the one that is done, or got furthest, and all that was measured later."""
    kept, measured = [], []
    for id, copies in trials.groupby("trial", sort=False):
        mine = rows[rows["trial"] == id]
        parts = {path: mine[mine["experiment"] == path] for path in copies["experiment"]}
        best = max(tables.records(copies), key=lambda copy: (copy["state"] == "done", len(parts[copy["experiment"]])))
        chosen = parts.pop(best["experiment"])
        for path, others in parts.items():
            _refuse_conflict(best, chosen, path, others)
            later = others[others["afterwards"].astype(bool)] if len(others) else others
            chosen = pd.concat([chosen, later]).drop_duplicates(subset=_keys(chosen)) if len(later) else chosen
        kept.append(best)
        measured.append(chosen)
    return pd.DataFrame.from_records(kept, columns=list(trials.columns)), pd.concat(measured, ignore_index=True)


def _keys(rows: pd.DataFrame) -> list[str]:
    """What makes two rows of one trial the same measurement."""
    return [key for key in ("step", *STAMPS) if key in rows]


def _refuse_conflict(trial: dict[str, Any], rows: pd.DataFrame, path: str, others: pd.DataFrame) -> None:
    """UserError where the same measurement came out differently, in anything but what the training took."""
    if rows.empty or others.empty:
        return
    keys = [key for key in _keys(rows) if key in others]
    both = rows.merge(others, on=keys, suffixes=("", " there"))  # a stamp that both lack is equal
    skipped = {*TIMINGS, *keys, "experiment", "afterwards"}
    found = []
    for column in (c for c in rows.columns if c not in skipped and f"{c} there" in both):
        here, there = both[column], both[f"{column} there"]
        unlike = tables.records(both[(here != there) & here.notna() & there.notna()].head(1))
        found += [f"{column} at step {r['step']} is {r[column]} and {r[f'{column} there']}" for r in unlike]
    if found:
        more = f"; {len(found) - MOST_DIFFERENCES} more columns" if len(found) > MOST_DIFFERENCES else ""
        raise UserError(
            f"{trial['variant']} seed {trial['seed']} is in {shown(Path(trial['experiment']))} and in "
            f"{shown(Path(path))} with different results ({'; '.join(found[:MOST_DIFFERENCES])}{more}); leave one of "
            "the two folders out, or remove that trial from one"
        )


def _description(descriptions: list[Description]) -> Description:
    """Merge the descriptions of experiments of one protocol: every command and method once."""
    commands = dict.fromkeys(command for each in descriptions for command in each.commands)
    methods = dict.fromkeys(method for each in descriptions for method in each.methods)
    return replace(descriptions[0], commands=list(commands), methods=list(methods))
